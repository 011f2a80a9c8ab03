//! The survivor: a process of its own that works on after each kill, so that a survivor that hangs can be counted.

use std::ops::BitOrAssign;
use std::time::Duration;

use crate::actor::Actor;
use crate::board::Board;
use crate::watchdog::Watchdog;

/// What a survivor found after a kill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The survivor waited for ever.
    pub(crate) hung: bool,
    /// The survivor met a state that no completed operation leaves, or an error it should not have met.
    pub(crate) corrupt: bool,
    /// Something of the dead one did not come back.
    pub(crate) leaked: bool,
    /// A value was neither the old nor the new one.
    pub(crate) torn: bool,
    /// Something of the dead one was found, and came back.
    pub(crate) recovered: bool,
}

impl Verdict {
    pub(crate) fn is_bad(self) -> bool {
        self.hung || self.corrupt || self.leaked || self.torn
    }

    pub(crate) fn to_bits(self) -> u8 {
        let flags = [self.hung, self.corrupt, self.leaked, self.torn, self.recovered];
        flags.into_iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(flag))
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        let [hung, corrupt, leaked, torn, recovered] = [0, 1, 2, 3, 4].map(|bit| bits >> bit & 1 == 1);
        Self { hung, corrupt, leaked, torn, recovered }
    }
}

impl BitOrAssign for Verdict {
    fn bitor_assign(&mut self, other: Self) {
        *self = Self::from_bits(self.to_bits() | other.to_bits());
    }
}

/// What the witness is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Take down what the state of rest is, before anybody is killed.
    Rest,
    /// Bring things into the state that the operation starts from.
    Prepare,
    /// Work on after the kill, and say what was found.
    Examine,
}

/// The tracer's end of a standing survivor.
#[derive(Debug)]
pub(crate) struct Witness(Actor);

impl Witness {
    /// Forks a witness that does `work` each time it is asked.
    pub(crate) fn start(board: &'static Board, work: &dyn Fn(Task) -> Verdict) -> Self {
        Self(Actor::start(board, &|byte| {
            work(match byte {
                0 => Task::Rest,
                1 => Task::Prepare,
                _ => Task::Examine,
            })
        }))
    }

    /// Asks for a task; a witness that does not answer in time is killed, and its verdict is that it hung.
    pub(crate) fn work(&mut self, board: &Board, task: Task, dog: &Watchdog, patience: Duration) -> Verdict {
        self.0.tell(task as u8);
        self.0.hear(board, dog, patience)
    }
}
