//! What may lie under a lock: a value, or a slice of any length.

use std::ptr::NonNull;

use crate::message::Element;

/// What a lock of this module may guard: any [`Element`], or a slice of them.
///
/// The guard hands out references into shared memory, so every bit pattern must be a value. `Mutex<[f64]>` is an array that is
/// locked as a whole.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be guarded by a lock in shared memory",
    label = "neither an `Element` nor a slice of them",
    note = "guarded data is of fixed size, without pointers and padding, and every bit pattern is a value of it",
    note = "for a struct of your own: `#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]` and `#[repr(C)]`",
    note = "`bool`, `char` and enums have invalid bit patterns: keep them as integers (`u8`, `u32`) under the lock",
    note = "for many values of one type guard a slice: `Mutex::<[f64]>::zeroed(1000)`"
)]
pub trait Guarded: Shape {}

#[diagnostic::do_not_recommend] // so that the message above is what is seen
impl<T: Shape + ?Sized> Guarded for T {}

/// How a value or a slice lies in memory.
pub trait Shape {
    /// What it consists of.
    type Item: Element;

    /// The value of `len` items that begins at `first`.
    fn at(first: NonNull<Self::Item>, len: usize) -> NonNull<Self>;

    /// Whether so many items are one.
    fn is_len(len: usize) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: Element> Shape for T {
    type Item = T;

    #[inline]
    fn at(first: NonNull<T>, _len: usize) -> NonNull<T> {
        first
    }

    fn is_len(len: usize) -> bool {
        len == 1
    }
}

#[diagnostic::do_not_recommend]
impl<T: Element> Shape for [T] {
    type Item = T;

    #[inline]
    fn at(first: NonNull<T>, len: usize) -> NonNull<[T]> {
        NonNull::slice_from_raw_parts(first, len)
    }

    fn is_len(_len: usize) -> bool {
        true
    }
}
