//! A value of up to eight bytes in shared memory: one word, atomic at its own width.
//!
//! Values of 1, 2, 4 and 8 bytes take a word of that width, so that arithmetic wraps where the type does. The
//! others (0, 3, 5, 6, 7 bytes) are filled up with zeros to 8.
//!
//! The bits of a word travel as a `u64`; those above the width are zero.
#![allow(unsafe_code)] // makes references to atomics in shared memory

use std::ptr::NonNull;

use bytemuck::{AnyBitPattern, CheckedBitPattern, NoUninit};

use crate::shim::{
    AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Release},
};

/// A word in shared memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word<'a> {
    Of1(&'a AtomicU8),
    Of2(&'a AtomicU16),
    Of4(&'a AtomicU32),
    Of8(&'a AtomicU64),
}

/// Evaluates an expression for the atomic of the word's width; `$int` names that width's integer.
macro_rules! at_its_width {
    ($word:expr, |$atomic:ident: $int:ident| $result:expr) => {
        match $word {
            Word::Of1($atomic) => {
                type $int = u8;
                $result
            }
            Word::Of2($atomic) => {
                type $int = u16;
                $result
            }
            Word::Of4($atomic) => {
                type $int = u32;
                $result
            }
            Word::Of8($atomic) => {
                type $int = u64;
                $result
            }
        }
    };
}

/// Whether a value of `size` bytes fits into a word.
pub(super) const fn fits(size: usize) -> bool {
    size <= size_of::<u64>()
}

/// The width in bytes of the word that holds a value of `size` bytes; its alignment is the same.
pub(super) const fn width(size: usize) -> usize {
    if matches!(size, 1 | 2 | 4) { size } else { size_of::<u64>() }
}

impl Word<'_> {
    /// The word at `at` that holds a value of `size` bytes.
    ///
    /// # Safety
    /// - `at` is aligned to `width(size)`, and valid for reads and writes of that many initialised bytes for
    ///   `'a`.
    /// - For `'a`, these bytes are accessed by atomics of this width only.
    #[inline]
    pub(super) unsafe fn at(at: NonNull<u8>, size: usize) -> Self {
        match width(size) {
            // SAFETY: aligned, valid and used atomically for `'a` by the caller's contract; any bytes are an
            // integer.
            1 => Self::Of1(unsafe { at.cast().as_ref() }),
            // SAFETY: as above, for two bytes.
            2 => Self::Of2(unsafe { at.cast().as_ref() }),
            // SAFETY: as above, for four bytes.
            4 => Self::Of4(unsafe { at.cast().as_ref() }),
            // SAFETY: as above, for eight bytes.
            _ => Self::Of8(unsafe { at.cast().as_ref() }),
        }
    }

    #[inline]
    pub(super) fn load(self) -> u64 {
        // V1 acquire.
        at_its_width!(self, |atomic: Int| Int::into(atomic.load(Acquire)))
    }

    #[inline]
    pub(super) fn store(self, bits: u64) {
        // V1 release.
        at_its_width!(self, |atomic: Int| atomic.store(bits as Int, Release));
    }

    /// Stores `new` if the word still is `seen`; says whether it was.
    #[inline]
    pub(super) fn exchange(self, seen: u64, new: u64) -> bool {
        // V1 both ways; on failure acquire, too, since the caller may be waiting for what it did not find.
        at_its_width!(self, |atomic: Int| atomic
            .compare_exchange(seen as Int, new as Int, AcqRel, Acquire)
            .is_ok())
    }

    #[inline]
    pub(super) fn swap(self, bits: u64) -> u64 {
        // V1 both ways.
        at_its_width!(self, |atomic: Int| Int::into(atomic.swap(bits as Int, AcqRel)))
    }
}

macro_rules! arithmetic {
    ($($operation:ident)+) => {
        impl Word<'_> {
            $(
                #[inline]
                pub(super) fn $operation(self, operand: u64) -> u64 {
                    // V1 both ways.
                    at_its_width!(self, |atomic: Int| Int::into(atomic.$operation(operand as Int, AcqRel)))
                }
            )+
        }
    };
}

arithmetic!(fetch_add fetch_sub fetch_and fetch_or fetch_xor);

/// The bits of a value that fits into a word.
#[inline]
pub(super) fn to_bits<T: NoUninit>(value: &T) -> u64 {
    match *bytemuck::bytes_of(value) {
        [a] => a.into(),
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
        ref bytes => {
            let mut filled = [0; size_of::<u64>()];
            filled[..bytes.len()].copy_from_slice(bytes);
            u64::from_ne_bytes(filled)
        }
    }
}

/// The value with these bits, if there is one.
#[inline]
pub(super) fn from_bits_checked<T: CheckedBitPattern>(bits: u64) -> Option<T> {
    with_bytes(bits, size_of::<T>(), |bytes| bytemuck::checked::try_pod_read_unaligned(bytes).ok())
}

/// The value with these bits, of a type in which all bits are values.
#[inline]
pub(super) fn from_bits<T: AnyBitPattern>(bits: u64) -> T {
    with_bytes(bits, size_of::<T>(), bytemuck::pod_read_unaligned)
}

#[inline]
fn with_bytes<R>(bits: u64, size: usize, then: impl FnOnce(&[u8]) -> R) -> R {
    match size {
        1 => then(&(bits as u8).to_ne_bytes()),
        2 => then(&(bits as u16).to_ne_bytes()),
        4 => then(&(bits as u32).to_ne_bytes()),
        _ => then(&bits.to_ne_bytes()[..size]),
    }
}
