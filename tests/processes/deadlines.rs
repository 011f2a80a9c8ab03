//! Every form of join: blocking, with a deadline, not at all.

use std::time::{Duration, Instant};

use procshare::{Failure, Process, Value};

use crate::support::{failure, os, wait_until, watchdog};

/// A child that returns 5 once told to.
fn obedient() -> (Process<u32>, Value<u32>) {
    let go = Value::new(0_u32).expect("4 bytes");
    let told = go.clone();
    let work = move || {
        wait_until(|| told.get() == 1);
        5
    };
    (Process::spawn(work).expect("spawn"), go)
}

#[test]
fn join_timeout_on_a_running_child_leaves_the_handle_good() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let failed = failure(child.join_timeout(Duration::from_millis(20)));
    assert!(matches!(failed, Failure::TimedOut { .. }), "{failed:?}");
    go.set(1);
    assert_eq!(child.join().expect("join"), 5);
}

#[test]
fn join_timeout_waits_at_least_as_long_as_told() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let start = Instant::now();
    assert!(child.join_timeout(Duration::from_millis(60)).is_err());
    assert!(start.elapsed() >= Duration::from_millis(60), "after {:?}", start.elapsed());
    go.set(1);
    child.join().expect("join");
}

#[test]
fn join_timeout_of_zero_only_looks() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let failed = failure(child.join_timeout(Duration::ZERO));
    assert!(matches!(failed, Failure::TimedOut { .. }), "{failed:?}");
    go.set(1);
    child.join().expect("join");
}

#[test]
fn join_timeout_of_all_time_is_join() {
    watchdog!(60);
    let (mut child, go) = obedient();
    go.set(1);
    assert_eq!(child.join_timeout(Duration::MAX).expect("join"), 5);
}

#[test]
fn join_until_a_moment_past_only_looks() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let failed = failure(child.join_until(Instant::now() - Duration::from_millis(1)));
    assert!(matches!(failed, Failure::TimedOut { .. }), "{failed:?}");
    go.set(1);
    child.join().expect("join");
}

#[test]
fn join_until_a_moment_to_come_gets_the_value() {
    watchdog!(60);
    let (mut child, go) = obedient();
    go.set(1);
    assert_eq!(child.join_until(Instant::now() + Duration::from_secs(3600)).expect("join"), 5);
}

#[test]
fn try_join_of_a_running_child_is_none() {
    watchdog!(60);
    let (mut child, go) = obedient();
    assert!(child.try_join().expect("no failure").is_none());
    go.set(1);
    child.join().expect("join");
}

#[test]
fn try_join_gets_the_value_once() {
    watchdog!(60);
    let (mut child, go) = obedient();
    go.set(1);
    let mut value = None;
    wait_until(|| {
        value = child.try_join().expect("no failure");
        value.is_some()
    });
    assert_eq!(value, Some(5));
    let failed = failure(child.try_join());
    assert!(matches!(failed, Failure::AlreadyJoined { .. }), "{failed:?}");
}

#[test]
fn second_join_after_a_failure_says_so() {
    watchdog!(60);
    let mut child = Process::spawn(|| -> u32 { os::exit_now(3) }).expect("spawn");
    let failed = failure(child.join_timeout(Duration::MAX));
    assert!(matches!(failed, Failure::Exited { code: 3, .. }), "{failed:?}");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::AlreadyJoined { .. }), "{failed:?}");
}

#[test]
fn child_is_alive_until_it_ended() {
    watchdog!(60);
    let (child, go) = obedient();
    assert!(child.is_alive());
    go.set(1);
    wait_until(|| !child.is_alive());
    assert_eq!(child.join().expect("join"), 5);
}
