//! A message at rest in shared memory: its bytes, and the list of the blocks that travel inside it.
//!
//! ```text
//!   [ header: payload length, blocks | (unit, size) … | payload … ]
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
//! | a fork's copy | the receiver's own handle is caught (`catch`)| the owner's still  | the owner's           |
//!
//! I1. A sealed container changes no more, but that its receiver strikes out what it took over.
//! I2. A handle that is only a copy never makes its block shared, nor somebody else's. Handed down it stays a copy; sent home,
//!     the handle that it is a copy of must be in what the child was given, and nowhere else.

#![allow(unsafe_code)] // reads and writes the container's bytes by raw pointer

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use super::arena::Arena;
use super::block::{Bears, Block, Fill};
use super::catch::{self, Wanted};
use super::error::AllocError;
use super::layout::UNITS;
use super::queued::HEADER;
use super::registration::Registration;
use super::shares::Holder;
use super::{heap, member, shares};
use crate::algo::{End, Kind, Word};
use crate::sys::{copy_in, copy_out};

/// What stands before the list: the header by which a queue may own it (`queued`), two words of which are ours.
const FIXED: usize = HEADER;
const PAYLOAD: usize = 40;
const BLOCKS: usize = 48;
const ENTRY: usize = 16;
const ALIGN: usize = 16;
/// An entry that its receiver took over, or that was never written: no block begins there.
const NONE: u64 = u64::MAX;

/// A block that travels inside a message.
#[derive(Debug)]
pub(crate) enum Carried {
    /// With everything: the sender has it no more.
    Moved(Block),
    /// As one more holder, of what the block is used as.
    Shared(Arc<Block>, Use),
    /// As one more at an end of a queue.
    End(Registration),
}

impl Carried {
    fn block(&self) -> &Block {
        match self {
            Self::Moved(block) => block,
            Self::Shared(block, _) => block,
            Self::End(end) => end.block(),
        }
    }

    fn share(&self) -> Option<Use> {
        match self {
            Self::Moved(_) => None,
            Self::Shared(_, used) => Some(*used),
            Self::End(end) => Some(end.used()),
        }
    }

    /// Whether the handle is only a copy that fork made: the block is not this process's to give.
    pub(super) fn is_copy(&self) -> bool {
        if self.share().is_some() { !self.block().is_shareable() } else { !self.block().is_ours() }
    }

    pub(super) fn unit(&self) -> u64 {
        self.block().unit()
    }
}

/// What a shared block is used as: a receiver must not take it for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Use {
    Value = 1,
    Frozen,
    Mutex,
    RwLock,
    ReentrantMutex,
    Condvar,
    Semaphore,
    BoundedSemaphore,
    Event,
    Barrier,
    Once,
    OnceValue,
    Ring,
    Queue,
    QueueSender,
    QueueReceiver,
    JoinableQueue,
    Channel,
    ChannelSender,
    ChannelReceiver,
}

impl Use {
    const ALL: [Self; 20] = [
        Self::Value,
        Self::Frozen,
        Self::Mutex,
        Self::RwLock,
        Self::ReentrantMutex,
        Self::Condvar,
        Self::Semaphore,
        Self::BoundedSemaphore,
        Self::Event,
        Self::Barrier,
        Self::Once,
        Self::OnceValue,
        Self::Ring,
        Self::Queue,
        Self::QueueSender,
        Self::QueueReceiver,
        Self::JoinableQueue,
        Self::Channel,
        Self::ChannelSender,
        Self::ChannelReceiver,
    ];

    /// The end of a queue at which such a handle is registered.
    pub(super) const fn end(self) -> Option<End> {
        match self {
            Self::QueueSender | Self::ChannelSender => Some(End::Send),
            Self::QueueReceiver | Self::ChannelReceiver => Some(End::Receive),
            _ => None,
        }
    }
}

/// What an entry says beside the block's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Manner {
    /// The receiver gets a share, used as this; `None`: the block itself.
    share: Option<Use>,
    /// The sender's handle was a copy that fork made.
    copy: bool,
}

const SIZE: u64 = (1 << 48) - 1;

impl Manner {
    fn with_size(self, size: usize) -> u64 {
        let share = self.share.map_or(0, |used| used as u64);
        size as u64 & SIZE | share << 48 | u64::from(self.copy) << 56
    }

    fn of(entry: u64) -> Self {
        let share = Use::ALL.into_iter().find(|used| *used as u64 == entry >> 48 & 0xff);
        Self { share, copy: entry >> 56 & 1 != 0 }
    }
}

