//! A lock that its holder may take again.

#![allow(unsafe_code)] // copies the data out of and into the block

use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use super::error::{Cause, LockError, Poisoned, TimedLockError, TryLockError};
use super::place::Place;
use crate::algo::{Failing, Form, Lending, Owner, Reentrant};
use crate::message::{DecodeError, Element, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::{Deadline, copy_in, copy_out};

/// Mutual exclusion between processes and threads, by a lock that the thread that holds it may take again.
///
/// As [`Mutex`](super::Mutex), but for code that locks and calls other code that locks the same. Each taking gives a
/// guard of its own; the lock is free when all of them are dropped, in whatever order. Since several guards of one thread
/// reach the same data, they give no references to it: a guard is used like a [`Cell`](std::cell::Cell), by
/// [`get`](ReentrantMutexGuard::get), [`set`](ReentrantMutexGuard::set) and [`update`](ReentrantMutexGuard::update).
/// `ReentrantMutex<()>` protects something else, such as a terminal.
///
/// `ReentrantMutex` is a handle: a clone locks the same data. Handles reach a child by capture or inside a message. A
/// child does not hold what its parent held when it was forked: it waits for its parent like anybody else.
///
/// **When a holder dies**, at whatever depth, the next one to lock gets the data as it was left, as
/// [`LockError::Poisoned`] with the process id; so it does when a holder panics. See [`Mutex`](super::Mutex) for what
/// else is so here as there. The variant `WouldDeadlock` of the errors does not occur.
///
/// # Examples
/// ```
/// use procshare::{scope, sync::ReentrantMutex};
///
/// fn deposit(account: &ReentrantMutex<i64>, amount: i64) {
///     account.lock().unwrap().update(|balance| balance + amount);
/// }
///
/// fn transfer(from: &ReentrantMutex<i64>, to: &ReentrantMutex<i64>, amount: i64) {
///     let (_from, _to) = (from.lock().unwrap(), to.lock().unwrap());
///     deposit(from, -amount); // locks again
///     deposit(to, amount);
/// }
///
/// let (mine, yours) = (ReentrantMutex::new(100)?, ReentrantMutex::new(0)?);
/// scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| (0..50).for_each(|_| transfer(&mine, &yours, 1)))?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!((mine.lock().unwrap().get(), yours.lock().unwrap().get()), (0, 100));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.RLock")]
#[doc(alias = "RLock")]
#[doc(alias = "ReentrantLock")]
pub struct ReentrantMutex<T: Element> {
    place: Place<T>,
}

impl<T: Element> ReentrantMutex<T> {
    /// Makes a mutex that guards `value`.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new(value: T) -> Result<Self, AllocError> {
        Place::holding(Form::Words, &[value]).map(|place| Self { place })
    }

    #[inline]
    fn control(&self) -> Reentrant<'_> {
        Reentrant::of(self.place.bearing().head())
    }

    /// Takes the lock, once more if this thread holds it.
    ///
    /// Blocks until it is free; a holder that dies ends the wait.
    ///
    /// # Errors
    /// [`LockError::Poisoned`], with the guard: somebody failed while holding the lock.
    #[doc(alias = "acquire")]
    #[inline]
    pub fn lock(&self) -> Result<ReentrantMutexGuard<'_, T>, LockError<ReentrantMutexGuard<'_, T>>> {
        match self.lock_by(Deadline::never()) {
            Ok(guard) => Ok(guard),
            Err(TimedLockError::Poisoned(poisoned)) => Err(LockError::Poisoned(poisoned)),
            // Without a deadline nothing times out.
            Err(TimedLockError::WouldDeadlock | TimedLockError::TimedOut) => Err(LockError::WouldDeadlock),
        }
    }

    /// Takes the lock if it is free or this thread holds it.
    ///
    /// Never blocks. A holder that died is passed over as soon as its death was noticed, at the latest by a try 50 ms
    /// after it.
    ///
    /// # Errors
    /// [`TryLockError::Poisoned`], with the guard: somebody failed while holding the lock. [`TryLockError::WouldBlock`]:
    /// another thread holds it.
    #[inline]
    pub fn try_lock(&self) -> Result<ReentrantMutexGuard<'_, T>, TryLockError<ReentrantMutexGuard<'_, T>>> {
        let me = member::locker();
        match self.control().try_lock(me, &Lending(&member::park())) {
            Some(None) => Ok(self.guard(me)),
            Some(Some(failing)) => Err(TryLockError::Poisoned(Poisoned::new(self.guard(me), failing.into()))),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Takes the lock as [`lock`](ReentrantMutex::lock), waiting for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// As [`lock`](ReentrantMutex::lock), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<ReentrantMutexGuard<'_, T>, TimedLockError<ReentrantMutexGuard<'_, T>>> {
        self.lock_by(Deadline::after(timeout))
    }

    /// Takes the lock as [`lock`](ReentrantMutex::lock), waiting until `deadline` at most.
    ///
    /// # Errors
    /// As [`lock`](ReentrantMutex::lock), and [`TimedLockError::TimedOut`].
    #[inline]
    pub fn lock_until(
        &self,
        deadline: Instant,
    ) -> Result<ReentrantMutexGuard<'_, T>, TimedLockError<ReentrantMutexGuard<'_, T>>> {
        self.lock_by(Deadline::at(deadline))
    }

    #[inline]
    fn lock_by(
        &self,
        deadline: Deadline,
    ) -> Result<ReentrantMutexGuard<'_, T>, TimedLockError<ReentrantMutexGuard<'_, T>>> {
        let me = member::locker();
        match self.control().lock(me, &Lending(&member::park_until(deadline))) {
            Ok(None) => Ok(self.guard(me)),
            Ok(Some(failing)) => Err(TimedLockError::Poisoned(Poisoned::new(self.guard(me), failing.into()))),
            // That is all it can be: `me` may hold the lock.
            Err(_) => Err(TimedLockError::TimedOut),
        }
    }

    /// Returns whether somebody failed while holding the lock. Another process may change that at once.
    pub fn is_poisoned(&self) -> bool {
        self.poison_cause().is_some()
    }

    /// Returns who failed while holding the lock, and how. A death that nobody noticed yet does not show.
    pub fn poison_cause(&self) -> Option<Cause> {
        self.place.bearing().lock().cause().map(Cause::from)
    }

    /// Says that the data is whole again: who locks from now on gets no error.
    ///
    /// Call it while you hold the lock, having looked at the data.
    pub fn clear_poison(&self) {
        self.place.bearing().lock().clear();
    }

    /// The guard of a lock that `me` has just taken, or taken again.
    #[inline]
    fn guard(&self, me: Owner) -> ReentrantMutexGuard<'_, T> {
        ReentrantMutexGuard { mutex: self, me, panicking: std::thread::panicking(), of: PhantomData }
    }
}

