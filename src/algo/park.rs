//! What a state machine needs from outside: sleeping, waking, and knowing the dead.
//!
//! The shipped implementation sleeps on a shared futex and asks the kernel about deaths; the model checker's
//! sleep on a condition variable, or not at all.

use std::cell::Cell;

use crate::shim::{AtomicU64, Ordering::SeqCst, fence};

/// What a state machine needs from outside: sleeping, waking, and knowing the dead.
///
/// A sleeping word is an `AtomicU64` of which the low half is what the kernel compares and stores.
pub(crate) trait Park {
    /// Sleeps while the low half of `word` equals `expected`, for a bounded time.
    ///
    /// `round` is how often this caller slept already; the bound grows with it from 1 to 50 ms. May return at
    /// any time and for no reason, so the caller looks at the word again. Returns `false` once the caller's
    /// deadline has passed.
    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool;

    /// Sets the low half of `word` to bit 31 alone and wakes one of its sleepers: one step, which nobody can
    /// be killed inside of. Returns how many it woke, 0 or 1.
    ///
    /// The store itself orders nothing; a caller that releases data puts a release fence before it.
    fn release_and_wake(&self, word: &AtomicU64) -> u32;

    /// Wakes up to `count` of those who sleep on `word`, and returns how many it woke. Orders nothing.
    fn wake(&self, word: &AtomicU64, count: u32) -> u32;

    /// Returns the process id of the participant in `slot` if it is certainly dead; unknown means alive.
    ///
    /// `Some` is an acquire edge from everything the dead participant did (`D1`).
    fn death(&self, slot: u16) -> Option<u32>;

    /// As [`Park::death`], but only once nobody lives either whom the dead one forked: until then memory that it was
    /// working on may be written still.
    fn family_death(&self, slot: u16) -> Option<u32>;

    /// Returns whether it is this caller's turn to look at everybody else: once in a while for all sleepers that share
    /// `word`, whatever their number.
    fn is_due(&self, word: &AtomicU64) -> bool;

    /// Pauses for some nanoseconds between two looks at a word; at once where spinning cannot help, as on a
    /// single processor.
    fn relax(&self);

    /// Lets others have the processor who are ready to run. Returns at once if there are none.
    fn offer(&self) {
        self.relax();
    }

    /// How many pauses are worth spending before a sleep: about as long as waking a sleeper takes. 0 where spinning cannot help.
    fn patience(&self) -> u32 {
        0
    }

    /// The fence of one who tells often, between what it did and its look at whether somebody sleeps: cheap, since
    /// [`Park::heavy_fence`] does the work of both.
    fn light_fence(&self) {
        fence(SeqCst);
    }

    /// The fence of one who is about to sleep, between saying so and its last look. Together with a [`Park::light_fence`]: one of the
    /// two sees what the other did before its fence.
    fn heavy_fence(&self) {
        fence(SeqCst);
    }
}

/// What a park that changes one thing about another one has from that one, which stands in its field `$park`.
macro_rules! forward {
    ($park:tt: sleeping) => {
        #[inline]
        fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
            self.$park.sleep(word, expected, round)
        }
    };
    ($park:tt: deaths) => {
        #[inline]
        fn death(&self, slot: u16) -> Option<u32> {
            self.$park.death(slot)
        }

        #[inline]
        fn family_death(&self, slot: u16) -> Option<u32> {
            self.$park.family_death(slot)
        }
    };
    ($park:tt: the_rest) => {
        #[inline]
        fn release_and_wake(&self, word: &AtomicU64) -> u32 {
            self.$park.release_and_wake(word)
        }

        #[inline]
        fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
            self.$park.wake(word, count)
        }

        #[inline]
        fn is_due(&self, word: &AtomicU64) -> bool {
            self.$park.is_due(word)
        }

        #[inline]
        fn relax(&self) {
            self.$park.relax();
        }

        fn offer(&self) {
            self.$park.offer();
        }

        #[inline]
        fn patience(&self) -> u32 {
            self.$park.patience()
        }

        #[inline]
        fn light_fence(&self) {
            self.$park.light_fence();
        }

        fn heavy_fence(&self) {
            self.$park.heavy_fence();
        }
    };
}
pub(super) use forward;

/// Takes a participant for dead only when its family is: for locks whose data an owner may have lent to its children.
#[derive(Debug)]
pub(crate) struct Lending<'a, P>(pub(crate) &'a P);

impl<P: Park> Park for Lending<'_, P> {
    forward!(0: sleeping);
    forward!(0: the_rest);

    #[inline]
    fn death(&self, slot: u16) -> Option<u32> {
        self.0.family_death(slot)
    }

    #[inline]
    fn family_death(&self, slot: u16) -> Option<u32> {
        self.0.family_death(slot)
    }
}

/// Asks for deaths only when it is this sleeper's turn, of all who share the word: so a crowd of sleepers asks little more often than
/// one. Who was passed over again and again asks all the same: those who got the turns may not be able to ask.
#[derive(Debug)]
pub(super) struct InTurn<'a, P> {
    park: &'a P,
    due: &'a AtomicU64,
    passed_over: Cell<u8>,
}

/// So often a sleeper lets others ask in its place.
const PATIENCE: u8 = 8;

impl<'a, P> InTurn<'a, P> {
    pub(super) const fn new(park: &'a P, due: &'a AtomicU64) -> Self {
        Self { park, due, passed_over: Cell::new(0) }
    }
}

impl<P: Park> InTurn<'_, P> {
    fn is_my_turn(&self) -> bool {
        let mine = self.park.is_due(self.due) || self.passed_over.get() >= PATIENCE;
        self.passed_over.set(if mine { 0 } else { self.passed_over.get() + 1 });
        mine
    }
}

impl<P: Park> Park for InTurn<'_, P> {
    forward!(park: sleeping);
    forward!(park: the_rest);

    fn death(&self, slot: u16) -> Option<u32> {
        if self.is_my_turn() { self.park.death(slot) } else { None }
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        if self.is_my_turn() { self.park.family_death(slot) } else { None }
    }
}
