//! An array for a while as elements that everybody writes, one at a time.
#![allow(unsafe_code)] // turns a borrowed slice into atomics

use std::cell::UnsafeCell;
use std::fmt;
use std::ptr::{self, NonNull};

use super::word::{self, Word};
use crate::message::Element;

/// An array, lent as cells: single elements that many processes and threads read and write at the same time.
///
/// Made by [`Array::cells`](crate::Array::cells), which has an example. While the cells are lent, the array
/// is not accessible otherwise. Elements are of 1, 2, 4 or 8 bytes; each is an atomic, read by `load` and
/// written by `store`, which acquire and release like the operations of [`Value`](crate::Value).
#[repr(transparent)]
pub struct Cells<T: Element> {
    cells: [UnsafeCell<T>],
}

// SAFETY: after `of`, elements are accessed by atomics only, and go from thread to thread by copy (`T:
// Send`).
unsafe impl<T: Element> Sync for Cells<T> {}

impl<T: Element> Cells<T> {
    /// Lends the elements of an array, each of them aligned to its size.
    pub(super) fn of(elements: &mut [T]) -> &Self {
        const {
            assert!(
                matches!(size_of::<T>(), 1 | 2 | 4 | 8),
                "cells are single words: their elements must be of 1, 2, 4 or 8 bytes"
            );
        }
        debug_assert_eq!(elements.as_ptr().addr() % size_of::<T>(), 0, "arrays are aligned to 8");
        let cells = ptr::from_mut(elements) as *const Self;
        // SAFETY: `Self` is laid out as `[T]` (`repr(transparent)`, twice). The exclusive borrow is given up
        // for the shared one of the same lifetime, so for as long nobody accesses the elements but through
        // the cells.
        unsafe { &*cells }
    }

    /// The element at `index`.
    #[inline]
    #[track_caller]
    pub(super) fn word(&self, index: usize) -> Word<'_> {
        let at = NonNull::from(&self.cells[index]).cast::<u8>();
        // SAFETY: the element is borrowed with `self` and initialised, within an `UnsafeCell`; it is aligned
        // to its size, which is one of the four widths, since arrays are aligned to 8. Cells access it by
        // `Word` only.
        unsafe { Word::at(at, size_of::<T>()) }
    }

    /// Returns how many elements there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Returns the element at `index`. Never blocks.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    #[inline]
    #[track_caller]
    pub fn load(&self, index: usize) -> T {
        word::from_bits(self.word(index).load())
    }

    /// Makes `value` the element at `index`. Never blocks.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    #[inline]
    #[track_caller]
    pub fn store(&self, index: usize, value: T) {
        self.word(index).store(word::to_bits(&value));
    }

    /// Makes `value` the element at `index`, and returns the one before. Never blocks.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    #[inline]
    #[track_caller]
    pub fn swap(&self, index: usize, value: T) -> T {
        word::from_bits(self.word(index).swap(word::to_bits(&value)))
    }

    /// Changes the element at `index` to `next(element)`, and returns the one before.
    ///
    /// Never blocks. `next` is called again if somebody else changed the element meanwhile; if it panics, the
    /// element stays as it was.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    #[inline]
    #[track_caller]
    pub fn update(&self, index: usize, mut next: impl FnMut(T) -> T) -> T {
        let word = self.word(index);
        loop {
            let seen = word.load();
            let value = word::from_bits(seen);
            if word.exchange(seen, word::to_bits(&next(value))) {
                return value;
            }
        }
    }

    /// Makes `new` the element at `index` if it is `current` now. The two are compared bit by bit. Never
    /// blocks.
    ///
    /// # Errors
    /// The element as it is, if that is not `current`; nothing was changed.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    #[inline]
    #[track_caller]
    pub fn compare_exchange(&self, index: usize, current: T, new: T) -> Result<T, T> {
        let word = self.word(index);
        loop {
            let seen = word.load();
            if seen != word::to_bits(&current) {
                return Err(word::from_bits(seen));
            }
            if word.exchange(seen, word::to_bits(&new)) {
                return Ok(current);
            }
        }
    }
}

impl<T: Element + fmt::Debug> fmt::Debug for Cells<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).map(|index| self.load(index))).finish()
    }
}
