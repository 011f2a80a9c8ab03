//! What one writes without a library: mappings, forks and pipes, straight from the kernel.

use std::io::{Error, PipeReader, PipeWriter, pipe};
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};

/// The elements from `start` on.
///
/// # Safety
/// They lie in one mapping, and nobody else uses them as long as the slice lives.
pub(crate) unsafe fn slice_at<'a, T>(base: NonNull<T>, start: usize, length: usize) -> &'a mut [T] {
    // SAFETY: within the mapping, as the caller promises.
    let first = unsafe { base.add(start) };
    // SAFETY: as the caller promises; integers and floats have no invalid bits.
    unsafe { NonNull::slice_from_raw_parts(first, length).as_mut() }
}

/// A shared mapping, of a memfd or anonymous.
pub(crate) fn map(named: bool, bytes: usize) -> NonNull<u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let (fd, kind) = if named {
        // SAFETY: the name ends in a zero.
        let fd = unsafe { libc::memfd_create(c"by hand".as_ptr(), libc::MFD_CLOEXEC) };
        // SAFETY: changes the length of the file made just now.
        let sized = unsafe { libc::ftruncate(fd, bytes.cast_signed() as i64) };
        assert!(fd >= 0 && sized == 0, "memfd: {}", Error::last_os_error());
        (fd, libc::MAP_SHARED)
    } else {
        (-1, libc::MAP_SHARED | libc::MAP_ANONYMOUS)
    };
    // SAFETY: a fresh mapping, placed by the kernel.
    let start = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, fd, 0) };
    assert!(start != libc::MAP_FAILED, "mmap: {}", Error::last_os_error());
    if fd >= 0 {
        // SAFETY: our own descriptor, which the mapping does not need.
        unsafe { libc::close(fd) };
    }
    NonNull::new(start.cast()).expect("a mapping is not at 0")
}

/// Ends a mapping.
pub(crate) fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: a whole mapping of our own, to which no reference is left.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
}

/// Forks a child that runs `body` and exits with 0; gives its pid.
pub(crate) fn forked(body: impl FnOnce()) -> i32 {
    // SAFETY: the child runs only `body` and ends; nothing in the benches forks while another thread holds a lock.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", Error::last_os_error());
    if pid == 0 {
        body();
        // SAFETY: ends the child without running any code of the parent's.
        unsafe { libc::_exit(0) };
    }
    pid
}

/// Reaps a child that is to exit with 0.
pub(crate) fn wait_for(pid: i32) {
    let mut status = 0;
    // SAFETY: the status is a place of our own.
    let reaped = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!((reaped, status), (pid, 0));
}

/// A pipe that holds 1 MiB, where the system allows that.
pub(crate) fn large_pipe() -> (PipeReader, PipeWriter) {
    let (receive, send) = pipe().expect("a pipe");
    // SAFETY: makes our own pipe larger, or fails and leaves it small.
    unsafe { libc::fcntl(send.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) };
    (receive, send)
}
