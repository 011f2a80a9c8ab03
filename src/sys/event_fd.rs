//! A descriptor that becomes readable when it is told to.
#![allow(unsafe_code)]
// Unsafe for one reason: reading and writing take pointers.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::error::OsError;
use crate::sys::errno;

/// A counter of the kernel's: readable as long as it is not 0.
#[derive(Debug)]
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    /// Makes one that is not readable, close-on-exec, and never blocks.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE` or `ENOMEM`.
    pub(crate) fn new() -> Result<Self, OsError> {
        // SAFETY: eventfd takes two numbers and touches no memory.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        errno::check(fd >= 0, "eventfd", "readiness")?;
        // SAFETY: the kernel has just made this descriptor, so it is open and nobody else knows of it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes it readable. Never blocks: a counter at its end is readable anyway.
    pub(crate) fn set(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: `one` is 8 readable bytes; the descriptor is open.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable. Never blocks.
    pub(crate) fn clear(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: `count` is 8 writable bytes; the descriptor is open.
        let _ = unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
