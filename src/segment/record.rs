//! What a participant leaves behind for the one who reaps it: its outcome, a small result, the text of its panic.
//!
//! One page a participant, beside its seat. The child writes, then commits by one store; the parent reads after the
//! child is dead. Sizes are fixed, so that a child can report without allocating.

use crate::algo::OutcomeWord;
use crate::shim::AtomicU64;

/// Bytes of a result that travels in the record itself.
pub(crate) const INLINE: usize = 1024;
/// Bytes of panic text that are kept, message and location together.
pub(crate) const PANIC_TEXT: usize = 2048;

/// The record of one participant.
#[repr(C, align(4096))]
pub(crate) struct Record {
    pub(crate) outcome: OutcomeWord,
    /// 0, or the lengths of panic message (low half) and location (high half): stored after the text.
    pub(crate) panic: AtomicU64,
    /// 0, or the word on which the participant sleeps, as an offset into the arena.
    pub(crate) sleeps_on: AtomicU64,
    spare: [AtomicU64; 5],
    pub(crate) inline: [AtomicU64; INLINE / 8],
    pub(crate) text: [AtomicU64; PANIC_TEXT / 8],
}
