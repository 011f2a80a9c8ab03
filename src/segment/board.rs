//! The block in which tasks are handed to workers, and the blocks of the tasks' records.
//!
//! ```text
//!   board:    [ DispatchWords | WorkerWords of each | ring of entries | directory: unit of each segment, plus one ]
//!   segment:  [ TaskWords … ]
//!   job:      [ ChunkWords | a word for each chunk ]
//! ```
//!
//! They are the submitter's. Workers reach them by the handles that fork copied, or, segments that came later, by the directory; the
//! submitter keeps all of them until no worker is left.
//!
//! | edge | release side  | acquire side | publishes                       |
//! |------|---------------|--------------|---------------------------------|
//! | T8   | `Board::add`  | `record`     | the zeroed records of a segment |

#![allow(unsafe_code)] // views of the blocks: every cast to a reference of atomics stands here

use std::alloc::Layout;
use std::fmt;
use std::ptr::NonNull;
use std::slice;

use super::arena::Arena;
use super::block::{Bears, Block, Fill};
use super::error::AllocError;
use super::member;
use crate::algo::slab::UNIT;
use crate::algo::{ChunkWords, Chunks, Dispatch, DispatchWords, Records, SPINNERS, TaskWords, WorkerWords};
use crate::shim::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

/// Entries of the ring: a power of two. What finds no room waits in the submitter's private memory.
pub(crate) const ENTRIES: usize = 8192;

/// Records of a segment: a power of two.
pub(crate) const RECORDS: usize = 1024;

/// Segments that there may be: 2^24 records in all.
pub(crate) const SEGMENTS: usize = 16384;

/// The block in which tasks are handed over.
pub(crate) struct Board {
    block: Block,
    arena: &'static Arena,
    shape: Shape,
    spinners: usize,
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("workers", &self.shape.workers).finish_non_exhaustive()
    }
}

/// Where the parts lie.
#[derive(Clone, Copy, Debug)]
struct Shape {
    layout: Layout,
    workers: usize,
    workers_at: usize,
    ring_at: usize,
    directory_at: usize,
}

impl Shape {
    fn of(workers: usize) -> Option<Self> {
        let words = Layout::new::<DispatchWords>();
        let (layout, workers_at) = words.extend(Layout::array::<WorkerWords>(workers).ok()?).ok()?;
        let (layout, ring_at) = layout.extend(Layout::array::<AtomicU64>(ENTRIES).ok()?).ok()?;
        let (layout, directory_at) = layout.extend(Layout::array::<AtomicU64>(SEGMENTS).ok()?).ok()?;
        Some(Self { layout, workers, workers_at, ring_at, directory_at })
    }
}

impl Board {
    /// Takes a block for so many workers, of which `spinners` may spin at once.
    pub(crate) fn allocate(workers: usize, spinners: usize) -> Result<Self, AllocError> {
        let (arena, _) = member::join()?;
        let shape = Shape::of(workers).ok_or(AllocError::Overflow)?;
        let block = Block::allocate(shape.layout, Fill::Zeroed, Bears::Nothing)?;
        let board = Self { block, arena, shape, spinners: spinners.min(SPINNERS) };
        board.words().format(ENTRIES);
        Ok(board)
    }

    /// Takes memory for the segment of that number, and says where it is. The submitter keeps the block.
    ///
    /// # Panics
    /// If `number` is not below [`SEGMENTS`].
    pub(crate) fn add(&self, number: usize) -> Result<Block, AllocError> {
        let layout = Layout::array::<TaskWords>(RECORDS).map_err(|_| AllocError::Overflow)?;
        let block = Block::allocate(layout, Fill::Zeroed, Bears::Nothing)?;
        self.directory()[number].store(block.unit() + 1, Release); // T8
        Ok(block)
    }

    fn part<T>(&self, at: usize) -> NonNull<T> {
        // SAFETY: the callers pass places that `Shape` computed for this block.
        unsafe { self.block.as_ptr().add(at) }.cast()
    }

    fn words(&self) -> &DispatchWords {
        // SAFETY: `Shape` put the words there, aligned and inside the block, which `self` holds, or which, in a copy that fork made, the
        // submitter keeps as long as this process lives; they are atomics.
        unsafe { self.part(0).as_ref() }
    }

