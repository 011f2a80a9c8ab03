//! The few system calls that tests need and std does not offer, as safe functions.

// The only file of the tests that calls the kernel directly.
#![allow(unsafe_code)]

use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
    sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering},
};

/// Sends `signal`; `false` if the process is gone.
pub(crate) fn kill(pid: u32, signal: i32) -> bool {
    // SAFETY: kill takes no pointer.
    unsafe { libc::kill(pid as i32, signal) == 0 }
}

/// Sends `signal` to every process of a group; `false` if there is none.
pub(crate) fn kill_group(group: u32, signal: i32) -> bool {
    // SAFETY: kill takes no pointer.
    unsafe { libc::kill(-(group as i32), signal) == 0 }
}

/// Sends this process `signal`.
pub(crate) fn raise(signal: i32) {
    // SAFETY: raise takes no pointer.
    unsafe { libc::raise(signal) };
}

/// Ends this process at once, as `_exit` does.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointer and does not return.
    unsafe { libc::_exit(code) }
}

/// This process's parent, asked anew.
pub(crate) fn parent_pid() -> u32 {
    // SAFETY: getppid takes nothing.
    unsafe { libc::getppid() as u32 }
}

/// This process, asked anew.
pub(crate) fn pid() -> u32 {
    // SAFETY: getpid takes nothing.
    unsafe { libc::getpid() as u32 }
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid takes nothing.
    unsafe { libc::geteuid() == 0 }
}

/// The environment variable `name`, read without std's lock, so that a forked child may ask too.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Writes to stdout past all buffers and locks.
pub(crate) fn write_stdout(text: &str) {
    write_all(1, text);
}

/// Writes to stderr past all buffers and locks.
pub(crate) fn write_stderr(text: &str) {
    write_all(2, text);
}

fn write_all(fd: RawFd, text: &str) {
    let mut left = text.as_bytes();
    while !left.is_empty() {
        // SAFETY: `left` is an initialised slice of that length.
        let written = unsafe { libc::write(fd, left.as_ptr().cast(), left.len()) };
        match usize::try_from(written) {
            Ok(written) => left = &left[written..],
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Forks without the crate: `None` in the child, which ends only by [`exit_now`] or a signal.
pub(crate) fn foreign_fork() -> Option<u32> {
    // SAFETY: the callers' children run a few lines that take no lock another thread may have held, then _exit.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", io::Error::last_os_error()),
        0 => None,
        pid => Some(pid as u32),
    }
}

/// Waits for one child as `waitpid` does, -1 meaning any: its pid and raw status, `None` if there is none to wait for.
pub(crate) fn reap(pid: i32) -> Option<(u32, i32)> {
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        let reaped = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if reaped >= 0 {
            return Some((reaped as u32, status));
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}

/// The same without blocking; `None` also if nobody died yet.
pub(crate) fn reap_now(pid: i32) -> Option<u32> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let reaped = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    (reaped > 0).then_some(reaped as u32)
}

/// Waits until the descriptor is readable, at most `milliseconds` (negative: for ever).
pub(crate) fn poll_readable(fd: impl AsFd, milliseconds: i32) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    loop {
        // SAFETY: one pollfd, which outlives the call.
        let ready = unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
        if ready >= 0 {
            return ready == 1 && poll.revents & libc::POLLIN != 0;
        }
        assert_eq!(io::Error::last_os_error().kind(), io::ErrorKind::Interrupted, "poll");
    }
}

/// Makes the program be killed when the thread that starts it ends, and that is the test that waits for it: a test
/// that panics or is interrupted leaves no program behind.
pub(crate) fn kill_with_this_thread(command: &mut Command) {
    let bind = || {
        // SAFETY: this prctl takes a number only.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        Ok(())
    };
    // SAFETY: `bind` makes one system call, which is async-signal-safe.
    unsafe { command.pre_exec(bind) };
}

/// Makes std start the program by fork and exec.
pub(crate) fn fork_before_exec(command: &mut Command) {
    // SAFETY: the closure does nothing.
    unsafe { command.pre_exec(|| Ok(())) };
}

/// Closes every descriptor from `first` on, as a daemonizer does.
pub(crate) fn close_from(first: u32) {
    // SAFETY: only called in children that afterwards use no descriptor from `first` on and end by _exit.
    unsafe { libc::close_range(first, u32::MAX, 0) };
}

/// Sets a signal's disposition to "ignore".
pub(crate) fn ignore(signal: i32) {
    // SAFETY: SIG_IGN is a disposition for every signal but KILL and STOP.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// The last signal that [`catch`] saw, 0 before.
static CAUGHT: AtomicI32 = AtomicI32::new(0);
/// How often.
static TIMES: AtomicU32 = AtomicU32::new(0);

extern "C" fn note(signal: i32) {
    CAUGHT.store(signal, Ordering::Relaxed);
    TIMES.fetch_add(1, Ordering::Relaxed);
}

/// Makes a signal only be noted; see [`caught`].
pub(crate) fn catch(signal: i32) {
    let handler: extern "C" fn(i32) = note;
    // SAFETY: the handler only stores to atomics, which is async-signal-safe.
    unsafe { libc::signal(signal, handler as libc::sighandler_t) };
}

/// The last signal noted in this process, 0 if none.
pub(crate) fn caught() -> i32 {
    CAUGHT.load(Ordering::Relaxed)
}

/// How many signals were noted in this process.
pub(crate) fn times_caught() -> u32 {
    TIMES.load(Ordering::Relaxed)
}

/// Whether this process would be ended by `signal`, i.e. its disposition is the default.
pub(crate) fn has_default_disposition(signal: i32) -> bool {
    // SAFETY: sigaction is plain data; all zero is a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null new action only asks; `action` outlives the call.
    let failed = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    assert_eq!(failed, 0, "sigaction: {}", io::Error::last_os_error());
    action.sa_sigaction == libc::SIG_DFL
}

/// The signals this thread blocks, of 1 to 31.
pub(crate) fn blocked_signals() -> Vec<i32> {
    // SAFETY: sigset_t is plain data; all zero is a valid value.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: a null new set only asks; `set` outlives the call.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut set) };
    // SAFETY: `set` was filled in above.
    (1..32).filter(|signal| unsafe { libc::sigismember(&raw const set, *signal) } == 1).collect()
}

/// Lowers (or raises, up to the hard limit) a soft resource limit and returns the one before.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, soft: u64) -> u64 {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limits` outlives the call.
    let failed = unsafe { libc::getrlimit(resource, &raw mut limits) };
    assert_eq!(failed, 0, "getrlimit: {}", io::Error::last_os_error());
    let before = limits.rlim_cur;
    limits.rlim_cur = soft.min(limits.rlim_max);
    // SAFETY: `limits` outlives the call.
    let failed = unsafe { libc::setrlimit(resource, &raw const limits) };
    assert_eq!(failed, 0, "setrlimit: {}", io::Error::last_os_error());
    before
}

/// Makes this process belong to the user nobody, for whom limits hold.
pub(crate) fn become_nobody() {
    const NOBODY: u32 = 65534;
    // SAFETY: setresuid takes no pointer.
    let failed = unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) };
    assert_eq!(failed, 0, "setresuid: {}", io::Error::last_os_error());
}

