//! Arithmetic on shared integers, in one step.

use super::{Cells, Value, word};
use crate::message::Element;
use crate::message::Plain;

/// The integers that [`Value`] and [`Cells`] do arithmetic on: `u8` to `u64`, `i8` to `i64`, `usize`,
/// `isize`.
pub trait Integer: Plain + Element + Ord + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! integers {
    ($($int:ty)+) => {$(
        impl sealed::Sealed for $int {}
        impl Integer for $int {}
    )+};
}

integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

/// Writes each operation once for both: a value, and one of many cells.
macro_rules! arithmetic {
    ($($(#[$doc:meta])+ $operation:ident)+) => {
        impl<T: Integer> Value<T> {
            $(
                $(#[$doc])+
                ///
                /// Never blocks.
                #[inline]
                pub fn $operation(&self, operand: T) -> T {
                    word::from_bits(self.word().$operation(word::to_bits(&operand)))
                }
            )+
        }

        impl<T: Integer> Cells<T> {
            $(
                $(#[$doc])+
                ///
                /// Never blocks.
                ///
                /// # Panics
                /// If `index` is out of bounds.
                #[inline]
                #[track_caller]
                pub fn $operation(&self, index: usize, operand: T) -> T {
                    word::from_bits(self.word(index).$operation(word::to_bits(&operand)))
                }
            )+
        }
    };
}

arithmetic! {
    /// Adds `operand`, wrapping around at the type's limits, and returns the value before.
    fetch_add
    /// Subtracts `operand`, wrapping around at the type's limits, and returns the value before.
    fetch_sub
    /// Combines with `operand` by a bitwise "and", and returns the value before.
    fetch_and
    /// Combines with `operand` by a bitwise "or", and returns the value before.
    fetch_or
    /// Combines with `operand` by a bitwise "exclusive or", and returns the value before.
    fetch_xor
}

impl<T: Integer> Value<T> {
    /// Raises the value to `operand` if that is larger, and returns the value before.
    ///
    /// Never blocks.
    #[inline]
    pub fn fetch_max(&self, operand: T) -> T {
        self.update(|value| value.max(operand))
    }

    /// Lowers the value to `operand` if that is smaller, and returns the value before.
    ///
    /// Never blocks.
    #[inline]
    pub fn fetch_min(&self, operand: T) -> T {
        self.update(|value| value.min(operand))
    }
}

impl<T: Integer> Cells<T> {
    /// Raises the element at `index` to `operand` if that is larger, and returns the element before.
    ///
    /// Never blocks.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    #[inline]
    #[track_caller]
    pub fn fetch_max(&self, index: usize, operand: T) -> T {
        self.update(index, |value| value.max(operand))
    }

    /// Lowers the element at `index` to `operand` if that is smaller, and returns the element before.
    ///
    /// Never blocks.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    #[inline]
    #[track_caller]
    pub fn fetch_min(&self, index: usize, operand: T) -> T {
        self.update(index, |value| value.min(operand))
    }
}
