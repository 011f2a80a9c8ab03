//! Memory that forked children share.
#![allow(unsafe_code)] // makes a reference to a mapping

use std::mem;
use std::ptr::NonNull;

use bytemuck::Zeroable;

use crate::support::by_hand::{map, unmap};

/// A `T` in a mapping of its own, which this process and all it forks from here on see alike.
///
/// Its destructor is never run: it belongs to several processes.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    place: NonNull<T>,
}

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        let place = map(false, size_of::<T>().max(1)).cast::<T>();
        assert!(place.is_aligned(), "a mapping begins at a page");
        // SAFETY: fresh memory, large enough, aligned as just seen, and not yet known to anybody.
        unsafe { place.write(value) };
        Self { place }
    }

    /// All of it zero, as the kernel gives it, however large.
    pub(crate) fn zeroed() -> Self
    where
        T: Zeroable,
    {
        let place = map(false, size_of::<T>().max(1)).cast::<T>();
        assert!(place.is_aligned(), "a mapping begins at a page");
        Self { place }
    }

    /// A value of this kind, for as long as this process and its children live.
    pub(crate) fn forever(value: T) -> &'static T {
        let shared = Self::new(value);
        // SAFETY: the mapping holds a `T`, and is never ended: `forget` follows.
        let value = unsafe { shared.place.as_ref() };
        mem::forget(shared);
        value
    }
}

impl<T> std::ops::Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mapping holds a `T` until `self` is dropped; whoever changes it uses interior mutability.
        unsafe { self.place.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        unmap(self.place.cast(), size_of::<T>().max(1));
    }
}

// SAFETY: it owns its `T` as a box does, and only ever lends it as `&T`.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Shared<T> {}
