//! A task that was submitted, and its result.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::callbacks::contain;
use super::desk::Told;
use super::failure::TaskFailure;
use super::gather::Gathering;
use super::office::Office;
use crate::algo::Phase;
use crate::message::Message;
use crate::sys::Deadline;

/// A call that a pool was asked for, and its result.
///
/// Like a thread's handle, or Python's `AsyncResult` and `Future`; it is also a [`Future`], which any executor can await: it is woken when
/// the result is there, and nothing polls meanwhile. Dropping the handle lets the task run, and discards its result.
///
/// # Examples
/// ```
/// use procshare::Pool;
///
/// let pool = Pool::new(2)?;
/// let task = pool.submit(|text: String| text.len(), String::from("as long as it is"))?;
/// assert_eq!(task.get()?, 16);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "AsyncResult")]
#[must_use = "a task whose handle is dropped runs, but nobody learns what came of it"]
pub struct Task<R: Message> {
    office: Arc<Office>,
    index: u32,
    is_taken: bool,
    result: PhantomData<fn() -> R>,
}

impl<R: Message> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("record", &self.index).field("is_ready", &self.is_ready()).finish()
    }
}

impl<R: Message> Task<R> {
    #[inline]
    pub(super) fn new(office: Arc<Office>, index: u32) -> Self {
        Self { office, index, is_taken: false, result: PhantomData }
    }

    fn why_not(&self) -> Option<TaskFailure> {
        if self.is_taken {
            Some(TaskFailure::AlreadyTaken)
        } else if !self.office.is_mine() {
            Some(TaskFailure::NotMyTask)
        } else {
            None
        }
    }

    #[inline]
    fn get_by(&mut self, deadline: Deadline) -> Result<R, TaskFailure> {
        if let Some(why) = self.why_not() {
            return Err(why);
        }
        let Some(task) = self.office.task(self.index) else { return Err(TaskFailure::AlreadyTaken) };
        if !self.office.await_task(task, deadline) {
            return Err(TaskFailure::Unfinished);
        }
        self.is_taken = true;
        self.office.take(self.index)
    }

    /// Waits until the task has ended, and returns its result.
    ///
    /// Blocks this thread until then, awake for some microseconds and then asleep. A worker that dies ends the wait, too.
    ///
    /// # Errors
    /// A [`TaskFailure`] that says what went wrong.
    #[doc(alias = "result")]
    #[inline]
    pub fn get(mut self) -> Result<R, TaskFailure> {
        self.get_by(Deadline::never())
    }

    /// Waits like [`get`](Self::get), but for `timeout` at most.
    ///
    /// # Errors
    /// [`TaskFailure::Unfinished`] if the task has not ended: the handle is good for another try. Else as `get`.
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<R, TaskFailure> {
        self.get_by(Deadline::after(timeout))
    }

    /// Waits like [`get`](Self::get), but until `deadline` at most.
    ///
    /// # Errors
    /// As [`get_timeout`](Self::get_timeout).
    pub fn get_until(&mut self, deadline: Instant) -> Result<R, TaskFailure> {
        self.get_by(Deadline::at(deadline))
    }

