//! Waiting until somebody changed what a mutex guards.

use std::alloc::Layout;
use std::fmt;
use std::time::{Duration, Instant};

use super::error::LockError;
use super::guarded::Guarded;
use super::mutex::MutexGuard;
use crate::algo::{Berths, Form};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::Deadline;

/// A condition variable: processes and threads wait until somebody says that what a [`Mutex`](super::Mutex) guards has changed.
///
/// `Condvar` is a handle: a clone is the same condition variable. Handles reach a child by capture or inside a message.
///
/// A wait gives the mutex up and begins in one step: a notification that comes once the mutex was free again reaches whoever waited.
/// [`notify_one`](Condvar::notify_one) wakes one of those who waited when it was called, and no later one gets in between. Nobody who
/// notifies ever waits, for whatever became of the waiters.
///
/// **Waking for nothing.** While all processes live, a waiter wakes only because it was notified. (Not so with more than 52 threads of
/// one process: the 53rd and later ones wake at every notification.) But
/// **when a process dies**, killed or by an exit or a panic, before it returned its result, everybody is woken who waits: it may have
/// died between its change and its notification. So is everybody if it had been notified and did not come to its turn. So
/// use the [`wait_while`](Condvar::wait_while) forms, which look again. Nobody waits for a notification that a dead
/// one owed: the family notices the death at once, and those who wait look every 50 ms at the latest. (When a child has returned its
/// result, nobody is woken as a rule; a waiter that happens to look before the parent does is.)
///
/// If a process dies *holding* the mutex, the next one to lock it hears of that, and so may a waiter, whose wait ends by locking: it then
/// returns [`LockError::Poisoned`], with the guard.
///
/// Waiters may use different mutexes with one condition variable; it knows of none.
///
/// # Examples
/// A child waits for work:
/// ```
/// use procshare::{Process, sync::{Condvar, Mutex}};
///
/// let (jobs, more) = (Mutex::new(0_u32)?, Condvar::new()?);
/// let worker = Process::spawn({
///     let (jobs, more) = (jobs.clone(), more.clone());
///     move || {
///         let mut jobs = more.wait_while(jobs.lock().unwrap(), |jobs| *jobs == 0).unwrap();
///         std::mem::take(&mut *jobs)
///     }
/// })?;
/// *jobs.lock().unwrap() = 3;
/// more.notify_one();
/// assert_eq!(worker.join()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// One that was to notify dies first, and nobody waits for it:
/// ```
/// use procshare::{Process, sync::{Condvar, Mutex}};
///
/// let (done, changed) = (Mutex::new(0_u32)?, Condvar::new()?);
/// let child = Process::<()>::spawn({
///     let done = done.clone();
///     move || {
///         *done.lock().unwrap() = 1;
///         std::process::abort();
///     }
/// })?;
/// let done = changed.wait_while(done.lock().unwrap(), |done| *done == 0).unwrap();
/// assert_eq!(*done, 1);
/// assert!(child.join().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Condition")]
#[doc(alias = "pthread_cond_t")]
#[derive(Clone)]
pub struct Condvar {
    bearing: Bearing,
}

/// Whether a wait with a limit ended because the time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether the time was up first. After a `wait` in a loop: and what was waited for had not come true.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// What comes of a wait: the guard of the mutex, locked again. The documentation shows it written out.
type Waited<'a, T> = Result<MutexGuard<'a, T>, LockError<MutexGuard<'a, T>>>;

/// What comes of a wait with a limit.
type WaitedInTime<'a, T> =
    Result<(MutexGuard<'a, T>, WaitTimeoutResult), LockError<(MutexGuard<'a, T>, WaitTimeoutResult)>>;

