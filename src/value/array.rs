//! Many numbers in shared memory, owned like a vector.
#![allow(unsafe_code)] // hands out slices of the block that the handle owns

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use super::{Cells, Frozen, holds};
use crate::message::{DecodeError, Element, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::block::{Bears, Block, Fill};

/// An array in shared memory: what children compute is in it when they are joined, and nothing was copied.
///
/// **It is owned, like a `Vec`.** It derefs to a slice, so everything that slices can do, rayon and ndarray
/// included, it can. There is one owner, and who may write is decided by borrowing, at compile time, also
/// between processes:
///
/// - *Lend it* to children of a [`scope`](crate::scope): pieces by `chunks_mut`, one child each, to write;
///   `&array` to many, to read. The borrow ends with the scope, when no child is left that could touch it.
/// - *Give it away* in a message: as a child's result, or to a child by
///   [`spawn_with`](crate::Process::spawn_with). The memory changes hands; nothing is copied.
/// - *Share it* for reading, without a scope: [`freeze`](Array::freeze).
/// - *Write anywhere from everywhere*, element by element: [`cells`](Array::cells).
///
/// **An array captured by a `move` closure** is moved into the child, as far as the compiler is concerned;
/// what happens is that fork copies the handle. Both name the same memory, but the parent's copy lies in the
/// closure, where nobody can reach it, until the child and all of its children are gone; then it is dropped,
/// and the memory freed. The child's copy frees nothing. So what a child does to a captured array is lost,
/// unless it was lent, or is returned as a message: return a new array from the child, or hand one over by
/// `spawn_with` and return it.
///
/// **A lock from `std::sync` around an array does not work between processes**, as nothing in private memory
/// does: after the fork each process has a lock of its own. Do not reach an array through one, be it captured
/// or in a `static`.
///
/// A child that is killed leaves the elements that it wrote, and those that it did not get to as they were.
///
/// A length of zero and elements of size zero are fine.
///
/// # Examples
/// ```
/// use procshare::{Array, scope};
///
/// let mut squares = Array::<u64>::zeroed(1000)?;
/// scope(|s| {
///     for (worker, chunk) in squares.chunks_mut(500).enumerate() {
///         s.spawn(move || {
///             for (i, square) in chunk.iter_mut().enumerate() {
///                 *square = ((worker * 500 + i) as u64).pow(2);
///             }
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(squares[999], 998_001);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// A child makes an array, and returns it in place:
/// ```
/// use procshare::{Array, Process};
///
/// let child = Process::spawn(|| Array::from_fn(1_000_000, |i| i as f64).map_err(|error| error.to_string()))?;
/// let ramp: Array<f64> = child.join()??;
/// assert_eq!(ramp[999_999], 999_999.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Array")]
#[doc(alias = "RawArray")]
#[doc(alias = "SharedMemory")]
#[doc(alias = "ShareableList")]
pub struct Array<T: Element> {
    block: Block,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Element> Array<T> {
    /// Makes an array of `len` elements, all of them zero.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it; nothing was touched then.
    ///
    /// # Examples
    /// ```
    /// use procshare::{AllocError, Array};
    ///
    /// assert_eq!(Array::<f32>::zeroed(3)?, [0.0; 3]);
    /// // More than the machine has is an error, not a death.
    /// assert!(Array::<f64>::zeroed(1 << 44).is_err());
    /// # Ok::<(), AllocError>(())
    /// ```
    #[doc(alias = "calloc")]
    pub fn zeroed(len: usize) -> Result<Self, AllocError> {
        Self::allocate(len, Fill::Zeroed)
    }

    /// Makes an array with the elements of a slice, by one copy.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    ///
    /// # Examples
    /// ```
    /// use procshare::Array;
    ///
    /// let array = Array::from_slice(&[1.5, 2.5])?;
    /// assert_eq!(array.iter().sum::<f64>(), 4.0);
    /// # Ok::<(), procshare::AllocError>(())
    /// ```
    pub fn from_slice(elements: &[T]) -> Result<Self, AllocError> {
        let mut array = Self::allocate(elements.len(), Fill::Unspecified)?;
        array.copy_from_slice(elements);
        Ok(array)
    }

    /// Makes an array of `len` elements, the one at `i` being `element(i)`.
    ///
    /// If `element` panics, the memory is freed.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it; `element` was not called then.
    ///
    /// # Examples
    /// ```
    /// use procshare::Array;
    ///
    /// assert_eq!(Array::from_fn(4, |i| i as u32 * 10)?, [0, 10, 20, 30]);
    /// # Ok::<(), procshare::AllocError>(())
    /// ```
    pub fn from_fn(len: usize, mut element: impl FnMut(usize) -> T) -> Result<Self, AllocError> {
        let mut array = Self::allocate(len, Fill::Unspecified)?;
        for (i, place) in array.iter_mut().enumerate() {
            *place = element(i);
        }
        Ok(array)
    }

    /// Gives up writing: returns a handle to the same memory that can be cloned, sent, and read by many at
    /// once.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Array, Process};
    ///
    /// let table = Array::from_fn(1000, |i| (i as f64).sqrt())?.freeze();
    /// let child = Process::spawn({
    ///     let table = table.clone();
    ///     move || table[400]
    /// })?;
    /// assert_eq!(child.join()?, table[400]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn freeze(self) -> Frozen<T> {
        let mut block = self.block;
        block.make_shareable();
        Frozen::of_block(Arc::new(block), self.len)
    }

    /// Lends the array as cells: single elements that many processes read and write at the same time.
    ///
    /// Elements must be of 1, 2, 4 or 8 bytes; others do not compile.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Array, scope};
    ///
    /// let mut histogram = Array::<u32>::zeroed(10)?;
    /// let bins = histogram.cells();
    /// scope(|s| {
    ///     for worker in 0..2 {
    ///         s.spawn(move || {
    ///             for i in 0..1000 {
    ///                 bins.fetch_add((i * 7 + worker) % 10, 1);
    ///             }
    ///         })?;
    ///     }
    ///     Ok::<(), procshare::SpawnError>(())
    /// })??;
    /// assert_eq!(histogram, [200; 10]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cells(&mut self) -> &Cells<T> {
        Cells::of(self)
    }

    fn allocate(len: usize, fill: Fill) -> Result<Self, AllocError> {
        let block = Block::allocate(layout::<T>(len).ok_or(AllocError::Overflow)?, fill, Bears::Nothing)?;
        Ok(Self { block, len, of: PhantomData })
    }
}

