//! A value that one of many processes computes, once, for all.

#![allow(unsafe_code)] // copies the value out of and into the block

use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use super::attempt::Attempt;
use super::once_error::{OnceError, TimedOnceError, TryOnceError};
use crate::algo::{Completion, Form, Lending, Owner, Turn};
use crate::message::{DecodeError, Measure, Message, Plain, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::{Deadline, copy_in, copy_out};

/// A value in shared memory that is set once: the first of all processes and threads to ask computes it, the others wait
/// and read.
///
/// What [`std::sync::OnceLock`] is to threads. `OnceValue` is a handle: a clone speaks of the same value. Handles reach a
/// child by capture or inside a message. Values are read by copy.
///
/// **When the one that computes dies** or panics before the value was set, there is no value, and the next one computes
/// it: nothing is poisoned. Nobody waits for the dead; those who wait look every 50 ms at the latest. One that is only
/// stopped or slow is waited for. Children that a dead one had spawned are waited for, too.
///
/// # Examples
/// ```
/// use procshare::{Value, scope, sync::OnceValue};
///
/// let (threshold, computed) = (OnceValue::<f64>::new()?, Value::new(0_u32)?);
/// scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| {
///             let threshold = threshold.get_or_init(|| {
///                 computed.fetch_add(1);
///                 2_f64.sqrt() // takes long, one imagines
///             });
///             assert_eq!(threshold, Ok(2_f64.sqrt()));
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!((threshold.get(), computed.get()), (Some(2_f64.sqrt()), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// The one that computes is killed; the next one does it:
/// ```
/// use procshare::{Process, sync::OnceValue};
///
/// let answer = OnceValue::<u64>::new()?;
/// let child = Process::<()>::spawn({
///     let answer = answer.clone();
///     move || assert!(answer.get_or_init(|| std::process::abort()).is_ok())
/// })?;
/// assert!(child.join().is_err());
/// assert_eq!(answer.get(), None);
/// assert_eq!(answer.get_or_init(|| 42), Ok(42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "OnceLock")]
#[doc(alias = "LazyLock")]
pub struct OnceValue<T: Plain> {
    bearing: Bearing,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Plain> OnceValue<T> {
    /// Makes a place for a value that is not set.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new() -> Result<Self, AllocError> {
        let layout = Self::layout().ok_or(AllocError::Overflow)?;
        Bearing::allocate(Form::Words, layout).map(Self::of_bearing)
    }

    fn of_bearing(bearing: Bearing) -> Self {
        Self { bearing, of: PhantomData }
    }

    /// The value's bytes, in whole words whatever its alignment: it is put together in private memory.
    fn layout() -> Option<Layout> {
        Layout::from_size_align(size_of::<T>(), align_of::<u64>()).ok()
    }

    #[inline]
    fn work(&self) -> Completion<'_> {
        Completion::of(self.bearing.head())
    }

    /// Returns the value, if it is set. Never blocks; once there is a value it stays.
    #[inline]
    pub fn get(&self) -> Option<T> {
        if self.work().is_done() { self.read() } else { None }
    }

    /// Makes `value` the value, if there is none.
    ///
    /// Blocks while somebody else computes one; [`get_or_init_timeout`](OnceValue::get_or_init_timeout) with a closure
    /// that returns `value` limits that.
    ///
    /// # Errors
    /// `value`, if there is one already, or if this is called from inside what this very thread computes.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut mine = false;
        let set = self.ask(Deadline::never(), || {
            mine = true;
            value
        });
        if set.is_ok() && mine { Ok(()) } else { Err(value) }
    }

    /// Returns the value; if there is none, `f` computes it.
    ///
    /// Blocks while somebody else computes it; one that dies ends the wait. Costs one load and a copy if there is one.
    ///
    /// # Errors
    /// [`OnceError::WouldDeadlock`]: this is called from inside what this very thread computes.
    ///
    /// # Panics
    /// If `f` panics. Then there is no value.
    #[inline]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> Result<T, OnceError> {
        match self.get() {
            Some(value) => Ok(value),
            None => self.ask(Deadline::never(), f).map_err(TimedOnceError::untimed),
        }
    }

    /// As [`get_or_init`](OnceValue::get_or_init), but never waits for somebody else.
    ///
    /// # Errors
    /// [`TryOnceError::WouldBlock`]: somebody else is at it. [`TryOnceError::WouldDeadlock`]: this very thread is.
    ///
    /// # Panics
    /// If `f` panics.
    pub fn try_get_or_init(&self, f: impl FnOnce() -> T) -> Result<T, TryOnceError> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let me = member::locker();
        match self.work().try_begin(me, &Lending(&member::park()), || self.get()) {
            Ok(Some(Turn::Done(value))) => Ok(value),
            Ok(Some(Turn::Mine(_))) => Ok(self.run(me, f)),
            Ok(None) => Err(TryOnceError::WouldBlock),
            Err(_) => Err(TryOnceError::WouldDeadlock),
        }
    }

    /// As [`get_or_init`](OnceValue::get_or_init), waiting for `timeout` at most. The clock is monotonic. `f` itself may
    /// take longer.
    ///
    /// # Errors
    /// As [`get_or_init`](OnceValue::get_or_init), and [`TimedOnceError::TimedOut`].
    ///
    /// # Panics
    /// If `f` panics.
    pub fn get_or_init_timeout(&self, timeout: Duration, f: impl FnOnce() -> T) -> Result<T, TimedOnceError> {
        self.get().map_or_else(|| self.ask(Deadline::after(timeout), f), Ok)
    }

    /// As [`get_or_init`](OnceValue::get_or_init), waiting until `deadline` at most. `f` itself may take longer.
    ///
    /// # Errors
    /// As [`get_or_init`](OnceValue::get_or_init), and [`TimedOnceError::TimedOut`].
    ///
    /// # Panics
    /// If `f` panics.
    pub fn get_or_init_until(&self, deadline: Instant, f: impl FnOnce() -> T) -> Result<T, TimedOnceError> {
        self.get().map_or_else(|| self.ask(Deadline::at(deadline), f), Ok)
    }

    /// Waits until somebody else has set the value, and returns it.
    ///
    /// Blocks as long as that takes, if nobody does for ever.
    ///
    /// # Errors
    /// [`OnceError::WouldDeadlock`]: this very thread computes it.
    pub fn wait(&self) -> Result<T, OnceError> {
        self.wait_by(Deadline::never()).map_err(TimedOnceError::untimed)
    }

    /// As [`wait`](OnceValue::wait), for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// As [`wait`](OnceValue::wait), and [`TimedOnceError::TimedOut`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<T, TimedOnceError> {
        self.wait_by(Deadline::after(timeout))
    }

    /// As [`wait`](OnceValue::wait), until `deadline` at most.
    ///
    /// # Errors
    /// As [`wait`](OnceValue::wait), and [`TimedOnceError::TimedOut`].
    pub fn wait_until(&self, deadline: Instant) -> Result<T, TimedOnceError> {
        self.wait_by(Deadline::at(deadline))
    }

    /// Asks for its turn, and takes it.
    #[cold]
    fn ask(&self, deadline: Deadline, f: impl FnOnce() -> T) -> Result<T, TimedOnceError> {
        let me = member::locker();
        match self.work().begin(me, &Lending(&member::park_until(deadline)), || self.get())? {
            Turn::Done(value) => Ok(value),
            // Who failed before did so without consequence.
            Turn::Mine(_) => Ok(self.run(me, f)),
        }
    }

    /// Computes the value. It is the turn of `me`, this thread.
    fn run(&self, me: Owner, f: impl FnOnce() -> T) -> T {
        let attempt = Attempt::start(self.work(), me, false);
        let value = f();
        attempt.commit(|| self.write(&value));
        value
    }

    fn wait_by(&self, deadline: Deadline) -> Result<T, TimedOnceError> {
        let park = member::park_until(deadline);
        Ok(self.work().wait(member::locker(), &park, || self.get())?)
    }

    /// Stores the bytes of the value, to be published by the commit.
    fn write(&self, value: &T) {
        let bytes = bytemuck::bytes_of(value);
        // SAFETY: the block was laid out by `layout` (in `new`), or found to be (in `decode`), for as many bytes there;
        // this process accesses them by `copy_in` and `copy_out` only. `bytes` is private.
        unsafe { copy_in(self.bearing.data().as_ptr(), bytes.as_ptr(), bytes.len()) };
    }

    /// The value, if the bytes are one: anything else a foreign process wrote there, and reads as not set.
    #[inline]
    fn read(&self) -> Option<T> {
        let mut copy = MaybeUninit::<T>::uninit();
        // SAFETY: as in `write`; `copy` is private, and has room for as many bytes.
        unsafe { copy_out(copy.as_mut_ptr().cast(), self.bearing.data().as_ptr(), size_of::<T>()) };
        // SAFETY: `T::Bits` has the layout of `T` (contract of `CheckedBitPattern`), the copy initialised every byte, and
        // any initialised bytes are a `T::Bits` (`AnyBitPattern`).
        let bits = unsafe { &*copy.as_ptr().cast::<T::Bits>() };
        if !T::is_valid_bit_pattern(bits) {
            return None;
        }
        // SAFETY: the bits were just found to be those of a `T`, and they are private: nobody changed them since.
        Some(unsafe { copy.assume_init() })
    }
}

impl<T: Plain> Clone for OnceValue<T> {
    /// Makes another handle to the same value.
    fn clone(&self) -> Self {
        Self::of_bearing(self.bearing.clone())
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for OnceValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => f.debug_tuple("OnceValue").field(&value).finish(),
            None => f.debug_tuple("OnceValue").field(&format_args!("<not set>")).finish(),
        }
    }
}

/// The handle travels, not the value: sender and receiver share it.
impl<T: Plain> Message for OnceValue<T> {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.bearing.into_block(), Use::OnceValue);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = from.shared(Use::OnceValue)?;
        Self::layout()
            .and_then(|layout| Bearing::adopt(block, Form::Words, layout))
            .map(Self::of_bearing)
            .ok_or(DecodeError::Foreign("the block of a once value is not one of its kind and size"))
    }
}
