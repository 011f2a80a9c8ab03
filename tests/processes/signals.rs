//! A child that a signal ends is reported by that signal, and the parent lives.

use std::hint::black_box;

use procshare::{Failure, Process};

use crate::support::{failure, os, watchdog};

/// The signal that ended a child doing this.
#[track_caller]
fn signal_that_ends(work: fn() -> u32) -> i32 {
    match failure(Process::spawn(work).expect("spawn").join()) {
        Failure::Signaled { signal, .. } => signal,
        other => panic!("a signal was due: {other:?}"),
    }
}

/// Uses up the stack.
fn endless(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    let frame = black_box([depth; 512]);
    endless(depth + 1) + frame[(depth % 512) as usize]
}

#[test]
fn segmentation_fault_is_reported() {
    watchdog!(60);
    let work = || {
        os::segfault();
        0
    };
    assert_eq!(signal_that_ends(work), libc::SIGSEGV);
}

#[test]
fn bus_error_is_reported() {
    watchdog!(60);
    let work = || {
        os::bus_error();
        0
    };
    assert_eq!(signal_that_ends(work), libc::SIGBUS);
}

#[test]
fn stack_overflow_is_reported() {
    watchdog!(60);
    let work = || endless(0) as u32;
    let signal = signal_that_ends(work);
    // std turns an overflow into an abort where it knows the guard page.
    assert!(signal == libc::SIGSEGV || signal == libc::SIGABRT, "signal {signal}");
}

#[test]
fn abort_is_reported() {
    watchdog!(60);
    assert_eq!(signal_that_ends(|| std::process::abort()), libc::SIGABRT);
}

#[test]
fn signal_is_named_in_the_message() {
    watchdog!(60);
    let work = || -> u32 {
        os::raise(libc::SIGKILL);
        0
    };
    let text = failure(Process::spawn(work).expect("spawn").join()).to_string();
    assert!(text.contains("SIGKILL"), "{text}");
}

#[test]
fn siblings_of_a_child_that_crashes_go_on() {
    watchdog!(60);
    let good = Process::spawn(|| 1_u32).expect("spawn");
    assert_eq!(signal_that_ends(|| std::process::abort()), libc::SIGABRT);
    assert_eq!(good.join().expect("join"), 1);
}
