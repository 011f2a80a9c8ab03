//! A lock for data that one at a time may touch.

#![allow(unsafe_code)] // hands out references to the guarded data

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use super::error::{Cause, LockError, Poisoned, TimedLockError, TryLockError};
use super::guarded::Guarded;
use super::place::Place;
use crate::algo::{self, Failing, Form, Lending, Owner, PoisonLock};
use crate::message::{DecodeError, Element, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::Deadline;

/// Mutual exclusion between processes and threads, for data in shared memory.
///
/// `Mutex<T>` is a handle: a clone locks the same data. Handles reach a child by capture or inside a message. `Mutex<[T]>` guards a
/// slice: see [`from_slice`](Mutex::from_slice) and [`zeroed`](Mutex::zeroed).
///
/// **When a holder dies**, killed or by an exit, the next one to lock gets the data as it was left, as
/// [`LockError::Poisoned`] with the process id; so it does when a holder panics. Nobody waits for the dead: who sleeps is woken
/// as soon as the family notices the death, and looks by itself every 50 ms at the latest. A holder that is stopped or slow is never
/// robbed. What it lent to children of its own comes back only when they are gone, too.
///
/// **Locking twice** from one thread is an error, not a deadlock. A thread that ends without dropping its guard (having forgotten it)
/// leaves the lock held for as long as its process lives, as in std.
///
/// A child does not hold what its parent held when it was forked.
///
/// # Examples
/// Two processes move money, and none is lost:
/// ```
/// use procshare::{scope, sync::Mutex};
///
/// let accounts = Mutex::<[i64]>::from_slice(&[100, 0])?;
/// scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| {
///             for _ in 0..50 {
///                 let mut accounts = accounts.lock().unwrap();
///                 accounts[0] -= 1;
///                 accounts[1] += 1;
///             }
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(*accounts.lock().unwrap(), [0, 100]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// The holder is killed; the next one hears of it:
/// ```
/// use procshare::{Process, sync::{CauseKind, LockError, Mutex}};
///
/// let shared = Mutex::new(0_u64)?;
/// let child = Process::<()>::spawn({
///     let shared = shared.clone();
///     move || {
///         let mut held = shared.lock().unwrap();
///         *held = 7;
///         std::process::abort();
///     }
/// })?;
/// assert!(child.join().is_err());
/// match shared.lock() {
///     Err(LockError::Poisoned(poisoned)) => {
///         assert_eq!(poisoned.cause().kind, CauseKind::Died);
///         assert_eq!(*poisoned.into_inner(), 7);
///     }
///     other => panic!("{other:?}"),
/// }
/// shared.clear_poison();
/// assert!(shared.lock().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Lock")]
#[doc(alias = "get_lock")]
pub struct Mutex<T: ?Sized + Guarded> {
    place: Place<T>,
    /// It is to threads what std's is.
    of: PhantomData<std::sync::Mutex<T>>,
}

impl<T: Element> Mutex<T> {
    /// Makes a mutex that guards `value`.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new(value: T) -> Result<Self, AllocError> {
        Place::holding(Form::Lock, &[value]).map(Self::of_place)
    }
}

impl<T: Element> Mutex<[T]> {
    /// Makes a mutex that guards a copy of `items`.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    #[doc(alias = "multiprocessing.Array")]
    pub fn from_slice(items: &[T]) -> Result<Self, AllocError> {
        Place::holding(Form::Lock, items).map(Self::of_place)
    }

    /// Makes a mutex that guards `len` zeroes.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn zeroed(len: usize) -> Result<Self, AllocError> {
        Place::zeroed(Form::Lock, len).map(Self::of_place)
    }
}

impl<T: ?Sized + Guarded> Mutex<T> {
    fn of_place(place: Place<T>) -> Self {
        Self { place, of: PhantomData }
    }

    #[inline]
    pub(super) fn control(&self) -> &PoisonLock {
        self.place.bearing().lock()
    }