/// What `len` elements take. Eight bytes of alignment, so that `Cells` finds every element aligned to its
/// size.
fn layout<T>(len: usize) -> Option<Layout> {
    Layout::array::<T>(len).ok()?.align_to(align_of::<u64>()).ok()
}

/// Whether `len` elements may lie in a block that came in a message.
pub(super) fn fits<T>(block: &Block, len: usize) -> bool {
    layout::<T>(len).is_some_and(|layout| holds(block, layout))
}

/// Where the elements of an array begin; elements that take no memory are nowhere.
pub(super) fn start<T>(block: &Block, len: usize) -> NonNull<T> {
    if size_of::<T>() == 0 || len == 0 { NonNull::dangling() } else { block.as_ptr().cast() }
}

impl<T: Element> Deref for Array<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let start = start::<T>(&self.block, self.len);
        // SAFETY: the block was laid out for `len` elements (in `allocate`) or found to fit them (in
        // `decode`): aligned, initialised memory, valid while `self` lives, and any bytes are a `T`
        // (`Element`). Nobody writes while this borrow lasts: the block has this one handle, `&mut` from it
        // is excluded by the borrow, and a copy of the handle that fork made is out of reach until the other
        // process is gone.
        unsafe { slice::from_raw_parts(start.as_ptr(), self.len) }
    }
}

impl<T: Element> DerefMut for Array<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        let start = start::<T>(&self.block, self.len);
        // SAFETY: as in `deref`; nobody reads or writes while this borrow lasts, for the same reasons.
        unsafe { slice::from_raw_parts_mut(start.as_ptr(), self.len) }
    }
}

/// The array changes hands; its memory stays where it is.
impl<T: Element> Message for Array<T> {
    fn measure(&self, measure: &mut Measure) {
        self.len.measure(measure);
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.len.encode(to);
        to.moved(self.block);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = usize::decode(from)?;
        let block = from.moved()?;
        if !fits::<T>(&block, len) {
            return Err(DecodeError::Foreign("the block of an array is too small for it"));
        }
        Ok(Self { block, len, of: PhantomData })
    }
}
