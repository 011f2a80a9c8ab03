//! One allocation of the arena, as a handle that gives it back when dropped.
//!
//! ```text
//!   allocate ─▶ Block (ours) ── drop ──▶ given back, or retired until the children that may reach it are gone
//!                   └── fork ──▶ the copy in the child: reads and writes, gives nothing back
//! ```
//!
//! I1. Of all copies of a handle exactly one gives the block back: the one in the process whose generation it carries.
//! I2. The bytes of a block stay where they are and nobody else's for as long as any process that may reach a copy
//!     of the handle is alive (`limbo`, and the quarantine of seats in `sweep`).

#![allow(unsafe_code)] // zeroing, and the claim that handles may travel between threads

use std::alloc::Layout;
use std::ptr::NonNull;

use super::arena::Arena;
use super::catch;
use super::error::AllocError;
use super::limbo::{self, Retired};
use super::shares::Holder;
use super::{chain, heap, member, shares};
use crate::algo::Word;
pub(crate) use member::locking;

/// What a new block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Zeroed,
    /// Bytes of some former owner, or zeroes.
    Unspecified,
}

/// What stands at the start of a block, for whoever sweeps after a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bears {
    Nothing,
    /// A lock, whose `form` says what else (see `bearing`).
    Lock,
}

/// One allocation of the arena.
#[derive(Debug)]
pub(crate) struct Block {
    at: NonNull<u8>,
    size: usize,
    unit: u64,
    /// What the block's word said when it became ours; `CLOSED` if we hold a share of it.
    word: Word,
    /// Of the process that gives it back; 0: none does.
    generation: u64,
    birth: u64,
    /// Its owner made it one that any holder may hand on to others.
    shareable: bool,
}

// SAFETY: a block is memory that every thread of the process can reach at the same address; the handle has no interior
// mutability, and what its users do with the bytes is theirs to justify.
unsafe impl Send for Block {}
// SAFETY: as for `Send`; `&Block` only tells where the bytes are.
unsafe impl Sync for Block {}

impl Block {
    /// Takes memory for `layout` from the arena, made on first use. One that bears a lock is zeroed. Blocks while another process takes some.
    pub(crate) fn allocate(layout: Layout, fill: Fill, bears: Bears) -> Result<Self, AllocError> {
        if layout.align() > super::layout::PAGE {
            return Err(AllocError::Alignment { requested: layout.align() });
        }
        let (arena, seat) = match member::membership() {
            Some(member) => member,
            None => member::join()?,
        };
        let birth = member::births();
        let taken = heap::take(arena, seat, layout.size(), layout.align())?;
        let mut block = Self::ours(arena, taken.unit, layout.size(), taken.word, birth);
        if fill == Fill::Zeroed && taken.dirty {
            // SAFETY: `heap::take` gave us `layout.size()` bytes there, private to us until the handle travels.
            unsafe { block.at.write_bytes(0, layout.size()) };
        }
        if bears == Bears::Lock {
            block.word = heap::bear(arena, taken.unit, taken.word);
        }
        Ok(block)
    }

    /// The handle of a block whose word says that it is this process's.
    pub(super) fn ours(arena: &Arena, unit: u64, size: usize, word: Word, birth: u64) -> Self {
        Self {
            at: arena.unit(unit),
            size,
            unit,
            word,
            generation: member::generation(),
            birth,
            shareable: false,
        }
    }

    /// A handle that gives nothing back: somebody up the family keeps the block as long as this process lives.
    pub(super) fn borrowed(arena: &Arena, unit: u64, size: usize) -> Self {
        Self {
            at: arena.unit(unit),
            size,
            unit,
            word: Word::CLOSED,
            generation: 0,
            birth: 0,
            shareable: false,
        }
    }

    /// A handle to no block.
    pub(super) fn nothing() -> Self {
        Self {
            at: NonNull::dangling(),
            size: 0,
            unit: u64::MAX,
            word: Word::CLOSED,
            generation: 0,
            birth: 0,
            shareable: false,
        }
    }

    /// The word that says whose the block is, now.
    pub(super) fn word(&self, arena: &Arena) -> Word {
        shares::load(arena, self.unit)
    }

    /// Where the last `len` bytes begin.
    ///
    /// # Panics
    /// If there are not so many.
    pub(super) fn end(&self, len: usize) -> NonNull<u8> {
        assert!(len <= self.size);
        // SAFETY: by the assertion it stays inside the block.
        unsafe { self.at.add(self.size - len) }
    }

    /// The first byte: valid for reads and writes of [`Self::size`] bytes as long as the handle lives.
    #[inline]
    pub(crate) fn as_ptr(&self) -> NonNull<u8> {
        self.at
    }

    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn unit(&self) -> u64 {
        self.unit
    }

    /// Lets every process that holds the block hand it on. Only its owner can: a copy that fork made of somebody's handle
    /// stays one that nobody else may hold.
    pub(crate) fn make_shareable(&mut self) {
        self.shareable |= self.is_ours();
    }

    /// Whether a holder may hand the block on, and stay one.
    pub(super) fn is_shareable(&self) -> bool {
        self.shareable
    }

    /// The handle that goes on in the place of this one, which is being dropped and gives nothing back.
    pub(super) fn continued(&self) -> Self {
        let Self { at, size, unit, word, generation, birth, shareable } = *self;
        Self { at, size, unit, word, generation, birth, shareable }
    }

    /// Whether this process gives the block back.
    pub(super) fn is_ours(&self) -> bool {
        self.generation != 0 && self.generation == member::generation()
    }

    /// Whether a living child may hold a copy of the handle.
    pub(super) fn may_be_copied(&self) -> bool {
        self.is_ours() && limbo::must_wait(self.birth)
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        if catch::caught(self) || !self.is_ours() {
            return;
        }
        let Some((arena, seat)) = member::membership() else { return };
        let Self { unit, word, birth, .. } = *self;
        if limbo::must_wait(birth) {
            limbo::retire(arena, seat, Retired { unit, word, birth });
        } else {
            give_back(arena, seat, unit, word);
        }
    }
}

/// Gives a block back: frees it if it is still private, else takes our hold off it.
#[inline]
pub(super) fn give_back(arena: &Arena, seat: u16, unit: u64, word: Word) {
    let mut ended = Vec::new();
    if word.bears_lock() && shares::load(arena, unit) == word {
        chain::empty(arena, unit, word, &mut ended);
    }
    if word == Word::CLOSED || !heap::release(arena, seat, unit, word) {
        // An error means that the control words are damaged: then leaking is the safe thing.
        let _ = shares::unshare(arena, Holder::seat(seat), unit);
    }
    if !ended.is_empty() {
        shares::free_ended(arena, ended);
    }
}
