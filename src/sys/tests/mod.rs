//! What the operating-system layer promises, tried on the kernel at hand.
//!
//! Whatever could block runs in a child that ends itself by an alarm, and is awaited with a bound.
#![allow(unsafe_code)]
// Unsafe because the tests fork, and set what no safe interface sets: limits, handlers, masks.

mod available;
mod cgroup;
mod clock;
mod copy;
mod death_pipe;
mod descriptor;
mod epoll;
mod fork;
mod futex;
mod identity;
mod interrupted;
mod mapping;
mod modules;
mod pause;
mod pidfd;
mod signal;
mod stdio;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

use crate::sys::clock::Deadline;
use crate::sys::fork::{self as forking, Forked};
use crate::sys::pidfd::{ExitStatus, PidFd};
use crate::sys::poll;
use crate::sys::stdio::write_stderr;

/// After how long a test is given up. Passing does not depend on it.
const WATCHDOG: Duration = Duration::from_secs(60);

/// With what a child exits in which something panicked.
const PANICKED: i32 = 101;

/// Closes all descriptors of this process but the standard ones, its tie to its parent's life among them: so it outlives it, if the
/// parent has returned from spawning it.
pub(crate) fn outlive_the_parent() {
    // SAFETY: the callers are children about to write to memory, sleep and exit: nothing in them uses a descriptor again.
    assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
}

/// A forked child, killed and reaped at the latest when the test ends.
struct Child {
    pid: i32,
    pidfd: PidFd,
}

impl Child {
    /// Forks a child that runs `body` and exits with its result.
    fn running(body: impl FnOnce() -> i32) -> Self {
        // SAFETY: the child runs only `body`, which the tests write with care, and ends without returning; an
        // alarm ends it if it waits for a lock that nobody releases.
        match unsafe { forking::fork() }.expect("fork") {
            Forked::Parent { pid } => Self { pid, pidfd: PidFd::open(pid).expect("pidfd_open") },
            Forked::Child => {
                watch_over_this_process();
                forking::restore_signals();
                let result = panic::catch_unwind(AssertUnwindSafe(body));
                forking::exit_now(result.unwrap_or_else(|panic| {
                    // What the panic hook prints goes to a buffer that dies with this process.
                    let text = panic.downcast_ref::<&str>().copied();
                    let message = text.or(panic.downcast_ref().map(String::as_str)).unwrap_or_default();
                    write_stderr(format!("in a child: {message}\n").as_bytes());
                    PANICKED
                }))
            }
        }
    }

    /// Forks a child that lives until it is killed.
    fn living() -> Self {
        Self::running(|| {
            outlive_the_watchdog();
            loop {
                thread::park();
            }
        })
    }

    /// Waits for the end of the child and returns how it came.
    fn status(&self) -> ExitStatus {
        assert_eq!(self.pidfd.wait_gone(Some(WATCHDOG)), Ok(true), "the child never ended");
        self.pidfd.reap().expect("waitid")
    }

    fn kill(&self) {
        self.pidfd.send_signal(libc::SIGKILL).expect("kill");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.pidfd.send_signal(libc::SIGKILL).is_ok() {
            let _ = self.pidfd.reap();
        }
    }
}

/// Runs `body` in a child and returns how that ended.
fn in_child(body: impl FnOnce() -> i32) -> ExitStatus {
    Child::running(body).status()
}

/// Runs the assertions of `body` in a child, because they change the process they run in.
fn asserted_in_child(body: impl FnOnce()) {
    let status = in_child(|| {
        body();
        0
    });
    assert_eq!(status, ExitStatus::Exited(0));
}

/// Has the kernel end this process if the test takes far too long.
fn watch_over_this_process() {
    // SAFETY: signal and alarm take numbers; the default action of SIGALRM is to end the process.
    unsafe { libc::signal(libc::SIGALRM, libc::SIG_DFL) };
    // SAFETY: as above.
    unsafe { libc::alarm(WATCHDOG.as_secs() as u32) };
}

/// Has this process's alarm go off only long after the test has failed, so that a death by the alarm cannot
/// pass for the one that the test is about.
fn outlive_the_watchdog() {
    // SAFETY: alarm takes a number.
    unsafe { libc::alarm(10 * WATCHDOG.as_secs() as u32) };
}

/// Looks until `condition` holds; fails if it never does.
fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..WATCHDOG.as_millis() {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("never came true");
}

/// Lowers one of this process's limits.
fn set_limit(resource: u32, soft: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live, writable rlimit.
    assert_eq!(unsafe { libc::getrlimit(resource as _, &raw mut limit) }, 0);
    limit.rlim_cur = soft;
    // SAFETY: `limit` is a live rlimit.
    assert_eq!(unsafe { libc::setrlimit(resource as _, &raw const limit) }, 0);
}

/// Sends a process number through a pipe.
fn send_pid(to: &mut PipeWriter, pid: i32) {
    to.write_all(&pid.to_ne_bytes()).expect("write");
}

/// Receives a process number through a pipe.
fn receive_pid(from: &mut PipeReader) -> i32 {
    let mut bytes = [0; 4];
    read_some(from, &mut bytes);
    i32::from_ne_bytes(bytes)
}

/// Reads what there is, up to the length of `into`, and returns how much. Fails if nothing ever comes.
fn read_some(from: &mut PipeReader, into: &mut [u8]) -> usize {
    let events = poll::events(from.as_raw_fd(), Deadline::after(WATCHDOG), "test pipe").expect("poll");
    assert_ne!(events & libc::POLLIN, 0, "nothing ever came");
    from.read(into).expect("read")
}