    /// The words of each worker.
    pub(crate) fn workers(&self) -> &[WorkerWords] {
        // SAFETY: as `words`; `shape.workers` of them.
        unsafe { slice::from_raw_parts(self.part(self.shape.workers_at).as_ptr(), self.shape.workers) }
    }

    fn ring(&self) -> &[AtomicU64] {
        // SAFETY: as `words`; `ENTRIES` of them.
        unsafe { slice::from_raw_parts(self.part(self.shape.ring_at).as_ptr(), ENTRIES) }
    }

    fn directory(&self) -> &[AtomicU64] {
        // SAFETY: as `words`; `SEGMENTS` of them.
        unsafe { slice::from_raw_parts(self.part(self.shape.directory_at).as_ptr(), SEGMENTS) }
    }

    /// The machine.
    #[inline]
    pub(crate) fn dispatch(&self) -> Dispatch<'_, Self> {
        Dispatch::of(self.words(), self.ring(), self.workers(), self, self.spinners)
    }
}

impl Records for Board {
    #[inline]
    fn record(&self, index: u32) -> Option<&TaskWords> {
        let index = index as usize;
        let unit = self.directory().get(index / RECORDS)?.load(Acquire).checked_sub(1)?; // T8
        // Others may have damaged the directory.
        let first = self.arena.unit_range(unit, size_of::<[TaskWords; RECORDS]>())?.cast::<TaskWords>();
        if !first.is_aligned() {
            return None;
        }
        // SAFETY: a segment from that unit on lies inside the data pages that have memory; so does this record of it.
        let record = unsafe { first.add(index % RECORDS) };
        // SAFETY: as above, aligned; what stands there is used as atomics, for which every bit pattern is valid, by everybody,
        // as long as a worker lives, since the submitter keeps its segments.
        Some(unsafe { record.as_ref() })
    }
}

/// The block of a job: its words, and one for each chunk.
pub(crate) struct JobBlock {
    block: Block,
    arena: &'static Arena,
    chunks: u32,
}

impl JobBlock {
    fn layout(chunks: u32) -> Option<(Layout, usize)> {
        Layout::new::<ChunkWords>().extend(Layout::array::<AtomicU64>(chunks as usize).ok()?).ok()
    }

    /// Takes a block for so many chunks, all of them open.
    pub(crate) fn allocate(chunks: u32) -> Result<Self, AllocError> {
        let (arena, _) = member::join()?;
        let (layout, _) = Self::layout(chunks).ok_or(AllocError::Overflow)?;
        let block = Block::allocate(layout, Fill::Zeroed, Bears::Nothing)?;
        Ok(Self { block, arena, chunks })
    }

    /// By which workers find it.
    pub(crate) fn unit(&self) -> u64 {
        self.block.unit()
    }

    /// The chunks. `None` only if the arena's own words are damaged.
    pub(crate) fn chunks(&self) -> Option<Chunks<'_>> {
        Self::at(self.arena, self.unit(), self.chunks)
    }

    /// The chunks of the job at `unit`, of which there are so many. `None`: no block of that size can be there, as only damaged words say.
    pub(crate) fn find(unit: u64, chunks: u32) -> Option<Chunks<'static>> {
        Self::at(member::membership()?.0, unit, chunks)
    }

    fn at(arena: &'static Arena, unit: u64, chunks: u32) -> Option<Chunks<'static>> {
        let (layout, states_at) = Self::layout(chunks)?;
        let aligned = unit.is_multiple_of((layout.align() / UNIT) as u64);
        let first = arena.unit_range(unit, layout.size()).filter(|_| aligned)?;
        // SAFETY: the range that was found is as large as the layout, so what follows the words is in it.
        let states = unsafe { first.add(states_at) };
        // SAFETY: as above, aligned; the memory is mapped, as atomics that anybody may change, for as long as the process lives.
        let words = unsafe { first.cast::<ChunkWords>().as_ref() };
        // SAFETY: as above, `chunks` of them.
        let states = unsafe { slice::from_raw_parts(states.cast::<AtomicU64>().as_ptr(), chunks as usize) };
        Some(Chunks::of(words, states))
    }
}
