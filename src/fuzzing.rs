//! What the fuzz targets reach of the inside: decoders, over private memory; and the words and the bytes of a channel.
//!
//! Part of no ordinary build, and no promise to anybody.
#![allow(unsafe_code)] // lends private buffers to writers and readers; writes where a scribbler would

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::Channel;
use crate::algo::{Form, PoisonLock};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::bearing::Bearing;
use crate::segment::container::Carried;
use crate::shim::{AtomicU64, Ordering::Relaxed};

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

/// Bytes that the channel of [`channel_ring`] has room for.
const ROOM: usize = 2000;

/// Makes a channel, says that its head and its tail stand there, with `bytes` from the head on, and receives whatever that gives; sends
/// some messages then, and receives these.
///
/// # Panics
/// If there is no memory for a channel.
pub fn channel_ring<M: Message>(head: u64, tail: u64, bytes: &[u8]) {
    let channel = Channel::<M>::bounded(ROOM).expect("a channel");
    let bearing = bearing_of(channel.clone());
    let ring = bearing.fifo().capacity.load(Relaxed);
    for (index, byte) in bytes.iter().take(ring as usize).enumerate() {
        let offset = head.wrapping_add(index as u64) % ring;
        // SAFETY: below the length of the ring, which the block has behind the control words.
        unsafe { bearing.data().add(offset as usize).write(*byte) };
    }
    // The position stands behind the lock, at the start of each side; the receive side is the second.
    for (side, position) in [(0, tail), (1, head)] {
        let offset = side * 128 + size_of::<PoisonLock>();
        // SAFETY: the block begins with the words of a queue, which are longer than that.
        let word = unsafe { bearing.block().as_ptr().add(offset) };
        // SAFETY: as above; they are aligned, and made of atomics.
        unsafe { word.cast::<AtomicU64>().as_ref() }.store(position, Relaxed);
    }
    // No more frames than have a header each; a damaged one stays where it is.
    for _ in 0..ring / 8 {
        if channel.try_recv().is_err() && channel.is_empty() {
            break;
        }
    }
    let parts = [head, tail].map(|position| position as usize % ROOM);
    for len in parts {
        let mut piece = bytes.to_vec();
        piece.truncate(len);
        if let Ok(message) = decode::<M>(&piece) {
            let _ = channel.try_send(message);
        }
        let _ = channel.try_recv();
    }
}

/// The block of a channel.
fn bearing_of<M: Message>(channel: Channel<M>) -> Bearing {
    let mut measure = Measure::new();
    channel.measure(&mut measure);
    let mut region = vec![0; measure.total_bytes()].into_boxed_slice();
    let start = NonNull::from(&mut *region).cast::<u8>();
    // SAFETY: `region` has `total_bytes` bytes, outlives the writer, and is not used while the writer is.
    let mut to = unsafe { Writer::over(start, measure) };
    channel.encode(&mut to);
    let carried = to.finish().expect("a handle writes what it measures").pop();
    let Some(Carried::Shared(block, _)) = carried else { panic!("a channel travels as a shared block") };
    let words = Bearing::adopt_at_least(block.clone(), Form::Queue).expect("a queue");
    let ring = words.fifo().capacity.load(Relaxed) as usize;
    let data = Layout::from_size_align(ring, 128).expect("a small ring");
    Bearing::adopt(block, Form::Queue, data).expect("a channel")
}
