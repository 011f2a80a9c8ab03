//! One sweep: an operation, killed at each of its instructions, and what the survivors saw.

use std::time::{Duration, Instant};

use crate::board::Board;
use crate::engine::{self, Arrival, Victim};
use crate::path::Path;
use crate::table::{Tally, mode, print_row, seed};
use crate::tracee;
use crate::turn::Turn;
use crate::watchdog::Watchdog;
use crate::witness::{Task, Verdict, Witness};

/// How long a victim may take to the point at which it is killed.
const ON_THE_WAY: Duration = Duration::from_secs(60);
/// A sweep that found something wrong does not go on for longer: each leak and each hang costs the whole patience.
const ENOUGH: Duration = Duration::from_secs(60);

/// An operation that is swept.
pub(crate) trait Subject {
    /// In the tracer: starts a victim and takes it to its start mark.
    fn launch(&mut self) -> Victim;

    /// In the tracer: the victim stands where it is about to be killed. What others do just then.
    fn gap(&mut self) -> Verdict {
        Verdict::default()
    }

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

    /// How many kills a sampled sweep makes at most.
    fn kills(&self) -> usize {
        usize::MAX
    }

    /// How many victims there can be at all.
    fn stock(&self) -> usize {
        usize::MAX
    }

    /// In the tracer, after a survivor hung: makes the state usable again, where that can be done from outside.
    fn start_over(&mut self) {}
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
            self.one("a run to the end", Victim::run_to_end);
        }
        self.ask(Task::Rest);
        let mut path = None;
        self.one("the recorded run", |victim| {
            path = victim.record().ok();
            Arrival::There
        });
        let path = path.expect("the operation runs to its end under single steps");
        let points = mode().points(&path);
        self.tally = Tally { path: path.len(), points: points.len(), ..Tally::default() };
        let least = points.len().div_ceil(self.subject.stock());
        let step = mode().stride(&path, &points, self.subject.kills()).max(least);
        let began = Instant::now();
        for k in points.iter().skip(seed() % step).step_by(step) {
            self.point(&path, *k);
            if self.tally.first_bad.is_some() && began.elapsed() > ENOUGH {
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
        verdict |= self.dog.over_tracer(&here, || self.subject.gap());
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
