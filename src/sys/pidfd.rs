//! A hold on one process: wait for its end, signal it, reap it.
//!
//! A pidfd keeps meaning the process it was opened for, whatever becomes of the number. It turns readable
//! when the *whole* process has ended, all its threads included, and its memory is torn down: a zombie is
//! gone.
//!
//! # Source
//! pidfd_open(2), pidfd_send_signal(2), waitid(2) with `P_PIDFD`.
#![allow(unsafe_code)]
// Unsafe for one reason: system calls that the standard library does not offer.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::thread;
use std::time::Duration;

use crate::error::OsError;
use crate::sys::clock::Deadline;
use crate::sys::{errno, poll};

/// How long [`PidFd::reap`] rests between looks at a child that has ended, but that a debugger still holds.
const HELD_BY_TRACER: Duration = Duration::from_millis(5);

/// A hold on one process.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// It called exit with this code.
    Exited(i32),
    /// A signal killed it.
    Signaled {
        /// The signal's number.
        signal: i32,
        /// Whether a core dump was written.
        core_dumped: bool,
    },
    /// Nobody can tell: somebody else reaped it, or this process ignores `SIGCHLD`, or it is not a child of
    /// ours.
    Lost,
}

impl PidFd {
    /// Opens a hold on process `pid`, close-on-exec. Does not block.
    ///
    /// The number must not have come to mean another process by now, which is certain for an own, unreaped
    /// child.
    ///
    /// # Errors
    /// `ESRCH` when there is no such process; `EINVAL` or `ENOENT` when the number is that of a thread;
    /// `EMFILE`, `ENFILE`, `ENOMEM`, `EPERM` and the like say nothing about the process.
    pub(crate) fn open(pid: i32) -> Result<Self, OsError> {
        // SAFETY: pidfd_open takes two numbers and touches no memory.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0_u32) };
        errno::check(fd >= 0, "pidfd_open", "process")?;
        // SAFETY: the kernel has just made this descriptor, so it is open and nobody else knows of it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
    }

    /// Opens a hold on `pid`, which this process has just forked. If the child is gone already, its status
    /// taken by someone else, the hold is one on something that has ended: [`PidFd::reap`] says
    /// [`ExitStatus::Lost`] or fails.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`: the child may be alive.
    pub(crate) fn of_child(pid: i32) -> Result<Self, OsError> {
        match Self::open(pid) {
            Err(error) if error.errno() == libc::ESRCH => {
                let failed =
                    |error: std::io::Error| OsError::new("pipe2", "pidfd", error.raw_os_error().unwrap_or(0));
                let (read, mut write) = std::io::pipe().map_err(failed)?;
                // Readable for ever, as a pidfd of a process that has ended.
                std::io::Write::write_all(&mut write, &[0]).map_err(failed)?;
                Ok(Self(read.into()))
            }
            opened => opened,
        }
    }

    /// Waits until the process has ended, `timeout` at most (`None`: as long as it takes), and tells whether
    /// it has.
    ///
    /// Blocks this thread; a timeout of zero only looks. `true` is final. Reaps nothing.
    ///
    /// # Errors
    /// `EBADF` when the descriptor was closed behind our back, `ENOMEM`: the process may be alive or not.
    pub(crate) fn wait_gone(&self, timeout: Option<Duration>) -> Result<bool, OsError> {
        let deadline = timeout.map_or(Deadline::never(), Deadline::after);
        let events = poll::events(self.0.as_raw_fd(), deadline, "pidfd")?;
        Ok(events & libc::POLLIN != 0)
    }

    /// Sends `signal` to the process, and to no later one that got its number. Does not block.
    ///
    /// # Errors
    /// `ESRCH` when it has ended and was reaped, `EPERM` when it runs under another user.
    pub(crate) fn send_signal(&self, signal: i32) -> Result<(), OsError> {
        let no_info = ptr::null::<libc::siginfo_t>();
        // SAFETY: a null siginfo is allowed and means what kill(2) would send; the rest are numbers.
        let result =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal, no_info, 0_u32) };
        errno::check(result == 0, "pidfd_send_signal", "process")
    }

    /// Waits for the end of this child, takes its exit status and so removes the zombie.
    ///
    /// Blocks until the child has ended; [`PidFd::wait_gone`] before it gives the wait a deadline. Of a
    /// process that is no child of ours it says [`ExitStatus::Lost`] at once.
    ///
    /// # Errors
    /// As [`PidFd::wait_gone`].
    pub(crate) fn reap(&self) -> Result<ExitStatus, OsError> {
        loop {
            if let Some(status) = self.try_reap()? {
                return Ok(status);
            }
            if self.wait_gone(Some(HELD_BY_TRACER))? {
                // It has ended, but a zombie under a debugger is shown to the debugger first.
                match self.try_reap()? {
                    Some(status) => return Ok(status),
                    None => thread::sleep(HELD_BY_TRACER),
                }
            }
        }
    }

    /// Takes the exit status of this child if it has ended: `None` while it runs. Does not block.
    ///
    /// # Errors
    /// `EBADF` when the descriptor was closed behind our back: the child may be alive or not.
    pub(crate) fn try_reap(&self) -> Result<Option<ExitStatus>, OsError> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let result = loop {
            // SAFETY: `info` is writable memory of the size and alignment of a siginfo_t; the rest are
            // numbers. Only the process behind this pidfd can be reaped by it.
            let result = unsafe {
                libc::waitid(
                    libc::P_PIDFD,
                    self.0.as_raw_fd() as libc::id_t,
                    info.as_mut_ptr(),
                    libc::WEXITED | libc::WNOHANG,
                )
            };
            match errno::check(result == 0, "waitid", "child") {
                Err(error) if error.errno() == libc::EINTR => {}
                done => break done,
            }
        };
        match result {
            Err(error) if error.errno() == libc::ECHILD => return Ok(Some(ExitStatus::Lost)),
            other => other?,
        }
        // SAFETY: all zeroes is a valid siginfo_t (integers and pointers), and waitid only wrote valid fields
        // over it.
        let info = unsafe { info.assume_init() };
        // SAFETY: waitid fills in the fields of a SIGCHLD, of which the pid is one; it is 0 if nothing was
        // reaped.
        if unsafe { info.si_pid() } == 0 {
            return Ok(None);
        }
        // SAFETY: as above, the status is another of those fields.
        let status = unsafe { info.si_status() };
        Ok(Some(match info.si_code {
            libc::CLD_EXITED => ExitStatus::Exited(status),
            code => ExitStatus::Signaled { signal: status, core_dumped: code == libc::CLD_DUMPED },
        }))
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
