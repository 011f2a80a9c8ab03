//! Where the items of a queue without bounds lie: segments, one behind the other.
//!
//! ```text
//!   first ─▶ [segment]──next──▶ [segment]──next──▶ [segment]
//!                ▲ head's                              ▲ tail's        a segment holds [position, position + length)
//! ```
//!
//! A segment ends early if the next item does not fit: the next one begins where it ended. Segments belong to the queue (`queued`), so
//! no death frees them. All words here are changed by who holds the side that they are of.
//!
//! | side    | word      | meaning                                                                    |
//! |---------|-----------|----------------------------------------------------------------------------|
//! | send    | `SEGMENT` | the unit of the segment of the tail, plus one; 0: there was none yet        |
//! | send    | `SPARE`   | one that belongs to the queue, and may not be linked yet; the tag of its word in the high bits |
//! | send    | `POSTED`  | a message of the queue that is not sent yet, by its unit plus one          |
//! | receive | `SEGMENT` | the unit of the segment of the head, plus one; 0: the first, if there is one |
//! | receive | `SPARE`   | one that is read to its end, and may not be freed yet; likewise              |
//!
//! **Deaths.** A new segment: its unit in `SPARE` — given to the queue — linked — `SEGMENT` — `SPARE` cleared. Killed anywhere between,
//! the next sender finds it linked and goes on to it, or not linked and uses it; not given, it is swept. An old one: its unit in `SPARE` —
//! `SEGMENT` moved on — freed — `SPARE` cleared. Killed between: the next receiver frees it, or it is gone; what was made of the same memory
//! since, even for the same queue, has another tag.

use std::ptr::NonNull;

use super::arena::Arena;
use super::bearing;
use super::error::AllocError;
use super::layout::PAGE;
use super::queued::{self, HEADER, Header, LENGTH, NEXT, POSITION, QueueId};
use super::shares::Ended;
use super::{envelope, heap, member};
use crate::algo::slab::UNIT;
use crate::algo::{End, FifoWords, PLACE, Word};
use crate::shim::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
    compiler_fence,
};

const SEGMENT: usize = 0;
const SPARE: usize = 1;

/// What `SPARE` says: a segment, by its unit plus one, and the tag of its word: what is made of the same memory later is another one.
fn note(link: u64, tag: u16) -> u64 {
    u64::from(tag) << 48 | link
}

/// The segment that `SPARE` names, whether it is still there or not.
fn noted_link(note: u64) -> u64 {
    note & ((1 << 48) - 1)
}
/// A word of the send side: the message that was given to the queue (`envelope`) and may not be sent yet, by its unit plus one.
pub(crate) const POSTED: usize = 2;

/// Bytes of the first segment, and the most that others are made of, unless an item needs more.
const SMALLEST: usize = 4096;
const LARGEST: usize = 256 * 1024;
/// Segments at which a sender looks at most. One on, if somebody was killed before it could go there, and a new one: more make no sense.
const STEPS: usize = 8;

/// The segments of a queue.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    arena: &'a Arena,
    words: &'a FifoWords,
    queue: QueueId,
    /// Bytes of a position.
    scale: usize,
    known: &'a Known,
}

/// Segments that a handle has found to be the queue's, one of each side, and their bytes: looking that up takes as long as sending. Private
/// memory. Each is used by who holds that side: there a segment stays the queue's as long as it is that side's.
#[derive(Debug, Default)]
pub(crate) struct Known([[AtomicU64; 3]; 2]);

impl Clone for Known {
    /// Nothing is known to another handle.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What lies at the head or at the tail: where, and how many positions on end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) at: NonNull<u8>,
    pub(crate) positions: u64,
}

/// Why there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ChainError {
    /// There is no memory for a new segment.
    Refused(AllocError),
    /// The words make no sense.
    Corrupt,
}

impl<'a> Chain<'a> {
    /// The segments of `queue`, whose words these are. A position takes `scale` bytes.
    #[inline]
    pub(crate) fn of(
        arena: &'a Arena,
        words: &'a FifoWords,
        queue: QueueId,
        scale: usize,
        known: &'a Known,
    ) -> Self {
        Self { arena, words, queue, scale: scale.max(1), known }
    }

    /// The segment of the side of `end`, as [`Chain::segment`].
    #[inline]
    fn current(&self, end: End, link: u64) -> Option<(&'a Header, usize)> {
        let [known, position, room] = &self.known.0[end as usize];
        // A later segment in the same place begins at another position.
        if known.load(Relaxed) == link
            && let Some(header) = self.arena.words_at(link.checked_sub(1)?)
            && header[POSITION].load(Relaxed) == position.load(Relaxed)
        {
            return Some((header, room.load(Relaxed) as usize));
        }
        let (_, header, bytes) = self.segment(link)?;
        // Nothing is known in between: another thread may fork now, and the child has what it finds.
        known.store(0, Relaxed);
        compiler_fence(SeqCst); // a fork is a system call: for the processor, all that was stored before is there
        position.store(header[POSITION].load(Relaxed), Relaxed);
        room.store(bytes as u64, Relaxed);
        compiler_fence(SeqCst);
        known.store(link, Relaxed);
        Some((header, bytes))
    }