impl Condvar {
    /// Makes a condition variable that nobody waits for.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new() -> Result<Self, AllocError> {
        Bearing::allocate(Form::Condvar, Layout::new::<()>()).map(|bearing| Self { bearing })
    }

    #[inline]
    fn berths(&self) -> Berths<'_> {
        Berths::of(self.bearing.head(), self.bearing.tally())
    }

    /// Releases the mutex of `guard`, waits for a notification, and locks again.
    ///
    /// Blocks until both are done. May wake for nothing, as [`Condvar`] says.
    ///
    /// A guard that a fork merely copied holds nothing: given one, this locks in the name of this process, and does not wait.
    ///
    /// # Errors
    /// [`LockError::Poisoned`], with the guard: somebody failed while holding the mutex.
    #[inline]
    pub fn wait<'a, T: ?Sized + Guarded>(&self, guard: MutexGuard<'a, T>) -> Waited<'a, T> {
        self.wait_by(guard, Deadline::never()).0
    }

    /// Waits for as long as `condition` holds of what the mutex guards: it is asked first, and after every wait.
    ///
    /// Blocks until it is not so. When this returns, the mutex is held.
    ///
    /// # Errors
    /// [`LockError::Poisoned`], with the guard, as soon as a wait finds out: somebody failed while holding the mutex. `condition`
    /// may hold still.
    #[doc(alias = "wait_for")]
    pub fn wait_while<'a, T: ?Sized + Guarded>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Condvar::wait), for `timeout` at most, and says whether the time was up. The clock is monotonic.
    ///
    /// Blocks longer if the mutex is held then. Who was notified at the last moment was notified, not out of time.
    ///
    /// # Errors
    /// As [`wait`](Condvar::wait).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use procshare::sync::{Condvar, Mutex};
    ///
    /// let (data, changed) = (Mutex::new(0_u32)?, Condvar::new()?);
    /// let (guard, result) = changed.wait_timeout(data.lock().unwrap(), Duration::from_millis(5)).unwrap();
    /// assert_eq!(*guard, 0);
    /// assert!(result.timed_out());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn wait_timeout<'a, T: ?Sized + Guarded>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> WaitedInTime<'a, T> {
        self.wait_in_time(guard, Deadline::after(timeout))
    }

    /// As [`wait_timeout`](Condvar::wait_timeout), until `deadline` at most.
    ///
    /// # Errors
    /// As [`wait`](Condvar::wait).
    #[inline]
    pub fn wait_until<'a, T: ?Sized + Guarded>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> WaitedInTime<'a, T> {
        self.wait_in_time(guard, Deadline::at(deadline))
    }

    /// As [`wait_while`](Condvar::wait_while), for `timeout` at most, and says whether `condition` held still when the time was up.
    ///
    /// # Errors
    /// As [`wait_while`](Condvar::wait_while).
    pub fn wait_timeout_while<'a, T: ?Sized + Guarded>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> WaitedInTime<'a, T> {
        self.wait_in_time_while(guard, Deadline::after(timeout), condition)
    }

    /// As [`wait_timeout_while`](Condvar::wait_timeout_while), until `deadline` at most.
    ///
    /// # Errors
    /// As [`wait_while`](Condvar::wait_while).
    pub fn wait_until_while<'a, T: ?Sized + Guarded>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
        condition: impl FnMut(&mut T) -> bool,
    ) -> WaitedInTime<'a, T> {
        self.wait_in_time_while(guard, Deadline::at(deadline), condition)
    }

    fn wait_in_time_while<'a, T: ?Sized + Guarded>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: Deadline,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> WaitedInTime<'a, T> {
        let mut result = WaitTimeoutResult(false);
        while condition(&mut guard) {
            if result.timed_out() {
                return Ok((guard, result));
            }
            (guard, result) = self.wait_in_time(guard, deadline)?;
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    fn wait_in_time<'a, T: ?Sized + Guarded>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> WaitedInTime<'a, T> {
        let (waited, result) = self.wait_by(guard, deadline);
        match waited {
            Ok(guard) => Ok((guard, result)),
            Err(error) => Err(error.map(|guard| (guard, result))),
        }
    }

    fn wait_by<'a, T: ?Sized + Guarded>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> (Waited<'a, T>, WaitTimeoutResult) {
        let mutex = guard.mutex;
        if !member::is_locker(guard.me) {
            return (mutex.lock(), WaitTimeoutResult(false)); // a copy that fork made: nothing was guarded here
        }
        let berths = self.berths();
        let mut berth = berths.take(guard.me);
        drop(guard);
        let notified = berths.wait(&mut berth, &member::park_until(deadline));
        let locked = mutex.lock();
        berths.leave(berth);
        (locked, WaitTimeoutResult(!notified))
    }

    /// Wakes one of those who wait. Never blocks. If nobody waits, nothing happens, now or later.
    ///
    /// The mutex need not be held; but whoever changes what waiters wait for has to hold it then.
    #[doc(alias = "notify")]
    #[inline]
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes up to `n` of those who wait. Never blocks.
    ///
    /// # Examples
    /// ```
    /// use procshare::{scope, sync::{Condvar, Mutex}};
    ///
    /// let (tokens, more) = (Mutex::new(0_u32)?, Condvar::new()?);
    /// scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| {
    ///             let tokens = tokens.lock().unwrap();
    ///             *more.wait_while(tokens, |tokens| *tokens == 0).unwrap() -= 1;
    ///         })?;
    ///     }
    ///     *tokens.lock().unwrap() = 3;
    ///     more.notify(3);
    ///     Ok::<(), Box<dyn std::error::Error>>(())
    /// })??;
    /// assert_eq!(*tokens.lock().unwrap(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn notify(&self, n: usize) {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        self.berths().notify(member::locker(), n, &member::park());
    }

    /// Wakes everybody who waits. Never blocks.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

/// The handle travels: sender and receiver have the same condition variable.
impl Message for Condvar {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.bearing.into_block(), Use::Condvar);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = from.shared(Use::Condvar)?;
        Bearing::adopt(block, Form::Condvar, Layout::new::<()>())
            .map(|bearing| Self { bearing })
            .ok_or(DecodeError::Foreign("the block of a condition variable is not one"))
    }
}
