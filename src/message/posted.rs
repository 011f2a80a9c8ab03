//! Packing a message for a queue, and unpacking what came out of one.

#![allow(unsafe_code)] // hands writers and readers the memory they work on

use std::ptr::NonNull;

use super::parcel::measured;
use super::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::{Carried, Container};
use crate::segment::envelope::{Envelope, Unsealed, Why};

/// Messages of at most so many bytes, without handles, are copied into the queue itself: two copies cost less than a block.
pub(crate) const INLINE_MOST: usize = 4096;

/// A message that is ready to be sent.
#[derive(Debug)]
pub(crate) enum Packed {
    /// Its bytes.
    Small(Vec<u8>),
    /// A block of its own.
    Large(Envelope),
}

/// Why a message was not packed. It is back, unless it is lost.
#[derive(Debug)]
pub(crate) struct Unpacked<M> {
    pub(crate) message: Option<M>,
    pub(crate) why: Misfit,
}

/// See [`Unpacked`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// There is no memory for it.
    Refused(AllocError),
    /// It takes more bytes than it may.
    TooLarge,
    /// A handle inside is only a copy.
    Borrowed,
    /// Its type measures otherwise than it writes.
    Mismeasured(DecodeError),
}

/// Packs a message of `most` bytes at most.
pub(crate) fn pack<M: Message>(message: M, most: usize) -> Result<Packed, Unpacked<M>> {
    pack_message(message, most, Some(INLINE_MOST))
}

/// Packs a message into a block of its own, however small it is.
pub(crate) fn pack_apart<M: Message>(message: M) -> Result<Envelope, Unpacked<M>> {
    match pack_message(message, usize::MAX, None)? {
        Packed::Large(envelope) => Ok(envelope),
        Packed::Small(_) => Err(Unpacked { message: None, why: Misfit::TooLarge }), // `None` leaves no room for it
    }
}

fn pack_message<M: Message>(message: M, most: usize, small: Option<usize>) -> Result<Packed, Unpacked<M>> {
    let measure = measured(&message);
    let mut message = Some(message);
    let encode = |to: &mut Writer<'_>| {
        if let Some(message) = message.take() {
            message.encode(to);
        }
    };
    match pack_or_return(measure, most, small, encode) {
        Ok(packed) => Ok(packed),
        Err((why, None)) => Err(Unpacked { message, why }),
        Err((why, Some(rest))) => {
            let Unsealed { container, carried, .. } = *rest;
            // SAFETY: the payload, of as many bytes as were measured, was just written; the container is kept until after the reading.
            let message = unsafe { rebuild(container.payload(), measure.total_bytes(), carried) }.ok();
            drop(container);
            Err(Unpacked { message, why })
        }
    }
}

/// Packs what `encode` writes, of `most` bytes at most.
pub(crate) fn pack_by(
    measure: Measure,
    most: usize,
    encode: impl FnOnce(&mut Writer<'_>),
) -> Result<Packed, Misfit> {
    pack_or_return(measure, most, Some(INLINE_MOST), encode).map_err(|(why, _)| why)
}

/// As [`pack_by`], where messages of at most `small` bytes get no block; an error gives back what was encoded, if it was, and is not lost.
fn pack_or_return(
    measure: Measure,
    most: usize,
    small: Option<usize>,
    encode: impl FnOnce(&mut Writer<'_>),
) -> Result<Packed, (Misfit, Option<Box<Unsealed>>)> {
    let (bytes, handles) = (measure.total_bytes(), measure.total_handles());
    if bytes > most {
        return Err((Misfit::TooLarge, None));
    }
    let mismeasured = |error| (Misfit::Mismeasured(error), None);
    if handles == 0 && small.is_some_and(|small| bytes <= small) {
        let mut room = vec![0; bytes];
        // SAFETY: the vector is valid for `bytes` bytes until after the writing, and this process's alone.
        let mut writer = unsafe { Writer::over(NonNull::from(room.as_mut_slice()).cast(), measure) };
        encode(&mut writer);
        writer.finish().map_err(mismeasured)?;
        return Ok(Packed::Small(room));
    }
    let container = Container::allocate(bytes, handles).map_err(|error| (Misfit::Refused(error), None))?;
    // SAFETY: `Container::allocate` made room for as many bytes of payload as `measure` counts, which nobody else knows of.
    let mut writer = unsafe { Writer::over(container.payload(), measure) };
    encode(&mut writer);
    let carried = writer.finish().map_err(mismeasured)?;
    match Envelope::seal(container, carried) {
        Ok(envelope) => Ok(Packed::Large(envelope)),
        Err(unsealed) => {
            let why = match unsealed.why {
                Why::Refused(error) => Misfit::Refused(error),
                Why::Borrowed => Misfit::Borrowed,
            };
            Err((why, Some(unsealed)))
        }
    }
}

impl Packed {
    /// Bytes of the message.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Small(bytes) => bytes.len(),
            Self::Large(envelope) => envelope.payload().1,
        }
    }

    /// Rebuilds the message: one that was received, or was not sent after all.
    pub(crate) fn unpack<M: Message>(self) -> Result<M, DecodeError> {
        match self {
            Self::Small(mut bytes) => {
                let start = NonNull::from(bytes.as_mut_slice()).cast();
                // SAFETY: the vector is readable for its length, and kept until after the reading.
                unsafe { rebuild(start, bytes.len(), Vec::new()) }
            }
            Self::Large(mut envelope) => {
                let carried =
                    envelope.open().ok_or(DecodeError::Foreign("a block of the message is not its own"))?;
                let (payload, len) = envelope.payload();
                // SAFETY: the envelope is kept until after the reading.
                unsafe { rebuild(payload, len, carried) }
            }
        }
    }
}

/// Reads a message from `len` bytes at `payload` and the blocks that go with them.
///
/// # Safety
/// - `payload` is valid for reads and writes of `len` initialised bytes, which this process accesses by atomics at most meanwhile.
unsafe fn rebuild<M: Message>(
    payload: NonNull<u8>,
    len: usize,
    carried: Vec<Carried>,
) -> Result<M, DecodeError> {
    // SAFETY: the caller's.
    let mut reader = unsafe { Reader::over(payload, len, carried) };
    M::decode(&mut reader)
}
