//! Only the process that spawned a child may join it or signal it by its handle.

use procshare::{Failure, Process, Value, scope};

use crate::support::{failure, wait_until, watchdog};

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
fn sibling_that_joins_is_told_that_it_is_not_its_child() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let told = scope(|s| {
        let ask = || matches!(child.try_join(), Err(Failure::NotMyChild { .. }));
        s.spawn(ask).expect("spawn").join().expect("join")
    });
    assert!(told.expect("no failure"));
    go.set(1);
    assert_eq!(child.join().expect("join"), 5);
}

#[test]
fn sibling_that_joins_for_ever_does_not_hang() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let told = scope(|s| {
        let ask = || matches!(child.join_timeout(std::time::Duration::MAX), Err(Failure::NotMyChild { .. }));
        s.spawn(ask).expect("spawn").join().expect("join")
    });
    assert!(told.expect("no failure"));
    go.set(1);
    child.join().expect("join");
}

#[test]
fn sibling_cannot_terminate_or_kill() {
    watchdog!(60);
    let (child, go) = obedient();
    let refused = scope(|s| {
        let ask = || (child.terminate().is_err(), child.kill().is_err());
        s.spawn(ask).expect("spawn").join().expect("join")
    });
    assert_eq!(refused.expect("no failure"), (true, true));
    go.set(1);
    assert_eq!(child.join().expect("the sibling did it no harm"), 5);
}

#[test]
fn grandchild_that_joins_its_uncle_is_told_so() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let told = scope(|s| {
        let nest = || {
            let ask = || matches!(child.try_join(), Err(Failure::NotMyChild { .. }));
            scope(|inner| inner.spawn(ask).expect("spawn").join().expect("join")).expect("no failure")
        };
        s.spawn(nest).expect("spawn").join().expect("join")
    });
    assert!(told.expect("no failure"));
    go.set(1);
    child.join().expect("join");
}

#[test]
fn copy_of_a_handle_dropped_in_a_child_leaves_the_original_good() {
    watchdog!(60);
    let (child, go) = obedient();
    let held = std::sync::Mutex::new(Some(child));
    let ended = scope(|s| {
        // The child's copy of the handle dies here, in the child only.
        let lose = || drop(held.lock().expect("nobody panicked").take());
        s.spawn(lose).expect("spawn").join().expect("join");
    });
    ended.expect("no failure");
    go.set(1);
    let child = held.into_inner().expect("nobody panicked").expect("private memory is not shared");
    assert_eq!(child.join().expect("join"), 5);
}

#[test]
fn failure_names_the_child_that_was_asked_for() {
    watchdog!(60);
    let (mut child, go) = obedient();
    let pid = child.pid();
    let named = scope(|s| {
        let ask = || failure(child.try_join()).worker().pid;
        s.spawn(ask).expect("spawn").join().expect("join")
    });
    assert_eq!(named.expect("no failure"), pid);
    go.set(1);
    child.join().expect("join");
}
