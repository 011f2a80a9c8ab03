//! Resource limits of this process.
#![allow(unsafe_code)]
// Unsafe for one reason: getrlimit fills in a struct.

/// The resource limits that matter here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// Bytes of address space.
    AddressSpace,
    /// Bytes of one file; going beyond is a deadly signal, not only an error.
    FileSize,
    /// One more than the highest descriptor number.
    Descriptors,
}

/// Returns the limit in force (the soft one), in its own unit; `u64::MAX` when there is none. Neither locks
/// nor allocates.
///
/// # Source
/// getrlimit(2).
pub(super) fn soft(limit: Limit) -> u64 {
    let resource = match limit {
        Limit::AddressSpace => libc::RLIMIT_AS,
        Limit::FileSize => libc::RLIMIT_FSIZE,
        Limit::Descriptors => libc::RLIMIT_NOFILE,
    };
    let mut both = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `both` is a live, writable rlimit.
    let result = unsafe { libc::getrlimit(resource, &raw mut both) };
    if result != 0 || both.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { both.rlim_cur }
}
