//! The words of the permits that are packed: a cell, and the queue. What they are for is told in `permits`.
//!
//! A cell:
//!
//! | bits   | field | meaning                                             |
//! |--------|-------|-----------------------------------------------------|
//! | 0..32  | count | how many permits the process in the seat holds      |
//! | 32..64 | stamp | counts changes, so that a stale exchange fails      |
//!
//! The queue word, of which the kernel compares the low half:
//!
//! | bits   | field   | meaning                                                       |
//! |--------|---------|---------------------------------------------------------------|
//! | 0..31  | calls   | counts calls, so that nobody falls asleep who was just called |
//! | 31     | WAITERS | somebody may sleep on the word                                |
//! | 32..62 | joined  | counts those who were about to sleep                          |
//! | 62     | MANY    | somebody who may sleep wants more than one permit             |
//! | 63     | RECOUNT | `free` is not to be trusted                                   |

use super::planted::{Bug, planted};

/// A value of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Held(pub(super) u64);

impl Held {
    pub(super) fn count(self) -> u32 {
        self.0 as u32
    }

    pub(super) fn now(self, count: u32) -> Self {
        Self((self.0 >> 32).wrapping_add(1) << 32 | u64::from(count))
    }
}

/// A value of the queue word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Queue(pub(super) u64);

impl Queue {
    const CALLS: u64 = (1 << 31) - 1;
    const WAITERS: u64 = 1 << 31;
    const JOINED: u64 = ((1 << 30) - 1) << 32;
    const MANY: u64 = 1 << 62;
    const RECOUNT: u64 = 1 << 63;

    /// What the kernel compares.
    pub(super) fn low(self) -> u32 {
        self.0 as u32
    }

    pub(super) fn has_waiters(self) -> bool {
        self.0 & Self::WAITERS != 0
    }

    pub(super) fn is_to_recount(self) -> bool {
        self.0 & Self::RECOUNT != 0
    }

    /// After one who wants `n` permits said that it will sleep.
    pub(super) fn joined(self, n: u32) -> Self {
        let joined = self.0.wrapping_add(1 << 32) & Self::JOINED;
        Self(self.0 & !Self::JOINED | joined | Self::WAITERS | if n > 1 { Self::MANY } else { 0 })
    }

    /// After a call: of everybody, if one of those who sleep wants more than one permit.
    pub(super) fn called(self) -> Self {
        if self.0 & Self::MANY != 0 && !planted(Bug::FewCalled) {
            return self.all_called();
        }
        Self(self.0 & !Self::CALLS | self.0.wrapping_add(1) & Self::CALLS)
    }

    pub(super) fn all_called(self) -> Self {
        Self((self.0 & !Self::CALLS | self.0.wrapping_add(1) & Self::CALLS) & !Self::WAITERS & !Self::MANY)
    }

    pub(super) fn without_waiters(self) -> Self {
        Self(self.0 & !Self::WAITERS & !Self::MANY)
    }

    pub(super) fn to_recount(self) -> Self {
        Self(self.0 | Self::RECOUNT)
    }

    pub(super) fn recounted(self) -> Self {
        Self(self.0 & !Self::RECOUNT)
    }
}
