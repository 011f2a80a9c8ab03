//! A region of shared memory while a message is rebuilt from it.
//!
//! Nothing here trusts a byte: every length is held against what remains before anything is allocated, and
//! every value is copied to private memory first and checked there.
#![allow(unsafe_code)] // reads through a raw pointer: other processes may write the same bytes

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;
use std::vec;

use super::{DecodeError, Plain};
use crate::segment::block::Block;
use crate::segment::container::{Carried, Use};
use crate::segment::registration::Registration;
use crate::sys::copy::copy_out;

/// How deeply boxes and vectors may be nested: each level takes stack, and running out of it kills the
/// process.
const DEPTH_LIMIT: u32 = 128;

/// The place that a [`Message`](super::Message) is rebuilt from.
#[derive(Debug)]
pub struct Reader<'a> {
    at: NonNull<u8>,
    remaining: usize,
    depth: u32,
    manifest: vec::IntoIter<Carried>,
    lent: PhantomData<&'a [u8]>,
}

// Invariant: `remaining` bytes from `at` on are left of the region that `over` was given.

impl Reader<'_> {
    /// Starts at the beginning of the `len` bytes at `region`, and of the blocks that the message carries.
    ///
    /// # Safety
    /// - `region` is valid for reads and writes of `len` initialised bytes for `'a`; others may change them
    ///   meanwhile.
    /// - This process accesses these bytes by atomics at most meanwhile.
    pub(crate) unsafe fn over(region: NonNull<u8>, len: usize, manifest: Vec<Carried>) -> Self {
        Self { at: region, remaining: len, depth: 0, manifest: manifest.into_iter(), lent: PhantomData }
    }

    /// Returns how many bytes are left.
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// Passes over `len` bytes and returns where they begin.
    fn advance(&mut self, len: usize) -> Result<NonNull<u8>, DecodeError> {
        if len > self.remaining {
            return Err(DecodeError::Truncated { needed: len, remaining: self.remaining });
        }
        let start = self.at;
        // SAFETY: `len` bytes are left of the region by the check above, so the result stays in or at its
        // end.
        self.at = unsafe { start.add(len) };
        self.remaining -= len;
        Ok(start)
    }

    /// Fills `into` with the next bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if there are not enough.
    pub fn bytes_into(&mut self, into: &mut [u8]) -> Result<(), DecodeError> {
        let from = self.advance(into.len())?;
        // SAFETY: `advance` passed over `into.len()` readable bytes of the region; `into` is a private
        // reference, so the two do not overlap.
        unsafe { copy_out(into.as_mut_ptr(), from.as_ptr(), into.len()) };
        Ok(())
    }

    /// Reads a plain value, as [`Writer::plain`](super::Writer::plain) wrote it.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], or [`DecodeError::InvalidBits`] if the bytes are no such value.
    pub fn plain<T: Plain>(&mut self) -> Result<T, DecodeError> {
        let from = self.advance(size_of::<T>())?;
        let mut copy = MaybeUninit::<T>::uninit();
        // SAFETY: `advance` passed over as many readable bytes as the private `copy` is large.
        unsafe { copy_out(copy.as_mut_ptr().cast(), from.as_ptr(), size_of::<T>()) };
        // SAFETY: `T::Bits` has the layout of `T` (contract of `CheckedBitPattern`), the copy initialised
        // every byte, and any initialised bytes are a `T::Bits` (`AnyBitPattern`).
        let bits = unsafe { &*copy.as_ptr().cast::<T::Bits>() };
        if !T::is_valid_bit_pattern(bits) {
            return Err(DecodeError::invalid_bits::<T>());
        }
        // SAFETY: the bits were just found to be those of a `T`, and they are private: nobody changed them
        // since.
        Ok(unsafe { copy.assume_init() })
    }

    /// Reads `count` plain values by one copy, as [`Writer::plain_slice`](super::Writer::plain_slice) wrote
    /// them.
    ///
    /// # Errors
    /// [`DecodeError::Length`] if there are not so many, before anything is allocated;
    /// [`DecodeError::InvalidBits`]; [`DecodeError::OutOfMemory`].
    pub fn plain_vec<T: Plain>(&mut self, count: usize) -> Result<Vec<T>, DecodeError> {
        let remaining = self.remaining;
        let too_long = DecodeError::Length { length: count as u64, remaining };
        let bytes = count.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= remaining).ok_or(too_long)?;
        let from = self.advance(bytes)?;
        let mut values = Vec::<T>::new();
        if values.try_reserve_exact(count).is_err() {
            return Err(DecodeError::OutOfMemory { requested: bytes });
        }
        // SAFETY: `advance` passed over `bytes` readable bytes; the private vector has just been given room
        // for `count` values, which is as many bytes.
        unsafe { copy_out(values.as_mut_ptr().cast(), from.as_ptr(), bytes) };
        let bits = NonNull::slice_from_raw_parts(
            NonNull::from(values.spare_capacity_mut()).cast::<T::Bits>(),
            count,
        );
        // SAFETY: `T::Bits` has the layout of `T` (contract of `CheckedBitPattern`), the copy initialised the
        // bytes of all `count`, and any initialised bytes are a `T::Bits` (`AnyBitPattern`).
        if !unsafe { bits.as_ref() }.iter().all(T::is_valid_bit_pattern) {
            return Err(DecodeError::invalid_bits::<T>());
        }
        // SAFETY: there is room for `count`, and the bits of each were just found to be those of a `T`.
        unsafe { values.set_len(count) };
        Ok(values)
    }

    /// Reads a length and holds it against what remains: every element takes at least one byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::Length`].
    fn length(&mut self) -> Result<usize, DecodeError> {
        let length = self.plain::<u64>()?;
        match usize::try_from(length) {
            Ok(count) if count <= self.remaining => Ok(count),
            _ => Err(DecodeError::Length { length, remaining: self.remaining }),
        }
    }

    /// Reads a sequence, as [`Writer::sequence`](super::Writer::sequence) wrote it: `elements` is given the
    /// number of elements, which is no larger than the number of bytes that remain.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::Length`], [`DecodeError::TooDeep`], and those of
    /// `elements`.
    pub fn sequence<V>(
        &mut self,
        elements: impl FnOnce(usize, &mut Self) -> Result<V, DecodeError>,
    ) -> Result<V, DecodeError> {
        let count = self.length()?;
        let left_at_most = self.remaining - count;
        let value = self.nested(|from| elements(count, from))?;
        self.advance(self.remaining.saturating_sub(left_at_most))?;
        Ok(value)
    }

    /// Decodes what lies one level deeper; recursive types get here through a box or a vector.
    ///
    /// # Errors
    /// [`DecodeError::TooDeep`], and those of `part`.
    pub(super) fn nested<V>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<V, DecodeError>,
    ) -> Result<V, DecodeError> {
        if self.depth == DEPTH_LIMIT {
            return Err(DecodeError::TooDeep { limit: DEPTH_LIMIT });
        }
        self.depth += 1;
        let value = part(self);
        self.depth -= 1;
        value
    }

    /// Takes over the next block, which the message moves.
    pub(crate) fn moved(&mut self) -> Result<Block, DecodeError> {
        match self.manifest.next() {
            Some(Carried::Moved(block)) => Ok(block),
            Some(Carried::Shared(..) | Carried::End(_)) => {
                Err(DecodeError::Foreign("a block is shared that was to be moved"))
            }
            None => Err(DecodeError::Foreign("a block is missing")),
        }
    }

    /// Takes over the next block, which others may hold, too.
    pub(crate) fn shared(&mut self, used: Use) -> Result<Arc<Block>, DecodeError> {
        match self.manifest.next() {
            Some(Carried::Shared(block, as_what)) if as_what == used => Ok(block),
            Some(Carried::Shared(..) | Carried::End(_)) => {
                Err(DecodeError::Foreign("a shared block is something else than was expected"))
            }
            Some(Carried::Moved(_)) => Err(DecodeError::Foreign("a block is moved that was to be shared")),
            None => Err(DecodeError::Foreign("a block is missing")),
        }
    }

    /// Takes over a place at an end of a queue.
    pub(crate) fn end(&mut self, used: Use) -> Result<Registration, DecodeError> {
        match self.manifest.next() {
            Some(Carried::End(end)) if end.used() == used => Ok(end),
            Some(_) => Err(DecodeError::Foreign("a block is something else than an end of that queue")),
            None => Err(DecodeError::Foreign("a block is missing")),
        }
    }
}
