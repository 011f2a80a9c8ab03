//! Memory of the arena that this process lends to its workers, as a place in a message.

#![allow(unsafe_code)] // slices at places that a message names

use std::ptr::NonNull;
use std::slice;

use bytemuck::{AnyBitPattern, NoUninit};

use super::member;

/// Where so many elements lie, the same in every process of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Bytes from the start of the arena.
    pub(crate) offset: u64,
    /// Elements.
    pub(crate) len: u64,
}

impl Region {
    /// The place of `elements`. `None`: they are not in the arena.
    pub(crate) fn of<T>(elements: &[T]) -> Option<Self> {
        let len = elements.len() as u64;
        if size_of_val(elements) == 0 {
            return Some(Self { offset: 0, len }); // anywhere
        }
        let (arena, _) = member::membership()?;
        let offset = arena.offset_of(elements.as_ptr().cast(), size_of_val(elements))?;
        Some(Self { offset, len })
    }

    /// Where `count` of the elements, from `first` on, lie. `None`: the place is not one for them, as only damaged words say.
    fn find<T>(self, first: usize, count: usize) -> Option<*mut T> {
        let end = first.checked_add(count).filter(|end| *end as u64 <= self.len)?;
        let bytes = (end as u64).checked_mul(size_of::<T>() as u64)?;
        if bytes == 0 {
            return Some(NonNull::dangling().as_ptr());
        }
        let (arena, _) = member::membership()?;
        let start = arena.data_at(self.offset, bytes)?.cast::<T>();
        // SAFETY: `first` elements are inside the `bytes` that `data_at` found to be in the mapping.
        let at = unsafe { start.add(first) };
        at.is_aligned().then_some(at.as_ptr())
    }

    /// `count` of the elements, from `first` on.
    ///
    /// # Safety
    /// - Whoever made the region lends the elements to this process for `'a`: nobody writes to them.
    pub(crate) unsafe fn lent<'a, T: AnyBitPattern>(self, first: usize, count: usize) -> Option<&'a [T]> {
        let at = self.find::<T>(first, count)?;
        // SAFETY: `find` found them in the mapping, aligned; any bytes are a value. That nobody writes is the caller's promise.
        Some(unsafe { slice::from_raw_parts(at, count) })
    }

    /// `count` of the elements, from `first` on, to be written.
    ///
    /// # Safety
    /// - Whoever made the region lends these elements to the caller for `'a`, and to nobody else.
    pub(crate) unsafe fn lent_mut<'a, T: AnyBitPattern + NoUninit>(
        self,
        first: usize,
        count: usize,
    ) -> Option<&'a mut [T]> {
        let at = self.find::<T>(first, count)?;
        // SAFETY: as in `lent`; that nobody else has them is the caller's promise.
        Some(unsafe { slice::from_raw_parts_mut(at, count) })
    }
}