    /// Takes the lock.
    ///
    /// Blocks until it is free; a holder that dies ends the wait.
    ///
    /// # Errors
    /// [`LockError::Poisoned`], with the guard: somebody failed while holding the lock. [`LockError::WouldDeadlock`]: this
    /// thread holds it already.
    #[doc(alias = "acquire")]
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        let me = member::locker();
        match self.take(me, Deadline::never()) {
            Ok(None) => Ok(self.guard(me)),
            Ok(Some(failing)) => Err(LockError::Poisoned(Poisoned::new(self.guard(me), failing.into()))),
            // Without a deadline nothing times out.
            Err(algo::LockError::WouldDeadlock | algo::LockError::TimedOut) => Err(LockError::WouldDeadlock),
        }
    }

    /// Takes the lock if it is free.
    ///
    /// Never blocks. A holder that died is passed over as soon as its death was noticed, at the latest by a try 50 ms after it.
    ///
    /// # Errors
    /// [`TryLockError::Poisoned`], with the guard: somebody failed while holding the lock. [`TryLockError::WouldBlock`]: somebody
    /// else holds it. [`TryLockError::WouldDeadlock`]: this thread holds it already.
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        let me = member::locker();
        match self.control().try_lock(me, &Lending(&member::park())) {
            Ok(Some(None)) => Ok(self.guard(me)),
            Ok(Some(Some(failing))) => {
                Err(TryLockError::Poisoned(Poisoned::new(self.guard(me), failing.into())))
            }
            Ok(None) => Err(TryLockError::WouldBlock),
            Err(_) => Err(TryLockError::WouldDeadlock),
        }
    }

    /// Takes the lock, waiting for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// As [`lock`](Mutex::lock), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<MutexGuard<'_, T>, TimedLockError<MutexGuard<'_, T>>> {
        self.lock_by(Deadline::after(timeout))
    }

    /// Takes the lock, waiting until `deadline` at most.
    ///
    /// # Errors
    /// As [`lock`](Mutex::lock), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn lock_until(
        &self,
        deadline: Instant,
    ) -> Result<MutexGuard<'_, T>, TimedLockError<MutexGuard<'_, T>>> {
        self.lock_by(Deadline::at(deadline))
    }

    pub(super) fn lock_by(
        &self,
        deadline: Deadline,
    ) -> Result<MutexGuard<'_, T>, TimedLockError<MutexGuard<'_, T>>> {
        let me = member::locker();
        match self.take(me, deadline) {
            Ok(None) => Ok(self.guard(me)),
            Ok(Some(failing)) => Err(TimedLockError::Poisoned(Poisoned::new(self.guard(me), failing.into()))),
            Err(algo::LockError::TimedOut) => Err(TimedLockError::TimedOut),
            Err(algo::LockError::WouldDeadlock) => Err(TimedLockError::WouldDeadlock),
        }
    }

    /// Returns whether somebody failed while holding the lock. Another process may change that at once.
    pub fn is_poisoned(&self) -> bool {
        self.poison_cause().is_some()
    }

    /// Returns who failed while holding the lock, and how. A death that nobody noticed yet does not show.
    pub fn poison_cause(&self) -> Option<Cause> {
        self.control().cause().map(Cause::from)
    }

    /// Says that the data is whole again: who locks from now on gets no error.
    ///
    /// Call it while you hold the lock, having looked at the data.
    pub fn clear_poison(&self) {
        self.control().clear();
    }

    #[inline]
    fn take(&self, me: Owner, deadline: Deadline) -> Result<Option<Failing>, algo::LockError> {
        if self.control().lock_free(me) { Ok(self.control().cause()) } else { self.wait(me, deadline) }
    }

    #[cold]
    fn wait(&self, me: Owner, deadline: Deadline) -> Result<Option<Failing>, algo::LockError> {
        self.control().lock(me, &Lending(&member::park_until(deadline)))
    }

    /// The guard of a lock that `me` has just taken.
    #[inline]
    fn guard(&self, me: Owner) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, me, panicking: std::thread::panicking(), of: PhantomData }
    }
}

impl<T: ?Sized + Guarded> Clone for Mutex<T> {
    /// Makes another handle to the same lock.
    fn clone(&self) -> Self {
        Self::of_place(self.place.clone())
    }
}

impl<T: ?Sized + Guarded + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock().or_else(TryLockError::recover) {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

/// The handle travels, not the data: sender and receiver lock the same.
impl<T: ?Sized + Guarded> Message for Mutex<T>
where
    Self: Send,
{
    fn measure(&self, measure: &mut Measure) {
        self.place.measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.place.encode(to, Use::Mutex);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Place::decode(from, Form::Lock, Use::Mutex).map(Self::of_place)
    }
}

/// What a copy of a guard says that fork made, and that somebody found in a thread-local.
pub(super) const COPY: &str = "this guard is a copy that fork made: its lock is held by another process";

/// The right to touch what a [`Mutex`] guards. The lock is released when it is dropped.
///
/// It stays with the thread that locked.
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized + Guarded> {
    pub(super) mutex: &'a Mutex<T>,
    /// Who locked: a copy of the guard that fork made is in other hands, and releases nothing.
    pub(super) me: Owner,
    /// The thread was panicking already: if it is at the end, that is not the holder's failure.
    panicking: bool,
    /// Locks are held by threads.
    of: PhantomData<*const ()>,
}

// SAFETY: through `&MutexGuard` another thread gets `&T` only, which `T: Sync` allows.
unsafe impl<T: ?Sized + Guarded + Sync> Sync for MutexGuard<'_, T> {}

impl<T: ?Sized + Guarded> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `Place` laid the block out for the data, initialised, aligned, valid while the handle lives, and any bytes
        // are a `T`. Nobody writes while this borrow lasts: this guard exists once for each taking of the lock, and others
        // get the lock only when it is released, or when this process and all whom it may have lent the data to are gone
        // (`Lending`).
        unsafe { self.mutex.place.data().as_ref() }
    }
}

impl<T: ?Sized + Guarded> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        assert!(member::is_locker(self.me), "{COPY}");
        // SAFETY: as in `deref`; nobody reads either, and the borrow of the guard excludes this process.
        unsafe { self.mutex.place.data().as_mut() }
    }
}

impl<T: ?Sized + Guarded> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !member::is_locker(self.me) {
            return;
        }
        if !self.panicking && std::thread::panicking() {
            self.mutex.control().poison(Failing { pid: std::process::id(), panicked: true });
        }
        if !self.mutex.control().unlock_free(self.me) {
            self.mutex.control().unlock(&member::park());
        }
    }
}

impl<T: ?Sized + Guarded + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Guarded + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
