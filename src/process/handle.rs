//! Handles of processes: joining, asking, ending.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::builder::Builder;
use super::custody::Custody;
use super::failure::{Failure, SignalError, SpawnError, SpawnWithError};
use super::runtime;
use super::scope::Scope;
use crate::message::Message;
use crate::sys::{Deadline, SIGKILL, SIGTERM};

/// A running process whose result is an `R`.
///
/// The counterpart of [`std::thread::JoinHandle`], with Python's `multiprocessing.Process` in mind: what the body
/// returns is what [`join`](Self::join) returns. Dropping the handle detaches the process: it runs on, is reaped when
/// it ends, and is killed if it still runs when this process ends.
///
/// # Examples
/// ```
/// use procshare::Process;
///
/// let workers: Vec<_> =
///     (0..5).map(|number| Process::spawn(move || number * 10)).collect::<Result<_, _>>()?;
/// let results: Vec<i32> = workers.into_iter().map(|worker| worker.join()).collect::<Result<_, _>>()?;
/// assert_eq!(results, [0, 10, 20, 30, 40]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing")]
pub struct Process<R> {
    custody: Arc<Custody>,
    token: u64,
    result: PhantomData<fn() -> R>,
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.custody.fmt(f)
    }
}

impl<R: Message> Process<R> {
    pub(super) fn new((custody, token): (Arc<Custody>, u64)) -> Self {
        Self { custody, token, result: PhantomData }
    }

    /// Spawns a process that runs `body` in a copy of this one, made by fork.
    ///
    /// Everything `body` captures travels for nothing. Its *private* memory is a copy: what the child writes to a
    /// captured variable, a `Vec`, a static, or behind a [`std::sync::Mutex`] is lost with it. Shared are the types of
    /// this crate only. Captures moved into `body` are dropped in both processes, as after any fork: in the child when
    /// the body ends, in the parent when the child's end is noticed, joined or not. A handle of this crate frees
    /// nothing in the child; borrow what acts on the world when it is dropped, such as a temporary directory.
    ///
    /// Returns as soon as the process exists: a fifth of a millisecond, more with a large heap. The child's standard input is
    /// `/dev/null`, and `SIGINT`, `SIGTERM` and `SIGHUP` end it, unless a [`Builder`] says otherwise.
    ///
    /// # Errors
    /// [`SpawnError`]: no process was spawned, and `body` was dropped.
    ///
    /// # Examples
    /// ```
    /// let mut private = 1;
    /// let child = procshare::Process::spawn(move || {
    ///     private += 1; // the child's copy
    ///     private
    /// })?;
    /// assert_eq!(child.join()?, 2);
    /// assert_eq!(private, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    /// # Source
    /// fork(2)
    pub fn spawn<F>(body: F) -> Result<Self, SpawnError>
    where
        F: FnOnce() -> R + Send + 'static,
    {
        Builder::new().spawn(body)
    }

    /// Spawns a process that runs `body` with `arg`, which becomes the child's entirely: unlike a captured handle, an
    /// [`Array`](crate::Array) in it is given up here, and freed by the child or with it.
    ///
    /// # Errors
    /// [`SpawnWithError`] with the argument: no process was spawned.
    ///
    /// # Examples
    /// ```
    /// let squares = procshare::Array::from_fn(4, |i| i as f64)?;
    /// let child = procshare::Process::spawn_with(squares, |mut squares| {
    ///     squares.iter_mut().for_each(|x| *x *= *x);
    ///     squares
    /// })?;
    /// assert_eq!(*child.join()?, [0.0, 1.0, 4.0, 9.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_with<A, F>(arg: A, body: F) -> Result<Self, SpawnWithError<A>>
    where
        A: Message + 'static,
        F: FnOnce(A) -> R + Send + 'static,
    {
        Builder::new().spawn_with(arg, body)
    }

