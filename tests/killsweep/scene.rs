//! The subject of the sweeps of locks: a victim that works on a lock which others want, hold, or died with.
//!
//! ```text
//!  the late    ── takes the lock, is killed ──
//!  the keeper  ────── has the lock ────────────────────────── until it is time to give it up
//!  the victim  ────────────────────── start ──▶ point k ── killed
//!  the sleeper ────────────────── sleeps on the lock ───────────────────▶ must go on
//!  the barger  ──────────────────────────────────── takes it, gives it back
//!  the witness ───────────────────────────────────────────────────────────────▶ must get it, and find all in order
//! ```
//!
//! Whoever is not needed is not there. All are processes; the keeper, the sleeper and the barger stay from one victim to the
//! next.

use std::thread::sleep;
use std::time::Duration;

use procshare::Process;

use crate::actor::Actor;
use crate::board::Board;
use crate::engine::Victim;
use crate::heap::Heap;
use crate::path::Path;
use crate::stage::STOCK;
use crate::sweep::Subject;
use crate::tracee;
use crate::turn::Turn;
use crate::watchdog::Watchdog;
use crate::witness::Verdict;

/// How long a survivor may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kills of a sampled sweep in which each takes some tens of milliseconds: those who wait for one lock ask for deaths every
/// 40 ms, all of them together.
pub(crate) const FEW: usize = 45;

/// At how many points of an interrupted operation its death is tried, and how cheap they are to come to.
const TRIED: usize = 16;
const NEAR: usize = 100;

/// An operation in the midst of which somebody is killed before the victim begins.
struct Interrupted<'a> {
    operation: &'a dyn Fn(),
    path: Path,
    at: usize,
}

/// Kills a process and reaps it.
fn die(one: &Victim) {
    one.kill();
    tracee::reap(one.pid());
}

/// A standing process with a part to play.
struct Part<'a> {
    work: &'a dyn Fn() -> Verdict,
    patience: Duration,
    actor: Actor,
}

impl<'a> Part<'a> {
    fn new(board: &'static Board, patience: Duration, work: &'a dyn Fn() -> Verdict) -> Self {
        Self { work, patience, actor: Actor::start(board, &|_| work()) }
    }

    fn hear(&mut self, board: &'static Board, dog: &Watchdog) -> Verdict {
        let verdict = self.actor.hear(board, dog, self.patience);
        if verdict.hung {
            *self = Self::new(board, self.patience, self.work);
        }
        verdict
    }
}

/// Who is there, and what each of them does.
pub(crate) struct Scene<'a> {
    board: &'static Board,
    heap: Heap,
    dog: Watchdog,
    late: Option<&'a dyn Fn()>,
    late_at_last: &'a dyn Fn(),
    dies_at_once: bool,
    interrupted: Option<Interrupted<'a>>,
    keeper: Option<Part<'a>>,
    ready: &'a dyn Fn(),
    operation: &'a dyn Fn(),
    spawn: Option<&'a dyn Fn() -> Process<()>>,
    child: Option<Process<()>>,
    joins_late: bool,
    sleepers: Vec<Part<'a>>,
    barger: Option<Part<'a>>,
    after: &'a dyn Fn() -> Verdict,
    remiss: Verdict,
    patience: Duration,
    kills: usize,
    stock: usize,
    marks_itself: bool,
}

impl<'a> Scene<'a> {
    /// A victim that does `operation`, and a witness that says what it finds after it.
    pub(crate) fn new(turn: &Turn, operation: &'a dyn Fn(), after: &'a dyn Fn() -> Verdict) -> Self {
        Self {
            board: turn.board,
            heap: Heap::new(turn.board),
            dog: Watchdog::start(),
            late: None,
            late_at_last: &|| (),
            dies_at_once: true,
            interrupted: None,
            keeper: None,
            ready: &|| (),
            operation,
            spawn: None,
            child: None,
            joins_late: false,
            sleepers: Vec::new(),
            barger: None,
            after,
            remiss: Verdict::default(),
            patience: PATIENCE,
            kills: if cfg!(debug_assertions) { 60 } else { usize::MAX },
            stock: usize::MAX,
            marks_itself: false,
        }
    }

    /// With something for the victim to do before the first point.
    pub(crate) fn ready(self, ready: &'a dyn Fn()) -> Self {
        Self { ready, ..self }
    }

    /// With a process that does `late` and is killed, before the victim begins.
    pub(crate) fn late(self, late: &'a dyn Fn()) -> Self {
        Self { late: Some(late), ..self }
    }

    /// With a process that is killed in the midst of `first`, before the victim begins: at the point, of some that are tried, after
    /// which the victim has most to do. To be called when all is set up but the others.
    pub(crate) fn after_a_death_in(mut self, first: &'a dyn Fn()) -> Self {
        let recorded = Victim::fork(|| (), first);
        let path = recorded.record().expect("the operation runs to its end under single steps");
        die(&recorded);
        let near: Vec<usize> = path.distinct().into_iter().filter(|at| path.cost_of(*at) < NEAR).collect();
        let mut first = Interrupted { operation: first, path, at: 0 };
        let mut longest = (0, 0);
        for at in near.iter().copied().step_by(near.len().div_ceil(TRIED)) {
            first.at = at;
            self.interrupted = Some(first);
            let victim = self.launch();
            longest = longest.max((victim.record().map_or(0, |path| path.len()), at));
            die(&victim);
            // What it leaves behind is for the next one on this stage to find in order.
            self.board.doom();
            (self.after)();
            first = self.interrupted.take().expect("it was put there");
        }
        self.board.take_remark();
        first.at = longest.1;
        Self { interrupted: Some(first), ..self }
    }

