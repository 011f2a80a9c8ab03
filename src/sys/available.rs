//! How much memory may be asked for before the OOM killer comes.
//!
//! A memfd has no size limit of its own, and populating more of it than there is does not fail: it kills. So
//! large requests are held against this number first. It is a snapshot: others take memory at the same time.

use std::fs;

use crate::sys::cgroup;

/// Returns how many bytes this process could take now: what the machine has available or what its control
/// groups leave it, whichever is less, file cache that would make room included. `u64::MAX` when nothing can
/// be read.
///
/// Reads a handful of files of `/proc` and `/sys`, some 100 us: for large requests only.
pub(crate) fn available_memory() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| mem_available(&text));
    machine.unwrap_or(u64::MAX).min(cgroup::head_room())
}

/// Returns the line `MemAvailable` of `/proc/meminfo`, in bytes.
pub(super) fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}
