//! Telling the submitter's process which tasks have ended, as far as it wants to know: a stack of records, linked by a word of each, that it
//! takes as a whole. And ringing it for any other reason.
//!
//! ```text
//!   noticed:  [ asleep | … | rung | top of the stack, plus one ] ──▶ record ──next──▶ record ──▶ 0
//!                63            31   0..31
//! ```
//!
//! | edge | release side   | acquire side             | publishes                        |
//! |------|----------------|--------------------------|----------------------------------|
//! | T6   | `push`, `ring` | `take_notices`, `answer` | that the task ended; why it rang |
//!
//! - I1. A record that is to be noticed is not freed before that has happened, so it is at most once on the stack.
//! - I2. Who looks around answers first, then looks, then takes the stack: whatever rings after the answer has it look once more.
//!
//! **Deaths.** Killed before the push: who buries the worker finds the end of its task by the lease, and tells. After the push and before the
//! wake: the word does not say any more that somebody sleeps; the burial's ring wakes in any case.

use super::Park;
use super::dispatch::{Dispatch, Records, TaskWords};
use super::planted::{Bug, planted};
use crate::shim::Ordering::{AcqRel, Relaxed, Release};

/// In `noticed`: look around.
const RUNG: u64 = 1 << 31;
/// In `noticed`: who is told sleeps.
const ASLEEP: u64 = 1 << 63;
const INDEX: u64 = RUNG - 1;

impl<R: Records> Dispatch<'_, R> {
    /// Puts a record that has ended on the stack.
    #[cold]
    pub(super) fn push<P: Park>(&self, task: &TaskWords, index: u32, park: &P) {
        let noticed = &self.words.noticed.0;
        let mut top = noticed.load(Relaxed);
        loop {
            task.next.store(top & INDEX, Relaxed); // T6
            let order = if planted(Bug::NoticeUnordered) { Relaxed } else { Release };
            match noticed.compare_exchange(top, top & RUNG | (u64::from(index) + 1), order, Relaxed) {
                Ok(_) => break, // T6
                Err(now) => top = now,
            }
        }
        if top & ASLEEP != 0 && !planted(Bug::NoticeUnheard) {
            park.wake(noticed, 1);
        }
    }

    /// Has whoever is told look around. Wakes that one whatever the word says: who took `ASLEEP` away may have been killed before its wake.
    pub(crate) fn ring<P: Park>(&self, park: &P) {
        let noticed = &self.words.noticed.0;
        let order = if planted(Bug::RingUnordered) { Relaxed } else { Release };
        noticed.fetch_or(RUNG, order); // T6
        park.wake(noticed, 1);
    }

    /// Begins to look around: whoever rings from now on has it done once more.
    pub(crate) fn answer(&self) {
        let order = if planted(Bug::AnswerUnordered) { Relaxed } else { AcqRel };
        self.words.noticed.0.fetch_and(!RUNG, order); // T6
    }

    /// Takes the stack, not the ring: the records that have ended and that somebody wanted to be told of, the last one first. Each may be freed when it
    /// has come. There are no more than `most`.
    pub(crate) fn take_notices(&self, most: u32) -> impl Iterator<Item = u32> {
        let order = if planted(Bug::NoticesTakenUnordered) { Relaxed } else { AcqRel };
        let kept = if planted(Bug::RingTaken) { 0 } else { RUNG };
        let mut at = self.words.noticed.0.fetch_and(kept, order) & INDEX; // T6
        let mut most = most;
        std::iter::from_fn(move || {
            // A damaged chain ends somewhere.
            most = most.checked_sub(1)?;
            let index = u32::try_from(at.checked_sub(1)?).ok()?;
            at = self.records.record(index)?.next.load(Relaxed) & INDEX;
            Some(index)
        })
    }

    /// Sleeps until there is something on the stack, or it rings; for one nap at most.
    pub(crate) fn await_notice<P: Park>(&self, park: &P, round: u32) {
        let noticed = &self.words.noticed.0;
        // Relaxed: nothing is read for it but the word.
        if noticed.compare_exchange(0, ASLEEP, Relaxed, Relaxed).is_ok() {
            park.sleep(noticed, 0, round);
            noticed.fetch_and(!ASLEEP, Relaxed); // the rest stays for `take_notices`
        }
    }
}
