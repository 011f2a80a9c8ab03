//! A function over the elements or chunks of arrays, by all workers.

use std::fmt;

use super::call::assert_captureless;
use super::failure::Rejection;
use super::handle::Pool;
use super::job::{self, Plan};
use super::map_error::MapError;
use super::progress::Progress;
use crate::message::{Element, Message, Plain};
use crate::segment::region::Region;
use crate::value::Array;

/// How many chunks there are for each worker, if nobody says otherwise: enough that none waits long for the last one.
const CHUNKS_EACH: usize = 64;
/// How many chunks there are in a fold, whatever the number of workers, so that the result does not depend on that.
const CHUNKS_OF_FOLD: usize = 1024;

/// How a map is to be done: [`Pool::mapping`].
///
/// # Examples
/// ```
/// use procshare::Pool;
///
/// let pool = Pool::new(2)?;
/// let roots = pool.mapping().chunk(100).map(f64::sqrt, &[4.0; 1000])?;
/// assert_eq!(roots[999], 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Mapping<'a> {
    options: Options<'a>,
}

/// How a map is to be done whose function gets an argument beside the elements: [`Mapping::with`].
#[must_use]
pub struct MappingWith<'a, C> {
    options: Options<'a>,
    context: C,
}

struct Options<'a> {
    pool: &'a Pool,
    chunk: Option<usize>,
    progress: Option<Progress>,
    watch: Option<Box<dyn FnMut(u64, u64) + 'a>>,
}

impl fmt::Debug for Mapping<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("chunk", &self.options.chunk).finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for MappingWith<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappingWith").field("chunk", &self.options.chunk).finish_non_exhaustive()
    }
}

/// The input of a map, where workers can read it.
struct Input {
    region: Region,
    /// If it did not lie in the arena.
    _copy: Option<Array<u8>>,
}

impl Input {
    fn of<T: Plain>(elements: &[T]) -> Result<Self, Rejection> {
        if let Some(region) = Region::of(elements) {
            return Ok(Self { region, _copy: None });
        }
        // Bytes, since not every plain value may lie in an array as such. Pages and large classes are aligned enough; the rest is shifted.
        let bytes: &[u8] = bytemuck::must_cast_slice(elements);
        let align = align_of::<T>();
        let mut copy = Array::<u8>::zeroed(bytes.len() + align)?;
        let shift = copy.as_ptr().align_offset(align).min(align);
        copy[shift..shift + bytes.len()].copy_from_slice(bytes);
        let region = Region::of(&copy[shift..shift + bytes.len()]).ok_or(Rejection::Damaged)?;
        let region = Region { len: elements.len() as u64, ..region };
        Ok(Self { region, _copy: Some(copy) })
    }
}

impl<P> From<Rejection> for MapError<P> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Rounds the size of a chunk up, so that neighbours seldom share a cache line or a page.
fn rounded(chunk: usize) -> usize {
    match chunk {
        0..64 => chunk.max(1),
        64..1024 => chunk.next_multiple_of(8),
        1024..8192 => chunk.next_multiple_of(64),
        _ => chunk.next_multiple_of(512),
    }
}

impl Options<'_> {
    fn chunk(&self, len: usize, chunks: usize) -> Result<usize, MapError> {
        match self.chunk {
            Some(0) => Err(MapError::EmptyChunk),
            Some(chunk) => Ok(chunk),
            None => Ok(rounded(len.div_ceil(chunks))),
        }
    }

    fn chunks_of_map(&self) -> usize {
        usize::from(self.pool.office.terms.workers) * CHUNKS_EACH
    }

    /// # Safety
    /// Those of `job::run`.
    #[allow(unsafe_code)] // hands on what the callers, below, promise
    unsafe fn run<F, C>(
        mut self,
        ticket: F,
        context: C,
        (len, chunk): (usize, usize),
        input: Region,
        output: Region,
    ) -> Result<(), MapError>
    where
        F: Fn((job::Order, C)) + Copy,
        C: Message + Clone,
    {
        let mut run = self.progress.as_ref().map(|progress| progress.begin(len as u64));
        let mut watch = |done| {
            if let Some(run) = &mut run {
                run.tell(done);
            }
            if let Some(watch) = &mut self.watch {
                watch(done, len as u64);
            }
        };
        let plan = Plan { context, chunk, len, input, output, watch: &mut watch };
        // SAFETY: the caller's.
        let failures = unsafe { job::run(&self.pool.office, ticket, plan) }?;
        if failures.is_empty() { Ok(()) } else { Err(MapError::Failed { failures, partial: () }) }
    }
}

