//! One value that every holder of a handle reads and writes.
//!
//! ```text
//!   up to 8 bytes:  word                      get: one load    set: one store    update: compare and exchange
//!   larger:         lock, version, 2 copies   get: no lock     set: under lock   update: commit if unchanged
//! ```
//!
//! `update` computes outside of every lock and commits only if nobody else did meanwhile, otherwise it
//! repeats. So a closure that panics, or is killed, leaves the value as it was, and holds nobody up.
#![allow(unsafe_code)] // makes references to words of the block that the handle holds

use std::alloc::Layout;
use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::wide::{self, Wide};
use super::word::{self, Word};
use super::{Integer, holds};
use crate::message::{DecodeError, Measure, Message, Plain, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::block::{Bears, Block, Fill};
use crate::segment::container::Use;

/// A value in shared memory that many processes and threads read and write: a counter, a flag, a best result
/// so far.
///
/// A clone is another handle to the same value. Handles reach a child by capture or inside a message, and the
/// memory is freed when the last one is gone.
///
/// **Never torn.** Every operation takes effect at once or not at all: whoever reads sees one whole value
/// that somebody wrote, also when the writer is killed in the middle of it. Values of up to eight bytes are
/// atomics; larger ones have two copies, and readers never wait for a writer.
///
/// **Order.** What a process did before it wrote a value is seen by who reads that value: reads acquire,
/// writes release, as in crossbeam's `AtomicCell`. There is no total order over several values.
///
/// A value cannot be changed from a signal handler that interrupted a change of the same value: the write is
/// lost.
///
/// # Examples
/// A counter that two processes drive:
/// ```
/// use procshare::{Value, scope};
///
/// let hits = Value::new(0_u64)?;
/// scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| {
///             for _ in 0..1000 {
///                 hits.fetch_add(1);
///             }
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(hits.get(), 2000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// A value of several fields, changed as one:
/// ```
/// use bytemuck::{Pod, Zeroable};
/// use procshare::{Value, scope};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
/// #[repr(C)]
/// struct Best {
///     worker: u64,
///     error: f64,
/// }
///
/// let best = Value::new(Best { worker: 0, error: f64::INFINITY })?;
/// scope(|s| {
///     for worker in 1..=3 {
///         let best = &best;
///         s.spawn(move || {
///             let mine = Best { worker, error: 1.0 / worker as f64 };
///             best.update(|so_far| if mine.error < so_far.error { mine } else { so_far });
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(best.get().worker, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Value")]
#[doc(alias = "RawValue")]
#[doc(alias = "sharedctypes")]
#[doc(alias = "AtomicCell")]
pub struct Value<T: Plain> {
    block: Arc<Block>,
    /// The bytes of a valid value, for types that have invalid bit patterns: what is read when a foreign
    /// process wrote such a pattern into the block.
    spare: Option<Arc<[u8]>>,
    of: PhantomData<fn(T) -> T>,
}

/// Where the value lies.
enum Place<'a> {
    Word(Word<'a>),
    Wide(Wide<'a>),
}

impl<T: Plain> Value<T> {
    /// Makes a value in shared memory.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Process, Value};
    ///
    /// let ready = Value::new(false)?;
    /// let child = Process::spawn({
    ///     let ready = ready.clone();
    ///     move || ready.set(true)
    /// })?;
    /// child.join()?;
    /// assert!(ready.get());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(value: T) -> Result<Self, AllocError> {
        let bears = if word::fits(size_of::<T>()) { Bears::Nothing } else { Bears::Lock };
        let mut block = Block::allocate(Self::layout()?, Fill::Zeroed, bears)?;
        block.make_shareable();
        let this = Self::of_block(Arc::new(block), Self::keep_spare(&value));
        match this.place() {
            Place::Word(word) => word.store(word::to_bits(&value)),
            Place::Wide(wide) => wide.fill(&value),
        }
        Ok(this)
    }

    /// Returns the value.
    ///
    /// Never blocks, not even on a writer that was killed. Another process may change the value right after.
    #[doc(alias = "load")]
    #[inline]
    pub fn get(&self) -> T {
        self.read().0
    }

    /// Makes `value` the value.
    ///
    /// Blocks only if it is larger than eight bytes, while another process copies its own value in; one that
    /// was killed meanwhile is passed over.
    #[doc(alias = "store")]
    #[inline]
    pub fn set(&self, value: T) {
        match self.place() {
            Place::Word(word) => word.store(word::to_bits(&value)),
            Place::Wide(wide) => {
                // No user code runs under the lock and `park` has no deadline, so an error means that a
                // foreign process wrote over the lock word, or that this is a signal handler: the write is
                // lost, as documented.
                let _lost = wide.write(&value);
            }
        }
    }

    /// Makes `value` the value, and returns the one before.
    ///
    /// Blocks as [`set`](Value::set) does.
    #[doc(alias = "exchange")]
    #[inline]
    pub fn swap(&self, value: T) -> T {
        self.update(|_| value)
    }

    /// Changes the value to `next(value)`, and returns the one before.
    ///
    /// `next` runs on a copy, outside of every lock, and its result counts only if nobody else changed the
    /// value meanwhile; otherwise `next` is called again with the new one. So it should be short, and do
    /// nothing but compute. If it panics or its process is killed, the value stays as it was. If it changes
    /// the same value itself, it is repeated for ever.
    ///
    /// Blocks as [`set`](Value::set) does.
    ///
    /// # Examples
    /// ```
    /// use procshare::Value;
    ///
    /// let longest = Value::new(3.5_f64)?;
    /// assert_eq!(longest.update(|so_far| so_far.max(4.25)), 3.5);
    /// assert_eq!(longest.get(), 4.25);
    /// # Ok::<(), procshare::AllocError>(())
    /// ```
    #[doc(alias = "get_lock")]
    #[doc(alias = "fetch_update")]
    #[inline]
    pub fn update(&self, mut next: impl FnMut(T) -> T) -> T {
        loop {
            let (value, seen) = self.read();
            if self.commit(seen, next(value)) {
                return value;
            }
        }
    }

    /// Makes `new` the value if it is `current` now. The two are compared bit by bit.
    ///
    /// Blocks as [`set`](Value::set) does. For floats, `0.0` is not `-0.0`, and a NaN equals itself.
    ///
    /// # Errors
    /// The value as it is, if that is not `current`; nothing was changed.
    ///
    /// # Examples
    /// ```
    /// use procshare::Value;
    ///
    /// let turn = Value::new('a')?;
    /// assert_eq!(turn.compare_exchange('a', 'b'), Ok('a'));
    /// assert_eq!(turn.compare_exchange('a', 'c'), Err('b'));
    /// # Ok::<(), procshare::AllocError>(())
    /// ```
    #[doc(alias = "compare_and_swap")]
    #[inline]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<T, T> {
        loop {
            let (value, seen) = self.read();
            if bytemuck::bytes_of(&value) != bytemuck::bytes_of(&current) {
                return Err(value);
            }
            if self.commit(seen, new) {
                return Ok(value);
            }
        }
    }

    /// The word that holds an integer.
    #[inline]
    pub(super) fn word(&self) -> Word<'_>
    where
        T: Integer,
    {
        // SAFETY: as in `place`; integers fit into a word.
        unsafe { Word::at(self.block.as_ptr(), size_of::<T>()) }
    }

    /// Returns the value, and what `commit` wants to know of it: the bits of a word, the version of a larger
    /// value.
    #[inline]
    fn read(&self) -> (T, u64) {
        let (value, seen) = self.read_checked();
        (value.unwrap_or_else(|| self.spare()), seen)
    }

    /// As `read`; no value if the bits are none.
    #[inline]
    fn read_checked(&self) -> (Option<T>, u64) {
        match self.place() {
            Place::Word(word) => {
                let bits = word.load();
                (word::from_bits_checked(bits), bits)
            }
            Place::Wide(wide) => wide.read(),
        }
    }

    /// Makes `new` the value if it was not changed since it was `seen`; says whether it was not.
    #[inline]
    fn commit(&self, seen: u64, new: T) -> bool {
        match self.place() {
            Place::Word(word) => word.exchange(seen, word::to_bits(&new)),
            // An error means what it means in `set`: the write is lost, rather than repeated for ever.
            Place::Wide(wide) => wide.write_if(seen, &new).unwrap_or(true),
        }
    }

    #[inline]
    fn place(&self) -> Place<'_> {
        let at = self.block.as_ptr();
        if word::fits(size_of::<T>()) {
            // SAFETY: the block was laid out by `layout` (in `new`) or found to satisfy it (in `decode`):
            // aligned to the word and at least as large, initialised, valid while `self.block` is held. All
            // handles of it are `Value`s of this size, which use `Word` alone.
            Place::Word(unsafe { Word::at(at, size_of::<T>()) })
        } else {
            // SAFETY: as above, for two copies and `Wide`.
            Place::Wide(unsafe { Wide::at(at, size_of::<T>()) })
        }
    }

    fn layout() -> Result<Layout, AllocError> {
        if !word::fits(size_of::<T>()) {
            return wide::layout(size_of::<T>());
        }
        let width = word::width(size_of::<T>());
        Layout::from_size_align(width, width).map_err(|_| AllocError::Overflow)
    }

    fn of_block(block: Arc<Block>, spare: Option<Arc<[u8]>>) -> Self {
        Self { block, spare, of: PhantomData }
    }

    /// The bytes of `value`, unless all bytes are a value: only `AnyBitPattern` types are their own `Bits`.
    fn keep_spare(value: &T) -> Option<Arc<[u8]>> {
        (TypeId::of::<T>() != TypeId::of::<T::Bits>()).then(|| bytemuck::bytes_of(value).into())
    }

    /// A valid value that this handle was made with.
    #[cold]
    fn spare(&self) -> T {
        let bytes: &[u8] = self.spare.as_deref().unwrap_or_default();
        // These bytes are private and those of a `T`. Where there are none, any bits are a `T`: nothing asks
        // for a spare.
        bytemuck::checked::pod_read_unaligned(bytes)
    }
}

impl<T: Plain> Clone for Value<T> {
    /// Makes another handle to the same value.
    fn clone(&self) -> Self {
        Self::of_block(Arc::clone(&self.block), self.spare.clone())
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The handle travels, not the value: sender and receiver share it.
impl<T: Plain> Message for Value<T> {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.block, Use::Value);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = from.shared(Use::Value)?;
        if !Self::layout().is_ok_and(|layout| holds(&block, layout)) {
            return Err(DecodeError::Foreign("the block of a value is too small for it"));
        }
        let mut this = Self::of_block(block, None);
        let value = this.read_checked().0.ok_or_else(DecodeError::invalid_bits::<T>)?;
        this.spare = Self::keep_spare(&value);
        Ok(this)
    }
}