/// A message that this process packed. Dropping it gives back what nobody adopted.
#[derive(Debug)]
pub(crate) struct Container {
    block: Block,
    payload: usize,
    /// What was sealed into it: the blocks, and what their words said then.
    sealed: Vec<(u64, Word)>,
    /// A block changes hands for good.
    moves: bool,
    /// Handles that are copies: here still when the receiver sends them back. And registrations.
    kept: Vec<Carried>,
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
    /// Here; used as that if it is a share.
    Block(Block, Option<Use>),
    /// The sender had only a copy of a handle, which must be in what the sender was given: see `catch`.
    Copy {
        unit: u64,
        size: usize,
        share: Option<Use>,
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
        let (sealed, kept) = (Vec::with_capacity(blocks), Vec::new());
        let container = Self { block, payload, sealed, moves: false, kept };
        for index in 0..blocks {
            container.write(FIXED + index * ENTRY, NONE);
        }
        container.write(PAYLOAD, payload as u64);
        container.write(BLOCKS, blocks as u64);
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

    /// How many bytes of payload there are.
    pub(super) fn payload_len(&self) -> usize {
        self.payload
    }

    /// Names a block in the list, as the one at `index`.
    pub(super) fn list(&self, index: usize, carried: &Carried) {
        let manner = Manner { share: carried.share(), copy: carried.is_copy() };
        self.write(FIXED + index * ENTRY, carried.unit());
        self.write(FIXED + index * ENTRY + 8, manner.with_size(carried.block().size()));
    }

    /// Whether it can be taken over more than once: nothing in it changes hands for good.
    pub(crate) fn is_repeatable(&self) -> bool {
        !self.moves
    }

    /// Whether it keeps a place at an end of a queue, which others wait to see given up.
    pub(crate) fn keeps_an_end(&self) -> bool {
        self.kept.iter().any(|carried| matches!(carried, Carried::End(_)))
    }

    /// The block alone, for one who sees to what is listed in it.
    pub(super) fn into_block(mut self) -> Block {
        let empty = Block::nothing();
        std::mem::replace(&mut self.block, empty)
    }

    /// Puts the blocks into the message. On an error what was not put in is dropped, as is the message then.
    pub(crate) fn seal(mut self, carried: Vec<Carried>) -> Result<Self, AllocError> {
        let Some((arena, seat)) = member::membership() else { return Err(AllocError::Excluded) };
        for (index, carried) in carried.into_iter().enumerate() {
            let (block, share) = (carried.block(), carried.share());
            let unit = block.unit();
            self.moves |= share.is_none();
            let copy = carried.is_copy(); // I2: such a sender can only send home
            // A block that moves is shared first if a child may hold a copy of its handle, or another process does.
            let hold = !copy && (share.is_some() || block.may_be_copied() || !block.is_private(arena));
            if hold {
                shares::share(arena, Holder::seat(seat), unit)?;
            }
            let word = if copy { Word::CLOSED } else { shares::load(arena, unit) };
            self.list(index, &carried);
            self.sealed.push((unit, word));
            if copy || matches!(carried, Carried::End(_)) {
                self.kept.push(carried); // a registration counts for the sender as long as the message is kept
            } else if !hold {
                std::mem::forget(carried); // the message's from here on
            }
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
        for (index, (unit, word)) in self.sealed.drain(..).enumerate() {
            let struck_out =
                read(arena, self.block.unit(), self.block.size(), FIXED + index * ENTRY) == Some(NONE);
            match word.kind() {
                Kind::Shared => drop(shares::unshare(arena, Holder::seat(seat), unit)),
                // Taken over: not ours any more, but still counted. Not struck out: its receiver died before it could say so,
                // then its word is not what it was, since a dead receiver gives nothing back.
                Kind::Private if struck_out || !heap::release(arena, seat, unit, word) => {
                    member::count_owned(arena, seat, -1);
                }
                _ => {}
            }
        }
    }
}

impl Block {
    /// Whether the block has one holder.
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

/// Bytes of the container at `unit`, whose word is `word`, of its payload, and how many blocks it lists. `None`: it is none.
pub(super) fn measures(arena: &Arena, unit: u64, word: Word) -> Option<(usize, usize, usize)> {
    let room = heap::room(arena, unit, word);
    let payload = read(arena, unit, room, PAYLOAD)? as usize;
    let blocks = read(arena, unit, room, BLOCKS)? as usize;
    let size = layout(payload, blocks)?.size();
    (size <= room).then_some((size, payload, blocks))
}

/// The first `blocks` that the container at `unit` lists: unit, size, and what a share is used as. It has room for so many.
pub(super) fn listed(
    arena: &Arena,
    unit: u64,
    blocks: usize,
) -> impl Iterator<Item = (u64, usize, Option<Use>)> {
    (0..blocks).map_while(move |index| {
        let at = FIXED + index * ENTRY;
        let (block, entry) = (read(arena, unit, at + ENTRY, at)?, read(arena, unit, at + ENTRY, at + 8)?);
        Some((block, (entry & SIZE) as usize, Manner::of(entry).share))
    })
}

/// What the block at `unit` lists, if it is a container. What it is may be doubtful, where it lies is not.
pub(super) fn entries(arena: &Arena, unit: u64) -> impl Iterator<Item = (u64, Option<Use>)> {
    let word = super::queued::word_of(arena, unit);
    let blocks = match word.kind() {
        Kind::Private => measures(arena, unit, word).map_or(0, |(.., blocks)| blocks),
        _ => 0,
    };
    listed(arena, unit, blocks).map(|(at, _, used)| (at, used))
}

/// Whether the message at `message` is there, and lists the block at `unit`.
pub(super) fn carries(arena: &Arena, message: u64, unit: u64) -> bool {
    entries(arena, message).any(|(at, _)| at == unit)
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
        let (size, payload, blocks) = measures(arena, unit, word).ok_or(Undelivered::Damaged)?;
        let read = |offset| read(arena, unit, size, offset).ok_or(Undelivered::Damaged);
        let mut arrived = Vec::with_capacity(blocks);
        for index in 0..blocks {
            let at = FIXED + index * ENTRY;
            let arrival = arrive(arena, me, from, read(at)?, read(at + 8)?, keep);
            if let (Arrival::Block(_, None), false) = (&arrival, keep) {
                strike_out(arena, unit, at);
            }
            arrived.push(arrival);
        }
        let container = if keep {
            reown(arena, me, unit, size, word).ok_or(Undelivered::Damaged)?
        } else {
            Block::borrowed(arena, unit, size)
        };
        Ok(Self { container, payload_at: size - payload, payload, arrived })
    }

    /// Drops what the sender was given, catching the blocks that it sent back. `drop_it` does not unwind.
    pub(crate) fn catch_from(&mut self, drop_it: impl FnOnce()) {
        let wanted: Vec<Wanted> = self
            .arrived
            .iter()
            .filter_map(|arrival| match arrival {
                Arrival::Copy { unit, .. } => Some(Wanted::new(*unit)),
                _ => None,
            })
            .collect();
        catch::catching(&wanted, drop_it);
        let mut caught = wanted.into_iter().map(Wanted::into_caught);
        for arrival in &mut self.arrived {
            if let Arrival::Copy { size, share, .. } = *arrival {
                *arrival = match caught.next().flatten() {
                    Some(block) if block.size() == size => Arrival::Block(block, share),
                    _ => Arrival::Lost,
                };
            }
        }
    }

    /// The message: where its bytes lie, how many, and its blocks in order. The bytes stay as long as the returned block lives.
    pub(crate) fn open(self) -> Result<(Block, NonNull<u8>, usize, Vec<Carried>), Undelivered> {
        let mut carried = Vec::with_capacity(self.arrived.len());
        for arrival in self.arrived {
            match arrival {
                Arrival::Block(block, None) => carried.push(Carried::Moved(block)),
                Arrival::Block(block, Some(used)) if used.end().is_some() => {
                    let end = Registration::new(Arc::new(block), used).ok_or(Undelivered::Damaged)?;
                    carried.push(Carried::End(end));
                }
                Arrival::Block(block, Some(used)) => carried.push(Carried::Shared(Arc::new(block), used)),
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
    let mine = shares::take_over(arena, me, unit, word, mine)?;
    Some(Block::ours(arena, unit, size, mine, birth))
}

/// Says in the container at `unit` that the block of the entry at `offset` was taken over.
fn strike_out(arena: &Arena, unit: u64, offset: usize) {
    let none = NONE.to_ne_bytes();
    // SAFETY: `adopt` has read this entry, so it lies inside the container.
    let to = unsafe { arena.unit(unit).add(offset) };
    // SAFETY: as above, valid for 8 bytes; `none` is a local array of 8. The sender reads it after this process is dead.
    unsafe { copy_in(to.as_ptr(), none.as_ptr(), none.len()) };
}

/// Takes over one block of a message.
fn arrive(arena: &Arena, me: u16, from: u16, unit: u64, entry: u64, home: bool) -> Arrival {
    let (size, manner) = ((entry & SIZE) as usize, Manner::of(entry));
    let in_range = unit < (arena.layout().pages * UNITS) as u64;
    let word = if in_range { shares::load(arena, unit) } else { Word::CLOSED };
    if size > heap::room(arena, unit, word) {
        return Arrival::Lost;
    }
    let block = match word.kind() {
        _ if manner.copy && home => return Arrival::Copy { unit, size, share: manner.share },
        // Handed down: whoever keeps the block for the sender keeps it for the sender's children.
        Kind::Private | Kind::Shared if manner.copy => Some(Block::borrowed(arena, unit, size)),
        Kind::Private if word.owner() == from => reown(arena, me, unit, size, word),
        Kind::Shared => {
            let birth = member::births();
            shares::share(arena, Holder::seat(me), unit)
                .ok()
                .map(|()| Block::ours(arena, unit, size, Word::CLOSED, birth))
        }
        _ => None,
    };
    block.map_or(Arrival::Lost, |mut block| {
        if manner.share.is_some() {
            block.make_shareable(); // not of a copy
        }
        Arrival::Block(block, manner.share)
    })
}