    fn settle(&self, deadline: Deadline) -> Result<(), Failure> {
        let worker = || self.custody.worker().clone();
        if !self.custody.is_mine() {
            return Err(Failure::NotMyChild { worker: worker() });
        }
        self.custody.set_awaited(true);
        let settled = match runtime::existing() {
            Some(runtime) => runtime.settle(self.token, &self.custody, deadline),
            None => self.custody.settle(deadline),
        };
        self.custody.set_awaited(false);
        match settled {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::TimedOut { worker: worker() }),
            Err(error) => Err(Failure::Os { worker: worker(), error }),
        }
    }

    /// Waits until the process is gone, with everything it spawned, and returns what its body returned.
    ///
    /// Blocks this thread until then. After it, everything the child was lent or wrote to is this process's alone.
    ///
    /// # Errors
    /// A [`Failure`] that names the worker and says how it ended.
    pub fn join(self) -> Result<R, Failure> {
        self.settle(Deadline::never())?;
        self.custody.take()
    }

    /// Waits like [`join`](Self::join), but for `timeout` at most.
    ///
    /// # Errors
    /// [`Failure::TimedOut`] if the process still runs: the handle is good for another try. Else as `join`.
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<R, Failure> {
        self.settle(Deadline::after(timeout))?;
        self.custody.take()
    }

    /// Waits like [`join`](Self::join), but until `deadline` at most.
    ///
    /// # Errors
    /// As [`join_timeout`](Self::join_timeout).
    pub fn join_until(&mut self, deadline: Instant) -> Result<R, Failure> {
        self.settle(Deadline::at(deadline))?;
        self.custody.take()
    }

    /// Returns the result if the process is gone, and `None` while it runs. Does not wait for it.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub fn try_join(&mut self) -> Result<Option<R>, Failure> {
        match self.settle(Deadline::after(Duration::ZERO)) {
            Ok(()) => self.custody.take().map(Some),
            Err(Failure::TimedOut { .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

impl<R> Process<R> {
    /// Returns whether the process has not ended yet. Does not block. `false` is final; `true` may be stale at once. In
    /// another process than the one that spawned, always `false`.
    pub fn is_alive(&self) -> bool {
        self.custody.is_alive()
    }

    /// Returns the process id. After the end the system may give it to another process.
    pub fn pid(&self) -> u32 {
        self.custody.worker().pid
    }

    /// Returns the name it was given, or `process-N`.
    pub fn name(&self) -> &str {
        &self.custody.worker().name
    }

    /// Asks the process to end, by `SIGTERM`. Does not wait for it to do so.
    ///
    /// # Errors
    /// [`SignalError`]: it had ended already, or is not this process's child.
    pub fn terminate(&self) -> Result<(), SignalError> {
        self.custody.signal(SIGTERM)
    }

    /// Ends the process by `SIGKILL`. Does not wait until it is gone.
    ///
    /// # Errors
    /// As [`terminate`](Self::terminate).
    pub fn kill(&self) -> Result<(), SignalError> {
        self.custody.signal(SIGKILL)
    }
}

impl<R> Process<R> {
    /// Kills what lives below this process, which is dead itself: forks that the program did by itself, which its death does not end.
    pub(crate) fn kill_descendants(&self) {
        self.custody.kill_descendants();
    }
}

/// The pidfd: readable once the process is gone, so an event loop can wait for it. To be polled only.
impl<R> AsFd for Process<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.custody.pidfd()
    }
}

/// A process spawned in a [`Scope`]: [`Process`]'s twin for bodies that borrow.
///
/// Dropping it leaves the process to the end of its scope, which waits for it.
pub struct ScopedProcess<'scope, R> {
    process: Process<R>,
    scope: PhantomData<&'scope ()>,
}

impl<R> fmt::Debug for ScopedProcess<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.process.fmt(f)
    }
}

impl<'scope, R: Message> ScopedProcess<'scope, R> {
    pub(super) fn new(_: &'scope Scope<'scope, '_>, process: (Arc<Custody>, u64)) -> Self {
        Self { process: Process::new(process), scope: PhantomData }
    }

    /// Waits as [`Process::join`].
    ///
    /// # Errors
    /// As [`Process::join`].
    pub fn join(self) -> Result<R, Failure> {
        self.process.join()
    }

    /// Waits as [`Process::join_timeout`].
    ///
    /// # Errors
    /// As [`Process::join_timeout`].
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<R, Failure> {
        self.process.join_timeout(timeout)
    }

    /// Waits as [`Process::join_until`].
    ///
    /// # Errors
    /// As [`Process::join_until`].
    pub fn join_until(&mut self, deadline: Instant) -> Result<R, Failure> {
        self.process.join_until(deadline)
    }

    /// Looks as [`Process::try_join`].
    ///
    /// # Errors
    /// As [`Process::try_join`].
    pub fn try_join(&mut self) -> Result<Option<R>, Failure> {
        self.process.try_join()
    }
}

impl<R> ScopedProcess<'_, R> {
    /// Returns what [`Process::is_alive`] returns.
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// Returns what [`Process::pid`] returns.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Returns what [`Process::name`] returns.
    pub fn name(&self) -> &str {
        self.process.name()
    }

    /// Asks the process to end, as [`Process::terminate`].
    ///
    /// # Errors
    /// As [`Process::terminate`].
    pub fn terminate(&self) -> Result<(), SignalError> {
        self.process.terminate()
    }

    /// Ends the process, as [`Process::kill`].
    ///
    /// # Errors
    /// As [`Process::terminate`].
    pub fn kill(&self) -> Result<(), SignalError> {
        self.process.kill()
    }
}

/// As for [`Process`].
impl<R> AsFd for ScopedProcess<'_, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }
}
