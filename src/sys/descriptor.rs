//! Descriptors that live as long as the process: out of the way of the program's own, and known again.
//!
//! Programs number their descriptors from below, and some close those they do not know, or expect the next
//! one opened to be 3. So ours are moved up. And since a number can come to mean another file behind our
//! back, what is kept for long is compared by [`FileId`] before it is used.
#![allow(unsafe_code)]
// Unsafe for one reason: libc calls on bare descriptor numbers.

use std::fmt;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::error::OsError;
use crate::sys::errno;
use crate::sys::limit::{self, Limit};

/// The lowest number given to a long-lived descriptor, where the limit on numbers leaves room.
const FLOOR: u64 = 512;

/// Which file a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Returns the device-independent part: the inode number.
    pub(super) fn inode(self) -> u64 {
        self.inode
    }

    /// Returns what file `fd` refers to now. Neither locks nor allocates.
    ///
    /// # Errors
    /// `EBADF` when `fd` is no open descriptor.
    pub(super) fn of(fd: RawFd, object: &'static str) -> Result<Self, OsError> {
        stat(fd, object).map(|stat| Self { device: stat.st_dev, inode: stat.st_ino })
    }

    /// Returns how many bytes of this file have memory or space, if it is what `fd` refers to.
    pub(super) fn resident(self, fd: RawFd) -> Option<u64> {
        let stat = stat(fd, "own descriptor").ok()?;
        let same = Self { device: stat.st_dev, inode: stat.st_ino } == self;
        same.then_some(stat.st_blocks.cast_unsigned() * 512)
    }

    /// Tells whether `fd` refers to this file now.
    pub(super) fn is_at(self, fd: RawFd) -> bool {
        Self::of(fd, "own descriptor") == Ok(self)
    }
}

/// Asks about the file that `fd` refers to. Neither locks nor allocates.
fn stat(fd: RawFd, object: &'static str) -> Result<libc::stat, OsError> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is writable memory of the size and alignment of a stat; any number may be asked
    // about.
    let result = unsafe { libc::fstat(fd, stat.as_mut_ptr()) };
    errno::check(result == 0, "fstat", object)?;
    // SAFETY: fstat returned 0, so it has filled in the whole struct.
    Ok(unsafe { stat.assume_init() })
}

/// Opens the file at `path` (63 bytes at most) for reading, close-on-exec. Neither locks nor allocates, as
/// the standard library's open does not promise.
///
/// # Errors
/// As open(2); `ENAMETOOLONG`.
pub(super) fn open_for_reading(path: fmt::Arguments<'_>, object: &'static str) -> Result<OwnedFd, OsError> {
    let mut text = [0_u8; 64];
    // The last byte stays zero, whatever is written before it.
    if (&mut text[..63]).write_fmt(path).is_err() {
        return Err(OsError::new("open", object, libc::ENAMETOOLONG));
    }
    // SAFETY: `text` is live and ends with a zero. No mode is needed, since nothing is created.
    let fd = unsafe { libc::open(text.as_ptr().cast(), libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC) };
    errno::check(fd >= 0, "open", object)?;
    // SAFETY: open has just made this descriptor, so it is open and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Moves `fd` to a high number, close-on-exec. Where none is free, gives `fd` back as it is. Allocates
/// nothing.
pub(super) fn raise(fd: OwnedFd) -> OwnedFd {
    let floor = (limit::soft(Limit::Descriptors) / 2).min(FLOOR) as libc::c_int;
    // SAFETY: F_DUPFD_CLOEXEC takes an int and touches no memory of ours; `fd` is open, since we own it.
    let high = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, floor) };
    if high < 0 {
        return fd;
    }
    // SAFETY: fcntl has just made `high`, so it is open and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(high) }
}

/// Closes `fd`, if it is still `file`. Neither locks nor allocates.
pub(super) fn close_if(fd: RawFd, file: FileId) {
    if file.is_at(fd) {
        // SAFETY: `fd` names a file of ours, which no `OwnedFd` holds: callers pass numbers they keep as
        // numbers. The result is not looked at: on Linux the number is free afterwards in every case.
        unsafe { libc::close(fd) };
    }
}