impl<T: Element> Clone for ReentrantMutex<T> {
    /// Makes another handle to the same lock.
    fn clone(&self) -> Self {
        Self { place: self.place.clone() }
    }
}

impl<T: Element + fmt::Debug> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ReentrantMutex");
        match self.try_lock().or_else(TryLockError::recover) {
            Ok(guard) => shown.field("data", &guard.get()),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

/// The handle travels, not the data: sender and receiver lock the same.
impl<T: Element> Message for ReentrantMutex<T> {
    fn measure(&self, measure: &mut Measure) {
        self.place.measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.place.encode(to, Use::ReentrantMutex);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Place::decode(from, Form::Words, Use::ReentrantMutex).map(|place| Self { place })
    }
}

/// The right to read and change what a [`ReentrantMutex`] guards. The lock is released when the last guard of its thread
/// is dropped.
///
/// It stays with the thread that locked, and is not lent to others. A copy of it that a fork made releases nothing.
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct ReentrantMutexGuard<'a, T: Element> {
    mutex: &'a ReentrantMutex<T>,
    /// Who locked: a copy of the guard that fork made is in other hands, and releases nothing.
    me: Owner,
    /// The thread was panicking already: if it is at the end, that is not the holder's failure.
    panicking: bool,
    /// Neither `Send` nor `Sync`: nobody else may believe that it holds the lock.
    of: PhantomData<*const ()>,
}

impl<T: Element> ReentrantMutexGuard<'_, T> {
    /// Returns a copy of the data.
    #[inline]
    pub fn get(&self) -> T {
        let mut copy = MaybeUninit::<T>::uninit();
        let data = self.mutex.place.data();
        // SAFETY: `Place` laid the block out for a `T` there, initialised, valid while the handle lives, and accessed by
        // `copy_in` and `copy_out` only. `copy` is private, and as large.
        unsafe { copy_out(copy.as_mut_ptr().cast(), data.as_ptr().cast_const().cast(), size_of::<T>()) };
        // SAFETY: every byte was copied, and any bytes are a `T` (`Element`).
        unsafe { copy.assume_init() }
    }

    /// Makes `value` the data. All guards of this thread see it.
    #[inline]
    pub fn set(&self, value: T) {
        let (data, bytes) = (self.mutex.place.data(), bytemuck::bytes_of(&value));
        // SAFETY: as in `get`; `bytes` is private.
        unsafe { copy_in(data.as_ptr().cast(), bytes.as_ptr(), bytes.len()) };
    }

    /// Makes `f(data)` the data, and returns what it was before.
    ///
    /// If `f` panics, the data stays as it was. What `f` itself sets, by another guard, is overwritten.
    #[inline]
    pub fn update(&self, f: impl FnOnce(T) -> T) -> T {
        let before = self.get();
        self.set(f(before));
        before
    }
}

impl<T: Element> Drop for ReentrantMutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !member::is_locker(self.me) {
            return;
        }
        if !self.panicking && std::thread::panicking() {
            let failing = Failing { pid: std::process::id(), panicked: true };
            self.mutex.place.bearing().lock().poison(failing);
        }
        self.mutex.control().unlock(self.me, &member::park());
    }
}

impl<T: Element + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl<T: Element + fmt::Display> fmt::Display for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
