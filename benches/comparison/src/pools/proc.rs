//! What the kernel says of processes: whose children there are, what memory and time they took, which descriptors are open.
#![allow(unsafe_code)] // asks for CPU times

use std::fs;
use std::mem::MaybeUninit;
use std::process;
use std::time::Duration;

/// This process.
pub(crate) fn own() -> i32 {
    process::id().cast_signed()
}

/// The children of a process, zombies among them.
pub(crate) fn children_of(pid: i32) -> Vec<i32> {
    let own = pid.to_string();
    let entries = fs::read_dir("/proc").expect("there is /proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent(*pid).as_deref() == Some(own.as_str())).collect()
}

/// None if it is gone.
fn parent(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything; the state follows it, then the parent.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1).map(str::to_owned)
}

/// CPU time of a process with all its threads; none if it is gone.
pub(crate) fn cpu_time(pid: i32) -> Duration {
    let mut clock = 0;
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: writes the clock's number to a place of our own.
    if unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) } != 0 {
        return Duration::ZERO;
    }
    // SAFETY: the place is as large as the kernel's answer.
    unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    // SAFETY: integers, zeroed above.
    let time = unsafe { time.assume_init() };
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Descriptors that this process has open; that with which they are counted is not among them.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("there is /proc").count() - 1
}

/// Bytes that are resident, in private and in shared memory.
pub(crate) fn resident() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").expect("there is /proc");
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default()
    };
    (kib("RssAnon:") * 1024, kib("RssShmem:") * 1024)
}
