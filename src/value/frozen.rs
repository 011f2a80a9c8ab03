//! An array that nobody writes any more, for many readers.
#![allow(unsafe_code)] // hands out slices of the block that the handles share

use std::marker::PhantomData;
use std::ops::Deref;
use std::slice;
use std::sync::Arc;

use super::array;
use crate::message::{DecodeError, Element, Measure, Message, Reader, Writer};
use crate::segment::block::Block;
use crate::segment::container::Use;

/// An array that nobody writes any more: a table, an image, a training set that many processes read at once.
///
/// Made by [`Array::freeze`](crate::Array::freeze). A clone is another handle to the same memory, which is
/// freed when the last one is gone, in whatever process. It derefs to a slice.
///
/// # Examples
/// ```
/// use procshare::{Array, Process};
///
/// let primes = Array::from_slice(&[2_u64, 3, 5, 7, 11])?.freeze();
/// let children: Vec<Process<u64>> = (0..2)
///     .map(|i| {
///         let primes = primes.clone();
///         Process::spawn(move || primes.iter().skip(i).step_by(2).sum())
///     })
///     .collect::<Result<_, _>>()?;
/// let mut total = 0;
/// for child in children {
///     total += child.join()?;
/// }
/// assert_eq!(total, 28);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Frozen<T: Element> {
    block: Arc<Block>,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Element> Frozen<T> {
    pub(super) fn of_block(block: Arc<Block>, len: usize) -> Self {
        Self { block, len, of: PhantomData }
    }
}

impl<T: Element> Clone for Frozen<T> {
    /// Makes another handle to the same memory.
    fn clone(&self) -> Self {
        Self::of_block(Arc::clone(&self.block), self.len)
    }
}

impl<T: Element> Deref for Frozen<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let start = array::start::<T>(&self.block, self.len);
        // SAFETY: the block was laid out for `len` elements (in `Array`) or found to fit them (in `decode`):
        // aligned, initialised memory, valid while `self.block` is held, and any bytes are a `T` (`Element`).
        // Nobody writes: the array that owned it was given up by `freeze`, and no handle of a frozen block
        // writes.
        unsafe { slice::from_raw_parts(start.as_ptr(), self.len) }
    }
}

/// The handle travels, not the elements: sender and receiver read the same memory.
impl<T: Element> Message for Frozen<T> {
    fn measure(&self, measure: &mut Measure) {
        self.len.measure(measure);
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.len.encode(to);
        to.shared(self.block, Use::Frozen);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = usize::decode(from)?;
        let block = from.shared(Use::Frozen)?;
        if !array::fits::<T>(&block, len) {
            return Err(DecodeError::Foreign("the block of a frozen array is too small for it"));
        }
        Ok(Self::of_block(block, len))
    }
}
