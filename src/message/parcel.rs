//! Packing a message into shared memory, and unpacking it.

#![allow(unsafe_code)] // hands writers and readers the memory they work on

use std::ptr::NonNull;

use super::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::{Container, Delivery, Undelivered};
use crate::segment::member;

/// Why a message was not packed.
#[derive(Debug)]
pub(crate) enum PackError<M> {
    /// There was no memory. The message is back, unless it was lost half way through its blocks.
    Refused { error: AllocError, message: Option<M> },
    /// Its type measures otherwise than it writes. The message is lost.
    Mismeasured(DecodeError),
}

pub(super) fn measured<M: Message>(message: &M) -> Measure {
    let mut measure = Measure::default();
    message.measure(&mut measure);
    measure
}

/// How many bytes of payload a message takes.
pub(crate) fn size_of_message<M: Message>(message: &M) -> usize {
    measured(message).total_bytes()
}

/// Packs a message. Refused memory gives it back.
pub(crate) fn pack<M: Message>(message: M) -> Result<Container, PackError<M>> {
    let measure = measured(&message);
    let container = match Container::allocate(measure.total_bytes(), measure.total_handles()) {
        Ok(container) => container,
        Err(error) => return Err(PackError::Refused { error, message: Some(message) }),
    };
    // SAFETY: `Container::allocate` made room for as many bytes of payload as `measure` counts, which nobody else knows of.
    let mut writer = unsafe { Writer::over(container.payload(), measure) };
    message.encode(&mut writer);
    let carried = writer.finish().map_err(PackError::Mismeasured)?;
    container.seal(carried).map_err(|error| PackError::Refused { error, message: None })
}

/// Writes a message that needs no blocks and at most `room` bytes to `region`. Returns how many bytes, or the message.
///
/// # Errors
/// The message, if it needs more; inside, [`DecodeError::Mismeasured`] if it measures otherwise than it writes.
///
/// # Safety
/// - `region` is valid for writes of `room` bytes, and nobody else writes there meanwhile.
pub(crate) unsafe fn pack_inline<M: Message>(
    message: M,
    region: NonNull<u8>,
    room: usize,
) -> Result<Result<usize, DecodeError>, M> {
    let measure = measured(&message);
    if measure.total_bytes() > room || measure.total_handles() > 0 {
        return Err(message);
    }
    // SAFETY: the caller grants `room` bytes, and the message takes no more.
    let mut writer = unsafe { Writer::over(region, measure) };
    message.encode(&mut writer);
    Ok(writer.finish().map(|_| measure.total_bytes()))
}

/// Reads the message that was delivered.
pub(crate) fn unpack<M: Message>(delivery: Delivery) -> Result<M, DecodeError> {
    let (container, payload, len, carried) = delivery.open().map_err(|undelivered| match undelivered {
        Undelivered::StillInUse => DecodeError::StillInUse,
        Undelivered::Damaged => DecodeError::Foreign("a block of the message is not the sender's"),
    })?;
    // SAFETY: `open` returned a payload of `len` bytes inside `container`, which is kept until after the reading.
    let mut reader = unsafe { Reader::over(payload, len, carried) };
    let message = M::decode(&mut reader);
    drop(container);
    message
}

/// Reads a message back that nobody took over. What is dropped with the container then is what was not in it.
pub(crate) fn take_back<M: Message>(container: &Container) -> Option<M> {
    let delivery = Delivery::adopt(container.unit(), member::seat()?, false).ok()?;
    unpack(delivery).ok()
}

/// Reads a message that needs no blocks from private memory.
pub(crate) fn unpack_inline<M: Message>(bytes: &mut [u8]) -> Result<M, DecodeError> {
    let start = NonNull::from(&mut *bytes).cast();
    // SAFETY: the bytes are readable, and lent until after the reading.
    let mut reader = unsafe { Reader::over(start, bytes.len(), Vec::new()) };
    M::decode(&mut reader)
}
