//! Standard input from nowhere, and standard error without locks.
#![allow(unsafe_code)]
// Unsafe for one reason: write and dup2 on bare descriptor numbers.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::error::OsError;
use crate::sys::{descriptor, errno};

/// Writes `text` to standard error by bare system calls.
///
/// Neither locks nor allocates, so a forked child or a panic hook may call it. Blocks as long as the reader
/// of standard error does not read. What cannot be written is lost: there is nobody left to tell.
pub(crate) fn write_stderr(text: &[u8]) {
    let mut rest = text;
    while !rest.is_empty() {
        // SAFETY: pointer and length are those of a live slice; descriptor 2 may be anything, even closed.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(0) => return,
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(_) if errno::last() == libc::EINTR => {}
            Err(_) => return,
        }
    }
}

/// Opens `/dev/null` for reading, at a high number, so that a child needs only [`stdin_from_dev_null`].
///
/// # Errors
/// The descriptor table is full, or there is no `/dev/null`.
pub(crate) fn open_dev_null() -> Result<OwnedFd, OsError> {
    match File::open("/dev/null") {
        Ok(file) => Ok(descriptor::raise(file.into())),
        Err(error) => Err(OsError::new("open", "/dev/null", error.raw_os_error().unwrap_or(0))),
    }
}

/// Makes `dev_null` the standard input of this process. Neither locks nor allocates.
///
/// # Errors
/// `EBADF` when `dev_null` was closed behind our back; standard input is then what it was.
pub(crate) fn stdin_from_dev_null(dev_null: BorrowedFd<'_>) -> Result<(), OsError> {
    loop {
        // SAFETY: dup2 takes two numbers and touches no memory. That it closes what was descriptor 0 is its
        // purpose; no `OwnedFd` owns standard input.
        let result = unsafe { libc::dup2(dev_null.as_raw_fd(), libc::STDIN_FILENO) };
        match errno::check(result >= 0, "dup2", "/dev/null") {
            // EBUSY: another thread is just opening a descriptor at that number.
            Err(error) if [libc::EINTR, libc::EBUSY].contains(&error.errno()) => {}
            done => return done,
        }
    }
}