    /// The late one is killed last of all, when the sleeper is in one of its longer naps: so it is the victim that finds the
    /// death.
    pub(crate) fn while_the_sleeper_naps(self) -> Self {
        Self { dies_at_once: false, ..self }
    }

    /// The same, and the late one does this before it dies.
    pub(crate) fn while_the_sleeper_naps_and(self, late_at_last: &'a dyn Fn()) -> Self {
        Self { dies_at_once: false, late_at_last, ..self }
    }

    /// With a process that keeps something from the victim: it says so by [`Board::keep`], and at the latest gives it up when
    /// the victim [is doomed](Board::is_doomed).
    pub(crate) fn keeper(self, keeper: &'a dyn Fn() -> Verdict) -> Self {
        Self { keeper: Some(Part::new(self.board, self.patience, keeper)), ..self }
    }

    /// With a process (more) that sleeps when the victim begins, and must go on.
    pub(crate) fn sleeper(mut self, sleeper: &'a dyn Fn() -> Verdict) -> Self {
        self.sleepers.push(Part::new(self.board, self.patience, sleeper));
        self
    }

    /// With a limit of its own for how long those who are added from here on may take.
    pub(crate) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// With a process that comes when the victim stands at its last point.
    pub(crate) fn barger(self, barger: &'a dyn Fn() -> Verdict) -> Self {
        Self { barger: Some(Part::new(self.board, self.patience, barger)), ..self }
    }

    /// The victim is a child of the crate's: `spawn` makes one that is traced, and does all that the victim does.
    pub(crate) fn spawned_by(self, spawn: &'a dyn Fn() -> Process<()>) -> Self {
        Self { spawn: Some(spawn), ..self }
    }

    /// The parent of that child joins it when all others are through with what they do: they do not need that.
    pub(crate) fn joined_late(self) -> Self {
        Self { joins_late: true, ..self }
    }

    /// The operation marks its start itself, by [`mark_start`](crate::engine::mark_start): it begins in the midst of something.
    pub(crate) fn in_the_midst(self) -> Self {
        Self { marks_itself: true, ..self }
    }

    /// Each victim needs a stage that nobody used before.
    pub(crate) fn on_fresh_stages(self) -> Self {
        Self { stock: STOCK, ..self }
    }

    /// Fewer kills than usual: each takes long.
    pub(crate) fn kills(self, kills: usize) -> Self {
        Self { kills: kills.min(self.kills), ..self }
    }

    /// What those say who stay from one victim to the next.
    fn hear_all(&mut self) -> Verdict {
        let mut verdict = Verdict::default();
        for part in self.keeper.iter_mut().chain(&mut self.sleepers) {
            verdict |= part.hear(self.board, &self.dog);
        }
        verdict
    }

    fn fork_victim(&mut self) -> Victim {
        if self.marks_itself {
            return Victim::fork_marking(self.operation);
        }
        let Some(spawn) = self.spawn else { return Victim::fork(self.ready, self.operation) };
        let child = spawn();
        let pid = child.pid().cast_signed();
        self.child = Some(child);
        Victim::at_start(pid).expect("the child reaches its start mark")
    }
}

/// After so many naps of a sleeper the next one is of 8 ms.
const LONG_NAP: Duration = Duration::from_millis(9);

impl Subject for Scene<'_> {
    fn launch(&mut self) -> Victim {
        self.board.begin();
        let late = self.late.map(|late| Victim::fork(late, self.late_at_last));
        if let Some(late) = &late {
            self.board.note_late(late.pid().cast_unsigned());
        }
        if let Some(first) = &self.interrupted {
            let late = Victim::fork(|| (), first.operation);
            self.board.note_late(late.pid().cast_unsigned());
            late.run_to(&first.path, first.at);
            die(&late);
        }
        late.iter().filter(|_| self.dies_at_once).for_each(die);
        if let Some(keeper) = &mut self.keeper {
            keeper.actor.tell(0);
            self.board.await_keeper(); // the tracer has a watchdog
        }
        let victim = self.fork_victim();
        self.board.note_victim(victim.pid().cast_unsigned());
        for sleeper in &mut self.sleepers {
            sleeper.actor.tell(0);
            if !sleeper.actor.await_sleep() {
                self.remiss = self.board.corrupt("the sleeper does not sleep");
            }
        }
        if !self.dies_at_once {
            sleep(LONG_NAP);
            if let Some(late) = &late {
                late.run_to_end();
                die(late);
            }
        }
        victim
    }

    fn gap(&mut self) -> Verdict {
        let mut verdict = std::mem::take(&mut self.remiss);
        if let Some(barger) = &mut self.barger {
            barger.actor.tell(0);
            verdict |= barger.hear(self.board, &self.dog);
        }
        self.board.doom();
        verdict
    }

    fn bury(&mut self, victim: Victim) -> Verdict {
        let mut verdict = Verdict::default();
        if self.joins_late {
            verdict |= self.hear_all();
        }
        match self.child.take() {
            None => tracee::reap(victim.pid()),
            Some(mut child) => match child.join_timeout(PATIENCE) {
                Ok(()) | Err(procshare::Failure::Signaled { signal: libc::SIGKILL, .. }) => {}
                Err(failure) => {
                    verdict |= self.board.corrupt(&format!("join: {failure}"));
                    verdict.hung = matches!(failure, procshare::Failure::TimedOut { .. });
                }
            },
        }
        if !self.joins_late {
            verdict |= self.hear_all();
        }
        verdict
    }

    fn rest(&self) {
        self.heap.rest();
    }

    fn examine(&self) -> Verdict {
        let mut verdict = (self.after)();
        verdict |= self.heap.examine();
        verdict
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn kills(&self) -> usize {
        self.kills
    }

    fn stock(&self) -> usize {
        self.stock
    }
}