    /// A segment, by its unit plus one, and how many bytes it really has.
    fn segment(&self, link: u64) -> Option<(Word, &'a Header, usize)> {
        let unit = link.checked_sub(1)?;
        let (word, header) = queued::belonging(self.arena, unit, self.queue)?;
        if header[LENGTH].load(Relaxed) == 0 {
            return None; // a message
        }
        let room = heap::room(self.arena, unit, word);
        // Whatever a damaged word says.
        let ends = unit as usize * UNIT + room <= self.arena.layout().pages * PAGE;
        (room > HEADER && ends).then_some((word, header, room))
    }

    /// The segment that a note of `SPARE` names, if it is still there: its link, and its word.
    fn noted(&self, note: u64) -> Option<(u64, Word)> {
        let link = noted_link(note);
        let (word, ..) = self.segment(link)?;
        (self::note(link, word.tag()) == note).then_some((link, word))
    }

    /// What of a segment lies from `position` on, up to `end` at most.
    #[inline]
    fn stretch(
        &self,
        link: u64,
        (header, room): (&Header, usize),
        position: u64,
        end: u64,
    ) -> Option<Stretch> {
        let (begin, length) = (header[POSITION].load(Relaxed), header[LENGTH].load(Relaxed));
        let length = length.min(((room - HEADER) / self.scale) as u64); // whatever the header says
        let before = position.checked_sub(begin).filter(|before| *before <= length)?;
        let positions = (length - before).min(end.saturating_sub(position));
        // `before <= length`, which fits the block.
        let offset = HEADER + before as usize * self.scale;
        Some(Stretch { at: at(self.arena, link - 1, offset.min(room)), positions })
    }

    /// Where `need` positions from the tail on can be written, in a new segment if need be. The caller holds the send side.
    pub(crate) fn at_tail(
        &self,
        place: &[AtomicU64; PLACE],
        tail: u64,
        need: u64,
    ) -> Result<Stretch, ChainError> {
        for _ in 0..STEPS {
            let link = place[SEGMENT].load(Relaxed);
            let mut before = 0;
            if link != 0 {
                let segment = self.current(End::Send, link).ok_or(ChainError::Corrupt)?;
                let (header, room) = segment;
                let next = header[NEXT].load(Relaxed);
                if next == 0 {
                    let stretch = self.stretch(link, segment, tail, u64::MAX).ok_or(ChainError::Corrupt)?;
                    if need <= stretch.positions {
                        return Ok(stretch);
                    }
                } else {
                    if self.segment(next).is_none_or(|(_, header, _)| header[POSITION].load(Relaxed) != tail)
                    {
                        return Err(ChainError::Corrupt);
                    }
                    place[SEGMENT].store(next, Relaxed); // one that somebody linked, and was killed
                    place[SPARE].store(0, Relaxed);
                    continue;
                }
                before = room;
            }
            let new = self.new_segment(place, link, tail, need, before)?;
            match self.segment(link) {
                Some((_, header, _)) => header[NEXT].store(new, Relaxed), // published by the commit (Q1)
                None => self.words.first.store(new, Relaxed),
            }
            place[SEGMENT].store(new, Relaxed);
            place[SPARE].store(0, Relaxed);
        }
        Err(ChainError::Corrupt)
    }

    /// A segment that begins at the tail and is not linked yet: the spare one, or a new one, larger than the last.
    fn new_segment(
        &self,
        place: &[AtomicU64; PLACE],
        current: u64,
        tail: u64,
        need: u64,
        before: usize,
    ) -> Result<u64, ChainError> {
        let me = member::seat().ok_or(ChainError::Refused(AllocError::Excluded))?;
        if let Some((spare, word)) = self.noted(place[SPARE].load(Relaxed))
            && spare != current
            && let Some((_, header, _)) = self.segment(spare)
        {
            if header[LENGTH].load(Relaxed) >= need {
                header[POSITION].store(tail, Relaxed);
                return Ok(spare);
            }
            queued::discard(self.arena, me, spare - 1, word); // too small
        }
        let least =
            usize::try_from(need).ok().and_then(|need| need.checked_mul(self.scale)?.checked_add(HEADER));
        let least = least.ok_or(ChainError::Refused(AllocError::Overflow))?;
        let bytes = (before * 2).clamp(SMALLEST, LARGEST).max(least);
        let taken = heap::take(self.arena, me, bytes, HEADER).map_err(ChainError::Refused)?;
        let Some(header) = self.arena.words_at(taken.unit) else { return Err(ChainError::Corrupt) };
        self.queue.sign(header, tail);
        let room = heap::room(self.arena, taken.unit, taken.word);
        header[LENGTH].store(((room - HEADER) / self.scale) as u64, Relaxed);
        let tag = taken.word.tag().wrapping_add(1); // as it will be given
        place[SPARE].store(note(taken.unit + 1, tag), Relaxed);
        if queued::give(self.arena, me, taken.unit, taken.word) {
            Ok(taken.unit + 1)
        } else {
            Err(ChainError::Corrupt)
        }
    }

