//! The pool, and what it can be asked.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use super::builder::Builder;
use super::call::assert_captureless;
use super::failure::{PoolError, Rejection, SubmitError};
use super::office::Office;
use super::shutdown::Shutdown;
use super::task::Task;
use crate::message::Message;
use crate::process::Worker;

/// Standing worker processes that take tasks. See [the module](crate::pool).
///
/// May be used by many threads at once, and in a process of a [`scope`](crate::scope) or in a worker of another pool, if it was made there. In
/// a child of the process that made it, it is of no use, and says so.
///
/// **Dropping it ends it**: what is queued is cancelled, what runs is killed, and every worker is reaped. To have the work done first, call
/// [`shutdown`](Self::shutdown). Handles of tasks stay good: what was there is there.
///
/// Workers are forks, so what holds for children holds for them: memory of this crate that is older than a worker is given back when that one
/// has ended, and a worker that replaces another one is as young as that.
///
/// # Examples
/// ```
/// use procshare::Pool;
///
/// fn square(x: u64) -> u64 {
///     x * x
/// }
///
/// let pool = Pool::new(2)?;
/// let task = pool.submit(square, 12)?;
/// assert_eq!(task.get()?, 144);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ProcessPoolExecutor")]
pub struct Pool {
    pub(super) office: Arc<Office>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = &self.office.terms;
        f.debug_struct("Pool")
            .field("name", &terms.name)
            .field("workers", &terms.workers)
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn of(office: Arc<Office>) -> Self {
        Self { office }
    }

    /// Makes a pool of so many workers. [`Pool::builder`] has more to say.
    ///
    /// # Errors
    /// [`PoolError`]: there is no pool, and no process is left of it.
    pub fn new(workers: usize) -> Result<Self, PoolError> {
        Self::builder().workers(workers).build()
    }

    /// Begins to say how a pool is to be.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Submits the call `f(arg)`, to be run by some worker. Returns at once.
    ///
    /// `f` is a function, or a closure that captures nothing: what it needs goes in `arg`. That may be of any size, as may the result, and
    /// handles of this crate inside are given away or shared, as in any [`Message`].
    ///
    /// Tasks begin in the order in which they were submitted, but for one that takes the place of a cancelled one. There may be millions of them, each taking some 190 bytes and what its argument and result take.
    ///
    /// ```compile_fail,E0080
    /// let pool = procshare::Pool::new(1)?;
    /// let factor = 3;
    /// let task = pool.submit(|x: u64| x * factor, 14)?; // captures: pass (x, factor) instead
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SubmitError`] with the argument: nothing runs.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Array, Pool, sync::Mutex};
    ///
    /// let pool = Pool::new(2)?;
    /// let total = Mutex::new(0.0)?; // made after the pool
    /// let numbers = Array::from_fn(1000, |i| i as f64)?;
    /// let sum = |(numbers, total): (Array<f64>, Mutex<f64>)| {
    ///     if let Ok(mut total) = total.lock() {
    ///         *total += numbers.iter().sum::<f64>();
    ///     }
    ///     numbers // comes back; nothing was copied
    /// };
    /// let numbers = pool.submit(sum, (numbers, total.clone()))?.get()?;
    /// assert_eq!((*total.lock().unwrap(), numbers.len()), (499_500.0, 1000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "apply_async")]
    #[inline]
    pub fn submit<F, A, R>(&self, f: F, arg: A) -> Result<Task<R>, SubmitError<A>>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Message,
        R: Message,
    {
        assert_captureless::<F>();
        let _ = f; // its type says everything
        let index = self.office.submit::<F, A, R>(arg, true)?;
        Ok(Task::new(Arc::clone(&self.office), index))
    }

    /// Returns the workers that live, in the order of their numbers. Stale at once. None in a child of the process that made the pool.
    pub fn workers(&self) -> Vec<Worker> {
        if self.office.is_mine() { self.office.crew().living() } else { Vec::new() }
    }

    /// Ends the pool as `how` says, and waits until no worker is left. Blocks for as long as `how` allows, and a moment longer for the reaping.
    ///
    /// No task is taken any more from the moment it is called. Results that are there stay so. Callbacks run still. Calling it again does nothing,
    /// but that an [`Abort`](Shutdown::Abort) hastens one that is under way.
    ///
    /// # Errors
    /// [`Rejection::NotMyPool`]: the handle is a copy that fork made.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Pool, pool::Shutdown};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new(2)?;
    /// let tasks = (0..100_u32).map(|n| pool.submit(|n| n + 1, n)).collect::<Result<Vec<_>, _>>()?;
    /// pool.shutdown(Shutdown::Finish { within: Duration::from_secs(60) })?;
    /// assert!(pool.workers().is_empty());
    /// for (n, task) in (0..).zip(tasks) {
    ///     assert_eq!(task.get()?, n + 1);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Rejection> {
        if !self.office.is_mine() {
            return Err(Rejection::NotMyPool);
        }
        self.office.desk().closed.get_or_insert(Rejection::ShutDown);
        {
            let mut orders = self.office.orders();
            let by = Instant::now().checked_add(how.within());
            if orders.end.is_none() || how == Shutdown::Abort {
                orders.end = Some((how, by));
            }
        }
        self.office.ring();
        self.office.await_end();
        Ok(())
    }
}

/// A panic leaves nothing half done in it.
impl UnwindSafe for Pool {}
/// As above.
impl RefUnwindSafe for Pool {}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = self.shutdown(Shutdown::Abort); // a copy that fork made ends nothing
    }
}
