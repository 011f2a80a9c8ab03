//! The bytes of one item in shared memory: written, and read back with a check.

#![allow(unsafe_code)] // copies through raw pointers: other processes map the same bytes

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::message::Plain;
use crate::sys::{copy_in, copy_out};

/// Writes an item.
///
/// # Safety
/// - `at` is valid for reads and writes of `size_of::<T>()` bytes, which this process accesses by atomics at most meanwhile.
#[inline(always)]
pub(super) unsafe fn write<T: Plain>(at: NonNull<u8>, item: &T) {
    // SAFETY: the caller grants the bytes at `at`; `item` is a private value of as many.
    unsafe { copy_in(at.as_ptr(), std::ptr::from_ref(item).cast(), size_of::<T>()) };
}

/// Reads an item back. `None`: the bytes are no such value.
///
/// # Safety
/// - As [`write`].
#[inline(always)]
pub(super) unsafe fn read<T: Plain>(at: NonNull<u8>) -> Option<T> {
    let mut copy = MaybeUninit::<T>::uninit();
    // SAFETY: the caller grants the bytes at `at`; the private `copy` is as large.
    unsafe { copy_out(copy.as_mut_ptr().cast(), at.as_ptr(), size_of::<T>()) };
    // SAFETY: `T::Bits` has the layout of `T` (contract of `CheckedBitPattern`), the copy initialised every byte, and any
    // initialised bytes are a `T::Bits` (`AnyBitPattern`).
    let bits = unsafe { &*copy.as_ptr().cast::<T::Bits>() };
    if !T::is_valid_bit_pattern(bits) {
        return None;
    }
    // SAFETY: the bytes were just found to be those of a `T`, and they are private.
    Some(unsafe { copy.assume_init() })
}
