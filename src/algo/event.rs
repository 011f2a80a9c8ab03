//! An event: set, or not. Who waits goes on when it is set.
//!
//! ```text
//!             set                                   set
//!   CLEAR ─────────▶ SET                  CLEAR ─────────▶ SET
//!     ▲  ◀────────── all pass, now          ▲  ◀────────── one passes, and takes it back
//!     │     reset    and later              └───── reset ───┘
//!         (manual)                               (auto)
//! ```
//!
//! One word, of which the kernel compares the low half:
//!
//! | bits  | field   | meaning                                                    |
//! |-------|---------|------------------------------------------------------------|
//! | 0..30 | sets    | counts how often it turned from clear to set               |
//! | 30    | SET     |                                                            |
//! | 31    | WAITERS | somebody may sleep on the word                             |
//! | 32    | AUTO    | each set lets one waiter pass; a constant                  |
//!
//! | edge | release side                       | acquire side                | publishes                       |
//! |------|------------------------------------|-----------------------------|---------------------------------|
//! | EV1  | `set`, its exchange                | `wait`, `try_pass`, `is_set` | all that the setting one did before |
//!
//! Invariants:
//! - I1. Every change is one exchange of the whole word, so a release by `set` is acquired through whatever changes follow it.
//! - I2. Nobody falls asleep on a word that says SET, and whoever sleeps set WAITERS, or found it set, on the word that the kernel
//!   compared. Turning it to SET changes that word, and finds WAITERS.
//! - I3. A manual event loses WAITERS with its set, which wakes all. One that is reset before they look was set since they came:
//!   they see it by `sets` (unless it turned 2^30 times meanwhile).
//! - I4. An auto event keeps WAITERS, and its set wakes one; nobody having been asleep, WAITERS goes by an exchange of the very word.
//!   That word says SET, and nobody joins those who sleep while it does (I2).
//! - I5. Who takes SET back does so by an exchange: as many pass an auto event as times it turned to SET, or fewer. To set it while
//!   it is set adds nothing.
//!
//! **Deaths.** Killed before the exchange of `set`: nothing was set. After it, and before the wake: it is set, and who
//! sleeps finds that out after a nap. A waiter that is killed leaves at most WAITERS behind, which costs the next set a system
//! call; an auto event that it had taken back is taken. One that was woken and is killed, or leaves without a last look, would
//! take the wake of an auto event with it: who is out of time looks once more, and for the dead every sleep is bounded.

use super::planted::{Bug, planted};
use super::spin::Spin;
use super::{Head, Park};
use crate::shim::{
    AtomicU64,
    Ordering::{self, Acquire, Relaxed, Release},
};

/// The word of an event. A zeroed one is a manual event that is not set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    word: &'a AtomicU64,
}

/// A value of the word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    const SETS: u64 = (1 << 30) - 1;
    const SET: u64 = 1 << 30;
    const WAITERS: u64 = 1 << 31;
    const AUTO: u64 = 1 << 32;

    /// What the kernel compares.
    fn low(self) -> u32 {
        self.0 as u32
    }

    fn is_set(self) -> bool {
        self.0 & Self::SET != 0
    }

    fn is_auto(self) -> bool {
        self.0 & Self::AUTO != 0
    }

    fn has_waiters(self) -> bool {
        self.0 & Self::WAITERS != 0
    }

    fn sets(self) -> u64 {
        self.0 & Self::SETS
    }

    /// After a set: the same word, if it was set already.
    fn set(self) -> Self {
        if self.is_set() {
            return self;
        }
        let set = Self(self.0 & !Self::SETS | self.0.wrapping_add(1) & Self::SETS | Self::SET);
        if self.is_auto() { set } else { set.without_waiters() }
    }

    fn clear(self) -> Self {
        Self(self.0 & !Self::SET)
    }

    /// After one waiter passed.
    fn passed(self) -> Self {
        if self.is_auto() { self.clear() } else { self }
    }

    fn with_waiters(self) -> Self {
        Self(self.0 | Self::WAITERS)
    }

    fn without_waiters(self) -> Self {
        Self(self.0 & !Self::WAITERS)
    }
}

impl<'a> Event<'a> {
    /// The event whose word is the first of `head`.
    #[inline]
    pub(crate) fn of(head: &'a Head) -> Self {
        let [word, ..] = &head.words;
        Self { word }
    }

    /// Makes it one that lets one waiter pass for each set. Before anybody else knows of it.
    pub(crate) fn make_auto(&self) {
        self.word.store(Word::AUTO, Relaxed); // whoever learns of it is ordered after this by how it learned
    }

