//! A lock for data that many may read at once, and one at a time may change.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::error::{Cause, LockError, Poisoned, TimedLockError, TryLockError};
use super::guarded::Guarded;
use super::place::Place;
use super::rw_lock_guards::{RwLockReadGuard, RwLockWriteGuard};
use crate::algo::{self, Came, Form, Lending, Owner};
use crate::message::{DecodeError, Element, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::Deadline;

/// Many readers or one writer, between processes and threads, for data in shared memory.
///
/// `RwLock<T>` is a handle: a clone locks the same data. Handles reach a child by capture or inside a message. `RwLock<[T]>` guards a
/// slice: see [`from_slice`](RwLock::from_slice) and [`zeroed`](RwLock::zeroed).
///
/// Readers of different processes do not disturb each other: each process counts its own. That takes 8 bytes for every process
/// that [may take part](crate::arena::Builder::participants), and a writer looks at the count of each that ever did.
///
/// **When a reader dies**, writers go on, and nothing is poisoned. **When a writer dies**, killed or by an exit, or panics, those who
/// lock next, to read or to write, get the data as it was left, as [`LockError::Poisoned`] with the process id. One that still waits
/// for readers has changed nothing and poisons nothing. Nobody waits for the dead: who sleeps is woken as soon as the family
/// notices the death, and looks by itself every 50 ms at the latest. A holder that is stopped or slow is never robbed. What it lent
/// to children of its own comes back only when they are gone, too.
///
/// **A writer that waits** keeps new readers out. So a thread that holds a read guard and reads again may wait for a
/// writer that waits for it, for ever; and one that wants to write waits for its own read guard. As in std, nobody notices that.
/// A thread that holds the write guard gets an error if it locks again.
///
/// A child does not hold what its parent held when it was forked.
///
/// # Examples
/// Workers look up what one of them changes:
/// ```
/// use procshare::{scope, sync::RwLock};
///
/// let weights = RwLock::<[f64]>::zeroed(1000)?;
/// scope(|s| {
///     s.spawn(|| weights.write().unwrap().fill(0.5))?;
///     for _ in 0..3 {
///         s.spawn(|| {
///             let weights = weights.read().unwrap();
///             assert!(weights.iter().all(|weight| *weight == weights[0]));
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(weights.read().unwrap().iter().sum::<f64>(), 500.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// A reader is killed, and a writer goes on; a writer is killed, and the next reader hears of it:
/// ```
/// use procshare::{Process, sync::{CauseKind, LockError, RwLock}};
///
/// let shared = RwLock::new(0_u64)?;
/// let reader = Process::<()>::spawn({
///     let shared = shared.clone();
///     move || {
///         let _held = shared.read().unwrap();
///         std::process::abort();
///     }
/// })?;
/// assert!(reader.join().is_err());
/// *shared.write().unwrap() = 1;
///
/// let writer = Process::<()>::spawn({
///     let shared = shared.clone();
///     move || {
///         *shared.write().unwrap() = 2;
///         let _held = shared.write().unwrap();
///         std::process::abort();
///     }
/// })?;
/// assert!(writer.join().is_err());
/// match shared.read() {
///     Err(LockError::Poisoned(poisoned)) => {
///         assert_eq!(poisoned.cause().kind, CauseKind::Died);
///         assert_eq!(*poisoned.into_inner(), 2);
///     }
///     other => panic!("{other:?}"),
/// }
/// shared.clear_poison();
/// assert!(shared.read().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ReadWriteLock")]
pub struct RwLock<T: ?Sized + Guarded> {
    pub(super) place: Place<T>,
    /// It is to threads what std's is.
    of: PhantomData<std::sync::RwLock<T>>,
}

impl<T: Element> RwLock<T> {
    /// Makes a lock that guards `value`.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new(value: T) -> Result<Self, AllocError> {
        Place::holding(Form::RwLock, &[value]).map(Self::of_place)
    }
}

impl<T: Element> RwLock<[T]> {
    /// Makes a lock that guards a copy of `items`.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn from_slice(items: &[T]) -> Result<Self, AllocError> {
        Place::holding(Form::RwLock, items).map(Self::of_place)
    }

    /// Makes a lock that guards `len` zeroes.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn zeroed(len: usize) -> Result<Self, AllocError> {
        Place::zeroed(Form::RwLock, len).map(Self::of_place)
    }
}

