//! What a state machine needs from outside: sleeping, waking, and knowing the dead.
//!
//! The shipped implementation sleeps on a shared futex and asks the kernel about deaths; the model checker's
//! sleep on a condition variable, or not at all.

use crate::shim::AtomicU64;

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

    /// Returns whether the participant in `slot` is certainly dead; unknown means alive.
    ///
    /// `true` is an acquire edge from everything the dead participant did (`D1`).
    fn is_dead(&self, slot: u16) -> bool;

    /// Pauses for some nanoseconds between two looks at a word; at once where spinning cannot help, as on a
    /// single processor.
    fn relax(&self);
}
