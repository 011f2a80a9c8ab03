//! Messages in private memory: there and back, and against bytes that mean harm.
#![allow(unsafe_code)] // lends private buffers to writers and readers

mod hostile;
mod mismeasured;
mod own_types;
mod round_trips;
#[cfg(feature = "serde")]
mod serialized;

use std::ptr::NonNull;

use super::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::container::Carried;

/// Lays `value` into a private buffer, as long as it measures itself; returns the buffer and whether that went well.
pub(crate) fn lay<M: Message>(value: M) -> (Vec<u8>, Result<Vec<Carried>, DecodeError>) {
    let mut measure = Measure::new();
    value.measure(&mut measure);
    // One byte in front, so that nothing in it is aligned by accident, and some behind that nobody may touch.
    let mut buffer = vec![0xA5; 1 + measure.total_bytes() + 16];
    let region = NonNull::from(&mut buffer[1..]).cast::<u8>();
    // SAFETY: the buffer has `total_bytes` bytes from there on, and is not used before `finish`.
    let mut to = unsafe { Writer::over(region, measure) };
    value.encode(&mut to);
    let finished = to.finish();
    let behind = buffer.split_off(1 + measure.total_bytes());
    assert_eq!(behind, [0xA5; 16], "written beyond the region");
    (buffer.split_off(1), finished)
}

/// Lays `value` into a private buffer, as a sender does.
pub(crate) fn encode<M: Message>(value: M) -> Result<(Vec<u8>, Vec<Carried>), DecodeError> {
    let (bytes, finished) = lay(value);
    Ok((bytes, finished?))
}

/// Rebuilds a value from a private buffer; returns it and how many bytes it left.
pub(crate) fn decode_part<M: Message>(
    bytes: &[u8],
    manifest: Vec<Carried>,
) -> (Result<M, DecodeError>, usize) {
    let mut buffer = vec![0; 3];
    buffer.extend_from_slice(bytes);
    let region = NonNull::from(&mut buffer[3..]).cast::<u8>();
    // SAFETY: the buffer has `bytes.len()` initialised bytes from there on, and is not used while the reader
    // is.
    let mut from = unsafe { Reader::over(region, bytes.len(), manifest) };
    let value = M::decode(&mut from);
    (value, from.remaining())
}

/// Rebuilds a value from a private buffer.
pub(crate) fn decode<M: Message>(bytes: &[u8], manifest: Vec<Carried>) -> Result<M, DecodeError> {
    decode_part(bytes, manifest).0
}

/// Sends a value to ourselves: it must be what it measures itself, byte for byte, and come back whole.
pub(crate) fn round_trip<M: Message>(value: M) -> M {
    let (bytes, manifest) = encode(value).expect("a value writes what it measures");
    let (value, left) = decode_part(&bytes, manifest);
    assert_eq!(left, 0, "a value reads what it wrote");
    value.expect("what was written is read")
}