    /// Whether each set lets one waiter pass.
    pub(crate) fn is_auto(&self) -> bool {
        Word(self.word.load(Relaxed)).is_auto() // a constant
    }

    /// Whether it is set.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        Word(self.word.load(Acquire)).is_set() // EV1 acquire
    }

    /// Sets it, and wakes those who may pass. Never blocks.
    #[inline]
    pub(crate) fn set<P: Park>(&self, park: &P) {
        // EV1 release, also if it was set already: whoever passes from now on sees what this thread did.
        let order = if planted(Bug::SetUnordered) { Relaxed } else { Release };
        let seen = self.change(Word::set, order);
        if seen.has_waiters() && !seen.is_set() && !planted(Bug::SetUnheard) {
            self.wake(seen.set(), park);
        }
    }

    /// Wakes those who may pass, now that the word is `set`.
    #[cold]
    fn wake<P: Park>(&self, set: Word, park: &P) {
        let count = if set.is_auto() { 1 } else { u32::MAX };
        if park.wake(self.word, count) == 0 && set.has_waiters() {
            // I4. Relaxed: if it fails, somebody passed, or it was reset.
            let _ = self.word.compare_exchange(set.0, set.without_waiters().0, Relaxed, Relaxed);
        }
    }

    /// Resets it. Never blocks.
    #[inline]
    pub(crate) fn reset(&self) {
        self.change(Word::clear, Relaxed); // publishes nothing; what a set published goes on through it (I1)
    }

    /// Passes, if it is set. Never blocks.
    #[inline]
    pub(crate) fn try_pass(&self) -> bool {
        loop {
            let seen = self.look();
            if !seen.is_set() {
                return false;
            }
            if self.pass(seen) {
                return true;
            }
        }
    }

    /// Waits, as `park` says, until it is set, or, if it is a manual one, was set meanwhile. `false`: the deadline passed first.
    #[inline]
    pub(crate) fn wait<P: Park>(&self, park: &P) -> bool {
        let seen = self.look();
        seen.is_set() && self.pass(seen) || self.wait_slow(seen, park)
    }

    #[cold]
    #[inline(never)]
    fn wait_slow<P: Park>(&self, first: Word, park: &P) -> bool {
        // If it was set at the first look, somebody else passed in our place.
        let mut spin = Spin::new();
        let (mut rounds, mut in_time) = (0, true);
        loop {
            let seen = self.look();
            if seen.is_set() {
                if self.pass(seen) {
                    return true;
                }
                continue;
            }
            if !seen.is_auto() && seen.sets() != first.sets() && !planted(Bug::PulseMissed) {
                return true; // I3
            }
            if !in_time {
                return false;
            }
            if spin.pause(park) {
                continue;
            }
            let awaited = seen.with_waiters();
            // Relaxed: the bit tells the setter to wake, and carries no data.
            if !seen.has_waiters() && self.exchange(seen, awaited, Relaxed).is_err() {
                continue;
            }
            in_time = park.sleep(self.word, awaited.low(), rounds);
            if !in_time && planted(Bug::NoLastLook) {
                return false;
            }
            rounds = rounds.saturating_add(1);
            spin = Spin::new();
        }
    }

    #[inline]
    fn look(&self) -> Word {
        // EV1 acquire: who passes sees what the setting one did.
        let order = if planted(Bug::PassUnordered) { Relaxed } else { Acquire };
        Word(self.word.load(order))
    }

    /// Passes the event that was `seen` to be set; `false` if somebody else did since.
    #[inline]
    fn pass(&self, seen: Word) -> bool {
        let mut passed = seen.passed();
        if planted(Bug::WaitersTaken) {
            passed = passed.without_waiters();
        }
        if planted(Bug::PassedByStore) {
            self.word.store(passed.0, Relaxed);
            return true;
        }
        // EV1 acquire: the word may be that of a later set than the one seen.
        let order = if planted(Bug::PassUnordered) { Relaxed } else { Acquire };
        passed == seen || self.exchange(seen, passed, order).is_ok()
    }

    #[inline]
    fn exchange(&self, seen: Word, new: Word, order: Ordering) -> Result<u64, u64> {
        // Relaxed on failure: a loser looks again.
        self.word.compare_exchange(seen.0, new.0, order, Relaxed)
    }

    /// Changes the word, and returns what it was.
    #[inline]
    fn change(&self, next: impl Fn(Word) -> Word, order: Ordering) -> Word {
        let mut seen = Word(self.word.load(Relaxed)); // a guess
        while let Err(now) = self.exchange(seen, next(seen), order) {
            seen = Word(now);
        }
        seen
    }
}
