//! A container that goes through a queue: it outlives its sender, and has one owner at each instant.
//!
//! ```text
//!   Private(sender) ── sealed ── posted: Private(QUEUE) ── claimed: Private(receiver) ── opened
//!        blocks inside: held by the message ───────────────────────────────────────▶ held by the receiver
//! ```
//!
//! | step                     | one store each                              | killed before                     | killed after              |
//! |--------------------------|---------------------------------------------|-----------------------------------|---------------------------|
//! | seal: a block            | its record: a hold of the message           | the sender's still, swept with it | the message is, and it with that |
//! | post                     | the container's word: sender → QUEUE        | swept with the sender             | the queue's (`queued`), in `SPARE` until it is sent |
//! | claim                    | the container's word: QUEUE → receiver      | in the queue                      | swept with the receiver   |
//! | open: a block            | its record: a hold of the message → of the receiver | goes with the message     | swept with the receiver   |
//!
//! | edge | release side             | acquire side  | publishes                               |
//! |------|--------------------------|---------------|-----------------------------------------|
//! | Y1   | the channel: `POSTED`    | `is_stranded` | that the poster has the send side       |
//!
//! A registration that is inside counts as long as the message may arrive: not in the hands of the dead, and not if its sender was killed
//! between `post` and the commit (`is_stranded`).
//!
//! I1. A message holds a block only while the block's list in the container names it; who frees a container takes its holds off first, and a
//!     sweep takes off what is left.

use std::ptr::NonNull;
use std::sync::Arc;

use super::arena::Arena;
use super::bearing;
use super::block::Block;
use super::chain::POSTED;
use super::container::{self, Carried, Container, Use};
use super::error::AllocError;
use super::queued::{self, QueueId};
use super::registration::Registration;
use super::shares::{Ended, Holder};
use super::{heap, member, shares, sweep};
use crate::algo::{End, Park, Word};
use crate::shim::Ordering::{Acquire, Relaxed};

/// A message that this process packed for a queue, or took from one.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Dropped last, by [`Envelope::drop`].
    block: Block,
    payload: usize,
    /// How many blocks are inside that the message holds.
    blocks: usize,
}

/// Why blocks could not be put into a message; they are back.
#[derive(Debug)]
pub(crate) struct Unsealed {
    pub(crate) why: Why,
    /// Keeps the payload.
    pub(crate) container: Container,
    pub(crate) carried: Vec<Carried>,
}

/// See [`Unsealed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is no memory for it.
    Refused(AllocError),
    /// A block is somebody else's: this process has a copy of the handle, which fork made.
    Borrowed,
}

impl Envelope {
    /// Puts blocks into a message.
    pub(crate) fn seal(container: Container, carried: Vec<Carried>) -> Result<Self, Box<Unsealed>> {
        let unsealed = |why, container, carried| Err(Box::new(Unsealed { why, container, carried }));
        if carried.iter().any(Carried::is_copy) {
            return unsealed(Why::Borrowed, container, carried);
        }
        let Some((arena, _)) = member::membership() else {
            return unsealed(Why::Refused(AllocError::Excluded), container, carried);
        };
        let message = container.unit();
        for (index, block) in carried.iter().enumerate() {
            container.list(index, block);
            if let Err(error) = shares::share(arena, Holder::message(message), block.unit()) {
                for block in &carried[..index] {
                    let _ = shares::unshare(arena, Holder::message(message), block.unit());
                }
                return unsealed(Why::Refused(error), container, carried);
            }
        }
        let blocks = carried.len();
        drop(carried); // this process's own holds: the message has them now
        let payload = container.payload_len();
        Ok(Self { block: container.into_block(), payload, blocks })
    }

    /// Gives the message to `queue`, which will have it at `position`; returns its unit. To be sent at once, or taken back by
    /// [`Envelope::claim`]: the caller holds the send side.
    pub(crate) fn post(self, queue: QueueId, position: u64) -> Option<u64> {
        let (arena, me) = member::membership()?;
        let unit = self.block.unit();
        queue.sign(arena.words_at(unit)?, position);
        let word = self.block.word(arena);
        if !queued::give(arena, me, unit, word) {
            return None;
        }
        std::mem::forget(self); // the queue's: nothing in it is private memory
        Some(unit)
    }

    /// The unit by which a receiver finds it.
    pub(crate) fn unit(&self) -> u64 {
        self.block.unit()
    }

    /// Takes the message at `unit` from `queue`, if it stands where it should. `None`: it is not there any more: somebody took it and
    /// was killed.
    pub(crate) fn claim(unit: u64, queue: QueueId, stands: impl FnOnce(u64) -> bool) -> Option<Self> {
        let (arena, me) = member::membership()?;
        let (word, header) = queued::belonging(arena, unit, queue)?;
        if header[queued::LENGTH].load(Relaxed) != 0 || !stands(header[queued::POSITION].load(Relaxed)) {
            return None;
        }
        let (size, payload, blocks) = container::measures(arena, unit, word)?;
        let birth = member::births();
        let mine = queued::take(arena, me, unit, word)?;
        Some(Self { block: Block::ours(arena, unit, size, mine, birth), payload, blocks })
    }

