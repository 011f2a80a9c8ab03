//! Why memory was refused.

use crate::error::OsError;

/// Why shared memory was refused. Nothing was allocated, and everything that was there before is untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocError {
    /// The machine, or the control group that this process runs in, has not that much memory left.
    #[error("out of memory: {requested} bytes requested, {available} available")]
    OutOfMemory {
        /// Bytes that the request needed.
        requested: u64,
        /// Bytes that could be had when it was refused.
        available: u64,
    },
    /// The arena's address space has no gap of that size left.
    #[error("the arena has no room: {requested} bytes requested, capacity {capacity} bytes")]
    ArenaFull {
        /// Bytes that the request needed.
        requested: u64,
        /// Bytes that the arena spans in all.
        capacity: u64,
    },
    /// The number of elements times their size is more than an address can count.
    #[error("the size in bytes overflows the address space")]
    Overflow,
    /// No block can be aligned like that.
    #[error("an alignment of {requested} bytes is more than the page size of 4096")]
    Alignment {
        /// The alignment asked for, in bytes.
        requested: usize,
    },
    /// Every seat of the participant table is taken: no further process can take part.
    #[error("the participant table is full ({seats} seats): see arena::Builder::participants")]
    ParticipantTableFull {
        /// How many processes can take part at once.
        seats: usize,
    },
    /// This process was forked in a way that keeps it out: its parent was gone already, or the table was full.
    #[error("this process takes no part in the shared arena")]
    Excluded,
    /// A signal handler asked for memory in the middle of an allocation of its own thread.
    #[error("shared memory was requested from a signal handler that interrupted an allocation")]
    Reentered,
    /// The arena's control words are not what this crate writes: another process damaged them.
    #[error("the arena is corrupt at page {page}")]
    Corrupt {
        /// The page of which the head makes no sense.
        page: usize,
    },
    /// This system's pages are not of 4096 bytes, which is all that this version knows.
    #[error("pages of {found} bytes are not supported, only those of 4096")]
    PageSize {
        /// Bytes of a page here.
        found: usize,
    },
    /// A system call failed.
    #[error(transparent)]
    Os(#[from] OsError),
}