/// Makes this process's next fork the first process of a new PID namespace; `false` where that is not allowed.
pub(crate) fn fork_into_a_new_pid_namespace() -> bool {
    // SAFETY: unshare takes no pointer.
    unsafe { libc::unshare(libc::CLONE_NEWPID) == 0 }
}

/// Blocks until this process gets a signal that ends it.
pub(crate) fn sleep_for_ever() -> ! {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
}

/// Writes through a null pointer, as a bug in foreign code does.
pub(crate) fn segfault() {
    // SAFETY: none, on purpose: address 8 is never mapped, so the store faults and does nothing else. Asm, so that the
    // compiler cannot reason from it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("mov byte ptr [8], 0")
    };
    #[cfg(not(target_arch = "x86_64"))]
    raise(libc::SIGSEGV);
}

/// Touches a page of a mapped file behind the file's end: SIGBUS.
pub(crate) fn bus_error() {
    let file = tempfile::tempfile().expect("a scratch file");
    let fd = file.as_raw_fd();
    let flags = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, flags, libc::MAP_SHARED, fd, 0) };
    assert_ne!(page, libc::MAP_FAILED, "mmap: {}", io::Error::last_os_error());
    // SAFETY: the page is mapped and behind the end of an empty file, so the store raises SIGBUS.
    unsafe { page.cast::<u8>().write_volatile(1) };
}

/// A pipe: reading end, writing end.
pub(crate) fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    let failed = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(failed, 0, "pipe2: {}", io::Error::last_os_error());
    // SAFETY: pipe2 has just made this descriptor, nobody else owns it.
    let reading = unsafe { OwnedFd::from_raw_fd(ends[0]) };
    // SAFETY: the same of the other end.
    (reading, unsafe { OwnedFd::from_raw_fd(ends[1]) })
}

/// Closes standard input.
pub(crate) fn close_input() {
    // SAFETY: nobody reads standard input in a program that calls this.
    unsafe { libc::close(0) };
}

/// A word where somebody else's memory may be, as a process sees it that has gone wild.
///
/// # Panics
/// If the address is not one of a word.
pub(crate) fn word_at(address: usize) -> &'static AtomicU64 {
    assert!(address.is_multiple_of(8) && address > 4096, "{address:#x} is no address of a word");
    let place = std::ptr::with_exposed_provenance_mut::<u64>(address);
    // SAFETY: callers name addresses between two arrays of theirs in the arena, which stays mapped and writable; that others
    // use the memory is what they are about, and what they do is atomic.
    unsafe { AtomicU64::from_ptr(place) }
}

/// The monotonic clock, which all processes share, in nanoseconds.
pub(crate) fn monotonic_nanoseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` outlives the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    assert_eq!(failed, 0, "clock_gettime: {}", io::Error::last_os_error());
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Locks all memory, now and to come; `false` where that is not allowed.
pub(crate) fn lock_all_memory() -> bool {
    // SAFETY: mlockall takes no pointer.
    unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) == 0 }
}
