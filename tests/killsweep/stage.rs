//! What victim, witness and the others of a scene tell each other, and what it plays on: one lock for each victim in turn.

use std::ops::Deref;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

use crate::actor::is_asleep;
use crate::board::Board;
use crate::turn::Turn;
use crate::witness::Verdict;

/// The words of the board that the scene itself writes; the words before them are the subjects'.
const FIRST: usize = 48;
/// How far the victim is, as it says itself.
const PHASE: usize = FIRST;
/// The pid of the victim.
const VICTIM: usize = FIRST + 1;
/// The pid of the late, 0 without one.
const LATE: usize = FIRST + 2;
/// The victim is as good as dead: it does not go on from where it stands.
const DOOMED: usize = FIRST + 3;
/// The keeper has what it is to keep.
const KEPT: usize = FIRST + 4;
/// What the barger found.
const GAP: usize = FIRST + 5;
/// How many victims there were. Not cleared for the next one.
const COUNT: usize = FIRST - 1;

/// How many locks a scene has, one for each victim in turn: those who wait for a fresh one ask for deaths at once.
const STAGES: usize = 32;
/// How many, where each serves once; and how many of them are used before the first kill.
const FRESH: usize = 4096;
/// How many victims that is enough for, after those that come before the first kill.
pub(crate) const STOCK: usize = FRESH - 16;

/// One thing of a kind for each victim in turn.
#[derive(Clone, Debug)]
pub(crate) struct Stages<T> {
    board: &'static Board,
    all: Vec<T>,
}

impl<T> Stages<T> {
    pub(crate) fn new(turn: &Turn, make: impl Fn() -> T) -> Self {
        Self { board: turn.board, all: (0..STAGES).map(|_| make()).collect() }
    }

    /// One for each victim there ever is: see [`Scene::on_fresh_stages`](crate::scene::Scene::on_fresh_stages).
    pub(crate) fn fresh(turn: &Turn, make: impl Fn() -> T) -> Self {
        turn.board.words[COUNT].store(0, Relaxed);
        Self { board: turn.board, all: (0..FRESH).map(|_| make()).collect() }
    }
}

impl<T> Deref for Stages<T> {
    type Target = T;

    /// The one whose turn it is.
    fn deref(&self) -> &T {
        &self.all[self.board.words[COUNT].load(Relaxed) as usize % self.all.len()]
    }
}

/// How far a victim is in what it does, as far as it can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It may have the lock by now, and knows nothing of it.
    Before,
    /// It has the lock.
    Inside,
    /// It has the lock, or has just given it up.
    Leaving,
    /// It does not have the lock any more.
    Out,
}

impl Board {
    /// In the victim: says how far it is.
    pub(crate) fn reach(&self, phase: Phase) {
        self.words[PHASE].store(phase as u64, Relaxed);
    }

    /// How far the victim came.
    pub(crate) fn phase(&self) -> Phase {
        match self.words[PHASE].load(Relaxed) {
            0 => Phase::Before,
            1 => Phase::Inside,
            2 => Phase::Leaving,
            _ => Phase::Out,
        }
    }

    /// In the tracer: nothing of the last victim is said any more.
    pub(crate) fn begin(&self) {
        self.words[FIRST..].iter().for_each(|word| word.store(0, Relaxed));
        self.words[COUNT].fetch_add(1, Relaxed);
    }

    /// In the tracer: says who the victim is.
    pub(crate) fn note_victim(&self, pid: u32) {
        self.words[VICTIM].store(u64::from(pid), Relaxed);
    }

    /// In the tracer: the victim goes no further.
    pub(crate) fn doom(&self) {
        self.words[DOOMED].store(1, Relaxed);
    }

    /// The pid of the victim; 0 until it is at its start.
    pub(crate) fn victim(&self) -> u32 {
        self.words[VICTIM].load(Relaxed) as u32
    }

    /// The pid of the one that was killed before the victim began; 0 without one.
    pub(crate) fn late(&self) -> u32 {
        self.words[LATE].load(Relaxed) as u32
    }

    /// Whether the victim goes no further.
    pub(crate) fn is_doomed(&self) -> bool {
        self.words[DOOMED].load(Relaxed) != 0
    }

    /// In the keeper: says that the victim may come.
    pub(crate) fn keep(&self) {
        self.words[KEPT].store(1, Relaxed);
    }

    /// Waits until the keeper has it.
    pub(crate) fn await_keeper(&self) {
        while self.words[KEPT].load(Relaxed) == 0 {
            sleep(Duration::from_micros(50));
        }
    }

    /// In the keeper: waits until the victim goes no further.
    pub(crate) fn await_doom(&self) {
        while !self.is_doomed() {
            sleep(Duration::from_micros(20));
        }
    }

    /// In the keeper: waits until the victim sleeps, or goes no further.
    pub(crate) fn await_sleep(&self) {
        while !(self.is_doomed() || is_asleep(self.victim().cast_signed())) {
            sleep(Duration::from_micros(20));
        }
    }

    /// Says who was killed before the victim began.
    pub(crate) fn note_late(&self, pid: u32) {
        self.words[LATE].store(u64::from(pid), Relaxed);
    }

    /// In the barger: whether it found the lock free.
    pub(crate) fn found_in_gap(&self, free: bool) {
        self.words[GAP].store(1 + u64::from(free), Relaxed);
    }

    /// Whether the barger found the lock free; `None` without a barger.
    pub(crate) fn was_free_in_gap(&self) -> Option<bool> {
        match self.words[GAP].load(Relaxed) {
            0 => None,
            word => Some(word == 2),
        }
    }

    /// A verdict on something that must not be.
    pub(crate) fn corrupt(&self, remark: &str) -> Verdict {
        self.remark(remark);
        Verdict { corrupt: true, ..Verdict::default() }
    }
}