    /// Returns the result if the task has ended, and `None` if it has not. Does not block.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn try_get(&mut self) -> Result<Option<R>, TaskFailure> {
        if self.why_not().is_none() && !self.is_ready() {
            return Ok(None);
        }
        self.get_by(Deadline::after(Duration::ZERO)).map(Some)
    }

    /// Returns whether the task has ended, well or badly. Does not block. `true` is final.
    #[doc(alias = "done")]
    #[doc(alias = "ready")]
    pub fn is_ready(&self) -> bool {
        self.is_taken
            || self.office.is_mine()
                && self.office.task(self.index).is_some_and(|task| task.state.look().is_final())
    }

    /// Waits until the task has ended, `timeout` at most, and returns whether it has.
    pub fn wait(&self, timeout: Duration) -> bool {
        if self.why_not().is_some() {
            return self.is_taken;
        }
        let task = self.office.task(self.index);
        task.is_some_and(|task| self.office.await_task(task, Deadline::after(timeout)))
    }

    /// Waits until the task has ended, until `deadline` at most, and leaves the processor to others meanwhile. The handle is good.
    pub(super) fn wait_asleep(&self, deadline: Deadline) -> bool {
        self.office.await_task_asleep(self.index, deadline)
    }

    /// Cancels the task if it has not begun, and returns whether that was so. Does not block.
    ///
    /// `true`: it never runs (not again, if a death interrupted it and the pool retries), and its result is [`TaskFailure::Cancelled`]. `false`: it runs or has ended, and nothing changes.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Pool, pool::TaskFailure};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new(1)?;
    /// let first = pool.submit(std::thread::sleep, Duration::from_millis(100))?;
    /// let second = pool.submit(std::thread::sleep, Duration::from_secs(100))?;
    /// assert!(second.cancel());
    /// assert_eq!(second.get(), Err(TaskFailure::Cancelled));
    /// first.get()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self) -> bool {
        self.why_not().is_none() && self.office.withdraw(self.index, Phase::Cancelled)
    }

    /// Has `done` called with the result, or `failed` with the failure, when the task has ended: in this process, on a thread that the pool has
    /// for that.
    ///
    /// Returns at once; in a child of the process that submitted, `failed` was called then. Callbacks run one after the other, so one that takes long delays the others, not the tasks. They may use the pool. A panic
    /// in one ends that one only.
    ///
    /// # Examples
    /// ```
    /// use procshare::Pool;
    /// use std::sync::mpsc::channel;
    ///
    /// let (pool, (results, come)) = (Pool::new(2)?, channel());
    /// for number in 0..3_u64 {
    ///     let results = results.clone();
    ///     let send = move |square| results.send(square).unwrap_or_default();
    ///     pool.submit(|n: u64| n * n, number)?.on_done(send, |failure| eprintln!("{failure}"));
    /// }
    /// drop(results);
    /// assert_eq!(come.iter().sum::<u64>(), 0 + 1 + 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "add_done_callback")]
    #[doc(alias = "error_callback")]
    pub fn on_done(
        self,
        done: impl FnOnce(R) + Send + 'static,
        failed: impl FnOnce(TaskFailure) + Send + 'static,
    ) where
        R: 'static,
    {
        match self.why_not() {
            None => {}
            Some(TaskFailure::NotMyTask) => return contain(|| failed(TaskFailure::NotMyTask)),
            Some(why) => return self.office.callbacks.run(Box::new(|| failed(why))),
        }
        let (office, index) = (Arc::clone(&self.office), self.index);
        let call = Box::new(move || match self.get() {
            Ok(result) => done(result),
            Err(failure) => failed(failure),
        });
        if let Err(Told::Call(call)) = office.tell(index, Told::Call(call)) {
            office.callbacks.run(call); // it has ended
        }
    }

    /// Has `gathering` told of the end, as the one of that number.
    pub(super) fn tell(&self, gathering: &Arc<Gathering>, which: usize) {
        let told = || Told::Tell(Arc::clone(gathering), which);
        if self.why_not().is_some() || self.office.tell(self.index, told()).is_err() {
            gathering.arrive(which);
        }
    }

    /// For one who waits for it otherwise: see [`Office::help`].
    pub(super) fn help(&self, round: u32) {
        if self.office.is_mine() {
            self.office.help(round);
        }
    }

    pub(super) fn untell(&self, gathering: &Arc<Gathering>) {
        if self.why_not().is_none() {
            self.office.desk().untell(self.index, gathering);
        }
    }
}

/// A panic leaves nothing half done in it.
impl<R: Message> UnwindSafe for Task<R> {}
/// As above.
impl<R: Message> RefUnwindSafe for Task<R> {}

impl<R: Message> Drop for Task<R> {
    #[inline]
    fn drop(&mut self) {
        if self.why_not().is_none() {
            self.office.release(self.index);
        }
    }
}

/// Ready when the task has ended. Needs no particular executor.
///
/// # Panics
/// Polling again after it was ready returns [`TaskFailure::AlreadyTaken`]; it does not panic.
impl<R: Message> Future for Task<R> {
    type Output = Result<R, TaskFailure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let is_told = self.why_not().is_none()
            && !self.is_ready()
            && self.office.tell(self.index, Told::Wake(context.waker().clone())).is_ok();
        if is_told && !self.is_ready() { Poll::Pending } else { Poll::Ready(self.get_by(Deadline::never())) }
    }
}
