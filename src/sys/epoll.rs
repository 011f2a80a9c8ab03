//! Waiting for many descriptors at once.
//!
//! Readiness is a level, not an edge: what is not taken care of is reported again. A forked child shares the
//! parent's set, not a copy of it, and so must make a new one and leave the inherited alone.
#![allow(unsafe_code)]
// Unsafe for one reason: epoll calls take pointers to structs.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use crate::error::OsError;
use crate::sys::clock::Deadline;
use crate::sys::poll::ROUND;
use crate::sys::{descriptor, errno};

/// How many events one call takes; what is left is reported by the next.
const BATCH: usize = 32;

/// A set of descriptors, each under a token, that one thread waits for.
#[derive(Debug)]
pub(crate) struct Watch(OwnedFd);

impl Watch {
    /// Makes an empty set, close-on-exec, at a high number.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE` or `ENOMEM`.
    pub(crate) fn new() -> Result<Self, OsError> {
        // SAFETY: epoll_create1 takes a number and touches no memory.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        errno::check(fd >= 0, "epoll_create1", "watch")?;
        // SAFETY: the kernel has just made this descriptor, so it is open and nobody else knows of it.
        Ok(Self(descriptor::raise(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Adds `fd` under `token`: reported once it is readable or hung up. A thread that waits already will see
    /// it.
    ///
    /// It is reported once; [`Watch::remove`] and `add` again to hear more of it.
    ///
    /// The set does not keep `fd` open: [`Watch::remove`] it before closing it.
    ///
    /// # Errors
    /// `EEXIST` when it is in the set, `ENOSPC` or `ENOMEM`; the set is then what it was.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, token: u64) -> Result<(), OsError> {
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLONESHOT) as u32, u64: token };
        // SAFETY: `event` is a live epoll_event that the call only reads; both descriptors are open, being
        // borrowed.
        let result = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
        };
        errno::check(result == 0, "epoll_ctl", "watch")
    }

    /// Takes `fd` out of the set. A token that [`Watch::wait`] has returned already stays returned.
    ///
    /// # Errors
    /// `ENOENT` when it was not in the set.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) -> Result<(), OsError> {
        // SAFETY: EPOLL_CTL_DEL ignores the event, which may be null; both descriptors are open, being
        // borrowed.
        let result = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), ptr::null_mut())
        };
        errno::check(result == 0, "epoll_ctl", "watch")
    }

    /// Waits until a descriptor of the set is ready, `timeout` at most (rounded up to 1 ms), writes the
    /// tokens of those that are into `tokens` and returns how many. 0 means that the time is up.
    ///
    /// Blocks this thread; a timeout of zero only looks.
    ///
    /// # Errors
    /// `EBADF` when the set was closed behind our back. `EINVAL` when `tokens` is empty.
    pub(crate) fn wait(&self, tokens: &mut [u64], timeout: Duration) -> Result<usize, OsError> {
        let deadline = Deadline::after(timeout);
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        let room = tokens.len().min(BATCH);
        loop {
            let left = milliseconds(deadline.remaining_up_to(ROUND));
            // SAFETY: `events` is writable memory for BATCH events, and `room` is at most that.
            let found = unsafe {
                libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), room as libc::c_int, left)
            };
            match errno::check(found >= 0, "epoll_wait", "watch") {
                Err(error) if error.errno() != libc::EINTR => return Err(error),
                Ok(()) if found > 0 => {
                    for (token, event) in tokens.iter_mut().zip(&events[..found as usize]) {
                        *token = event.u64;
                    }
                    return Ok(found as usize);
                }
                _ if deadline.expired() => return Ok(0),
                _ => {}
            }
        }
    }
}

/// Returns `duration` in whole milliseconds, rounded up, so that a wait never ends early and then spins.
fn milliseconds(duration: Duration) -> libc::c_int {
    libc::c_int::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
}