macro_rules! options {
    () => {
        /// Sets how many elements a worker takes at a time. Without it there are some 64 chunks for each worker.
        ///
        /// Taking a chunk costs some 0.1 us. Larger ones cost less, smaller ones are shared out more evenly.
        #[doc(alias = "chunksize")]
        pub fn chunk(mut self, elements: usize) -> Self {
            self.options.chunk = Some(elements);
            self
        }

        /// Has `progress` follow the map, for other threads to look at.
        pub fn progress(mut self, progress: &Progress) -> Self {
            self.options.progress = Some(progress.clone());
            self
        }

        /// Has `watch` called with how many elements are done, and how many there are: on this thread, every 20 ms, and at the end. If it
        /// panics, the map is stopped, and the panic goes on when no worker is at it any more.
        ///
        /// # Examples
        /// ```
        /// use procshare::Pool;
        ///
        /// let (pool, mut last) = (Pool::new(2)?, (0, 0));
        /// pool.mapping()
        ///     .on_progress(|done, total| last = (done, total)) // or: bar.set_position(done)
        ///     .map(|x: u32| x / 2, &[8; 5000])?;
        /// assert_eq!(last, (5000, 5000));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        pub fn on_progress(mut self, watch: impl FnMut(u64, u64) + 'a) -> Self {
            self.options.watch = Some(Box::new(watch));
            self
        }
    };
}

impl<'a> Mapping<'a> {
    options!();

    pub(super) fn of(pool: &'a Pool) -> Self {
        Self { options: Options { pool, chunk: None, progress: None, watch: None } }
    }

    /// Gives the function an argument beside the elements, in the place of captures: each worker gets a clone of it.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let table = Array::from_fn(256, |i| (i * i) as u32)?.freeze(); // read by all, copied by none
    /// let looked_up = pool.mapping().with(table).map(|table, x: u8| table[usize::from(x)], &[3, 4, 5])?;
    /// assert_eq!(*looked_up, [9, 16, 25]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with<C: Message + Clone>(self, context: C) -> MappingWith<'a, C> {
        MappingWith { options: self.options, context }
    }

    /// Maps as [`Pool::map`].
    ///
    /// # Errors
    /// As [`Pool::map`].
    pub fn map<F, T, R>(self, f: F, input: &[T]) -> Result<Array<R>, MapError<Array<R>>>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Plain,
        R: Element,
    {
        self.with(()).map(move |(): &(), x| f(x), input)
    }

    /// Maps as [`Pool::map_into`].
    ///
    /// # Errors
    /// As [`Pool::map_into`].
    pub fn map_into<F, T, R>(self, f: F, input: &[T], output: &mut Array<R>) -> Result<(), MapError>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Plain,
        R: Element,
    {
        self.with(()).map_into(move |(): &(), x| f(x), input, output)
    }

    /// Works as [`Pool::for_each_chunk_mut`]; the chunks are as large as [`chunk`](Self::chunk) says.
    ///
    /// # Errors
    /// As [`Pool::for_each_chunk_mut`].
    pub fn for_each_chunk_mut<F, T>(self, array: &mut Array<T>, f: F) -> Result<(), MapError>
    where
        F: Fn(usize, &mut [T]) + Copy + Send + Sync + 'static,
        T: Element,
    {
        self.with(()).for_each_chunk_mut(array, move |(): &(), chunk, elements: &mut [T]| f(chunk, elements))
    }

    /// Folds as [`Pool::fold`].
    ///
    /// # Errors
    /// As [`Pool::fold`].
    pub fn fold<I, F, G, T, S>(self, input: &[T], identity: I, f: F, combine: G) -> Result<S, MapError>
    where
        I: Fn() -> S + Copy + Send + Sync + 'static,
        F: Fn(S, T) -> S + Copy + Send + Sync + 'static,
        G: FnMut(S, S) -> S,
        T: Plain,
        S: Element,
    {
        self.with(()).fold(input, identity, move |(): &(), sum, x| f(sum, x), combine)
    }
}

#[allow(unsafe_code)] // lends what is borrowed here to the workers
impl<'a, C: Message + Clone> MappingWith<'a, C> {
    options!();

    /// Maps as [`Pool::map`], with the argument.
    ///
    /// # Errors
    /// As [`Pool::map`].
    pub fn map<F, T, R>(self, f: F, input: &[T]) -> Result<Array<R>, MapError<Array<R>>>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        T: Plain,
        R: Element,
    {
        let mut output = Array::zeroed(input.len()).map_err(Rejection::from)?;
        match self.map_into(f, input, &mut output) {
            Ok(()) => Ok(output),
            Err(error) => Err(error.map_partial(|()| output)),
        }
    }

