//! How tasks end badly, and why they do not begin.

use std::fmt;
use std::time::Duration;

use crate::error::OsError;
use crate::message::DecodeError;
use crate::process::{Panic, SpawnError, Worker};
use crate::segment::AllocError;
use crate::sys::signal_name;

/// Why a task has no result. It concerns this task alone: the pool goes on.
///
/// After [`Unfinished`](Self::Unfinished) the handle is good for another try; all others are final.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskFailure {
    /// The function panicked. Its worker goes on with the next task.
    Panicked {
        /// Who ran it.
        worker: Worker,
        /// What it said.
        panic: Panic,
    },
    /// The process that ran it died of it, or by accident: another one takes its place. The function may have run in part.
    WorkerDied {
        /// Who ran it.
        worker: Worker,
        /// The signal that killed it, if one did.
        signal: Option<i32>,
        /// The code it exited with, if it called `exit`.
        code: Option<i32>,
    },
    /// It ran longer than a task of this pool may, and its worker was killed for that.
    TimedOut {
        /// Who ran it.
        worker: Worker,
        /// How long a task may run.
        limit: Duration,
    },
    /// It was cancelled before it began, or its pool was ended; then its worker may have been killed half way.
    Cancelled,
    /// It returned, but there was no shared memory for its result.
    OutOfMemory {
        /// Who ran it.
        worker: Worker,
        /// Bytes that were asked for.
        requested: u64,
    },
    /// It returned what can not be sent.
    Unsendable {
        /// Who ran it.
        worker: Worker,
        /// Why.
        reason: String,
    },
    /// Its argument could not be read where it was to run. It has not run.
    BadArgument {
        /// Who was to run it.
        worker: Worker,
        /// What is wrong with it.
        reason: String,
    },
    /// Its result arrived, but is not one of the expected type.
    Undecodable {
        /// What is wrong with it.
        error: DecodeError,
    },
    /// No worker stays alive long enough to begin a task: an initializer that panics, or a system that refuses processes. It has not run.
    NoWorkers {
        /// What became of the last one.
        reason: String,
    },
    /// It was not submitted, as the inputs of an `imap` or the chunks of a map may be.
    Rejected {
        /// Why.
        rejection: Rejection,
    },
    /// It has not ended yet.
    Unfinished,
    /// Its result was taken before.
    AlreadyTaken,
    /// This handle is a copy that fork made: only the process that submitted has the result.
    NotMyTask,
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { worker, panic } => write!(f, "the task {panic} in {worker}"),
            Self::WorkerDied { worker, signal: Some(signal), .. } => {
                write!(f, "{worker} was killed by {} (signal {signal}) during the task", signal_name(*signal))
            }
            Self::WorkerDied { worker, code: Some(code), .. } => {
                write!(f, "{worker} exited with code {code} during the task")
            }
            Self::WorkerDied { worker, .. } => write!(f, "{worker} ended during the task"),
            Self::TimedOut { worker, limit } => {
                write!(f, "the task took longer than {limit:?}, and {worker} was killed for that")
            }
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::OutOfMemory { worker, requested } => {
                write!(f, "{worker} found no shared memory for the task's result of {requested} bytes")
            }
            Self::Unsendable { worker, reason } => {
                write!(f, "the task's result can not be sent by {worker}: {reason}")
            }
            Self::BadArgument { worker, reason } => {
                write!(f, "the task's argument can not be read by {worker}: {reason}")
            }
            Self::Undecodable { error } => write!(f, "the task's result can not be read: {error}"),
            Self::NoWorkers { reason } => write!(f, "the task did not run: no worker stays alive ({reason})"),
            Self::Rejected { rejection } => write!(f, "the task was not submitted: {rejection}"),
            Self::Unfinished => f.write_str("the task has not ended"),
            Self::AlreadyTaken => f.write_str("the task's result was taken before"),
            Self::NotMyTask => f.write_str("the task was submitted by another process, which has the result"),
        }
    }
}

impl std::error::Error for TaskFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Undecodable { error } => Some(error),
            _ => None,
        }
    }
}

/// Why a pool was not made. There is none, and no process is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A pool has one worker at least.
    #[error("a pool without workers would run nothing")]
    NoWorkers,
    /// A pool has no more workers than this.
    #[error("a pool has {most} workers at most")]
    TooManyWorkers {
        /// How many.
        most: usize,
    },
    /// The shared arena refused memory.
    #[error("no pool was made: {0}")]
    Refused(#[from] AllocError),
    /// A worker was not spawned.
    #[error("no pool was made: {0}")]
    Spawn(#[from] SpawnError),
    /// The system refused a thread.
    #[error("no pool was made: {0}")]
    Os(#[from] OsError),
}

/// Why a pool does not take a task. Nothing runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The pool was shut down.
    #[error("the pool was shut down")]
    ShutDown,
    /// The handle is a copy that fork made: only the process that made the pool can use it.
    #[error("the pool belongs to another process, and only that one can use it")]
    NotMyPool,
    /// There is no shared memory for the argument.
    #[error("no memory for the task: {0}")]
    Refused(#[from] AllocError),
    /// The argument's type writes otherwise than it measures: a bug of its [`Message`](crate::Message).
    #[error("the argument writes otherwise than it measures")]
    Mismeasured,
    /// There are too many tasks.
    #[error("the pool has {most} tasks already, as many as it can")]
    TooManyTasks {
        /// How many there may be.
        most: usize,
    },
    /// The function is in a library that was loaded after the workers were forked: they do not have it. Make a pool after loading.
    #[error(
        "the function is in a library that was loaded after the pool was made, which the workers do not have"
    )]
    LoadedLater,
    /// Words in shared memory are not what they must be: some process wrote where it should not.
    #[error("the pool's shared memory is damaged")]
    Damaged,
    /// No worker stays alive.
    #[error("the pool has no workers: {reason}")]
    NoWorkers {
        /// What became of the last one.
        reason: String,
    },
}

/// Why a task was not submitted, with its argument.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubmitError<A> {
    /// Why.
    pub error: Rejection,
    /// The argument, back. `None` if it was lost: memory ran out half way through the blocks inside it.
    pub arg: Option<A>,
}

impl<A> fmt::Display for SubmitError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<A: fmt::Debug> std::error::Error for SubmitError<A> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
