//! How a message lies in a channel: a header, and its bytes or the block that it is in.
//!
//! ```text
//!   SMALL  [ length | 1 ][ bytes …, filled up to 8 ]
//!   LARGE  [ length | 2 ][ unit of its container   ]  … as many positions as it has bytes, in a bounded channel
//!   PAD    [ length | 3 ]                             to the end of the ring: a frame never wraps
//! ```

#![allow(unsafe_code)] // words at places that the caller found room at

use std::ptr::NonNull;

use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::sys::{copy_in, copy_out};

/// Bytes of the header.
pub(super) const HEADER: usize = 8;
/// Bytes of a LARGE frame without filling.
pub(super) const LARGE: usize = 16;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message of so many bytes, which follow.
    Small(usize),
    /// A message in a container; so many bytes are set aside for it.
    Large(usize),
    /// Nothing, for so many bytes with the header.
    Pad(usize),
}

impl Frame {
    /// Positions that it takes.
    pub(super) fn span(self) -> u64 {
        match self {
            Self::Small(len) => (HEADER + len).next_multiple_of(8) as u64,
            Self::Large(len) => (LARGE + len).next_multiple_of(8) as u64,
            Self::Pad(len) => len as u64,
        }
    }

    fn bits(self) -> u64 {
        let (kind, len) = match self {
            Self::Small(len) => (1, len),
            Self::Large(len) => (2, len),
            Self::Pad(len) => (3, len),
        };
        (len as u64) << 8 | kind
    }

    /// `None`: these are no header.
    fn of_bits(bits: u64) -> Option<Self> {
        let len = usize::try_from(bits >> 8).ok().filter(|len| *len < 1 << 48)?;
        match bits & 0xff {
            1 => Some(Self::Small(len)),
            2 => Some(Self::Large(len)),
            3 if len >= HEADER && len.is_multiple_of(8) => Some(Self::Pad(len)),
            _ => None,
        }
    }

    /// Writes the header.
    ///
    /// # Safety
    /// - `at` is valid for reads and writes of 8 bytes, aligned to 8, which this process accesses by atomics at most.
    pub(super) unsafe fn write(self, at: NonNull<u8>) {
        // SAFETY: the caller's.
        unsafe { write_word(at, self.bits()) };
    }

    /// Reads a header.
    ///
    /// # Safety
    /// - As [`Frame::write`].
    pub(super) unsafe fn read(at: NonNull<u8>) -> Option<Self> {
        // SAFETY: the caller's.
        Self::of_bits(unsafe { read_word(at) })
    }
}

/// Writes a word.
///
/// # Safety
/// - As [`Frame::write`].
pub(super) unsafe fn write_word(at: NonNull<u8>, word: u64) {
    // SAFETY: the caller's: aligned, and accessed by atomics.
    unsafe { at.cast::<AtomicU64>().as_ref() }.store(word, Relaxed);
}

/// Reads a word.
///
/// # Safety
/// - As [`Frame::write`].
pub(super) unsafe fn read_word(at: NonNull<u8>) -> u64 {
    // SAFETY: the caller's: aligned, and accessed by atomics.
    unsafe { at.cast::<AtomicU64>().as_ref() }.load(Relaxed)
}

/// Writes the bytes of a message.
///
/// # Safety
/// - `at` is valid for reads and writes of `bytes.len()` bytes, which this process accesses by atomics at most.
pub(super) unsafe fn write_bytes(at: NonNull<u8>, bytes: &[u8]) {
    // SAFETY: the caller's; `bytes` is private memory.
    unsafe { copy_in(at.as_ptr(), bytes.as_ptr(), bytes.len()) };
}

/// Reads `len` bytes of a message.
///
/// # Safety
/// - `at` is valid for reads and writes of `len` bytes, which this process accesses by atomics at most.
pub(super) unsafe fn read_bytes(at: NonNull<u8>, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    // SAFETY: the caller's; the vector has room for `len` bytes.
    unsafe { copy_out(bytes.as_mut_ptr(), at.as_ptr(), len) };
    // SAFETY: these `len` bytes were just written.
    unsafe { bytes.set_len(len) };
    bytes
}
