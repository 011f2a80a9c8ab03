//! Waiting for one descriptor.
#![allow(unsafe_code)]
// Unsafe for one reason: ppoll takes pointers.

use std::ptr;
use std::time::Duration;

use crate::error::OsError;
use crate::sys::clock::{Deadline, timespec};
use crate::sys::errno;

/// The longest that one system call sleeps (S3).
pub(super) const ROUND: Duration = Duration::from_secs(1);

/// Waits until `fd` is readable, hung up or in error, and returns which (`POLLIN`, `POLLHUP`, `POLLERR`); 0
/// when `deadline` passed first.
///
/// Blocks this thread until then. Neither locks nor allocates, and a deadline in the past only looks.
///
/// # Errors
/// `EBADF` when `fd` is no open descriptor, `ENOMEM`; the state of the descriptor is then unknown.
pub(super) fn events(fd: i32, deadline: Deadline, object: &'static str) -> Result<i16, OsError> {
    loop {
        let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let round = timespec(deadline.remaining_up_to(ROUND));
        // SAFETY: `polled` is one live, writable pollfd, as the count 1 says; `round` lives across the call;
        // a null signal mask is allowed and changes no mask.
        let found = unsafe { libc::ppoll(&raw mut polled, 1, &raw const round, ptr::null()) };
        match errno::check(found >= 0, "ppoll", object) {
            Err(error) if error.errno() != libc::EINTR => return Err(error),
            Ok(()) if polled.revents & libc::POLLNVAL != 0 => {
                return Err(OsError::new("ppoll", object, libc::EBADF));
            }
            Ok(()) if found > 0 => return Ok(polled.revents),
            _ if deadline.expired() => return Ok(0),
            _ => {}
        }
    }
}
