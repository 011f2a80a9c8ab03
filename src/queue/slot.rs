//! The bytes of one item in shared memory: written, and read back with a check.
//!
//! Items of 1, 2, 4 and 8 bytes are one relaxed atomic each. Whole words below a kibibyte are relaxed atomic words. All others are left to
//! `sys::copy`.

#![allow(unsafe_code)] // copies through raw pointers: other processes map the same bytes

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

use crate::message::plain::{self, Plain};
use crate::shim::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::sys;

/// From here on `sys::copy` is as good, or better.
const BULK: usize = 1024;
const WORD: usize = size_of::<u64>();

/// Writes an item.
///
/// # Safety
/// - `at` is valid for reads and writes of `size_of::<T>()` bytes, which this process accesses by atomics at most meanwhile.
/// - It is aligned to that size if it is that of a word or less and a power of two, to a word if it is whole words.
#[inline(always)]
pub(super) unsafe fn write<T: Plain>(at: NonNull<u8>, item: &T) {
    // SAFETY: the caller's; `item` is plain: as many initialised bytes, all of them private.
    unsafe { copy_into::<T>(at.as_ptr(), std::ptr::from_ref(item).cast()) };
}

/// Reads an item back. `None`: the bytes are no such value.
///
/// # Safety
/// - As [`write`].
#[inline(always)]
pub(super) unsafe fn read<T: Plain>(at: NonNull<u8>) -> Option<T> {
    let mut bits = MaybeUninit::<T::Bits>::uninit();
    // SAFETY: the caller's; `T::Bits` is as large as `T` (contract of `CheckedBitPattern`), and private.
    unsafe { copy_from::<T>(bits.as_mut_ptr().cast(), at.as_ptr()) };
    // SAFETY: all bytes were written, and any bytes are `Bits`, which is `AnyBitPattern`.
    let bits = unsafe { bits.assume_init() };
    plain::checked(bits)
}

/// Copies a `T` into the slot `to`.
///
/// # Safety
/// - Those of `copy_in`, for `size_of::<T>()` bytes; and `to` is aligned to that size if it is at most a word, to a word if it is whole words.
#[inline]
pub(super) unsafe fn copy_into<T>(to: *mut u8, from: *const u8) {
    /// One atomic store.
    macro_rules! store {
        ($atomic:ident, $int:ty) => {{
            // SAFETY: by the caller's promise there are as many bytes.
            let value = unsafe { from.cast::<$int>().read_unaligned() };
            // SAFETY: aligned, and accessed atomically while shared, by the caller's promise.
            unsafe { $atomic::from_ptr(to.cast()) }.store(value, Relaxed)
        }};
    }
    match size_of::<T>() {
        0 => {}
        1 => store!(AtomicU8, u8),
        2 => store!(AtomicU16, u16),
        4 => store!(AtomicU32, u32),
        8 => store!(AtomicU64, u64),
        size if size < BULK && size % WORD == 0 => {
            // SAFETY: whole words, aligned, by the caller's promise; atomics only.
            let words = unsafe { slice::from_raw_parts(to.cast::<AtomicU64>(), size / WORD) };
            for (at, word) in words.iter().enumerate() {
                // SAFETY: `at` words are inside the value, by the caller's promise.
                word.store(unsafe { from.cast::<u64>().wrapping_add(at).read_unaligned() }, Relaxed);
            }
        }
        // SAFETY: the caller's promise.
        size => unsafe { sys::copy_in(to, from, size) },
    }
}

/// Copies a `T` out of the slot `from`.
///
/// # Safety
/// - Those of `copy_out`, for `size_of::<T>()` bytes; and `from` is aligned to that size if it is at most a word, to a word if it is whole
///   words.
#[inline]
unsafe fn copy_from<T>(to: *mut u8, from: *mut u8) {
    /// One atomic load.
    macro_rules! load {
        ($atomic:ident, $int:ty) => {{
            // SAFETY: aligned, and accessed atomically while shared, by the caller's promise.
            let value = unsafe { $atomic::from_ptr(from.cast()) }.load(Relaxed);
            // SAFETY: by the caller's promise there is room for as many bytes.
            unsafe { to.cast::<$int>().write_unaligned(value) }
        }};
    }
    match size_of::<T>() {
        0 => {}
        1 => load!(AtomicU8, u8),
        2 => load!(AtomicU16, u16),
        4 => load!(AtomicU32, u32),
        8 => load!(AtomicU64, u64),
        size if size < BULK && size % WORD == 0 => {
            // SAFETY: whole words, aligned, by the caller's promise; atomics only.
            let words = unsafe { slice::from_raw_parts(from.cast::<AtomicU64>(), size / WORD) };
            for (at, word) in words.iter().enumerate() {
                // SAFETY: `at` words are inside the room, by the caller's promise.
                unsafe { to.cast::<u64>().wrapping_add(at).write_unaligned(word.load(Relaxed)) };
            }
        }
        // SAFETY: the caller's promise.
        size => unsafe { sys::copy_out(to, from, size) },
    }
}
