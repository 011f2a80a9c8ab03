//! Where the items of a lane lie, and how they are copied in and out.
//!
//! ```text
//!   [ item 0 | item 1 | … | item capacity - 1 ]      aligned to 128 bytes, without gaps
//! ```
//!
//! Items are copied as `slot` does it: whoever else writes there, against the rules, makes wrong items and nothing worse.

#![allow(unsafe_code)] // reads and writes slots by raw pointer

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::algo::LaneWords;
use crate::message::{Element, Plain};
use crate::queue::slot;
use crate::segment::AllocError;
use crate::segment::lane::LaneBlock;
use crate::sys;

/// The block of a lane of `T`.
#[derive(Debug)]
pub(in crate::queue) struct Slots<T> {
    block: LaneBlock,
    /// A power of two: as many slots as the block has.
    capacity: usize,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Self { block: self.block.clone(), capacity: self.capacity, of: PhantomData }
    }
}

impl<T: Plain> Slots<T> {
    /// Takes a block for at least `capacity` slots.
    pub(super) fn allocate(capacity: usize) -> Result<Self, AllocError> {
        let capacity = capacity.checked_next_power_of_two().ok_or(AllocError::Overflow)?;
        if align_of::<T>() > align_of::<LaneWords>() {
            return Err(AllocError::Alignment { requested: align_of::<T>() });
        }
        let bytes = capacity.checked_mul(size_of::<T>()).ok_or(AllocError::Overflow)?;
        Ok(Self { block: LaneBlock::allocate(bytes)?, capacity, of: PhantomData })
    }

    /// The lane in `block`, if it has so many slots of that size.
    pub(super) fn adopt(
        block: std::sync::Arc<crate::segment::block::Block>,
        capacity: usize,
    ) -> Option<Self> {
        let bytes = capacity.checked_mul(size_of::<T>())?;
        if !capacity.is_power_of_two() || align_of::<T>() > align_of::<LaneWords>() {
            return None;
        }
        Some(Self { block: LaneBlock::adopt(block, bytes)?, capacity, of: PhantomData })
    }

    /// Gives the handle up to a message.
    pub(super) fn into_block(self) -> std::sync::Arc<crate::segment::block::Block> {
        self.block.into_block()
    }

    #[inline]
    pub(in crate::queue) fn words(&self) -> &LaneWords {
        self.block.words()
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The number of the slot at a position: below the capacity, whatever the position.
    #[inline]
    fn index(&self, position: u64) -> usize {
        position as usize & (self.capacity - 1)
    }

    /// The slot at a position.
    #[inline]
    fn at(&self, position: u64) -> NonNull<u8> {
        let offset = self.index(position) * size_of::<T>();
        // SAFETY: the slots have `capacity * size_of::<T>()` bytes, and `index` is below `capacity`.
        unsafe { self.block.slots().add(offset) }
    }

    /// How many of `count` slots follow each other from a position on, before the ring begins again.
    #[inline]
    fn run(&self, position: u64, count: usize) -> usize {
        count.min(self.capacity - self.index(position))
    }

    /// Copies `value` into a slot.
    #[inline]
    pub(super) fn put(&self, position: u64, value: &T) {
        // SAFETY: a slot of `size_of::<T>()` bytes, aligned to its size if that is a word's or less, and to a word if it is whole words,
        // since the first slot is aligned to 128. Other processes access it atomically, or not at all (I2 of the lane). `value` is plain:
        // as many initialised bytes.
        unsafe { slot::write(self.at(position), value) }
    }

    /// Puts any bytes, as many as an item has, into a slot.
    #[cfg(test)]
    pub(in crate::queue) fn put_bytes(&self, position: u64, bytes: &[u8]) {
        assert_eq!(bytes.len(), size_of::<T>());
        // SAFETY: as in `put`.
        unsafe { slot::copy_into::<T>(self.at(position).as_ptr(), bytes.as_ptr()) }
    }

    /// Copies the value out of a slot. `None`: its bytes are none.
    #[inline]
    pub(super) fn get(&self, position: u64) -> Option<T> {
        // SAFETY: as in `put`.
        unsafe { slot::read(self.at(position)) }
    }

    /// Copies `values`, at most `capacity` of them, into the slots from `position` on.
    pub(super) fn put_all(&self, position: u64, values: &[T]) {
        let (first, rest) = values.split_at(self.run(position, values.len()));
        for (position, part) in [(position, first), (0, rest)] {
            let from = part.as_ptr().cast::<u8>();
            // SAFETY: the part fits between the slot and the end of the slots (`run`), or at their beginning, being the rest of at most
            // `capacity`. As in `put` for who else accesses them.
            unsafe { sys::copy_in(self.at(position).as_ptr(), from, size_of_val(part)) };
        }
    }

    /// The `count` slots from `position` on, or as many as follow each other.
    #[inline]
    pub(super) fn in_place(&self, position: u64, count: usize) -> NonNull<[T]>
    where
        T: Element,
    {
        NonNull::slice_from_raw_parts(self.at(position).cast(), self.run(position, count))
    }

    /// Copies as many values as there are places, at most `capacity`, out of the slots from `position` on.
    pub(super) fn get_all(&self, position: u64, places: &mut [T])
    where
        T: Element,
    {
        let (first, rest) = places.split_at_mut(self.run(position, places.len()));
        for (position, part) in [(position, first), (0, rest)] {
            let to = part.as_mut_ptr().cast::<u8>();
            // SAFETY: as in `put_all`. The places are ours; whatever bytes come, they are elements.
            unsafe { sys::copy_out(to, self.at(position).as_ptr(), size_of_val(part)) };
        }
    }
}
