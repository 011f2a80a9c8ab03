//! The text of a panic, which a participant leaves behind for the one who reaps it.
//!
//! One page a participant. The child writes, then commits by one store; the parent reads after the child is dead. The page
//! is committed before the child begins, so that a child can report without memory to be had.

use crate::shim::AtomicU64;

/// Bytes of panic text that are kept, message and location together.
pub(crate) const PANIC_TEXT: usize = 2048;

/// The record of one participant.
#[repr(C, align(4096))]
pub(crate) struct Record {
    /// 0, or the lengths of panic message (low half) and location (high half): stored after the text.
    pub(crate) panic: AtomicU64,
    pub(crate) text: [AtomicU64; PANIC_TEXT / 8],
}

const _: () = assert!(size_of::<Record>() == 4096 && std::mem::offset_of!(Record, text) == 8);