    /// Maps as [`Pool::map_into`], with the argument.
    ///
    /// # Errors
    /// As [`Pool::map_into`].
    pub fn map_into<F, T, R>(self, f: F, input: &[T], output: &mut Array<R>) -> Result<(), MapError>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        T: Plain,
        R: Element,
    {
        assert_captureless::<F>();
        let lengths = (input.len(), output.len());
        if lengths.0 != lengths.1 {
            return Err(MapError::LengthsDiffer { input: lengths.0, output: lengths.1 });
        }
        let chunk = self.options.chunk(input.len(), self.options.chunks_of_map())?;
        let lent = Input::of(input)?;
        let into = Region::of(&output[..]).ok_or(Rejection::Damaged)?;
        let ticket = job::map::<F, C, T, R>(f);
        // SAFETY: `input`, or its copy, is borrowed until this returns, and nobody writes to it; `output` is borrowed exclusively.
        unsafe { self.options.run(ticket, self.context, (input.len(), chunk), lent.region, into) }
    }

    /// Works as [`Pool::for_each_chunk_mut`], with the argument; the chunks are as large as [`chunk`](Self::chunk) says.
    ///
    /// # Errors
    /// As [`Pool::for_each_chunk_mut`].
    pub fn for_each_chunk_mut<F, T>(self, array: &mut Array<T>, f: F) -> Result<(), MapError>
    where
        F: Fn(&C, usize, &mut [T]) + Copy + Send + Sync + 'static,
        T: Element,
    {
        assert_captureless::<F>();
        let chunk = self.options.chunk(array.len(), self.options.chunks_of_map())?;
        let len = array.len();
        let into = Region::of(&array[..]).ok_or(Rejection::Damaged)?;
        let ticket = job::each_chunk::<F, C, T>(f);
        // SAFETY: `array` is borrowed exclusively until this returns; there is no other input.
        unsafe { self.options.run(ticket, self.context, (len, chunk), into, into) }
    }

    /// Folds as [`Pool::fold`], with the argument.
    ///
    /// # Errors
    /// As [`Pool::fold`].
    pub fn fold<I, F, G, T, S>(self, input: &[T], identity: I, f: F, combine: G) -> Result<S, MapError>
    where
        I: Fn() -> S + Copy + Send + Sync + 'static,
        F: Fn(&C, S, T) -> S + Copy + Send + Sync + 'static,
        G: FnMut(S, S) -> S,
        T: Plain,
        S: Element,
    {
        assert_captureless::<F>();
        assert_captureless::<I>();
        let chunk = self.options.chunk(input.len(), CHUNKS_OF_FOLD)?;
        let mut sums = Array::<S>::zeroed(input.len().div_ceil(chunk)).map_err(Rejection::from)?;
        let lent = Input::of(input)?;
        let into = Region::of(&sums[..]).ok_or(Rejection::Damaged)?;
        let ticket = job::fold::<I, F, C, T, S>(identity, f);
        let lengths = (input.len(), chunk);
        sums.fill(identity()); // what a failed chunk leaves; an error tells of it
        // SAFETY: as in `map_into`; `sums` is this frame's.
        unsafe { self.options.run(ticket, self.context, lengths, lent.region, into) }?;
        Ok(sums.iter().copied().fold(identity(), combine))
    }
}

