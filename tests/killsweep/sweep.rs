//! One sweep: an operation, killed at each of its instructions, and what the survivors saw.

use std::fmt;
use std::io::{Write, stderr};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use crate::board::Board;
use crate::engine::{self, Arrival, Victim};
use crate::path::Path;
use crate::tracee;
use crate::turn::Turn;
use crate::watchdog::Watchdog;
use crate::witness::{Task, Verdict, Witness};

/// Kills a sampled sweep makes at most; every point is taken when `PROCSHARE_SWEEP=full`.
const SAMPLED: usize = 400;
/// How long a victim may take to the point at which it is killed.
const ON_THE_WAY: Duration = Duration::from_secs(60);
/// After so many hung survivors a sweep says so and stops: each costs the whole patience.
const ENOUGH_HUNG: usize = 5;

/// An operation that is swept.
pub(crate) trait Subject {
    /// In the tracer: starts a victim and takes it to its start mark.
    fn launch(&mut self) -> Victim;

    /// In the tracer: the victim has been killed. Reaps it, and says what a parent sees of it.
    fn bury(&mut self, victim: Victim) -> Verdict {
        tracee::reap(victim.pid());
        Verdict::default()
    }

    /// In the witness, after some unharmed runs: takes down the state that everything must come back to.
    fn rest(&self) {}

    /// In the witness, before each victim: brings the state that the operation starts from.
    fn prepare(&self) {}

    /// In the witness, after the victim is dead and reaped: works on, and says what it found.
    fn examine(&self) -> Verdict;

    /// How long a survivor may take.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// In the tracer, after a survivor hung: makes the state usable again, where that can be done from outside.
    fn start_over(&mut self) {}
}

/// What came of one sweep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) points: usize,
    pub(crate) killed: usize,
    pub(crate) diverged: usize,
    pub(crate) hung: usize,
    pub(crate) corrupt: usize,
    pub(crate) leaked: usize,
    pub(crate) torn: usize,
    pub(crate) recovered: usize,
    /// Where it first went wrong, and what was seen there.
    pub(crate) first_bad: Option<String>,
}

impl Tally {
    fn count(&mut self, verdict: Verdict, place: impl FnOnce() -> String) {
        self.hung += usize::from(verdict.hung);
        self.corrupt += usize::from(verdict.corrupt);
        self.leaked += usize::from(verdict.leaked);
        self.torn += usize::from(verdict.torn);
        self.recovered += usize::from(verdict.recovered);
        if verdict.is_bad() && self.first_bad.is_none() {
            self.first_bad = Some(place());
        }
    }

    /// Fails the test unless every survivor was well everywhere.
    pub(crate) fn assert_clean(&self) {
        assert!(self.killed > 0, "nothing was killed: {self:?}");
        assert!(self.diverged * 2 <= self.killed, "most runs left the recorded path: {self:?}");
        let bad = (self.hung, self.corrupt, self.leaked, self.torn);
        assert!(bad == (0, 0, 0, 0), "(hung, corrupt, leaked, torn) = {bad:?}; first: {:?}", self.first_bad);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts =
            [self.points, self.killed, self.diverged, self.hung, self.corrupt, self.leaked, self.torn];
        counts.iter().try_for_each(|count| write!(f, "{count:>9}"))?;
        write!(f, "{:>10}", self.recovered)
    }
}

/// Sweeps `subject`, prints its row of the table, and gives its counts.
pub(crate) fn sweep(name: &str, turn: &Turn, subject: &mut dyn Subject) -> Tally {
    let began = Instant::now();
    let tally = Run::new(name, turn.board, subject).all_points();
    print_row(name, &tally, began.elapsed());
    tally
}

struct Run<'a> {
    name: &'a str,
    board: &'static Board,
    subject: &'a mut dyn Subject,
    dog: Watchdog,
    witness: Witness,
    tally: Tally,
}

impl<'a> Run<'a> {
    fn new(name: &'a str, board: &'static Board, subject: &'a mut dyn Subject) -> Self {
        let witness = witness_of(board, subject);
        Self { name, board, subject, dog: Watchdog::start(), witness, tally: Tally::default() }
    }

