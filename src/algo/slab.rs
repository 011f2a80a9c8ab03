//! Small objects: a run of pages cut into equal parts, each with a claim word of its own.
//!
//! ```text
//!   Closed ── open ──▶ Free(class) ── take ──▶ Private(me) ── release ──▶ Free(class)
//!     ▲                    │                        └─ share ─▶ Shared ─┘
//!     └────── close ───────┘  (heap lock held, whole slab free)
//! ```
//!
//! `take` and `release` need no lock: one compare-exchange commits each. Killed before it, nothing happened; killed
//! after it, the object is the dead one's and is swept, or it is free. The claim table is never put to another use,
//! so a stale hint meets `Closed` or another class and is refused.
//!
//! | edge | release side | acquire side | publishes                                             |
//! |------|--------------|--------------|-------------------------------------------------------|
//! | S1   | `release`    | `take`       | the last owner is done with the bytes of the object   |
//! | S2   | `open`       | `take`       | the slab's memory is there and zeroed                 |
//!
//! I1. A claim is `Free` only while its page belongs to a slab of that class.
//! I2. Only the holder of the heap lock turns `Free` into `Closed` or back; a lock holder who died half way leaves
//!     `Closed` claims in a live slab, which the next one opens again ([`Claims::open`]).

use super::word::{Kind, Word};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// The smallest object: a cache line, so that two counters never share one.
pub(crate) const UNIT: usize = 64;
/// Objects are `UNIT << class` bytes.
pub(crate) const CLASSES: usize = 6;
/// The largest object, half a page.
pub(crate) const LARGEST: usize = UNIT << (CLASSES - 1);
/// Pages of a slab.
pub(crate) const SLAB_PAGES: usize = 16;

/// The claim words of all units of the arena.
#[derive(Clone, Copy)]
pub(crate) struct Claims<'a> {
    words: &'a [AtomicU64],
}

/// The units of one slab at which an object begins.
pub(crate) fn objects(
    first_unit: usize,
    pages: usize,
    class: usize,
    page: usize,
) -> impl Iterator<Item = usize> + Clone {
    (first_unit..first_unit + pages * (page / UNIT)).step_by(1 << class)
}

/// The size class for `bytes`, if objects can be that large.
pub(crate) fn class_of(bytes: usize) -> Option<usize> {
    let units = bytes.max(1).div_ceil(UNIT).next_power_of_two();
    (bytes <= LARGEST).then_some(units.trailing_zeros() as usize)
}

impl<'a> Claims<'a> {
    pub(crate) fn new(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    pub(crate) fn load(self, unit: usize) -> Word {
        // Acquire, S1 and the share edge: whoever acts on a claim sees what was done under it.
        self.words.get(unit).map_or(Word::CLOSED, |word| Word::from_bits(word.load(Acquire)))
    }

    /// Changes the claim at `unit` if it still is `from`.
    pub(crate) fn exchange(self, unit: usize, from: Word, to: Word) -> bool {
        // S1, both sides: the old holder's accesses come before, the new one's after.
        self.words
            .get(unit)
            .is_some_and(|word| word.compare_exchange(from.bits(), to.bits(), AcqRel, Relaxed).is_ok())
    }

    /// Claims the object at `unit` for `owner` if it is a free one of `class`. Returns its tag.
    #[inline]
    pub(crate) fn take(self, unit: usize, class: usize, owner: u16) -> Option<u16> {
        let claim = self.words.get(unit)?;
        // Relaxed: the exchange below decides, and it acquires.
        let word = Word::from_bits(claim.load(Relaxed));
        if word.kind() != Kind::Free || word.extent() != class as u64 {
            return None;
        }
        let tag = word.tag().wrapping_add(1);
        let mine = Word::private(class as u64, owner, tag, false);
        // S1, S2 acquire: the bytes are there, and nobody else's any more. The commit.
        claim.compare_exchange(word.bits(), mine.bits(), Acquire, Relaxed).is_ok().then_some(tag)
    }

    /// Frees the object at `unit`, which `expected` says is the caller's. `false`: it is not, and nothing changed.
    #[inline]
    pub(crate) fn release(self, unit: usize, expected: Word) -> bool {
        let free = Word::free(expected.extent(), expected.tag());
        // S1 release: all our accesses come before the next owner's. The commit.
        self.words
            .get(unit)
            .is_some_and(|word| word.compare_exchange(expected.bits(), free.bits(), Release, Relaxed).is_ok())
    }

    /// Opens every closed claim of a slab. Heap lock held.
    pub(crate) fn open(self, objects: impl Iterator<Item = usize>, class: usize) {
        for unit in objects {
            if self.load(unit).kind() == Kind::Closed {
                self.exchange(unit, Word::CLOSED, Word::free(class as u64, 0)); // S2 release
            }
        }
    }

    /// Closes all claims of a slab if every object is free; else leaves the slab as it was. Heap lock held.
    pub(crate) fn close(self, objects: impl Iterator<Item = usize> + Clone, class: usize) -> bool {
        let all = objects.clone().all(|unit| {
            let word = self.load(unit);
            word.kind() == Kind::Closed
                || word.kind() == Kind::Free && self.exchange(unit, word, Word::CLOSED)
        });
        if !all {
            self.open(objects, class);
        }
        all
    }

    /// Whether every object of a slab was free when it was looked at. Stale at once.
    pub(crate) fn seems_empty(self, mut objects: impl Iterator<Item = usize>) -> bool {
        objects.all(|unit| self.load(unit).is_free())
    }
}
