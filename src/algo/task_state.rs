//! What has become of one task, in one word.
//!
//! ```text
//!            queue              claim                  end
//!   Free ───────────▶ Queued ──────────▶ Running(w) ──────────▶ Returned | Failed ─┐
//!    ▲                  │  ▲               │     │ condemn                          │
//!    │                  │  └─ requeue ─────┤     ▼            ┌─▶ TimedOut ─────────┤
//!    │           settle │      (w is dead) │   Condemned(w) ──┴─▶ Cancelled ────────┤
//!    │                  ▼                  └── settle (w is dead) ──▶ Died ─────────┤
//!    │               Cancelled ─────────────────────────────────────────────────────┤
//!    └────────────────────────────── free ──────────────────────────────────────────┘
//! ```
//!
//! The word holds the phase, who runs it, which use of its record it is, and two flags: somebody sleeps on the word, and somebody wants
//! to be told of the end. Each arrow is one exchange of the whole word, so a task has exactly one end.
//!
//! | edge | release side      | acquire side        | publishes                              |
//! |------|-------------------|---------------------|----------------------------------------|
//! | T1   | `queue`, `requeue`| `claim`             | the function and its argument          |
//! | T2   | `end`, `settle`   | `look`, `wait`      | the result                             |
//!
//! I1. Only `claim` leads to running it, and it takes the task away from every other claim.
//! I2. A worker that was condemned ends nothing any more: its exchange fails, and it stops.
//!
//! **Deaths.** Killed before `claim`: it is queued still. After it and before `end`: the word names the dead, and whoever buries that one
//! settles it. After `end`: the result is whole.

use super::planted::{Bug, planted};
use super::{Park, Spin};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// The word.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct TaskState(AtomicU64);

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Phase {
    /// The record is nobody's.
    Free = 0,
    Queued = 1,
    Running = 2,
    /// It runs, and who runs it is about to be killed for that.
    Condemned = 3,
    /// There is a result.
    Returned = 4,
    /// There is an account of what went wrong.
    Failed = 5,
    /// Who ran it died.
    Died = 6,
    Cancelled = 7,
    /// Who ran it was killed since it took too long.
    TimedOut = 8,
    /// There is nobody to run it.
    Unstaffed = 9,
}

/// What the word said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u64);

const PHASE: u64 = 0xf;
/// Somebody sleeps on the word.
const WAITED: u64 = 1 << 4;
/// Somebody wants to be told.
const NOTICED: u64 = 1 << 5;
const WORKER_AT: u32 = 16;
const WORKER: u64 = 0xffff << WORKER_AT;
const SEQUENCE_AT: u32 = 32;

impl Seen {
    pub(crate) fn phase(self) -> Phase {
        match self.0 & PHASE {
            1 => Phase::Queued,
            2 => Phase::Running,
            3 => Phase::Condemned,
            4 => Phase::Returned,
            5 => Phase::Failed,
            6 => Phase::Died,
            7 => Phase::Cancelled,
            8 => Phase::TimedOut,
            9 => Phase::Unstaffed,
            _ => Phase::Free, // also what nobody writes
        }
    }

    /// Whether it will not change any more until the record is freed.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self.phase(), Phase::Free | Phase::Queued | Phase::Running | Phase::Condemned)
    }

    /// Who runs it, or ran it.
    pub(crate) fn worker(self) -> u16 {
        (self.0 >> WORKER_AT) as u16
    }

    /// Which use of the record it is.
    pub(crate) fn sequence(self) -> u32 {
        (self.0 >> SEQUENCE_AT) as u32
    }

    pub(crate) fn is_waited(self) -> bool {
        self.0 & WAITED != 0
    }

    pub(crate) fn is_noticed(self) -> bool {
        self.0 & NOTICED != 0
    }

    fn is_run_by(self, worker: u16) -> bool {
        self.phase() == Phase::Running && self.worker() == worker
    }

    const fn with(self, phase: Phase) -> Self {
        Self(self.0 & !PHASE | phase as u64)
    }

    const fn with_worker(self, worker: u16) -> Self {
        Self(self.0 & !WORKER | (worker as u64) << WORKER_AT)
    }
}

impl TaskState {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Looks how far it has come. If it has ended, the result is whole.
    #[inline]
    pub(crate) fn look(&self) -> Seen {
        let order = if planted(Bug::ResultUnordered) { Relaxed } else { Acquire };
        Seen(self.0.load(order)) // T2
    }

    /// Puts a new task into the record, which is the caller's alone; its other words are written. `noticed`: somebody wants to be told of
    /// the end. Returns which use of the record it is.
    #[inline]
    pub(crate) fn queue(&self, noticed: bool) -> u32 {
        let last = Seen(self.0.load(Relaxed)); // by the caller, who had it before
        let next = last.sequence().wrapping_add(1);
        let noticed = if noticed { NOTICED } else { 0 };
        let order = if planted(Bug::QueueUnordered) { Relaxed } else { Release };
        // T1 release: a worker that meets an old entry of the record may claim it from now on.
        self.0.store(u64::from(next) << SEQUENCE_AT | noticed | Phase::Queued as u64, order);
        next
    }