    fn all_points(mut self) -> Tally {
        // Twice unharmed, for whatever happens only once.
        for _ in 0..2 {
            self.one("a run to the end", |victim| {
                let _ = victim.record();
                Arrival::There
            });
        }
        self.ask(Task::Rest);
        let mut path = None;
        self.one("the recorded run", |victim| {
            path = victim.record().ok();
            Arrival::There
        });
        let path = path.expect("the operation runs to its end under single steps");
        self.tally = Tally { points: path.len(), ..Tally::default() };
        let step = stride(path.len());
        for k in (seed() % step..path.len()).step_by(step) {
            self.point(&path, k);
            if self.tally.hung >= ENOUGH_HUNG && self.subject.patience() > Duration::from_secs(1) {
                break;
            }
        }
        self.tally
    }

    fn point(&mut self, path: &Path, k: usize) {
        let offset = path.instruction(k).wrapping_sub(engine::load_address());
        self.one(&format!("point {k} of {} at {offset:#x}", path.len()), |victim| victim.run_to(path, k));
        self.tally.killed += 1;
    }

    /// One victim: prepared, launched, taken somewhere by `drive`, killed, buried, and its survivor examined.
    fn one(&mut self, place: &str, drive: impl FnOnce(&Victim) -> Arrival) {
        let mut verdict = self.ask(Task::Prepare);
        let here = format!("{}, {place}", self.name);
        let victim = self.dog.over_tracer(&here, || self.subject.launch());
        let (arrival, stuck) = self.dog.over(victim.pid(), ON_THE_WAY, || drive(&victim));
        verdict.hung |= stuck;
        self.tally.diverged += usize::from(arrival == Arrival::Diverged && !stuck);
        if let Arrival::Crashed(signal) = arrival {
            let at = victim.instruction().unwrap_or(0).wrapping_sub(engine::load_address());
            self.board.remark(&format!("the victim got signal {signal} at {at:#x}"));
            verdict.corrupt = true;
        }
        victim.kill();
        verdict |= self.dog.over_tracer(&here, || self.subject.bury(victim));
        verdict |= self.ask(Task::Examine);
        let remark = self.board.take_remark();
        self.tally.count(verdict, || format!("{place}: {verdict:?} {remark}"));
        if verdict.hung {
            self.subject.start_over();
            self.witness = witness_of(self.board, self.subject);
            self.ask(Task::Rest);
        }
    }

    fn ask(&mut self, task: Task) -> Verdict {
        self.witness.work(self.board, task, &self.dog, self.subject.patience())
    }
}

fn witness_of(board: &'static Board, subject: &dyn Subject) -> Witness {
    Witness::start(board, &|task| {
        match task {
            Task::Rest => subject.rest(),
            Task::Prepare => subject.prepare(),
            Task::Examine => return subject.examine(),
        }
        Verdict::default()
    })
}

fn print_row(name: &str, tally: &Tally, took: Duration) {
    static HEAD: Once = Once::new();
    // By the handle, not by the macro: the table is to be seen without `--nocapture`.
    let mut out = stderr().lock();
    HEAD.call_once(|| {
        let head =
            ["points", "killed", "diverged", "hung", "corrupt", "leaked", "torn"].map(|c| format!("{c:>9}"));
        let mode = if full() { "every point" } else { "sampled points" };
        let _ = writeln!(out, "\nkill sweeps, {mode}, seed {} (PROCSHARE_SEED)", seed());
        let _ = writeln!(out, "{:<46}{}{:>10}{:>9}", "operation", head.concat(), "recovered", "s");
    });
    let _ = writeln!(out, "{name:<46}{tally}{:>9.1}", took.as_secs_f64());
    if let Some(first) = &tally.first_bad {
        let _ = writeln!(out, "    first: {first}");
    }
}

fn full() -> bool {
    std::env::var("PROCSHARE_SWEEP").is_ok_and(|mode| mode == "full")
}

fn stride(points: usize) -> usize {
    if full() { 1 } else { points.div_ceil(SAMPLED) }
}

/// Decides which points a sampled sweep takes; drawn anew in each run unless it is given.
fn seed() -> usize {
    static SEED: OnceLock<usize> = OnceLock::new();
    *SEED.get_or_init(|| {
        let given = std::env::var("PROCSHARE_SEED").ok().and_then(|seed| seed.parse().ok());
        given.unwrap_or_else(|| std::process::id() as usize)
    })
}
