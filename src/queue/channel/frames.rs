//! Where the frames of a channel lie, and how one is put in and taken out.

#![allow(unsafe_code)] // frames at places that are computed here

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use super::frame::{self, Frame, HEADER, LARGE};
use crate::algo::{End, Form, Held};
use crate::message::posted::Packed;
use crate::queue::attendance::Store;
use crate::queue::conduit::{Conduit, Patience, Turn};
use crate::queue::error::{NotReceived, NotSent};
use crate::segment::AllocError;
use crate::segment::block::Block;
use crate::segment::chain::{Chain, ChainError, Known, POSTED};
use crate::segment::envelope::Envelope;
use crate::segment::member::ArenaPark;
use crate::shim::Ordering::{Relaxed, Release};

/// A channel: its control words, and its bytes.
#[derive(Clone, Debug)]
pub(in crate::queue) struct Frames {
    conduit: Conduit,
    known: Known,
}

/// The most that a bounded channel may be asked to hold.
const MOST: usize = 1 << 40;

fn layout(ring: u64) -> Option<Layout> {
    if ring == 0 {
        return Some(Layout::new::<()>());
    }
    let bytes = usize::try_from(ring).ok().filter(|ring| ring.is_multiple_of(2 * LARGE))?;
    Layout::from_size_align(bytes, 128).ok()
}

/// Bytes of the ring of a channel for messages of `capacity` bytes.
fn ring_for(capacity: usize) -> Option<u64> {
    // A frame never wraps. Twice the largest one is enough for it, wherever the tail stands.
    (capacity <= MOST).then(|| 2 * (LARGE + capacity).next_multiple_of(LARGE) as u64)
}

/// Senders that are woken when room comes free: they want different amounts, and whom it is enough for they know.
const ALL: u64 = u64::MAX;

/// A head and a tail that are farther apart than that make no sense, in a channel without bounds.
const UNBOUNDED: u64 = 1 << 62;

impl Frames {
    /// Makes a channel for messages of `capacity` bytes; `None`: without bounds.
    pub(super) fn new(capacity: Option<usize>) -> Result<Self, AllocError> {
        let ring = match capacity {
            None => 0,
            Some(capacity) => ring_for(capacity).ok_or(AllocError::Overflow)?,
        };
        let data = layout(ring).ok_or(AllocError::Overflow)?;
        Ok(Self::of(Conduit::new(Form::Queue, ring, 0, data)?))
    }

    /// The handle for a channel that came in a message. `None`: it is none.
    pub(super) fn adopt(block: Arc<Block>) -> Option<Self> {
        Conduit::adopt(block, Form::Queue, 0, layout).map(Self::of)
    }

    fn of(conduit: Conduit) -> Self {
        Self { conduit, known: Known::default() }
    }

    pub(super) fn into_conduit(self) -> Conduit {
        self.conduit
    }

    fn is_bounded(&self) -> bool {
        self.conduit.capacity() != 0
    }

    /// Bytes of the largest message.
    pub(super) fn most(&self) -> usize {
        if self.is_bounded() { self.conduit.capacity() as usize / 2 - LARGE } else { usize::MAX }
    }