    /// Where the payload lies, and how many bytes: as long as the envelope is kept.
    pub(crate) fn payload(&self) -> (NonNull<u8>, usize) {
        // `container::measures`, or the container that was sealed, has it at the end of the block.
        (self.block.end(self.payload), self.payload)
    }

    /// Takes over the blocks inside. What did not arrive is `None`: the message was damaged.
    pub(crate) fn open(&mut self) -> Option<Vec<Carried>> {
        let (arena, me) = member::membership()?;
        let unit = self.block.unit();
        let mut carried = Vec::with_capacity(self.blocks);
        for (at, size, used) in container::listed(arena, unit, self.blocks) {
            carried.push(arrive(arena, me, unit, (at, size), used)?);
        }
        self.blocks = 0; // ours now
        Some(carried)
    }
}

/// Takes over one block of the message at `message`.
fn arrive(
    arena: &Arena,
    me: u16,
    message: u64,
    (at, size): (u64, usize),
    used: Option<Use>,
) -> Option<Carried> {
    let word = queued::word_of(arena, at);
    if size > heap::room(arena, at, word) {
        return None;
    }
    let birth = member::births();
    // A registration first: the message keeps its own until it hands over its hold.
    let block = || {
        let handed = shares::hand_over(arena, at, Holder::message(message), Holder::seat(me)) == Ok(true);
        handed.then(|| Block::ours(arena, at, size, Word::CLOSED, birth))
    };
    match used {
        None => block().map(Carried::Moved),
        Some(used) if used.end().is_some() => {
            let keep = Arc::new(Block::borrowed(arena, at, size));
            let before = Registration::new(keep, used)?;
            let mut block = block()?;
            block.make_shareable();
            let registered = Registration::new(Arc::new(block), used);
            drop(before);
            registered.map(Carried::End)
        }
        Some(used) => {
            let mut block = block()?;
            block.make_shareable();
            Some(Carried::Shared(Arc::new(block), used))
        }
    }
}

impl Envelope {
    /// Takes the holds of the message off the blocks inside; those that end by that are left in `ended`.
    fn let_go(&mut self, arena: &Arena, ended: &mut Vec<Ended>) {
        let (unit, blocks) = (self.block.unit(), std::mem::take(&mut self.blocks));
        if self.block.is_ours() {
            for (at, ..) in container::listed(arena, unit, blocks) {
                let _ = shares::let_go(arena, Holder::message(unit), at, ended);
            }
        }
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        if self.blocks > 0
            && let Some((arena, _)) = member::membership()
        {
            let mut ended = Vec::new();
            self.let_go(arena, &mut ended);
            shares::free_ended(arena, ended);
        }
    }
}

/// Whether the message at `unit`, whose word was `word`, goes no further: who packed or took it is dead, or who gave it to a queue was
/// killed before it was sent. Its memory may wait for a sweep, or for the next sender; what it holds must not be waited for.
pub(super) fn is_stranded(arena: &Arena, unit: u64, word: Word) -> bool {
    let park = member::park();
    if word.owner() != Word::QUEUE {
        return park.family_death(word.owner()).is_some();
    }
    let Some(header) = arena.words_at(unit) else { return false };
    let Some(queue) = header[queued::QUEUE].load(Relaxed).checked_sub(1) else { return false };
    // The heap lock keeps the queue's block from becoming somebody else's.
    let is_unsent = heap::with_heap(arena, || {
        let number = header[queued::NUMBER].load(Relaxed);
        let queue = bearing::queue_numbered(arena, queue, queued::word_of(arena, queue), number);
        queue.is_some_and(|queue| {
            let words = queue.words();
            // Y1 acquire: the one who posts it has the send side, so what is seen of the lock is that, or comes after it. Once nobody
            // living has it, neither the position nor the header are changed by that one any more.
            words.place(End::Send)[POSTED].load(Acquire) == unit + 1
                && !words.is_held_by_living(End::Send, &park)
                && words.position(End::Send) <= header[queued::POSITION].load(Relaxed)
        })
    });
    is_unsent == Ok(true) // not knowing means that it may be sent
}

/// Frees every message of `queue`, which is no more.
pub(super) fn discard_all(arena: &Arena, queue: QueueId, ended: &mut Vec<Ended>) {
    for unit in sweep::belonging_to(arena, queue) {
        // Not a segment.
        if let Some(mut envelope) = Envelope::claim(unit, queue, |_| true) {
            envelope.let_go(arena, ended);
        }
    }
}
