//! A failed system call, as every error of the crate carries it.

use std::fmt;

/// A system call that failed: what was called, on what object, and the error number it gave.
///
/// # Examples
/// ```
/// # fn show(error: procshare::OsError) {
/// // "memfd_create(arena): Too many open files (os error 24)"
/// eprintln!("{error}");
/// assert_eq!(error.errno(), std::io::Error::from(error).raw_os_error().unwrap());
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OsError {
    call: &'static str,
    object: &'static str,
    errno: i32,
}

impl OsError {
    pub(crate) fn new(call: &'static str, object: &'static str, errno: i32) -> Self {
        Self { call, object, errno }
    }

    /// Whether no descriptor was to be had.
    pub(crate) fn is_descriptor_shortage(&self) -> bool {
        [23, 24].contains(&self.errno) // ENFILE, EMFILE: the same on every Linux
    }

    /// Returns the name of the system call, such as `"fork"`.
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// Returns what the call was made on, such as `"arena"`.
    pub fn object(&self) -> &'static str {
        self.object
    }

    /// Returns the error number, as in `errno(3)`.
    pub fn errno(&self) -> i32 {
        self.errno
    }
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}): {}", self.call, self.object, std::io::Error::from_raw_os_error(self.errno))
    }
}

impl std::error::Error for OsError {}

impl From<OsError> for std::io::Error {
    fn from(error: OsError) -> Self {
        Self::from_raw_os_error(error.errno)
    }
}
