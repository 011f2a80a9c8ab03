//! A message at rest in shared memory: its bytes, and the list of the blocks that travel inside it.
//!
//! ```text
//!   [ payload length | blocks | (unit, size) … | payload … ]
//!
//!   Open (sender's, private) ── sealed; its unit told by one store ──▶ the receiver adopts ──▶ Delivery
//! ```
//!
//! Blocks inside a message stay the sender's until the receiver adopts them one by one; adopting twice changes nothing.
//! Whoever dies on the way leaves each block with exactly one owner, sender or receiver, and the sweep of that owner
//! frees it.
//!
//! | block was     | adopting is one step                        | killed before       | killed after          |
//! |---------------|---------------------------------------------|---------------------|-----------------------|
//! | private       | its word: Private(sender) → Private(me)     | swept with sender   | swept with receiver   |
//! | shared        | a hold of the receiver is added             | sender's hold swept | receiver's hold swept |
//! | a fork's copy | the owner's own handle is caught (`catch`)  | the owner's still   | the owner's           |
//!
//! I1. Adoption happens when nobody else can write the container: its sender is dead, or waits.

#![allow(unsafe_code)] // reads and writes the container's bytes by raw pointer

use std::alloc::Layout;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use super::arena::Arena;
use super::block::{Bears, Block, Fill};
use super::catch::{self, Wanted};
use super::error::AllocError;
use super::layout::UNITS;
use super::{heap, member, shares};
use crate::algo::{Kind, Word};
use crate::sys::{copy_in, copy_out};

const FIXED: usize = 16;
const ENTRY: usize = 16;
const ALIGN: usize = 16;
/// In an entry's size: the receiver gets a share, not the block.
const SHARE: u64 = 1 << 63;

/// A block that travels inside a message.
#[derive(Debug)]
pub(crate) enum Carried {
    /// With everything: the sender has it no more.
    Moved(Block),
    /// As one more holder.
    Shared(Arc<Block>),
}

/// A message that this process packed. Dropping it gives back what nobody adopted.
#[derive(Debug)]
pub(crate) struct Container {
    block: Block,
    payload: usize,
    /// What was sealed into it: the blocks, and what their words said then.
    sealed: Vec<(u64, Word)>,
}

/// A message that this process took over: its bytes, and the blocks that came with it.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Keeps the bytes; may be a borrowed handle.
    container: Block,
    payload_at: usize,
    payload: usize,
    arrived: Vec<Arrival>,
}

#[derive(Debug)]
enum Arrival {
    /// Ours now, or kept for us; and whether it was moved or is a share.
    Block(Block, bool),
    /// A block of our own that the sender found in what it was given: see `catch`.
    Copy {
        unit: u64,
        size: usize,
        word: Word,
    },
    Lost,
}

/// Why a message's blocks did not all arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// A block is in use in this process, which never gave it away.
    StillInUse,
    /// The container or a block's word is not what a sender writes.
    Damaged,
}

fn layout(payload: usize, blocks: usize) -> Option<Layout> {
    let size = blocks.checked_mul(ENTRY)?.checked_add(FIXED)?.checked_add(payload)?;
    Layout::from_size_align(size, ALIGN).ok()
}

impl Container {
    /// Takes memory for a message of so many bytes and blocks.
    pub(crate) fn allocate(payload: usize, blocks: usize) -> Result<Self, AllocError> {
        let layout = layout(payload, blocks).ok_or(AllocError::Overflow)?;
        let block = Block::allocate(layout, Fill::Unspecified, Bears::Nothing)?;
        let container = Self { block, payload, sealed: Vec::with_capacity(blocks) };
        container.write(0, payload as u64);
        container.write(8, blocks as u64);
        Ok(container)
    }

    fn write(&self, offset: usize, value: u64) {
        let bytes = value.to_ne_bytes();
        assert!(offset + bytes.len() <= self.block.size());
        // SAFETY: the assertion keeps the destination inside the block.
        let to = unsafe { self.block.as_ptr().add(offset) };
        // SAFETY: `to` is valid for 8 bytes by the assertion; `bytes` is a local array of 8.
        unsafe { copy_in(to.as_ptr(), bytes.as_ptr(), bytes.len()) };
    }

