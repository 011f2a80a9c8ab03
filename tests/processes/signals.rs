//! A child that a signal ends is reported by that signal, and the parent lives.

use std::hint::black_box;

use procshare::{Failure, Process, Value};

use crate::support::{failure, os, table, wait_until, watchdog};

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

#[test]
fn stopped_child_is_alive_and_goes_on_when_told() {
    watchdog!(60);
    let go = Value::new(0_u32).expect("4 bytes");
    let told = go.clone();
    let work = move || {
        wait_until(|| told.get() == 1);
        2_u32
    };
    let mut child = Process::spawn(work).expect("spawn");
    os::kill(child.pid(), libc::SIGSTOP);
    wait_until(|| table::entry(child.pid()).is_some_and(|entry| entry.state == 'T'));
    go.set(1);
    let waited = child.join_timeout(std::time::Duration::from_millis(30));
    assert!(matches!(waited, Err(Failure::TimedOut { .. })) && child.is_alive(), "{waited:?}");
    os::kill(child.pid(), libc::SIGCONT);
    assert_eq!(child.join().expect("join"), 2);
}

#[test]
fn stopped_child_can_be_killed() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { os::sleep_for_ever() }).expect("spawn");
    os::kill(child.pid(), libc::SIGSTOP);
    child.kill().expect("kill");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Signaled { signal: libc::SIGKILL, .. }), "{failed:?}");
}
