//! Which items of a queue are done: who took them says so, and who died with some is found out.
//!
//! ```text
//!   sent (the tail) = there to take + taken, in some participant's hands + done + written off with the dead
//! ```
//!
//! The cell of a seat, after the word of its registrations. Each word only grows, whoever sits there:
//!
//! | word | meaning                                          | changed by                                       |
//! |------|--------------------------------------------------|--------------------------------------------------|
//! | 1    | items taken                                      | the holder of the receive side, for its own seat |
//! | 2    | items done                                       | `done`                                           |
//! | 3    | items that dead occupants had taken and not done | `bury`                                           |
//!
//! | edge | release side        | acquire side          | publishes                                  |
//! |------|---------------------|-----------------------|--------------------------------------------|
//! | J1   | `done`, `bury`      | `unfinished`          | what was done to the items                 |
//! | J2   | `done`, sees `wait` | `wait`, sees `done`   | at least one sees the other                |
//!
//! - I1. `done + written off <= taken` in each cell. What is taken is counted before the head moves: who is killed in between counts
//!   as having died with an item that is still there. What is left is counted from the head on, and in the cells: so nobody waits for
//!   an item that nobody has, and one that is still there is waited for.
//! - I2. `bury` stores `taken - done`, which nobody changes any more: repeated, it stores the same. The next occupant of the seat goes on
//!   counting where it stopped.
//! - I3. J2 is the store-buffer pattern, by SeqCst accesses on both sides.

use super::planted::{Bug, planted};
use super::{End, FifoWords, Park, Tally};
use crate::shim::Ordering::{Acquire, Relaxed, Release, SeqCst};

/// The counts of a queue whose items are to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tasks<'a> {
    words: &'a FifoWords,
    cells: Tally<'a>,
}

/// What is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Items sent and not done: there to take, in somebody's hands.
    pub(crate) items: u64,
    /// Items, ever, whose takers died before they were done. These are not waited for.
    pub(crate) written_off: u64,
}

impl<'a> Tasks<'a> {
    pub(crate) const fn of(words: &'a FifoWords, cells: Tally<'a>) -> Self {
        Self { words, cells }
    }

    /// Counts `count` items as taken by the participant in `seat`, the caller, who holds the receive side and moves it on next.
    #[inline]
    pub(crate) fn take(&self, seat: u16, count: u64) {
        if let Some([_, taken, ..]) = self.cells.cell(seat) {
            // Relaxed: others read it after a death (D1), or as a count that only grows.
            taken.store(taken.load(Relaxed).wrapping_add(count), Relaxed);
        }
    }

    /// Says that the participant in `seat`, the caller, is done with an item that it took. `false`: it has none.
    pub(crate) fn done<P: Park>(&self, seat: u16, park: &P) -> bool {
        let Some([_, taken, done, written_off]) = self.cells.cell(seat) else { return false };
        let mut seen = done.load(Relaxed);
        loop {
            let in_hand =
                taken.load(Relaxed).wrapping_sub(seen).wrapping_sub(written_off.load(Relaxed)).cast_signed();
            if in_hand <= 0 {
                return false;
            }
            // J1 release, J2: before the look whether somebody waits.
            let order = if planted(Bug::DoneLooksRelaxed) { Release } else { SeqCst };
            match done.compare_exchange(seen, seen.wrapping_add(1), order, Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        let order = if planted(Bug::DoneLooksRelaxed) { Relaxed } else { SeqCst };
        if self.words.done_awaited.load(order) != 0 {
            self.ring(park); // J2
        }
        true
    }

    #[cold]
    fn ring<P: Park>(&self, park: &P) {
        self.words.done_bell.fetch_add(1, Release); // J1: who sees the bell sees the count
        park.wake(&self.words.done_bell, u32::MAX);
    }

    /// What is left of the items up to the tail, which `tail` reads. Never too little; too much only if somebody will ring.
    pub(crate) fn unfinished(&self, tail: impl FnOnce() -> u64) -> Unfinished {
        for (_, cell) in self.cells.iter() {
            if let [_, _, done, ..] = cell {
                done.load(SeqCst); // J2: what was done before this one said that it waits had left the queue, as the head will say
            }
        }
        // The head before the cells: what has left the queue by then is in one of them (Q2), what leaves it later is counted twice.
        let head = || self.words.position(End::Receive);
        let early = (!planted(Bug::HeadReadLate)).then(head);
        let (mut in_hand, mut lost) = (0_u64, 0_u64);
        for (_, cell) in self.cells.iter() {
            if let [_, taken, done, written_off, ..] = cell {
                // J1 acquire, J2: after this one said that it waits. What was taken is looked at last: it is never less.
                let (done, written_off) = (done.load(SeqCst), written_off.load(Acquire)); // J1
                let open = taken.load(Relaxed).wrapping_sub(done).wrapping_sub(written_off);
                in_hand = in_hand.wrapping_add(open.cast_signed().max(0).cast_unsigned());
                lost = lost.wrapping_add(written_off);
            }
        }
        // The tail after the counts: if nothing is left, all that was sent was finished when it was read.
        let there = tail().wrapping_sub(early.unwrap_or_else(head)).cast_signed().max(0).cast_unsigned();
        Unfinished { items: there.saturating_add(in_hand), written_off: lost }
    }

    /// Sleeps, as `park` says, until more is done: one nap at most. `is_over` is asked once this waiter can be seen. `false`: the
    /// deadline passed.
    pub(crate) fn wait<P: Park>(&self, park: &P, round: u32, is_over: impl FnOnce() -> bool) -> bool {
        self.words.done_awaited.store(1, SeqCst); // J2: before the counts are looked at
        let bell = self.words.done_bell.load(Acquire); // J1
        if is_over() {
            return true;
        }
        park.sleep(&self.words.done_bell, bell as u32, round)
    }

    /// Whether somebody who has items is dead. Asks only when it is the caller's turn.
    pub(crate) fn dead_takers<P: Park>(&self, park: &P) -> bool {
        park.is_due(&self.words.due)
            && self.cells.iter().any(|(seat, cell)| {
                let in_hand = match cell {
                    [_, taken, done, written_off, ..] => taken
                        .load(Relaxed)
                        .wrapping_sub(done.load(Relaxed))
                        .wrapping_sub(written_off.load(Relaxed)),
                    _ => 0,
                };
                in_hand != 0 && park.family_death(seat).is_some()
            })
    }
}

/// Writes off what the dead participant in `seat` had in hand, and wakes who waits for it.
pub(super) fn bury<P: Park>(words: &FifoWords, cells: Tally<'_>, seat: u16, park: &P) {
    let Some([_, taken, done, written_off]) = cells.cell(seat) else { return };
    // D1 made what the dead one counted visible.
    let open = taken.load(Relaxed).wrapping_sub(done.load(Relaxed));
    if written_off.load(Relaxed) != open {
        written_off.store(open, Release); // J1 (I2)
        Tasks::of(words, cells).ring(park);
    }
}
