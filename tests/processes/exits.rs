//! A child that ends without a value never passes for one that returned.

use procshare::{Failure, Process, Value};

use crate::support::{failure, os, watchdog};

#[test]
fn exit_with_a_code_is_reported_with_it() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { std::process::exit(7) }).expect("spawn");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Exited { code: 7, .. }), "{failed:?}");
}

#[test]
fn exit_with_zero_is_no_result() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { std::process::exit(0) }).expect("spawn");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Exited { code: 0, .. }), "{failed:?}");
}

#[test]
fn exit_of_a_child_that_owes_nothing_is_no_result_either() {
    watchdog!(60);
    let child = Process::spawn(|| std::process::exit(0)).expect("spawn");
    let result: Result<(), Failure> = child.join();
    let failed = failure(result);
    assert!(matches!(failed, Failure::Exited { code: 0, .. }), "{failed:?}");
}

#[test]
fn exit_past_all_handlers_is_reported_too() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { os::exit_now(255) }).expect("spawn");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Exited { code: 255, .. }), "{failed:?}");
}

#[test]
fn exit_by_another_thread_of_the_child_is_reported() {
    watchdog!(60);
    let work = || -> u32 {
        std::thread::spawn(|| std::process::exit(9));
        os::sleep_for_ever()
    };
    let failed = failure(Process::spawn(work).expect("spawn").join());
    assert!(matches!(failed, Failure::Exited { code: 9, .. }), "{failed:?}");
}

#[test]
fn thread_that_runs_on_in_the_child_does_not_hold_up_its_result() {
    watchdog!(60);
    let work = || {
        std::thread::spawn(|| os::sleep_for_ever());
        3_u32
    };
    assert_eq!(Process::spawn(work).expect("spawn").join().expect("join"), 3);
}

#[test]
fn child_never_returns_into_its_callers_frames() {
    watchdog!(60);
    let passed = Value::new(0_u32).expect("4 bytes");
    let child = Process::spawn(|| ()).expect("spawn");
    // Both processes would come here if the child went on after its closure.
    passed.fetch_add(1);
    child.join().expect("join");
    assert_eq!(passed.get(), 1);
}

#[test]
fn work_on_shared_memory_before_an_exit_is_kept() {
    watchdog!(60);
    let count = Value::new(0_u64).expect("8 bytes");
    let own = count.clone();
    let work = move || -> u32 {
        own.fetch_add(5);
        std::process::exit(1)
    };
    assert!(Process::spawn(work).expect("spawn").join().is_err());
    assert_eq!(count.get(), 5);
}
