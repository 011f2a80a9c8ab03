//! Where guarded data lies: behind the control words of its lock, in one block.

#![allow(unsafe_code)] // fills the data before anybody else knows of it

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::guarded::Guarded;
use crate::algo::Form;
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::container::Use;

/// A handle to a block with a lock and what it guards. A clone is another one to the same block.
#[derive(Debug)]
pub(super) struct Place<T: ?Sized + Guarded> {
    bearing: Bearing,
    len: usize,
    of: PhantomData<fn() -> NonNull<T>>,
}

impl<T: ?Sized + Guarded> Place<T> {
    /// Takes a block for a lock of that form and `len` items, all zeroes.
    pub(super) fn zeroed(form: Form, len: usize) -> Result<Self, AllocError> {
        let layout = Layout::array::<T::Item>(len).map_err(|_| AllocError::Overflow)?;
        Ok(Self { bearing: Bearing::allocate(form, layout)?, len, of: PhantomData })
    }

    /// As [`Self::zeroed`], with a copy of `items`.
    pub(super) fn holding(form: Form, items: &[T::Item]) -> Result<Self, AllocError> {
        let this = Self::zeroed(form, items.len())?;
        let first = this.bearing.data().cast::<T::Item>();
        // SAFETY: `zeroed` made room for as many items there, aligned; the block is new, so nobody else reaches it, and
        // `items` lies elsewhere.
        unsafe { first.as_ptr().copy_from_nonoverlapping(items.as_ptr(), items.len()) };
        Ok(this)
    }

    #[inline]
    pub(super) fn bearing(&self) -> &Bearing {
        &self.bearing
    }

    /// The data. Who may reach it is for the lock to say.
    #[inline]
    pub(super) fn data(&self) -> NonNull<T> {
        T::at(self.bearing.data().cast(), self.len)
    }

    pub(super) fn measure(&self, measure: &mut Measure) {
        self.len.measure(measure);
        measure.handle();
    }

    pub(super) fn encode(self, to: &mut Writer<'_>, used: Use) {
        self.len.encode(to);
        to.shared(self.bearing.into_block(), used);
    }

    pub(super) fn decode(from: &mut Reader<'_>, form: Form, used: Use) -> Result<Self, DecodeError> {
        let len = usize::decode(from)?;
        let block = from.shared(used)?;
        let layout = Layout::array::<T::Item>(len).ok().filter(|_| T::is_len(len));
        layout
            .and_then(|layout| Bearing::adopt(block, form, layout))
            .map(|bearing| Self { bearing, len, of: PhantomData })
            .ok_or(DecodeError::Foreign("the block of a lock is not one of its kind and size"))
    }
}

impl<T: ?Sized + Guarded> Clone for Place<T> {
    fn clone(&self) -> Self {
        Self { bearing: self.bearing.clone(), len: self.len, of: PhantomData }
    }
}