    /// Gives the record back, whose task has ended.
    #[inline]
    pub(crate) fn free(&self) {
        let last = Seen(self.0.load(Relaxed));
        self.0.store(u64::from(last.sequence()) << SEQUENCE_AT, Relaxed); // whoever uses it next is ordered by the caller
    }

    /// Exchanges the word for what `change` makes of it, until it does not want to any more.
    #[inline]
    fn exchange(&self, change: impl Fn(Seen) -> Option<Seen>) -> Result<Seen, Seen> {
        // Acquire, also where nothing is exchanged: who finds that another one claimed it hands on what that one said before (`is_drained`).
        let order = if planted(Bug::TaskUnordered) { Relaxed } else { Acquire };
        let mut seen = Seen(self.0.load(order));
        loop {
            let Some(next) = change(seen) else { return Err(seen) };
            // T1 acquire and T2 release, each where the caller says so.
            let both = if planted(Bug::TaskUnordered) { Relaxed } else { AcqRel };
            match self.0.compare_exchange(seen.0, next.0, both, order) {
                Ok(_) => return Ok(seen),
                Err(now) => seen = Seen(now),
            }
        }
    }

    /// Takes the task, to run it as `worker`. `None`: it is not queued.
    #[inline]
    pub(crate) fn claim(&self, worker: u16) -> Option<Seen> {
        let run = |seen: Seen| {
            (seen.phase() == Phase::Queued).then(|| seen.with(Phase::Running).with_worker(worker))
        };
        self.exchange(run).ok() // T1 acquire: its words are those of this use
    }

    /// Says how the task ended that `worker` ran: the commit. Returns what the word said before, or, if `worker` was condemned, what it
    /// says.
    #[inline]
    pub(crate) fn end(&self, worker: u16, phase: Phase) -> Result<Seen, Seen> {
        if planted(Bug::CondemnedEnds) {
            return Ok(Seen(self.0.swap(Seen(self.0.load(Relaxed)).with(phase).0, AcqRel)));
        }
        // T2 release.
        self.exchange(|seen| seen.is_run_by(worker).then(|| seen.with(phase)))
    }

    /// Ends a task that is in phase `from`, on behalf of a worker that is dead, or that never had it. Returns what the word said before,
    /// if it was in that phase.
    pub(crate) fn settle(&self, from: Phase, to: Phase) -> Option<Seen> {
        self.exchange(|seen| (seen.phase() == from).then(|| seen.with(to))).ok() // T2 release
    }

    /// Keeps `worker`, which runs the use `sequence` of the record, from ending it: it will be killed.
    pub(crate) fn condemn(&self, worker: u16, sequence: u32) -> bool {
        let condemned = |seen: Seen| {
            (seen.is_run_by(worker) && seen.sequence() == sequence).then(|| seen.with(Phase::Condemned))
        };
        self.exchange(condemned).is_ok()
    }

    /// Puts a task that a dead worker had back among the queued, as another use of the record.
    pub(crate) fn requeue(&self, worker: u16) -> bool {
        let again = |seen: Seen| {
            let next = u64::from(seen.sequence().wrapping_add(1)) << SEQUENCE_AT;
            let flags = seen.0 & (WAITED | NOTICED);
            seen.is_run_by(worker).then_some(Seen(next | flags | Phase::Queued as u64))
        };
        self.exchange(again).is_ok() // T1 release
    }

    /// Asks to be told of the end. `false`: it has ended.
    pub(crate) fn ask_notice(&self) -> bool {
        let asked = |seen: Seen| (!seen.is_final()).then_some(Seen(seen.0 | NOTICED));
        self.exchange(asked).is_ok()
    }

    /// Waits until the task has ended: spins for a while, then sleeps. `between` is told how often it slept, each time. `false`: the
    /// park's deadline came first.
    pub(crate) fn wait<P: Park>(&self, park: &P, mut between: impl FnMut(u32)) -> bool {
        let mut spin = Spin::steady();
        loop {
            if self.look().is_final() {
                return true;
            }
            if !spin.pause(park) {
                break;
            }
        }
        let mut round = 0;
        loop {
            let waited = if planted(Bug::WaitedUnsaid) { 0 } else { WAITED };
            let asleep = |seen: Seen| (!seen.is_final()).then_some(Seen(seen.0 | waited));
            let Ok(seen) = self.exchange(asleep) else { return self.look().is_final() };
            if !park.sleep(&self.0, (seen.0 | waited) as u32, round) {
                return self.look().is_final();
            }
            round += 1;
            between(round);
        }
    }

    /// Wakes those who wait for the end.
    #[cold]
    pub(crate) fn wake<P: Park>(&self, park: &P) {
        park.wake(&self.0, u32::MAX);
    }
}
