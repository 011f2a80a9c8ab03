//! How processes fail: to begin, and to end well.

use std::fmt;

use crate::error::OsError;
use crate::message::DecodeError;
use crate::segment::AllocError;
use crate::sys::signal_name;

/// Which process an error speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Worker {
    /// The name it was given, or `process-N` with a number of its own.
    pub name: String,
    /// Its process id. Once it is joined the system may give the number to another process.
    pub pid: u32,
}

impl Worker {
    pub(crate) const fn new(name: String, pid: u32) -> Self {
        Self { name, pid }
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker '{}' (pid {})", self.name, self.pid)
    }
}

/// What a panic said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Panic {
    /// The message; 2 KiB of it at most, with the location. A payload that is not a string has none to show.
    pub message: String,
    /// Where, as `file:line:column`. `None` if the program replaced the panic hook after its first process.
    pub location: Option<String>,
}

impl Panic {
    /// One of which nothing is known.
    pub(crate) fn unknown() -> Self {
        Self::new(String::from("(no message)"), None)
    }

    pub(crate) const fn new(message: String, location: Option<String>) -> Self {
        Self { message, location }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "panicked at {location}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

/// Why a process did not bring a result home. Names the worker, its pid, and the signal or code it ended with.
///
/// After every variant but [`TimedOut`](Self::TimedOut) the process is gone, with all its descendants, or is not this
/// process's to wait for; what it was lent is the caller's alone again, though perhaps half written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Its body panicked.
    Panicked {
        /// Who.
        worker: Worker,
        /// What it said.
        panic: Panic,
    },
    /// It called `exit`, with 0 or another code, before its body returned.
    Exited {
        /// Who.
        worker: Worker,
        /// The exit code.
        code: i32,
    },
    /// A signal killed it.
    Signaled {
        /// Who.
        worker: Worker,
        /// The number of the signal.
        signal: i32,
        /// Whether it left a core dump.
        core_dumped: bool,
        /// What it panicked with, if it aborted upon a panic.
        panic: Option<Panic>,
    },
    /// It is gone, but something else in this program took its exit status (a `waitpid(-1)`, or an ignored `SIGCHLD`), and
    /// it left no result.
    StatusLost {
        /// Who.
        worker: Worker,
    },
    /// Its body returned, but there was no shared memory for the result.
    OutOfMemory {
        /// Who.
        worker: Worker,
        /// Bytes that the result needed.
        requested: u64,
    },
    /// Its result arrived but is not one of the expected type.
    Undecodable {
        /// Who.
        worker: Worker,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// It still runs, and the handle is good for another try.
    TimedOut {
        /// Who.
        worker: Worker,
    },
    /// This handle is a copy that fork made: only the process that spawned can join.
    NotMyChild {
        /// Who.
        worker: Worker,
    },
    /// Its result was taken before.
    AlreadyJoined {
        /// Who.
        worker: Worker,
    },
    /// The system would not let us wait. The process may still run; the handle is good for another try.
    Os {
        /// Who.
        worker: Worker,
        /// The call that failed.
        error: OsError,
    },
}

impl Failure {
    /// Returns which process failed.
    pub fn worker(&self) -> &Worker {
        match self {
            Self::Panicked { worker, .. }
            | Self::Exited { worker, .. }
            | Self::Signaled { worker, .. }
            | Self::StatusLost { worker }
            | Self::OutOfMemory { worker, .. }
            | Self::Undecodable { worker, .. }
            | Self::TimedOut { worker }
            | Self::NotMyChild { worker }
            | Self::AlreadyJoined { worker }
            | Self::Os { worker, .. } => worker,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worker = self.worker();
        match self {
            Self::Panicked { panic, .. } => write!(f, "{worker} {panic}"),
            Self::Exited { code, .. } => {
                write!(f, "{worker} exited with code {code} before it returned a result")
            }
            Self::Signaled { signal, core_dumped, panic, .. } => {
                write!(f, "{worker} was killed by {} (signal {signal})", signal_name(*signal))?;
                if let Some(panic) = panic {
                    write!(f, " after it {panic}")?;
                }
                if *core_dumped { f.write_str(", core dumped") } else { Ok(()) }
            }
            Self::StatusLost { .. } => {
                write!(f, "{worker} is gone, but something else in this program took its exit status")
            }
            Self::OutOfMemory { requested, .. } => {
                write!(f, "{worker} found no shared memory for its result of {requested} bytes")
            }
            Self::Undecodable { error, .. } => write!(f, "the result of {worker} can not be read: {error}"),
            Self::TimedOut { .. } => write!(f, "{worker} is still running"),
            Self::NotMyChild { .. } => {
                write!(f, "{worker} was spawned by another process, and only that one can join it")
            }
            Self::AlreadyJoined { .. } => write!(f, "{worker} was joined before"),
            Self::Os { error, .. } => write!(f, "{worker} can not be waited for: {error}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Undecodable { error, .. } => Some(error),
            Self::Os { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why a process was not spawned. There is none, and everything is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The shared arena refused a seat or memory.
    #[error("no process was spawned: {0}")]
    Refused(#[from] AllocError),
    /// The system refused: too many processes, descriptors or too little memory.
    #[error("no process was spawned: {0}")]
    Os(#[from] OsError),
    /// The argument's type writes otherwise than it measures: a bug of its [`Message`](crate::Message). The argument is lost.
    #[error("no process was spawned: the argument writes otherwise than it measures")]
    Mismeasured,
    /// The scope belongs to the process that opened it, and this one is a child of that: open a scope here.
    #[error("no process was spawned: this scope belongs to the parent process; open one in the child")]
    ForeignScope,
}

/// Why a process was not spawned, with the argument that it was to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnWithError<A> {
    /// Why.
    pub error: SpawnError,
    /// The argument, back. `None` if it was lost: memory ran out half way through the blocks inside it, or the system refused a
    /// descriptor after the process had begun, which was killed then.
    pub arg: Option<A>,
}

impl<A> fmt::Display for SpawnWithError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<A: fmt::Debug> std::error::Error for SpawnWithError<A> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Why a signal was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The process has ended.
    #[error("the process has ended already")]
    Ended,
    /// This handle is a copy that fork made: only the process that spawned can send signals with it.
    #[error("the process was spawned by another process")]
    NotMyChild,
    /// The system refused.
    #[error(transparent)]
    Os(#[from] OsError),
}