impl Pool {
    /// Begins to say how a map is to be done: the size of chunks, an argument, who follows it.
    pub fn mapping(&self) -> Mapping<'_> {
        Mapping::of(self)
    }

    /// Calls `f` with each element of `input`, in all workers, and returns what it returned, in the same order.
    ///
    /// Blocks until that is done. The workers read the elements where they are, if they are in an [`Array`], else in a copy, and write the results
    /// where they are returned; they share the work out by chunks, of which each takes the next one when it is done with the last. No chunk takes a
    /// system call.
    ///
    /// `f` is a function or a closure that captures nothing; [`Mapping::with`] gives it an argument.
    ///
    /// # Errors
    /// [`MapError`]: with the range and the reason for each chunk that failed, and everything that was done.
    ///
    /// # Examples
    /// ```
    /// let pool = procshare::Pool::new(2)?;
    /// let squares = pool.map(|x: f64| x * x, &[1.0, 2.0, 3.0])?;
    /// assert_eq!(*squares, [1.0, 4.0, 9.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    /// What fails is said, and the rest is there:
    /// ```
    /// use procshare::{Pool, pool::MapError};
    ///
    /// let pool = Pool::new(2)?;
    /// let inverse = |x: u32| 100 / x; // panics for one of them
    /// match pool.mapping().chunk(1).map(inverse, &[1, 2, 0, 4]) {
    ///     Err(MapError::Failed { failures, partial }) => {
    ///         assert_eq!((failures.len(), failures[0].range.clone()), (1, 2..3));
    ///         assert_eq!(*partial, [100, 50, 0, 25]);
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<F, T, R>(&self, f: F, input: &[T]) -> Result<Array<R>, MapError<Array<R>>>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Plain,
        R: Element,
    {
        self.mapping().map(f, input)
    }

    /// Maps as [`map`](Self::map), into an array that is there: faster if it was written before, since no page has to be made.
    ///
    /// # Errors
    /// As [`map`](Self::map); what was done is in `output`. [`MapError::LengthsDiffer`]: nothing was done.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let (input, mut output) = (Array::from_fn(1000, |i| i as f64)?, Array::zeroed(1000)?);
    /// for _ in 0..3 {
    ///     pool.map_into(|x: f64| x.sin(), &input, &mut output)?;
    /// }
    /// assert_eq!(output[7], 7_f64.sin());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_into<F, T, R>(&self, f: F, input: &[T], output: &mut Array<R>) -> Result<(), MapError>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Plain,
        R: Element,
    {
        self.mapping().map_into(f, input, output)
    }

    /// Calls `f` with the number of each chunk of `array` and its elements, in all workers, in place.
    ///
    /// All chunks have `chunk` elements, but for the last one, which may have fewer. Blocks until they are done, like rayon's `par_chunks_mut`.
    ///
    /// # Errors
    /// [`MapError`]: the chunks that failed may be half written; the others are done.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let mut image = Array::<u8>::zeroed(640 * 480)?;
    /// pool.for_each_chunk_mut(&mut image, 640, |y, row| {
    ///     row.iter_mut().enumerate().for_each(|(x, pixel)| *pixel = (x ^ y) as u8);
    /// })?;
    /// assert_eq!(image[3 * 640 + 5], 3 ^ 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_each_chunk_mut<F, T>(&self, array: &mut Array<T>, chunk: usize, f: F) -> Result<(), MapError>
    where
        F: Fn(usize, &mut [T]) + Copy + Send + Sync + 'static,
        T: Element,
    {
        self.mapping().chunk(chunk).for_each_chunk_mut(array, f)
    }

    /// Folds the elements of `input`: each chunk from `identity()` on by `f`, in all workers, and what comes of the chunks by `combine`, here, in
    /// order.
    ///
    /// The chunks depend on the length alone, so the result is the same whatever the number of workers, also of floating-point numbers. Of no
    /// elements it is `identity()`.
    ///
    /// # Errors
    /// [`MapError`]: with the elements that were not folded.
    ///
    /// # Examples
    /// ```
    /// use procshare::Pool;
    ///
    /// let pool = Pool::new(2)?;
    /// let temperatures = vec![20.5, 21.0, 19.25, 22.0];
    /// let warmest = pool.fold(&temperatures, || f64::NEG_INFINITY, f64::max, f64::max)?;
    /// assert_eq!(warmest, 22.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fold<I, F, G, T, S>(&self, input: &[T], identity: I, f: F, combine: G) -> Result<S, MapError>
    where
        I: Fn() -> S + Copy + Send + Sync + 'static,
        F: Fn(S, T) -> S + Copy + Send + Sync + 'static,
        G: FnMut(S, S) -> S,
        T: Plain,
        S: Element,
    {
        self.mapping().fold(input, identity, f, combine)
    }

    /// Combines all elements of `input` by `f`, which is associative and has `identity()` as its neutral element: [`fold`](Self::fold), where both are
    /// the same.
    ///
    /// # Errors
    /// As [`fold`](Self::fold).
    ///
    /// # Examples
    /// ```
    /// let pool = procshare::Pool::new(2)?;
    /// let numbers: Vec<u64> = (1..=100).collect();
    /// assert_eq!(pool.reduce(&numbers, || 0, |a, b| a + b)?, 5050);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reduce<I, F, T>(&self, input: &[T], identity: I, f: F) -> Result<T, MapError>
    where
        I: Fn() -> T + Copy + Send + Sync + 'static,
        F: Fn(T, T) -> T + Copy + Send + Sync + 'static,
        T: Element,
    {
        self.fold(input, identity, f, f)
    }
}
