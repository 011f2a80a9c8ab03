//! Blocks that belong to a queue: no participant's death frees them, the queue's end does.
//!
//! ```text
//!   Private(me) ── give ──▶ Private(QUEUE), its header names the queue ── take ──▶ Private(me)
//!                                     │
//!                                     └─ its queue is gone: the next sweep takes it
//! ```
//!
//! The header, 64 bytes at the start of such a block, and of every container that may become one:
//!
//! | word | meaning                                                        |
//! |------|----------------------------------------------------------------|
//! | 0    | the unit of the queue's block, plus one; 0: no queue           |
//! | 1    | the number of the queue: no two ever had the same              |
//! | 2    | the position of the queue at which the block begins            |
//! | 3    | a segment: how many positions there are in it; 0: a container  |
//! | 4    | a segment: the unit of the next one, plus one                  |
//! | 5, 6 | a container: bytes of payload, number of blocks inside         |
//!
//! - I1. Giving and taking are one exchange of the block's word each. Killed before: the block is the dead one's, and swept. After: it is
//!   the queue's.
//! - I2. The header stands before the block is given, and a block that is the queue's is read by this header only after its word said
//!   that it is: so no process reads what is private to another.
//! - I3. What belongs to a queue that is no more is found by any sweep, by the header.

use std::fmt;

use super::arena::Arena;
use super::layout::UNITS;
use super::{bearing, heap, member, shares};
use crate::algo::{Kind, Word};
use crate::shim::{
    AtomicU64,
    Ordering::{Acquire, Relaxed},
};

/// Bytes of the header.
pub(super) const HEADER: usize = 64;

pub(super) const QUEUE: usize = 0;
pub(super) const NUMBER: usize = 1;
pub(super) const POSITION: usize = 2;
pub(super) const LENGTH: usize = 3;
pub(super) const NEXT: usize = 4;

/// The header's words. Relaxed throughout: the word of the block, or the queue's lock, orders them.
pub(super) type Header = [AtomicU64; 8];

/// A queue, as what belongs to it names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueId {
    pub(super) unit: u64,
    pub(super) number: u64,
}

/// As `#7`: so a program can tell its queues apart in what is logged.
impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)
    }
}

impl QueueId {
    /// The queue in the block at `unit`, with that number.
    pub(crate) const fn new(unit: u64, number: u64) -> Self {
        Self { unit, number }
    }

    /// Names the queue, and a position of it, in a header.
    pub(super) fn sign(self, header: &Header, position: u64) {
        header[QUEUE].store(self.unit + 1, Relaxed);
        header[NUMBER].store(self.number, Relaxed);
        header[POSITION].store(position, Relaxed);
        header[LENGTH].store(0, Relaxed);
        header[NEXT].store(0, Relaxed);
    }

    fn is_named_by(self, header: &Header) -> bool {
        header[QUEUE].load(Relaxed) == self.unit + 1 && header[NUMBER].load(Relaxed) == self.number
    }
}

/// A number that no queue ever had.
pub(super) fn new_number(arena: &Arena) -> u64 {
    arena.header().generation.0.fetch_add(1, Relaxed) + 1
}

/// The word of the block at `unit`, whatever number that is.
pub(super) fn word_of(arena: &Arena, unit: u64) -> Word {
    if unit < (arena.layout().pages * UNITS) as u64 { shares::load(arena, unit) } else { Word::CLOSED }
}

/// The word and the header of the block at `unit`, if it belongs to `queue`.
pub(super) fn belonging(arena: &Arena, unit: u64, queue: QueueId) -> Option<(Word, &Header)> {
    let word = word_of(arena, unit);
    if word.kind() != Kind::Private || word.owner() != Word::QUEUE {
        return None;
    }
    let header = arena.words_at(unit)?; // I2
    queue.is_named_by(header).then_some((word, header))
}

/// Gives the block at `unit`, whose word is `word` and whose header is signed, to the queue.
pub(super) fn give(arena: &Arena, me: u16, unit: u64, word: Word) -> bool {
    let queued = Word::private(word.extent(), Word::QUEUE, word.tag().wrapping_add(1), false);
    let given = shares::exchange(arena, unit, word, queued);
    if given {
        member::count_owned(arena, me, -1);
    }
    given
}

/// Takes the block at `unit` from its queue, if its word still is `word`. Returns its new word.
pub(super) fn take(arena: &Arena, me: u16, unit: u64, word: Word) -> Option<Word> {
    let mine = Word::private(word.extent(), me, word.tag().wrapping_add(1), false);
    shares::take_over(arena, me, unit, word, mine)
}

/// Takes the block at `unit` from its queue and frees it.
pub(super) fn discard(arena: &Arena, me: u16, unit: u64, word: Word) {
    if let Some(mine) = take(arena, me, unit, word) {
        heap::release(arena, me, unit, mine);
    }
}

/// Whether the block at `unit`, which belongs to some queue, belongs to none that is there. Shares lock and heap lock held.
pub(super) fn is_stray(arena: &Arena, unit: u64) -> bool {
    let Some(header) = arena.words_at(unit) else { return false };
    let Some(queue) = header[QUEUE].load(Acquire).checked_sub(1) else { return true };
    bearing::queue_numbered(arena, queue, word_of(arena, queue), header[NUMBER].load(Relaxed)).is_none()
}