impl<T: ?Sized + Guarded> RwLock<T> {
    fn of_place(place: Place<T>) -> Self {
        Self { place, of: PhantomData }
    }

    #[inline]
    pub(super) fn control(&self) -> algo::RwLock<'_> {
        algo::RwLock::new(self.place.bearing().head(), self.place.bearing().tally())
    }

    /// Locks the data for reading, together with others who read.
    ///
    /// Blocks while somebody writes or waits to write; one that dies ends the wait.
    ///
    /// # Errors
    /// [`LockError::Poisoned`], with the guard: somebody failed while writing. [`LockError::WouldDeadlock`]: this thread
    /// writes, or more than a billion (2³⁰) read guards of this process were forgotten.
    #[inline]
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, LockError<RwLockReadGuard<'_, T>>> {
        let me = member::locker();
        if !self.control().enter(me) && self.wait_to_read(me, Deadline::never()).is_err() {
            return Err(LockError::WouldDeadlock); // without a deadline nothing times out
        }
        self.granted(RwLockReadGuard::new(self, me)).map_err(LockError::Poisoned)
    }

    /// Locks the data for reading if nobody writes.
    ///
    /// Never blocks. A writer that died is passed over as soon as its death was noticed, at the latest by a try 50 ms after it.
    ///
    /// # Errors
    /// As [`read`](RwLock::read), and [`TryLockError::WouldBlock`]: somebody writes, waits to write, or tries to.
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError<RwLockReadGuard<'_, T>>> {
        let me = member::locker();
        if !self.control().enter(me) {
            match self.control().try_read(me, &Lending(&member::park())) {
                Ok(true) => {}
                Ok(false) => return Err(TryLockError::WouldBlock),
                Err(_) => return Err(TryLockError::WouldDeadlock),
            }
        }
        self.granted(RwLockReadGuard::new(self, me)).map_err(TryLockError::Poisoned)
    }

    /// Locks the data for reading, waiting for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// As [`read`](RwLock::read), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn read_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockReadGuard<'_, T>, TimedLockError<RwLockReadGuard<'_, T>>> {
        self.read_by(Deadline::after(timeout))
    }

    /// Locks the data for reading, waiting until `deadline` at most.
    ///
    /// # Errors
    /// As [`read`](RwLock::read), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn read_until(
        &self,
        deadline: Instant,
    ) -> Result<RwLockReadGuard<'_, T>, TimedLockError<RwLockReadGuard<'_, T>>> {
        self.read_by(Deadline::at(deadline))
    }

    fn read_by(
        &self,
        deadline: Deadline,
    ) -> Result<RwLockReadGuard<'_, T>, TimedLockError<RwLockReadGuard<'_, T>>> {
        let me = member::locker();
        if !self.control().enter(me) {
            self.wait_to_read(me, deadline).map_err(timed)?;
        }
        self.granted(RwLockReadGuard::new(self, me)).map_err(TimedLockError::Poisoned)
    }

    #[cold]
    #[inline(never)]
    fn wait_to_read(&self, me: Owner, deadline: Deadline) -> Result<(), algo::LockError> {
        self.control().read(me, &Lending(&member::park_until(deadline)))
    }

    /// Locks the data for writing.
    ///
    /// Blocks while others write or read; who dies ends the wait. Once it has passed the writers before it, it keeps new readers
    /// out.
    ///
    /// # Errors
    /// [`LockError::Poisoned`], with the guard: somebody failed while writing. [`LockError::WouldDeadlock`]: this thread
    /// writes already.
    #[inline]
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, LockError<RwLockWriteGuard<'_, T>>> {
        let me = member::locker();
        let came = self.control().write_free(me);
        if came != Came::In && self.wait_to_write(me, came, Deadline::never()).is_err() {
            return Err(LockError::WouldDeadlock); // without a deadline nothing times out
        }
        self.granted(RwLockWriteGuard::new(self, me)).map_err(LockError::Poisoned)
    }

    /// Locks the data for writing if nobody writes or reads.
    ///
    /// Never blocks. Who died is passed over as soon as the death was noticed, at the latest by a try 50 ms after it.
    ///
    /// # Errors
    /// As [`write`](RwLock::write), and [`TryLockError::WouldBlock`]: somebody else writes or reads, or tries to at this moment.
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError<RwLockWriteGuard<'_, T>>> {
        let me = member::locker();
        let came = self.control().write_free(me);
        if came != Came::In {
            match self.control().try_write(me, came, &Lending(&member::park())) {
                Ok(true) => {}
                Ok(false) => return Err(TryLockError::WouldBlock),
                Err(_) => return Err(TryLockError::WouldDeadlock),
            }
        }
        self.granted(RwLockWriteGuard::new(self, me)).map_err(TryLockError::Poisoned)
    }

    /// Locks the data for writing, waiting for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// As [`write`](RwLock::write), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn write_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockWriteGuard<'_, T>, TimedLockError<RwLockWriteGuard<'_, T>>> {
        self.write_by(Deadline::after(timeout))
    }

    /// Locks the data for writing, waiting until `deadline` at most.
    ///
    /// # Errors
    /// As [`write`](RwLock::write), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn write_until(
        &self,
        deadline: Instant,
    ) -> Result<RwLockWriteGuard<'_, T>, TimedLockError<RwLockWriteGuard<'_, T>>> {
        self.write_by(Deadline::at(deadline))
    }

    fn write_by(
        &self,
        deadline: Deadline,
    ) -> Result<RwLockWriteGuard<'_, T>, TimedLockError<RwLockWriteGuard<'_, T>>> {
        let me = member::locker();
        let came = self.control().write_free(me);
        if came != Came::In {
            self.wait_to_write(me, came, deadline).map_err(timed)?;
        }
        self.granted(RwLockWriteGuard::new(self, me)).map_err(TimedLockError::Poisoned)
    }

    #[cold]
    #[inline(never)]
    fn wait_to_write(&self, me: Owner, came: Came, deadline: Deadline) -> Result<(), algo::LockError> {
        self.control().write(me, came, &Lending(&member::park_until(deadline)))
    }

    /// The guard that was just made, or the guard with what is to be said.
    #[inline]
    fn granted<G>(&self, guard: G) -> Result<G, Poisoned<G>> {
        match self.control().cause() {
            None => Ok(guard),
            Some(failing) => Err(Poisoned::new(guard, failing.into())),
        }
    }

    /// What is left to do when the reader `me` has left, and a writer waits for that.
    #[cold]
    #[inline(never)]
    pub(super) fn wake_writer(&self, me: Owner) {
        self.control().wake_writer(me, &member::park());
    }

    /// What is left to do when the writer has ended, and somebody waits for that.
    #[cold]
    #[inline(never)]
    pub(super) fn unlock(&self) {
        self.control().unlock(&member::park());
    }

    /// Returns whether somebody failed while writing. Another process may change that at once.
    pub fn is_poisoned(&self) -> bool {
        self.poison_cause().is_some()
    }

    /// Returns who failed while writing, and how. A death that nobody noticed yet does not show.
    pub fn poison_cause(&self) -> Option<Cause> {
        self.place.bearing().lock().cause().map(Cause::from)
    }

    /// Says that the data is whole again: who locks from now on gets no error.
    ///
    /// Call it while you hold the lock, having looked at the data.
    pub fn clear_poison(&self) {
        self.place.bearing().lock().clear();
    }
}

fn timed<G>(error: algo::LockError) -> TimedLockError<G> {
    match error {
        algo::LockError::TimedOut => TimedLockError::TimedOut,
        algo::LockError::WouldDeadlock => TimedLockError::WouldDeadlock,
    }
}

impl<T: ?Sized + Guarded> Clone for RwLock<T> {
    /// Makes another handle to the same lock.
    fn clone(&self) -> Self {
        Self::of_place(self.place.clone())
    }
}

impl<T: ?Sized + Guarded + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read().or_else(TryLockError::recover) {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

/// The handle travels, not the data: sender and receiver lock the same.
impl<T: ?Sized + Guarded> Message for RwLock<T>
where
    Self: Send,
{
    fn measure(&self, measure: &mut Measure) {
        self.place.measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.place.encode(to, Use::RwLock);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Place::decode(from, Form::RwLock, Use::RwLock).map(Self::of_place)
    }
}
