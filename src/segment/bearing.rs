//! A block that bears a lock: where its parts lie, and typed views of them.
//!
//! The sweep finds such blocks by the mark in their block word, and what stands in them by the lock's `form`: so the
//! parts lie where that alone tells.
//!
//! ```text
//!   Form::Lock:    [ PoisonLock 32 | data … ]
//!   Form::Words:   [ Head 64       | data … ]
//!   with cells:    [ Head 64 | cells of all seats | data … ]
//!   a queue:       [ FifoWords 384 | cells of all seats | data … ]
//! ```

#![allow(unsafe_code)] // views of the block: every cast to a reference of atomics stands here

use std::alloc::Layout;
use std::fmt;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use super::arena::{Arena, existing};
use super::block::{Bears, Block, Fill};
use super::error::AllocError;
use super::queued::{self, QueueId};
use super::{heap, lane, member};
use crate::algo::{Borne, Fifo, FifoWords, Form, Head, Kind, PoisonLock, Tally, Word};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// A handle to a block that bears a lock. A clone is another one to the same block.
#[derive(Clone)]
pub(crate) struct Bearing {
    block: Arc<Block>,
    form: Form,
    data_at: usize,
    /// Of the block, for as long as it is held: worked out once, since every reader of a lock needs them.
    cells: Tally<'static>,
}

/// What stands before the cells of a block of that form.
const fn control(form: Form) -> Layout {
    match form {
        Form::Lock => Layout::new::<PoisonLock>(),
        Form::Queue | Form::Tasks => Layout::new::<FifoWords>(),
        _ => Layout::new::<Head>(),
    }
}

/// Bytes before the data, and all bytes, of a block of that form. `None`: more than an address can count.
pub(super) fn layout(form: Form, seats: usize, data: Layout) -> Option<(Layout, usize)> {
    let control = control(form);
    let cells = Layout::array::<AtomicU64>(form.words(seats)).ok()?;
    let (control, _) = control.extend(cells).ok()?;
    control.extend(data).ok()
}

impl Bearing {
    /// Takes a block for a lock of that form and `data` behind it, all of it zeroed.
    pub(crate) fn allocate(form: Form, data: Layout) -> Result<Self, AllocError> {
        let (arena, _) = member::join()?;
        let (layout, data_at) = layout(form, arena.layout().seats, data).ok_or(AllocError::Overflow)?;
        let mut block = Block::allocate(layout, Fill::Zeroed, Bears::Lock)?;
        block.make_shareable();
        let this = Self::of_block(Arc::new(block), arena, form, data_at);
        form.set(this.lock());
        Ok(this)
    }

    /// Takes a block for a queue of that form, zeroed but for its number, by which blocks that belong to it name it.
    pub(crate) fn queue(form: Form, data: Layout) -> Result<(Self, QueueId), AllocError> {
        let (this, (arena, _)) = (Self::allocate(form, data)?, member::join()?);
        let number = queued::new_number(arena);
        // Relaxed: whoever learns of the queue is ordered after this by how it learned.
        this.fifo().number.store(number, Relaxed);
        let id = QueueId::new(this.unit(), number);
        Ok((this, id))
    }

    /// The handle for a block that came in a message. `None`: there is no lock of that form in it, with `data` behind.
    pub(crate) fn adopt(block: Arc<Block>, form: Form, data: Layout) -> Option<Self> {
        Self::adopt_if(block, form, data, |size, needed| size == needed)
    }

    /// As [`Self::adopt`], for a form whose data is of a size that only the control words tell.
    pub(crate) fn adopt_at_least(block: Arc<Block>, form: Form) -> Option<Self> {
        Self::adopt_if(block, form, Layout::new::<()>(), |size, needed| size >= needed)
    }

    fn adopt_if(
        block: Arc<Block>,
        form: Form,
        data: Layout,
        fits: impl FnOnce(usize, usize) -> bool,
    ) -> Option<Self> {
        let arena = existing()?;
        let (layout, data_at) = layout(form, arena.layout().seats, data)?;
        let aligned = block.as_ptr().addr().get().is_multiple_of(layout.align());
        if !fits(block.size(), layout.size()) || !aligned {
            return None;
        }
        let this = Self::of_block(block, arena, form, data_at);
        (Form::of(this.lock()) == form).then_some(this)
    }

    /// The block was laid out by `layout` for this form.
    fn of_block(block: Arc<Block>, arena: &'static Arena, form: Form, data_at: usize) -> Self {
        // SAFETY: by `layout`, the cells of this form follow the head, inside the block. The block stays for as long as the handle
        // does, and the memory is mapped, as atomics that anybody may change, for as long as the process lives.
        let cells = unsafe { tally(arena, block.as_ptr(), form) };
        Self { block, form, data_at, cells }
    }

    /// The lock.
    #[inline]
    pub(crate) fn lock(&self) -> &PoisonLock {
        // SAFETY: the block begins with a `PoisonLock` (`layout`), aligned and valid while `self` holds the block; it is made
        // of atomics only.
        unsafe { self.block.as_ptr().cast::<PoisonLock>().as_ref() }
    }

