//! `scope` returns when its children are gone, and tells of failures that nobody joined.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use procshare::{Array, Builder, Failure, Value, scope};

use crate::support::{os, table, wait_until, watchdog};

#[test]
fn scope_returns_what_its_closure_returns() {
    watchdog!(60);
    assert_eq!(scope(|_| "done").expect("no children"), "done");
}

#[test]
fn children_borrow_from_the_callers_frame() {
    watchdog!(60);
    let text = String::from("borrowed");
    let lengths = scope(|s| {
        let children = [(); 3].map(|()| s.spawn(|| text.len() as u64).expect("spawn"));
        children.map(|child| child.join().expect("join"))
    });
    assert_eq!(lengths.expect("no failure"), [8; 3]);
}

#[test]
fn all_children_are_gone_when_the_scope_returns() {
    watchdog!(60);
    let mut pids = Vec::new();
    let ended = scope(|s| {
        for _ in 0..4 {
            let child = s.spawn(|| thread::sleep(Duration::from_millis(30))).expect("spawn");
            pids.push(child.pid());
        }
    });
    ended.expect("no failure");
    assert!(pids.iter().all(|pid| !table::is_alive(*pid)), "{pids:?}");
}

#[test]
fn failure_that_nobody_joined_is_the_scopes_error() {
    watchdog!(60);
    let ended = scope(|s| {
        s.spawn(|| ()).expect("spawn");
        Builder::new().name("lost").spawn_scoped(s, || -> () { os::exit_now(6) }).expect("spawn");
    });
    let Err(error) = ended else { panic!("partial data passed for whole") };
    assert!(
        matches!(error.failures.as_slice(), [Failure::Exited { code: 6, worker, .. }] if worker.name == "lost"),
        "{error:?}"
    );
}

#[test]
fn every_failure_that_nobody_joined_is_told() {
    watchdog!(60);
    let ended = scope(|s| {
        s.spawn(|| -> () { os::exit_now(6) }).expect("spawn");
        s.spawn(|| -> () { panic!("words") }).expect("spawn");
        s.spawn(|| -> () { os::raise(libc::SIGKILL) }).expect("spawn");
    });
    let Err(error) = ended else { panic!("three failures passed for none") };
    let found = |is: fn(&Failure) -> bool| error.failures.iter().filter(|failure| is(failure)).count();
    assert_eq!(error.failures.len(), 3, "{error:?}");
    assert_eq!(found(|f| matches!(f, Failure::Exited { code: 6, .. })), 1);
    assert_eq!(found(|f| matches!(f, Failure::Panicked { .. })), 1);
    assert_eq!(found(|f| matches!(f, Failure::Signaled { signal: libc::SIGKILL, .. })), 1);
}

#[test]
fn error_of_a_scope_names_the_workers() {
    watchdog!(60);
    let ended = scope(|s| {
        Builder::new().name("lost").spawn_scoped(s, || -> () { os::exit_now(6) }).expect("spawn");
    });
    let Err(error) = ended else { panic!("a failure passed for none") };
    assert!(error.to_string().contains("'lost'"), "{error}");
}

#[test]
fn failure_that_was_joined_is_not_told_again() {
    watchdog!(60);
    let ended = scope(|s| s.spawn(|| -> () { os::exit_now(6) }).expect("spawn").join().is_err());
    assert!(ended.expect("the closure has seen to it"));
}

#[test]
fn timed_out_join_leaves_the_failure_to_the_scope() {
    watchdog!(60);
    let go = Value::new(0_u32).expect("4 bytes");
    let ended = scope(|s| {
        let work = || -> () {
            wait_until(|| go.get() == 1);
            os::exit_now(6)
        };
        let mut child = s.spawn(work).expect("spawn");
        assert!(matches!(child.join_timeout(Duration::ZERO), Err(Failure::TimedOut { .. })));
        go.set(1);
    });
    assert_eq!(ended.err().map(|error| error.failures.len()), Some(1));
}

#[test]
fn panic_of_the_scopes_closure_goes_on_in_the_caller() {
    watchdog!(60);
    let unwound = catch_unwind(|| {
        let _ = scope(|s| {
            s.spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
            panic!("the closure's own");
        });
    });
    let payload = unwound.expect_err("the panic goes on");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"the closure's own"));
}

#[test]
fn children_of_a_scope_that_unwinds_are_killed_and_awaited() {
    watchdog!(60);
    let mut pids = Vec::new();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _ = scope(|s| {
            for _ in 0..3 {
                pids.push(s.spawn(|| -> () { os::sleep_for_ever() }).expect("spawn").pid());
            }
            panic!("leave early");
        });
    }));
    assert!(unwound.is_err());
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| !table::is_alive(*pid)), "{pids:?}");
}

#[test]
fn array_lent_in_a_scope_that_unwinds_is_nobodys_when_it_returns() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(1).expect("8 bytes");
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _ = scope(|s| {
            let word = &mut array[0];
            let write = move || -> () {
                loop {
                    *word = std::hint::black_box(*word + 1);
                }
            };
            s.spawn(write).expect("spawn");
            thread::sleep(Duration::from_millis(5));
            panic!("leave early");
        });
    }));
    assert!(unwound.is_err());
    array[0] = 1;
    thread::sleep(Duration::from_millis(20));
    assert_eq!(std::hint::black_box(&array)[0], 1, "somebody still writes");
}

#[test]
fn forgotten_handle_does_not_let_a_child_outlive_its_scope() {
    watchdog!(60);
    let done = Value::new(0_u32).expect("4 bytes");
    let ended = scope(|s| {
        let work = || {
            thread::sleep(Duration::from_millis(30));
            done.set(1);
        };
        std::mem::forget(s.spawn(work).expect("spawn"));
    });
    ended.expect("no failure");
    assert_eq!(done.get(), 1);
}

#[test]
fn scope_may_be_used_by_several_threads() {
    watchdog!(60);
    let count = Value::new(0_u64).expect("8 bytes");
    let ended = scope(|s| {
        thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    for _ in 0..5 {
                        s.spawn(|| count.fetch_add(1)).expect("spawn").join().expect("join");
                    }
                });
            }
        });
    });
    ended.expect("no failure");
    assert_eq!(count.get(), 15);
}
