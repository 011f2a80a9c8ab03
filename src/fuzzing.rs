//! What the fuzz targets reach of the inside: decoders, over private memory.
//!
//! Part of no ordinary build, and no promise to anybody.
#![allow(unsafe_code)] // lends private buffers to writers and readers

use std::ptr::NonNull;

use crate::message::{DecodeError, Measure, Message, Reader, Writer};

/// Decodes `bytes`, with no blocks beside them.
///
/// # Errors
/// Whatever the decoder finds wrong with them.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    // A buffer of its own, so that the sanitizer sees a read beyond its end.
    let mut region = bytes.to_vec().into_boxed_slice();
    let start = NonNull::from(&mut *region).cast::<u8>();
    // SAFETY: `region` has `bytes.len()` initialised bytes, outlives the reader, and is not used while the reader is.
    let mut from = unsafe { Reader::over(start, bytes.len(), Vec::new()) };
    M::decode(&mut from)
}

/// Encodes `message`, which carries no blocks, into as many bytes as it measures.
///
/// # Errors
/// Those of a message that writes something else than it measured.
pub fn encode<M: Message>(message: M) -> Result<Vec<u8>, DecodeError> {
    let mut measure = Measure::new();
    message.measure(&mut measure);
    let mut region = vec![0; measure.total_bytes()].into_boxed_slice();
    let start = NonNull::from(&mut *region).cast::<u8>();
    // SAFETY: `region` has `total_bytes` bytes, outlives the writer, and is not used while the writer is.
    let mut to = unsafe { Writer::over(start, measure) };
    message.encode(&mut to);
    to.finish()?;
    Ok(region.into_vec())
}
