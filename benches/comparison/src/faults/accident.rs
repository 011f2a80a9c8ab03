//! Which accidents, and which libraries they happen to.

use clap::ValueEnum;

use super::{ours, posix, raw_sync, report};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accident {
    /// The holder of a mutex is killed while another process waits for it.
    Holder,
    /// A reader of an rwlock is killed while another process waits to write.
    Reader,
    /// The holder of a semaphore's only permit is killed while another process waits for one.
    Permit,
    /// One of two waiters of an event is killed; then the event is set, twice.
    Event,
    /// One of two waiters of a condition is killed; then one waiter is notified, twice, and then all.
    Condition,
    /// One of three parties is killed while it waits at a barrier; then the others come.
    Barrier,
    /// Three parties met at a barrier once; then one is killed while the others wait there for it.
    Absent,
    /// Nobody is killed: a lock that somebody else holds is tried for 900 ms, three times.
    Timeout,
}

impl Accident {
    /// How it is called in the table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Holder => "holder of a mutex killed, another waits",
            Self::Reader => "reader of an rwlock killed, a writer waits",
            Self::Permit => "holder of a semaphore's permit killed, another waits",
            Self::Event => "one of two waiters of an event killed, then set",
            Self::Condition => "one of two waiters of a condition killed, then notified",
            Self::Barrier => "one of three killed while it waits at a barrier",
            Self::Absent => "one of three killed while the others wait at the barrier",
            Self::Timeout => "a held mutex is tried for 900 ms, three times",
        }
    }
}

/// Whom it happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Library {
    /// This crate.
    Procshare,
    /// The crate `raw_sync`.
    RawSync,
    /// Python's multiprocessing.
    Python,
    /// The C library's: pthread with a robust mutex, POSIX semaphores.
    Posix,
}

impl Library {
    /// How it is called in the table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Procshare => "procshare",
            Self::RawSync => "raw_sync",
            Self::Python => "Python",
            Self::Posix => "POSIX, robust",
        }
    }
}

/// Plays a case in this process and those it forks, and says on standard output what happens.
pub(super) fn play(accident: Accident, library: Library) {
    let played = match library {
        Library::Procshare => {
            ours::play(accident);
            true
        }
        Library::RawSync => raw_sync::play(accident),
        Library::Posix => posix::play(accident),
        Library::Python => panic!("Python plays its cases itself"),
    };
    if played {
        report::over();
    } else {
        report::has_none();
    }
}
