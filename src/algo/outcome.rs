//! How a child ended, as it says so itself: one word, stored once.
//!
//! ```text
//!   Unsaid ── commit ──▶ Returned | Panicked | OutOfMemory
//! ```
//!
//! The child writes its result (or the text of its panic), then commits. Killed before the commit it has said
//! nothing, whatever bytes it wrote; killed after it, the outcome is whole.
//!
//! | edge | release side | acquire side | publishes                         |
//! |------|--------------|--------------|-----------------------------------|
//! | O1   | `commit`     | `read`       | the bytes that the outcome speaks of |
//!
//! I1. `commit` is the only store after the seat was reserved, and the child makes it at most once.

use super::planted::{Bug, planted};
use crate::shim::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// The word in which a child says how it ended.
#[repr(transparent)]
pub(crate) struct OutcomeWord(AtomicU64);

/// What a child said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing: it runs still, or it ended without a word.
    Unsaid,
    /// The result lies in the child's record and is this many bytes long.
    ReturnedInline { bytes: usize },
    /// The result lies in the container at this unit of the arena.
    Returned { unit: u64 },
    /// The body panicked; the panic record says how.
    Panicked,
    /// The body returned, but there was no memory for a result of so many bytes.
    OutOfMemory { bytes: u64 },
}

const VALUE: u64 = (1 << 60) - 1;

impl OutcomeWord {
    #[cfg(test)]
    pub(crate) fn unsaid() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Makes the word ready for the next child. Nobody else may be using it.
    pub(crate) fn reset(&self) {
        self.0.store(0, Release); // before the fork that hands it over
    }

    /// Says how it ended: the one store that makes the outcome have happened.
    pub(crate) fn commit(&self, outcome: Outcome) {
        let word = match outcome {
            Outcome::Unsaid => 0,
            Outcome::ReturnedInline { bytes } => 1 << 60 | bytes as u64 & VALUE,
            Outcome::Returned { unit } => 2 << 60 | unit & VALUE,
            Outcome::Panicked => 3 << 60,
            Outcome::OutOfMemory { bytes } => 4 << 60 | bytes & VALUE,
        };
        let order = if planted(Bug::RelaxedOutcome) { Relaxed } else { Release };
        self.0.store(word, order); // O1, in ordinary builds always Release
    }

    /// Reads what was said. A word that no child writes reads as nothing said.
    pub(crate) fn read(&self) -> Outcome {
        let word = self.0.load(Acquire); // O1
        let value = word & VALUE;
        match word >> 60 {
            1 => Outcome::ReturnedInline { bytes: value as usize },
            2 => Outcome::Returned { unit: value },
            3 => Outcome::Panicked,
            4 => Outcome::OutOfMemory { bytes: value },
            _ => Outcome::Unsaid,
        }
    }
}