    /// Where the payload goes: valid for as many bytes as were allocated, once `blocks` entries are before it.
    pub(crate) fn payload(&self) -> NonNull<u8> {
        // SAFETY: `layout` made the block larger than its payload by what stands before it.
        unsafe { self.block.as_ptr().add(self.block.size() - self.payload) }
    }

    /// The unit by which a receiver finds it.
    pub(crate) fn unit(&self) -> u64 {
        self.block.unit()
    }

    /// Puts the blocks into the message. On an error what was not put in is dropped, as is the message then.
    pub(crate) fn seal(mut self, carried: Vec<Carried>) -> Result<Self, AllocError> {
        let Some((arena, seat)) = member::membership() else { return Err(AllocError::Excluded) };
        for (index, carried) in carried.into_iter().enumerate() {
            let share = if matches!(carried, Carried::Shared(_)) { SHARE } else { 0 };
            let (unit, size) = match carried {
                // A child may hold a copy of the handle, or another process does: then it is shared before it travels.
                Carried::Moved(block) if block.may_be_copied() || !block.is_private(arena) => {
                    shares::share(arena, seat, block.unit())?;
                    (block.unit(), block.size())
                }
                Carried::Moved(block) => {
                    let block = ManuallyDrop::new(block); // the message's from here on
                    (block.unit(), block.size())
                }
                Carried::Shared(block) => {
                    shares::share(arena, seat, block.unit())?;
                    (block.unit(), block.size())
                }
            };
            self.write(FIXED + index * ENTRY, unit);
            self.write(FIXED + index * ENTRY + 8, size as u64 | share);
            self.sealed.push((unit, shares::load(arena, unit)));
        }
        Ok(self)
    }

