//! Which process this is, in one word, and whether it is gone.
//!
//! ```text
//!   bits 63..42   process number          bits 41..0   mark: pidfd inode, or the start time
//! ```
//!
//! Numbers are used again, so a number alone proves nothing. Since Linux 6.9 every process has an inode
//! number of its own, which is never used again; before, all pidfds share one inode, and the mark is the time
//! at which the process started, in clock ticks (which two processes can share that got the same number
//! within one tick: hence only then).
//!
//! Everybody compares marks of the same kind, since all ask the same kernel, and one that cannot ask knows
//! nothing. They must stand in the same PID namespace, too, where numbers mean the same: who is forked into another one
//! is kept out.
//!
//! # Source
//! pidfd_open(2); proc_pid_stat(5), field 22.
#![allow(unsafe_code)]
// Unsafe for one reason: fstatfs fills in a struct.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use crate::error::OsError;
use crate::sys::descriptor::{self, FileId};
use crate::sys::pidfd::PidFd;
use crate::sys::{errno, fork};

/// How many bits the mark has.
const MARK_BITS: u32 = 42;

/// Linux keeps all process numbers below this, on 64-bit systems.
const PID_LIMIT: u64 = 1 << (u64::BITS - MARK_BITS);

/// The mark, as a mask.
const MARK: u64 = (1 << MARK_BITS) - 1;

/// The file system of pidfds that have inodes of their own ("PIDF", linux/magic.h).
const PID_FS_MAGIC: u64 = 0x5049_4446;

/// One process, never to be mistaken for another with the same number. All zero: nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity(u64);

impl Identity {
    /// Returns the identity of this process. Neither locks nor allocates.
    ///
    /// # Errors
    /// There is no descriptor left, or this system has neither inodes for pidfds nor `/proc`.
    pub(crate) fn of_self() -> Result<Self, OsError> {
        let pid = fork::pid();
        Self::of(&PidFd::open(pid)?, pid)
    }

    /// Returns the identity of the process that `pidfd` holds, whose number is `pid`. Neither locks nor
    /// allocates.
    ///
    /// # Errors
    /// This system has neither inodes for pidfds nor `/proc`; `EINVAL` for what is no process number.
    pub(crate) fn of(pidfd: &PidFd, pid: i32) -> Result<Self, OsError> {
        match u64::try_from(pid) {
            Ok(number @ 1..PID_LIMIT) => Ok(Self(number << MARK_BITS | mark(pidfd, pid)? & MARK)),
            _ => Err(OsError::new("identity", "process", libc::EINVAL)),
        }
    }

    /// Returns the identity that [`Identity::bits`] gave. Any word will do: one that no process ever had is
    /// gone.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the identity as a word: never 0, if it is that of a process.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the process number.
    pub(crate) const fn pid(self) -> i32 {
        // 22 bits fit.
        (self.0 >> MARK_BITS) as i32
    }

    /// Tells whether the process certainly has no mapping of the memfd `name`: it has exec'd another program since it was
    /// forked. Not being able to ask is no evidence. Does not block.
    pub(crate) fn runs_without(self, name: &CStr) -> bool {
        let Ok(maps) = fs::read(format!("/proc/{}/maps", self.pid())) else { return false };
        // An empty list is that of a process which is just ending. One whose number went to another process meanwhile is gone.
        let mapped = names_after(&maps, b"/memfd:", name.to_bytes());
        !maps.is_empty() && !mapped && !self.is_gone()
    }

    /// Tells whether the process is certainly gone: all its threads have ended, though it may not be reaped
    /// yet.
    ///
    /// `true` is final. `false` means that it is alive, or that this cannot be found out. Does not block.
    pub(crate) fn is_gone(self) -> bool {
        let pidfd = match PidFd::open(self.pid()) {
            Ok(pidfd) => pidfd,
            // Nobody has the number, or a mere thread of some process has it by now, or it is 0, which is no
            // number. No other error is evidence.
            Err(error) => return [libc::ESRCH, libc::ENOENT, libc::EINVAL].contains(&error.errno()),
        };
        let ended = pidfd.wait_gone(Some(Duration::ZERO)) == Ok(true);
        ended || mark(&pidfd, self.pid()).is_ok_and(|mark| mark & MARK != self.0 & MARK)
    }
}

/// Returns what tells the process behind `pidfd` from others with the same number.
fn mark(pidfd: &PidFd, pid: i32) -> Result<u64, OsError> {
    if has_inode(pidfd)? {
        return Ok(FileId::of(pidfd.as_fd().as_raw_fd(), "pidfd")?.inode());
    }
    // More than the 22 fields that matter can be long.
    let mut text = [0_u8; 1024];
    let mut stat =
        File::from(descriptor::open_for_reading(format_args!("/proc/{pid}/stat"), "/proc/pid/stat")?);
    let unreadable = |errno| OsError::new("read", "/proc/pid/stat", errno);
    let len = stat.read(&mut text).map_err(|error| unreadable(error.raw_os_error().unwrap_or(0)))?;
    text.get(..len).and_then(start_time).ok_or(unreadable(libc::EINVAL))
}

/// Tells whether `name` stands right behind `prefix` somewhere in `text`.
fn names_after(text: &[u8], prefix: &[u8], name: &[u8]) -> bool {
    text.windows(prefix.len() + name.len()).any(|part| part.starts_with(prefix) && part.ends_with(name))
}

/// Tells whether pidfds have inodes of their own on this kernel.
fn has_inode(pidfd: &PidFd) -> Result<bool, OsError> {
    let mut system = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `system` is writable memory of the size and alignment of a statfs; the descriptor is open.
    let result = unsafe { libc::fstatfs(pidfd.as_fd().as_raw_fd(), system.as_mut_ptr()) };
    errno::check(result == 0, "fstatfs", "pidfd")?;
    // SAFETY: fstatfs returned 0, so it has filled in the whole struct.
    let system = unsafe { system.assume_init() };
    Ok(system.f_type as u64 == PID_FS_MAGIC)
}

/// Returns the start time (field 22, in clock ticks since boot) from the text of `/proc/pid/stat`.
pub(super) fn start_time(stat: &[u8]) -> Option<u64> {
    // Field 2, the program's name, stands in parentheses and may contain any bytes, parentheses and blanks
    // too.
    let after_name = stat.get(stat.iter().rposition(|&byte| byte == b')')? + 1..)?;
    let field = after_name.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).nth(22 - 3)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}