    /// The lock and the words beside it.
    ///
    /// # Panics
    /// If the form is `Form::Lock`, which has none.
    #[inline]
    pub(crate) fn head(&self) -> &Head {
        assert!(self.form != Form::Lock, "there are no words beside a bare lock");
        // SAFETY: by the assertion and `layout`, the block begins with a `Head`, which is made of atomics only; aligned and valid
        // while `self` holds the block.
        unsafe { self.block.as_ptr().cast::<Head>().as_ref() }
    }

    /// The words of the queue.
    ///
    /// # Panics
    /// If the form is none of a queue.
    #[inline]
    pub(crate) fn fifo(&self) -> &FifoWords {
        assert!(self.form.is_queue(), "no queue stands there");
        // SAFETY: by the assertion and `layout`, the block begins with `FifoWords`, which are atomics only; aligned and valid while
        // `self` holds the block.
        unsafe { self.block.as_ptr().cast::<FifoWords>().as_ref() }
    }

    /// The cells: none, if the form has none.
    #[inline]
    pub(crate) fn tally(&self) -> Tally<'_> {
        self.cells
    }

    /// Where the data begins: valid for reads and writes of as many bytes as were asked for, while a handle is held.
    #[inline]
    pub(crate) fn data(&self) -> NonNull<u8> {
        // SAFETY: `layout` put the data behind the control words, inside the block.
        unsafe { self.block.as_ptr().add(self.data_at) }
    }

    /// The block.
    pub(crate) fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// The unit at which the block begins.
    pub(crate) fn unit(&self) -> u64 {
        self.block.unit()
    }

    /// Gives the handle up to a message, in which it is used as `used`.
    pub(crate) fn into_block(self) -> Arc<Block> {
        self.block
    }
}

impl fmt::Debug for Bearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearing")
            .field("form", &self.form)
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}

/// The cells of a block of `form` that begins at `at`.
///
/// # Safety
/// The block has room for them (`layout`), and stays for `'a`.
unsafe fn tally<'a>(arena: &'a Arena, at: NonNull<u8>, form: Form) -> Tally<'a> {
    let words = form.words(arena.layout().seats);
    let cells = if words == 0 {
        &[]
    } else {
        // SAFETY: by the caller's contract the cells follow the control words, inside the block.
        let first = unsafe { at.add(control(form).size()) };
        // SAFETY: as above, `words` words, aligned as these are; they are atomics.
        unsafe { slice::from_raw_parts(first.cast::<AtomicU64>().as_ptr(), words) }
    };
    Tally::new(cells, form.width(), &arena.header().high)
}

/// What the sweep finds at the start of the block at `unit`, of `room` bytes, whose word says that it bears a lock. A form that the
/// block is too small for reads as a lock alone.
pub(super) fn swept(arena: &Arena, unit: u64, room: usize) -> (&PoisonLock, Option<(Form, Borne<'_>)>) {
    let at = arena.unit(unit);
    // SAFETY: the walk that calls this found the unit inside a run, so it addresses 64-byte-aligned memory of the mapping; a
    // `PoisonLock` is smaller than a unit, and made of atomics only.
    let lock = unsafe { at.cast::<PoisonLock>().as_ref() };
    let form = Form::of(lock);
    if form == Form::Lane {
        return (lock, lane::words_in(arena, unit, room).map(|words| (form, Borne::Lane(words))));
    }
    let fits = layout(form, arena.layout().seats, Layout::new::<()>())
        .is_some_and(|(layout, _)| layout.size() <= room && at.addr().get().is_multiple_of(layout.align()));
    if form.width() == 0 || !fits {
        return (lock, None);
    }
    // SAFETY: `fits`.
    let tally = unsafe { tally(arena, at, form) };
    let borne = if form.is_queue() {
        // SAFETY: `fits`: the block has room for the words, aligned; they are atomics.
        Borne::Queue(unsafe { at.cast::<FifoWords>().as_ref() }, tally)
    } else {
        // SAFETY: as above; a `Head` is as large as a unit.
        Borne::Head(unsafe { at.cast::<Head>().as_ref() }, tally)
    };
    (lock, Some((form, borne)))
}

/// The queue in the block at `unit`, which bears a lock and is the caller's. `None`: it is none.
pub(super) fn queue_in(arena: &Arena, unit: u64, word: Word) -> Option<Fifo<'_>> {
    match swept(arena, unit, heap::room(arena, unit, word)).1 {
        Some((_, Borne::Queue(words, ends))) => Some(Fifo::of(words, ends)),
        _ => None,
    }
}

/// The queue with that number, if the block at `unit`, whose word is `word`, is its. Heap lock held: the block does not become
/// somebody else's.
pub(super) fn queue_numbered(arena: &Arena, unit: u64, word: Word, number: u64) -> Option<Fifo<'_>> {
    let is_there = word.bears_lock() && matches!(word.kind(), Kind::Private | Kind::Shared);
    let queue = is_there.then(|| queue_in(arena, unit, word)).flatten();
    queue.filter(|queue| queue.words().number() == number)
}