    /// Leaves the message to its receiver: nothing is given back here any more.
    pub(crate) fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Some((arena, seat)) = member::membership() else { return };
        if !self.block.is_ours() {
            return; // a copy that fork made
        }
        for (unit, word) in self.sealed.drain(..) {
            match word.kind() {
                Kind::Shared => drop(shares::unshare(arena, seat, unit)),
                Kind::Private if word.owner() == seat => {
                    // Adopted meanwhile: then its word is not ours any more, and only our count of it ends.
                    if !heap::release(arena, seat, unit, word) {
                        member::count_owned(arena, seat, -1);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Block {
    /// Whether the block's word says what our handle expects: private, and ours or our parent's.
    fn is_private(&self, arena: &Arena) -> bool {
        shares::load(arena, self.unit()).kind() == Kind::Private
    }
}

/// Reads a word of a container. Offsets are checked against the bytes that the block's own word grants.
fn read(arena: &Arena, unit: u64, room: usize, offset: usize) -> Option<u64> {
    let mut bytes = [0; 8];
    if offset + bytes.len() > room {
        return None;
    }
    // SAFETY: the check above and the caller's `room`, which is the block's true length, keep it inside the block.
    let from = unsafe { arena.unit(unit).add(offset) };
    // SAFETY: `from` is valid for 8 bytes; `bytes` is a local array of 8.
    unsafe { copy_out(bytes.as_mut_ptr(), from.as_ptr(), bytes.len()) };
    Some(u64::from_ne_bytes(bytes))
}

/// Bytes of the block at `unit`, as its own word tells.
fn room(arena: &Arena, unit: u64, word: Word) -> usize {
    match arena.runs().slab_around(unit as usize / UNITS) {
        Some(_) => crate::algo::slab::UNIT << word.extent().min(crate::algo::slab::CLASSES as u64 - 1),
        None => word.extent() as usize * super::layout::PAGE,
    }
}

impl Delivery {
    /// Takes over the message at `unit` that the participant `from`, dead or waiting, sealed. With `keep`, the container
    /// itself becomes ours; else it is read where it lies and stays the sender's.
    pub(crate) fn adopt(unit: u64, from: u16, keep: bool) -> Result<Self, Undelivered> {
        let (arena, me) = member::membership().ok_or(Undelivered::Damaged)?;
        if unit >= (arena.layout().pages * UNITS) as u64 {
            return Err(Undelivered::Damaged);
        }
        let word = shares::load(arena, unit);
        if word.kind() != Kind::Private || word.owner() != from {
            return Err(Undelivered::Damaged);
        }
        let room = room(arena, unit, word);
        let read = |offset| read(arena, unit, room, offset).ok_or(Undelivered::Damaged);
        let payload = read(0)? as usize;
        let blocks = read(8)? as usize;
        let size = layout(payload, blocks)
            .filter(|layout| layout.size() <= room)
            .ok_or(Undelivered::Damaged)?
            .size();
        let mut arrived = Vec::with_capacity(blocks);
        for index in 0..blocks {
            let at = FIXED + index * ENTRY;
            arrived.push(arrive(arena, me, from, read(at)?, read(at + 8)?));
        }
        let container = if keep {
            reown(arena, me, unit, size, word).ok_or(Undelivered::Damaged)?
        } else {
            Block::borrowed(arena, unit, size)
        };
        Ok(Self { container, payload_at: size - payload, payload, arrived })
    }

    /// Drops what the sender was given, catching those of our own blocks that it sent back.
    pub(crate) fn catch_from(&mut self, drop_it: impl FnOnce()) {
        let wanted: Vec<Wanted> = self
            .arrived
            .iter()
            .filter_map(|arrival| match arrival {
                Arrival::Copy { unit, .. } => Some(Wanted { unit: *unit, caught: None.into() }),
                _ => None,
            })
            .collect();
        catch::catching(&wanted, drop_it);
        let Some((arena, _)) = member::membership() else { return };
        let mut wanted = wanted.into_iter();
        for arrival in &mut self.arrived {
            if let Arrival::Copy { unit, size, word } = *arrival {
                let birth = wanted.next().and_then(|wanted| wanted.caught.get());
                *arrival = match birth {
                    Some(birth) => Arrival::Block(Block::ours(arena, unit, size, word, birth), true),
                    None => Arrival::Lost,
                };
            }
        }
    }

    /// The message: where its bytes lie, how many, and its blocks in order. The bytes stay as long as the returned block lives.
    pub(crate) fn open(self) -> Result<(Block, NonNull<u8>, usize, Vec<Carried>), Undelivered> {
        let mut carried = Vec::with_capacity(self.arrived.len());
        for arrival in self.arrived {
            match arrival {
                Arrival::Block(block, moved) => {
                    carried.push(if moved {
                        Carried::Moved(block)
                    } else {
                        Carried::Shared(Arc::new(block))
                    });
                }
                Arrival::Copy { .. } | Arrival::Lost => return Err(Undelivered::StillInUse),
            }
        }
        // SAFETY: `adopt` checked that the payload ends where the container does.
        let payload = unsafe { self.container.as_ptr().add(self.payload_at) };
        Ok((self.container, payload, self.payload, carried))
    }
}

/// Makes a private block of `from` ours: one step.
fn reown(arena: &Arena, me: u16, unit: u64, size: usize, word: Word) -> Option<Block> {
    let birth = member::births();
    let mine = Word::private(word.extent(), me, word.tag().wrapping_add(1), word.bears_lock());
    member::count_owned(arena, me, 1);
    if shares::exchange(arena, unit, word, mine) {
        Some(Block::ours(arena, unit, size, mine, birth))
    } else {
        member::count_owned(arena, me, -1);
        None
    }
}

/// Takes over one block of a message.
fn arrive(arena: &Arena, me: u16, from: u16, unit: u64, entry: u64) -> Arrival {
    let (size, moved) = ((entry & !SHARE) as usize, entry & SHARE == 0);
    let in_range = unit < (arena.layout().pages * UNITS) as u64;
    let word = if in_range { shares::load(arena, unit) } else { Word::CLOSED };
    if size > room(arena, unit, word) {
        return Arrival::Lost;
    }
    let block = match word.kind() {
        Kind::Private if word.owner() == from => reown(arena, me, unit, size, word),
        Kind::Private if word.owner() == me => return Arrival::Copy { unit, size, word },
        Kind::Private => Some(Block::borrowed(arena, unit, size)),
        Kind::Shared => {
            let birth = member::births();
            shares::share(arena, me, unit).ok().map(|()| Block::ours(arena, unit, size, Word::CLOSED, birth))
        }
        _ => None,
    };
    block.map_or(Arrival::Lost, |block| Arrival::Block(block, moved))
}