    fn chain(&self) -> Option<Chain<'_>> {
        Some(Chain::of(Conduit::arena()?, self.conduit.bearing().fifo(), self.conduit.id(), 1, &self.known))
    }

    /// The byte at `position` of the ring of a bounded channel.
    fn place(&self, position: u64) -> NonNull<u8> {
        let offset = self.offset(position) as usize;
        // SAFETY: below the length of the ring, which lies behind the control words: `new` allocated it, `adopt` held the block
        // against it.
        unsafe { self.conduit.bearing().data().add(offset) }
    }

    /// Bytes of the ring before that at `position`.
    fn offset(&self, position: u64) -> u64 {
        position % self.conduit.capacity().max(1)
    }

    /// Sends a message that was packed; gives it back if it was not sent.
    pub(super) fn send(
        &self,
        packed: Packed,
        ends: bool,
        patience: Patience,
    ) -> Result<(), (Packed, NotSent)> {
        let mut packed = Some(packed);
        let sent = self.conduit.take_turns(End::Send, ends, patience, |held| self.put(held, &mut packed));
        match (sent, packed) {
            (Ok(()), _) => Ok(()),
            (Err(why), Some(packed)) => Err((packed, why)),
            (Err(why), None) => Err((Packed::Small(Vec::new()), why)), // posted and not sent: the memory is damaged
        }
    }

    /// Puts the message in, one commit. It is gone from `packed` then.
    fn put(&self, held: &mut Held<'_, '_, ArenaPark>, packed: &mut Option<Packed>) -> Turn<(), NotSent> {
        if self.conduit.fifo().is_closed() {
            return Turn::Stop(NotSent::Closed);
        }
        let Some(message) = packed.as_ref() else { return Turn::Stop(NotSent::Corrupt) };
        let tail = held.position();
        let frame = match message {
            Packed::Small(bytes) => Frame::Small(bytes.len()),
            // Only a bound needs its bytes to count.
            Packed::Large(_) => Frame::Large(if self.is_bounded() { message.len() } else { 0 }),
        };
        let (at, begin) = match self.room(held, tail, frame.span()) {
            Turn::Done(found) => found,
            Turn::Wait(seen) => return Turn::Wait(seen),
            Turn::Stop(why) => return Turn::Stop(why),
        };
        // SAFETY: `room` found as many bytes there as the frame spans, aligned to 8; others access them by atomics, as this process
        // does.
        unsafe { frame.write(at) };
        // SAFETY: the frame is longer than its header.
        let body = unsafe { at.add(HEADER) };
        match packed.take() {
            Some(Packed::Small(bytes)) => {
                // SAFETY: as above; the frame spans these bytes.
                unsafe { frame::write_bytes(body, &bytes) };
            }
            Some(Packed::Large(envelope)) => {
                // Given to the queue before the commit, so that a committed message is nobody's that may be swept.
                let unit = envelope.unit();
                held.place()[POSTED].store(unit + 1, Release); // Y1: who finds it named finds this side held
                if envelope.post(self.conduit.id(), begin).is_none() {
                    return Turn::Stop(NotSent::Corrupt);
                }
                // SAFETY: as above; a LARGE frame spans a word more.
                unsafe { frame::write_word(body, unit) };
            }
            None => {}
        }
        held.commit(begin.wrapping_add(frame.span()), 1);
        if let Frame::Large(_) = frame {
            held.place()[POSTED].store(0, Relaxed);
        }
        Turn::Done(())
    }

    /// Finds room for a frame at the tail: where, and at which position. What must be passed over before it is marked so.
    fn room(
        &self,
        held: &mut Held<'_, '_, ArenaPark>,
        tail: u64,
        span: u64,
    ) -> Turn<(NonNull<u8>, u64), NotSent> {
        if held.place()[POSTED].load(Relaxed) != 0 {
            self.discard_unsent(held, tail);
        }
        if !self.is_bounded() {
            let Some(chain) = self.chain() else { return Turn::Stop(NotSent::Corrupt) };
            return match chain.at_tail(held.place(), tail, span) {
                Ok(stretch) if is_aligned(stretch.at) => Turn::Done((stretch.at, tail)),
                Ok(_) => Turn::Stop(NotSent::Corrupt),
                Err(ChainError::Refused(error)) => Turn::Stop(NotSent::Refused(error)),
                Err(ChainError::Corrupt) => Turn::Stop(NotSent::Corrupt),
            };
        }
        let ring = self.conduit.capacity();
        let to_the_end = ring - self.offset(tail);
        let pad = if span <= to_the_end { 0 } else { to_the_end };
        if span > ring || !tail.is_multiple_of(8) {
            return Turn::Stop(NotSent::Corrupt);
        }
        let mut used = tail.wrapping_sub(held.seen());
        if used > ring || ring - used < pad + span {
            used = tail.wrapping_sub(held.look(true));
        }
        if used > ring {
            return Turn::Stop(NotSent::Corrupt);
        }
        if ring - used < pad + span {
            return Turn::Wait(held.seen());
        }
        if pad > 0 {
            // SAFETY: a multiple of 8 bytes, at least 8, is left before the end of the ring, all of it free.
            unsafe { Frame::Pad(pad as usize).write(self.place(tail)) };
        }
        let begin = tail.wrapping_add(pad);
        Turn::Done((self.place(begin), begin))
    }

    /// Frees a message that somebody gave to the queue, who was killed before it was sent.
    #[cold]
    fn discard_unsent(&self, held: &Held<'_, '_, ArenaPark>, tail: u64) {
        let word = &held.place()[POSTED];
        if let Some(unit) = word.load(Relaxed).checked_sub(1) {
            // What was sent stands below the tail.
            drop(Envelope::claim(unit, self.conduit.id(), |position| position >= tail));
        }
        word.store(0, Relaxed);
    }

    /// Takes the next message.
    pub(super) fn receive(&self, ends: bool, patience: Patience) -> Result<Packed, NotReceived> {
        self.conduit.take_turns(End::Receive, ends, patience, |held| self.take(held))
    }

    fn take(&self, held: &mut Held<'_, '_, ArenaPark>) -> Turn<Packed, NotReceived> {
        let bound = if self.is_bounded() { self.conduit.capacity() } else { UNBOUNDED };
        loop {
            let head = held.position();
            let mut there = held.seen().wrapping_sub(head);
            if there == 0 || there > bound {
                there = held.look(true).wrapping_sub(head);
            }
            if there == 0 {
                return Turn::Wait(head);
            }
            let Some((at, room)) = self.there(held, head, there, bound) else {
                return Turn::Stop(NotReceived::Corrupt);
            };
            // SAFETY: at least 8 bytes are there, aligned to 8 (`there`).
            let frame = unsafe { Frame::read(at) };
            let Some(frame) = frame.filter(|frame| frame.span() <= room) else {
                return Turn::Stop(NotReceived::Corrupt);
            };
            let next = head.wrapping_add(frame.span());
            // SAFETY: the frame is longer than its header, unless it is a PAD, of which this is the end at most.
            let body = unsafe { at.add(HEADER) };
            match frame {
                Frame::Pad(_) => held.commit(next, ALL),
                Frame::Small(len) => {
                    // SAFETY: the frame spans these bytes, and lies within what is there.
                    let bytes = unsafe { frame::read_bytes(body, len) };
                    held.commit(next, ALL);
                    return Turn::Done(Packed::Small(bytes));
                }
                Frame::Large(_) => {
                    // SAFETY: a LARGE frame spans a word more.
                    let unit = unsafe { frame::read_word(body) };
                    // Ours before the commit. Killed in between: it is swept with us, and the next one finds it gone.
                    let envelope = Envelope::claim(unit, self.conduit.id(), |position| position == head);
                    held.commit(next, ALL);
                    match envelope {
                        Some(envelope) => return Turn::Done(Packed::Large(envelope)),
                        None => {
                            self.conduit.bearing().fifo().lost.fetch_add(1, Relaxed);
                        }
                    }
                }
            }
        }
    }

    /// Where the frame at the head lies, and how many bytes of frames are there on end. `None`: the words make no sense.
    fn there(
        &self,
        held: &Held<'_, '_, ArenaPark>,
        head: u64,
        there: u64,
        bound: u64,
    ) -> Option<(NonNull<u8>, u64)> {
        if there > bound || !head.is_multiple_of(8) {
            return None;
        }
        let (at, room) = if self.is_bounded() {
            (self.place(head), there.min(self.conduit.capacity() - self.offset(head)))
        } else {
            let stretch = self.chain()?.at_head(held.place(), head, head.wrapping_add(there)).ok()?;
            (stretch.at, stretch.positions)
        };
        (room >= HEADER as u64 && is_aligned(at)).then_some((at, room))
    }

    /// Messages that were taken by somebody who was killed before it committed that, as far as others found them gone.
    pub(super) fn lost(&self) -> u64 {
        self.conduit.bearing().fifo().lost.load(Relaxed)
    }
}

impl Store for Frames {
    fn conduit(&self) -> &Conduit {
        &self.conduit
    }
}

/// Whether words may be read there. Always, unless the words of a segment are damaged.
fn is_aligned(at: NonNull<u8>) -> bool {
    at.addr().get().is_multiple_of(8)
}
