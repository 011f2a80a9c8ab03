//! A value larger than a word in shared memory: two copies, a version, and a lock for writers.
//!
//! | offset        | what                          |
//! |---------------|-------------------------------|
//! | 0             | `Snapshot`: owner lock, form, version |
//! | 24            | copy 0, in whole words        |
//! | 24 + 8 x words | copy 1                       |
//!
//! The copies are words whatever the alignment of the value: it is put together in private memory.
#![allow(unsafe_code)] // makes references to words in shared memory, and room for values in words

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::algo::{LockError, Snapshot};
use crate::segment::AllocError;
use crate::segment::block::locking;
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// How many words a value of `size` bytes takes.
const fn words(size: usize) -> usize {
    size.div_ceil(size_of::<u64>())
}

/// What two copies of a value of `size` bytes take, with their control words.
///
/// # Errors
/// [`AllocError::Overflow`] if that is more than an address can count.
pub(super) fn layout(size: usize) -> Result<Layout, AllocError> {
    let copies = Layout::array::<[u64; 2]>(words(size)).map_err(|_| AllocError::Overflow)?;
    let (both, _) = Layout::new::<Snapshot>().extend(copies).map_err(|_| AllocError::Overflow)?;
    Ok(both)
}

/// A value of two copies in shared memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide<'a> {
    control: &'a Snapshot,
    copies: [&'a [AtomicU64]; 2],
}

impl Wide<'_> {
    /// The two copies at `at`, of a value of `size` bytes.
    ///
    /// # Safety
    /// - `at` is aligned and valid for reads and writes as `layout(size)` says, of initialised bytes, for
    ///   `'a`.
    /// - For `'a`, these bytes are accessed through `Wide` only.
    #[inline]
    pub(super) unsafe fn at(at: NonNull<u8>, size: usize) -> Self {
        let words = words(size);
        // SAFETY: `layout` begins with a `Snapshot`, which consists of atomics: any bytes are one.
        let control = unsafe { at.cast::<Snapshot>().as_ref() };
        // SAFETY: by `layout`, copies follow the control words without a gap: both are aligned to 8.
        let even = unsafe { at.cast::<Snapshot>().add(1) }.cast::<AtomicU64>();
        // SAFETY: by `layout`, the second copy follows `words` words after the first.
        let odd = unsafe { even.add(words) };
        // SAFETY: `layout` has room for `words` words there, used atomically by the caller's contract.
        let even = unsafe { slice::from_raw_parts(even.as_ptr(), words) };
        // SAFETY: as for the first copy.
        let odd = unsafe { slice::from_raw_parts(odd.as_ptr(), words) };
        Self { control, copies: [even, odd] }
    }

    /// Makes `value` the first value. The block is zeroed, and nobody else knows it yet.
    pub(super) fn fill<T: NoUninit>(self, value: &T) {
        with_words(value, |words| {
            let [even, _] = self.copies;
            for (to, from) in even.iter().zip(words) {
                // Relaxed: whoever hands the block on publishes it.
                to.store(*from, Relaxed);
            }
        });
    }

    /// Returns the value, if its bits are one, and its version. Never waits for a writer, dead or alive.
    #[inline]
    pub(super) fn read<T: CheckedBitPattern>(self) -> (Option<T>, u64) {
        in_words::<T, _>(|words| {
            let version = self.control.read(self.copies, words);
            let bytes: &[u8] = bytemuck::must_cast_slice(words);
            (bytemuck::checked::try_pod_read_unaligned(&bytes[..size_of::<T>()]).ok(), version)
        })
    }

    /// Makes `value` the value. Waits while another writer copies; one that died is passed over.
    #[inline]
    pub(super) fn write<T: NoUninit>(self, value: &T) -> Result<(), LockError> {
        with_words(value, |words| locking(|me, park| self.control.write(self.copies, words, me, park)))
    }

    /// Makes `value` the value if the version still is `seen`; says whether it was. Waits as `write` does.
    #[inline]
    pub(super) fn write_if<T: NoUninit>(self, seen: u64, value: &T) -> Result<bool, LockError> {
        with_words(value, |words| {
            locking(|me, park| self.control.write_if(seen, self.copies, words, me, park))
        })
    }
}

/// Lends `value` as whole words, the last one filled up with zeros.
#[inline]
fn with_words<T: NoUninit, R>(value: &T, then: impl FnOnce(&[u64]) -> R) -> R {
    in_words::<T, R>(|words| {
        let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(words);
        bytes[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(value));
        then(words)
    })
}

/// Lends as many zeroed words as a `T` takes. They lie on the stack, as the `T` of the caller does.
#[inline]
fn in_words<T, R>(then: impl FnOnce(&mut [u64]) -> R) -> R {
    /// A whole number of words that a `T` fits into, since a type's size is a multiple of its alignment.
    #[repr(C, align(8))]
    struct Room<T>(MaybeUninit<T>);

    let mut room = MaybeUninit::<Room<T>>::uninit();
    // SAFETY: `room` is a place of this size. It is not moved from here on, so that no byte of it is lost as
    // padding.
    unsafe { room.as_mut_ptr().cast::<u8>().write_bytes(0, size_of::<Room<T>>()) };
    let words = words(size_of::<T>());
    // SAFETY: `room` is aligned to 8, has at least `words` words, all zeroed above, and is borrowed by nobody
    // else.
    then(unsafe { slice::from_raw_parts_mut(room.as_mut_ptr().cast::<u64>(), words) })
}
