//! A region of shared memory while a message is laid into it.
#![allow(unsafe_code)] // writes through a raw pointer: other processes may map the same bytes

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use super::{DecodeError, Measure, Plain};
use crate::segment::block::Block;
use crate::segment::container::{Carried, Use};
use crate::segment::registration::Registration;
use crate::sys::copy::copy_in;

/// The place that a [`Message`](super::Message) is written to.
///
/// Writing more than was measured writes nothing more, and makes the message be refused.
#[derive(Debug)]
pub struct Writer<'a> {
    region: NonNull<u8>,
    measured: Measure,
    written: usize,
    manifest: Vec<Carried>,
    overflowed: bool,
    lent: PhantomData<&'a mut [u8]>,
}

// Invariants: `written <= measured.total_bytes()`, `manifest.len() <= measured.total_handles()`.

impl Writer<'_> {
    /// Starts a message at the beginning of `region`.
    ///
    /// # Safety
    /// - `region` is valid for reads and writes of `measured.total_bytes()` bytes for `'a`.
    /// - This process accesses these bytes by atomics at most meanwhile.
    pub(crate) unsafe fn over(region: NonNull<u8>, measured: Measure) -> Self {
        let manifest = Vec::with_capacity(measured.total_handles());
        Self { region, measured, written: 0, manifest, overflowed: false, lent: PhantomData }
    }

    /// Ends the message: returns the blocks that it carries, in order.
    ///
    /// # Errors
    /// [`DecodeError::Mismeasured`] if more was written than measured; the blocks are released.
    pub(crate) fn finish(self) -> Result<Vec<Carried>, DecodeError> {
        // Too few blocks would leave entries that nobody wrote.
        if self.overflowed || self.manifest.len() != self.measured.total_handles() {
            return Err(DecodeError::Mismeasured {
                measured: self.measured.total_bytes(),
                handles: self.measured.total_handles(),
            });
        }
        Ok(self.manifest)
    }

    /// Writes `bytes`.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let room = self.measured.total_bytes() - self.written;
        if self.overflowed || bytes.len() > room {
            self.overflowed = true;
            return;
        }
        // SAFETY: `written` is at most the region's length by the invariant, so the result stays in or at its
        // end.
        let at = unsafe { self.region.add(self.written) };
        // SAFETY: `bytes.len() <= room` by the check above, so the region has that much left, writable by
        // `over`'s contract; the two do not overlap, since nobody holds a reference into the region.
        unsafe { copy_in(at.as_ptr(), bytes.as_ptr(), bytes.len()) };
        self.written += bytes.len();
    }

    /// Writes a plain value: its bytes.
    pub fn plain<T: Plain>(&mut self, value: &T) {
        self.bytes(bytemuck::bytes_of(value));
    }

    /// Writes plain values by one copy, without their number.
    pub fn plain_slice<T: Plain>(&mut self, values: &[T]) {
        self.bytes(bytemuck::must_cast_slice(values));
    }

    /// Writes a sequence of `count` elements: its length, what `elements` writes, and zeros until every
    /// element took at least one byte. So the reader can hold the length against the bytes that are there.
    pub fn sequence(&mut self, count: usize, elements: impl FnOnce(&mut Self)) {
        self.plain(&(count as u64));
        let start = self.written;
        elements(self);
        const ZEROS: [u8; 64] = [0; 64];
        let mut filling = count.saturating_sub(self.written - start);
        while filling > 0 && !self.overflowed {
            let step = filling.min(ZEROS.len());
            self.bytes(&ZEROS[..step]);
            filling -= step;
        }
    }

    /// Hands over a block that nobody else holds.
    pub(crate) fn moved(&mut self, block: Block) {
        self.carry(Carried::Moved(block));
    }

    /// Hands over one of several handles to a block.
    pub(crate) fn shared(&mut self, block: Arc<Block>, used: Use) {
        self.carry(Carried::Shared(block, used));
    }

    /// Hands over a place at an end of a queue.
    pub(crate) fn end(&mut self, end: Registration) {
        self.carry(Carried::End(end));
    }

    fn carry(&mut self, block: Carried) {
        if self.overflowed || self.manifest.len() == self.measured.total_handles() {
            self.overflowed = true;
            return;
        }
        self.manifest.push(block);
    }
}