    /// What lies between the head and the tail, up to the end of the head's segment. The caller holds the receive side, and `head` is
    /// below `tail`.
    pub(crate) fn at_head(
        &self,
        place: &[AtomicU64; PLACE],
        head: u64,
        tail: u64,
    ) -> Result<Stretch, ChainError> {
        let mut link = place[SEGMENT].load(Relaxed);
        if link == 0 {
            link = self.words.first.load(Relaxed);
            place[SEGMENT].store(link, Relaxed);
        }
        if place[SPARE].load(Relaxed) != 0 {
            self.free_left(place, link);
        }
        loop {
            let segment = self.current(End::Receive, link).ok_or(ChainError::Corrupt)?;
            let next = segment.0[NEXT].load(Relaxed);
            let begin = if next == 0 { None } else { self.segment(next) };
            let begin = begin.map(|(_, header, _)| header[POSITION].load(Relaxed));
            // One that follows itself makes no sense, and no way either.
            if begin == Some(head) && next != link {
                let (word, ..) = self.segment(link).ok_or(ChainError::Corrupt)?;
                place[SPARE].store(note(link, word.tag()), Relaxed);
                place[SEGMENT].store(next, Relaxed);
                if let Some(me) = member::seat() {
                    queued::discard(self.arena, me, link - 1, word);
                }
                place[SPARE].store(0, Relaxed);
                link = next;
                continue;
            }
            let stretch = self.stretch(link, segment, head, begin.unwrap_or(tail).min(tail));
            return stretch.filter(|stretch| stretch.positions > 0).ok_or(ChainError::Corrupt);
        }
    }

    /// Frees the segment that somebody has noted who was killed before it could, unless it is gone. What was made of the same memory since
    /// is another one: it has another tag, or at least begins behind the `current` one.
    #[cold]
    fn free_left(&self, place: &[AtomicU64; PLACE], current: u64) {
        let begins = |link| self.segment(link).map(|(_, header, _)| header[POSITION].load(Relaxed));
        if let Some((spent, word)) = self.noted(place[SPARE].load(Relaxed))
            && begins(spent) < begins(current)
            && let Some(me) = member::seat()
        {
            queued::discard(self.arena, me, spent - 1, word);
        }
        place[SPARE].store(0, Relaxed);
    }

    /// Frees all segments. Nobody uses the queue any more.
    fn free_all(&self) {
        let Some(me) = member::seat() else { return };
        let [send, receive] = [End::Send, End::Receive].map(|end| self.words.place(end));
        let head = receive[SEGMENT].load(Relaxed);
        let mut next = if head == 0 { self.words.first.load(Relaxed) } else { head };
        let apart = [receive[SPARE].load(Relaxed), send[SPARE].load(Relaxed)];
        while let Some((word, header, _)) = self.segment(next) {
            let link = next;
            next = header[NEXT].load(Relaxed);
            queued::discard(self.arena, me, link - 1, word); // fails if a sweep was faster
        }
        for note in apart {
            if let Some((link, word)) = self.noted(note) {
                queued::discard(self.arena, me, link - 1, word);
            }
        }
    }
}

/// The address `offset` bytes into the block at `unit`, which has as many.
#[allow(unsafe_code)] // one address
fn at(arena: &Arena, unit: u64, offset: usize) -> NonNull<u8> {
    // SAFETY: the caller has held `offset` against the block's own size (`stretch`), so it stays inside the mapping, or at its end.
    unsafe { arena.unit(unit).add(offset) }
}

/// Frees what belongs to the queue in the block at `unit`, if a queue is in it. The block, whose word was `word`, is the caller's to
/// free, and nobody else's any more.
///
/// Other queues may end by that: they are left in `ended`, so that it takes no stack to free a queue in a queue in a queue.
pub(super) fn empty(arena: &Arena, unit: u64, word: Word, ended: &mut Vec<Ended>) {
    let Some(queue) = bearing::queue_in(arena, unit, word) else { return };
    let words = queue.words();
    let queue = QueueId::new(unit, words.number());
    let unread = words.position(End::Send) != words.position(End::Receive);
    let posted = words.place(End::Send)[POSTED].load(Relaxed) != 0;
    if (unread || posted) && words.item.load(Relaxed) == 0 {
        envelope::discard_all(arena, queue, ended);
    }
    Chain::of(arena, words, queue, words.item.load(Relaxed) as usize, &Known::default()).free_all();
}
