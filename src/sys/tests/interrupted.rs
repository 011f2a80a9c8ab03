use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use super::{Child, asserted_in_child, read_some, receive_pid, send_pid};
use crate::shim::AtomicU64;
use crate::sys::clock::Deadline;
use crate::sys::epoll::Watch;
use crate::sys::fork::parent_pid;
use crate::sys::futex;
use crate::sys::pidfd::{ExitStatus, PidFd};
use crate::sys::stdio::write_stderr;

const TIMEOUT: Duration = Duration::from_millis(200);

extern "C" fn ignore(_signal: libc::c_int) {}

/// Has `SIGUSR1` interrupt system calls of this process, and do nothing else.
fn be_interruptible() {
    // SAFETY: all zeroes is a valid sigaction: no flags, so that system calls are not restarted.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ignore as *const () as usize;
    // SAFETY: `action` is a live sigaction whose handler does nothing; the old one is not asked for.
    unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
}

/// Runs `waiting` in a child that is signalled all the time. It must last its time, and must end.
fn under_signals(waiting: impl FnOnce()) {
    let (mut ready, mut tell) = std::io::pipe().expect("pipe");
    let child = Child::running(move || {
        be_interruptible();
        send_pid(&mut tell, 0);
        let before = Instant::now();
        waiting();
        i32::from(before.elapsed() < TIMEOUT)
    });
    // This says that the handler is set.
    receive_pid(&mut ready);
    while child.pidfd.wait_gone(Some(Duration::from_millis(2))) == Ok(false) {
        let _ = child.pidfd.send_signal(libc::SIGUSR1);
    }
    assert_eq!(child.status(), ExitStatus::Exited(0));
}

#[test]
fn wait_for_a_process_ends_at_its_deadline_although_signals_arrive() {
    under_signals(|| {
        let parent = PidFd::open(parent_pid()).expect("pidfd_open");
        assert_eq!(parent.wait_gone(Some(TIMEOUT)), Ok(false));
    });
}

#[test]
fn watch_ends_at_its_deadline_although_signals_arrive() {
    under_signals(|| {
        let parent = PidFd::open(parent_pid()).expect("pidfd_open");
        let watch = Watch::new().expect("epoll");
        watch.add(parent.as_fd(), 1).expect("add");
        assert_eq!(watch.wait(&mut [0], TIMEOUT), Ok(0));
    });
}

#[test]
fn wait_ends_at_its_deadline_although_signals_arrive() {
    under_signals(|| {
        let word = AtomicU64::new(0);
        let deadline = Deadline::after(TIMEOUT);
        let mut interrupted = false;
        while let Some(left) = deadline.remaining().filter(|left| !left.is_zero()) {
            interrupted |= futex::wait(&word, 0, left) == futex::Wait::Interrupted;
        }
        assert!(interrupted, "no signal arrived, so this showed nothing");
    });
}

#[test]
fn wait_for_a_child_survives_a_closed_descriptor_as_an_error() {
    asserted_in_child(|| {
        let parent = PidFd::open(parent_pid()).expect("pidfd_open");
        let number = parent.as_fd().as_raw_fd();
        // SAFETY: this is what a program does that closes all descriptors; `parent` is forgotten below.
        unsafe { libc::close(number) };
        assert_eq!(parent.wait_gone(None).expect_err("waited").errno(), libc::EBADF);
        assert_eq!(parent.reap().expect_err("reaped").errno(), libc::EBADF);
        std::mem::forget(parent);
    });
}

#[test]
fn every_byte_reaches_standard_error_although_signals_cut_the_writing_short() {
    let text: Vec<u8> = (0..1_000_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let (mut from, to) = std::io::pipe().expect("pipe");
    let (mut ready, mut tell) = std::io::pipe().expect("pipe");
    let child = Child::running(|| {
        be_interruptible();
        // SAFETY: dup2 takes two numbers; standard error of this child becomes the pipe.
        unsafe { libc::dup2(to.as_raw_fd(), 2) };
        send_pid(&mut tell, 0);
        write_stderr(&text);
        0
    });
    receive_pid(&mut ready);
    // The pipe is small, so the child mostly waits for room, where a signal finds it. Never to the end of the
    // pipe: other tests' children hold it open too.
    let mut arrived = vec![0; text.len()];
    let mut rest = arrived.as_mut_slice();
    while !rest.is_empty() {
        let _ = child.pidfd.send_signal(libc::SIGUSR1);
        std::thread::sleep(Duration::from_millis(1));
        let count = read_some(&mut from, rest);
        rest = &mut rest[count..];
    }
    assert!(arrived == text);
    assert_eq!(child.status(), ExitStatus::Exited(0));
}
