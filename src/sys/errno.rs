//! Error numbers, caught at once after the call that failed.

use crate::error::OsError;

/// Returns the error number of this thread's last failed call. Neither locks nor allocates.
pub(super) fn last() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Passes when `ok`; otherwise the thread's error number becomes an error that names `call` and `object`.
///
/// Nothing may stand between the system call and this one but the comparison that gave `ok`.
pub(super) fn check(ok: bool, call: &'static str, object: &'static str) -> Result<(), OsError> {
    if ok { Ok(()) } else { Err(OsError::new(call, object, last())) }
}
