//! A block that bears a lane: its words, and its slots.
//!
//! ```text
//!   [ Head 64 | … 128 | LaneWords 768 | slots … ]
//! ```
//!
//! The head says what stands in the block. The words begin at the same place in every such block, so the sweep finds them; how many slots
//! there are, and of what, only the handles know.

#![allow(unsafe_code)] // views of the block, and the claim that handles may travel between threads

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use super::arena::Arena;
use super::bearing::{self, Bearing};
use super::block::Block;
use super::error::AllocError;
use crate::algo::{Form, LaneWords};

/// A handle to a block that bears a lane. A clone is another one to the same block.
#[derive(Clone, Debug)]
pub(crate) struct LaneBlock {
    bearing: Bearing,
    /// Of the block, for as long as it is held.
    words: NonNull<LaneWords>,
    slots: NonNull<u8>,
}

// SAFETY: the pointers are into the block that `bearing` holds, which every thread of the process can reach at the same address; what
// users do with the slots is theirs to justify.
unsafe impl Send for LaneBlock {}
// SAFETY: as for `Send`: `&LaneBlock` gives atomics, and the address of the slots.
unsafe impl Sync for LaneBlock {}

/// The words, and slots of `bytes` bytes in all.
fn layout(bytes: usize) -> Option<Layout> {
    let words = Layout::new::<LaneWords>();
    let slots = Layout::from_size_align(bytes, words.align()).ok()?;
    Some(words.extend(slots).ok()?.0)
}

impl LaneBlock {
    /// Takes a block for a lane whose slots have `bytes` bytes in all.
    pub(crate) fn allocate(bytes: usize) -> Result<Self, AllocError> {
        let layout = layout(bytes).ok_or(AllocError::Overflow)?;
        Bearing::allocate(Form::Lane, layout).map(Self::of)
    }

    /// The handle for a block that came in a message. `None`: no lane with slots of so many bytes stands in it.
    pub(crate) fn adopt(block: Arc<Block>, bytes: usize) -> Option<Self> {
        Bearing::adopt(block, Form::Lane, layout(bytes)?).map(Self::of)
    }

    /// The data was laid out by `layout`.
    fn of(bearing: Bearing) -> Self {
        let words = bearing.data().cast::<LaneWords>();
        // SAFETY: by `layout`, the slots follow the words, in the same block; both are multiples of 128 bytes from its start.
        let slots = unsafe { words.add(1) }.cast::<u8>();
        Self { bearing, words, slots }
    }

    /// The words.
    #[inline]
    pub(crate) fn words(&self) -> &LaneWords {
        // SAFETY: they stand in the block (`of`), aligned, which `bearing` holds as long as `self` lives; they are atomics only.
        unsafe { self.words.as_ref() }
    }

    /// Where the slots begin, aligned to 128: valid for reads and writes of as many bytes as were asked for, while a handle is held.
    #[inline]
    pub(crate) fn slots(&self) -> NonNull<u8> {
        self.slots
    }

    /// Gives the handle up to a message.
    pub(crate) fn into_block(self) -> Arc<Block> {
        self.bearing.into_block()
    }
}

/// The words of the lane in the block at `unit`, of `room` bytes, whose form says that it is one. `None`: the block is too small for it.
pub(super) fn words_in(arena: &Arena, unit: u64, room: usize) -> Option<&LaneWords> {
    let (layout, at) = bearing::layout(Form::Lane, 0, Layout::new::<LaneWords>())?;
    let start = arena.unit(unit);
    if layout.size() > room || !start.addr().get().is_multiple_of(layout.align()) {
        return None;
    }
    // SAFETY: by the check above the words lie inside the block.
    let words = unsafe { start.add(at) }.cast::<LaneWords>();
    // SAFETY: as above, aligned; they are atomics only, and the memory is mapped as long as the arena is.
    Some(unsafe { words.as_ref() })
}
