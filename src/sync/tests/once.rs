//! What is done once, by threads and processes that may fail at it.

#![allow(unsafe_code)] // forks as other code does

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::{SPAWNED, Stopped, Watchdog, sleep_for_ever, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{Cause, CauseKind, Once, OnceError, TimedOnceError, TryOnceError};
use crate::sys::tests::outlive_the_parent;
use crate::sys::{self, Forked, PidFd};
use crate::value::Value;

const SOON: Duration = Duration::from_millis(20);

/// A process that has begun, and does not end.
fn runner(once: &Once) -> Process<()> {
    let (begun, once) = (stage(), once.clone());
    let told = begun.clone();
    let body = move || {
        let run = || {
            told.set(1);
            sleep_for_ever()
        };
        once.call_once(run).expect("nobody began before");
    };
    let child = Process::spawn(body).expect("spawn");
    wait_until(|| begun.get() == 1);
    child
}

fn died(child: &Process<()>) -> Cause {
    Cause { pid: child.pid(), kind: CauseKind::Died }
}

fn unreached() {
    unreachable!("this was not to be run");
}

#[test]
fn many_ask_and_one_runs() {
    let _watchdog = Watchdog::start();
    let (once, runs, seen) = (Once::new().unwrap(), stage(), stage());
    let ask = || {
        once.call_once(|| {
            thread::sleep(SOON);
            runs.fetch_add(1);
        })
        .unwrap();
        seen.fetch_add(runs.get());
    };
    scope(|s| {
        for _ in 0..4 {
            s.spawn(ask).unwrap();
        }
        thread::scope(|t| {
            t.spawn(ask);
            t.spawn(ask);
        });
    })
    .unwrap();
    assert_eq!((runs.get(), seen.get()), (1, 6), "run once, and everybody returned after it");
    assert!(once.is_completed());
    once.call_once(unreached).unwrap();
    once.call_once_force(|_| unreached()).unwrap();
    once.try_call_once(unreached).unwrap();
    once.call_once_timeout(Duration::ZERO, unreached).unwrap();
    once.wait().unwrap();
}

#[test]
fn those_who_ask_later_hear_of_a_killed_runner() {
    let _watchdog = Watchdog::start();
    let once = Once::new().unwrap();
    let child = runner(&once);
    child.kill().unwrap();
    let cause = died(&child);
    assert_eq!(once.call_once(unreached), Err(OnceError::Poisoned(cause)));
    assert_eq!(once.try_call_once(unreached), Err(TryOnceError::Poisoned(cause)));
    assert_eq!(once.call_once_timeout(SOON, unreached), Err(TimedOnceError::Poisoned(cause)));
    assert_eq!(once.wait(), Err(OnceError::Poisoned(cause)));
    assert_eq!(once.wait_timeout(SOON), Err(TimedOnceError::Poisoned(cause)));
    assert!(!once.is_completed());
    once.call_once_force(|state| assert_eq!(state.cause(), Some(cause))).unwrap();
    assert_eq!(once.call_once(unreached), Ok(()));
}

#[test]
fn those_who_wait_hear_of_a_killed_runner() {
    let _watchdog = Watchdog::start();
    let once = Once::new().unwrap();
    let child = runner(&once);
    thread::scope(|s| {
        let asking = s.spawn(|| once.call_once(unreached));
        let waiting = s.spawn(|| once.wait());
        thread::sleep(2 * SOON);
        child.kill().unwrap();
        assert_eq!(asking.join().unwrap(), Err(OnceError::Poisoned(died(&child))));
        assert_eq!(waiting.join().unwrap(), Err(OnceError::Poisoned(died(&child))));
    });
}

#[test]
fn one_who_only_waits_finds_the_death_alone() {
    let _watchdog = Watchdog::start();
    let once = Once::new().unwrap();
    let child = runner(&once);
    child.kill().unwrap();
    assert_eq!(once.wait(), Err(OnceError::Poisoned(died(&child))));
}

#[test]
fn those_who_ask_and_wait_hear_of_a_panic() {
    let _watchdog = Watchdog::start();
    let (once, begun) = (Once::new().unwrap(), stage());
    scope(|s| {
        let panics = || -> () {
            let _ = once.call_once(|| {
                begun.set(1);
                thread::sleep(SOON);
                panic!("on purpose");
            });
        };
        let child = s.spawn(panics).unwrap();
        wait_until(|| begun.get() == 1);
        let cause = Cause { pid: child.pid(), kind: CauseKind::Panicked };
        assert_eq!(once.wait(), Err(OnceError::Poisoned(cause)));
        assert_eq!(once.call_once(unreached), Err(OnceError::Poisoned(cause)));
        assert!(child.join().is_err());
    })
    .unwrap();
    once.call_once_force(|state| assert!(state.is_poisoned())).unwrap();
    once.wait().unwrap();
}

#[test]
fn panic_in_this_process_can_be_caught_and_made_good() {
    let once = Once::new().unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| once.call_once(|| panic!("on purpose"))));
    assert!(caught.is_err());
    let cause = Cause { pid: std::process::id(), kind: CauseKind::Panicked };
    assert_eq!(once.call_once(unreached), Err(OnceError::Poisoned(cause)));
    let caught = catch_unwind(AssertUnwindSafe(|| once.call_once_force(|_| panic!("again"))));
    assert!(caught.is_err());
    once.call_once_force(|state| assert!(state.is_poisoned())).unwrap();
    assert!(once.is_completed());
}

#[test]
fn caller_killed_before_its_turn_harms_nobody() {
    let _watchdog = Watchdog::start();
    let (once, begun, asking, go) = (Once::new().unwrap(), stage(), stage(), stage());
    let run = || {
        begun.set(1);
        wait_until(|| go.get() == 1);
    };
    scope(|s| {
        let runner = s.spawn(|| once.call_once(run).unwrap()).unwrap();
        wait_until(|| begun.get() == 1);
        assert_eq!(once.try_call_once(unreached), Err(TryOnceError::WouldBlock));
        let asks = || {
            asking.set(1);
            once.call_once(unreached).unwrap();
        };
        let doomed = s.spawn(asks).unwrap();
        wait_until(|| asking.get() == 1);
        thread::sleep(SOON);
        doomed.kill().unwrap();
        assert!(doomed.join().is_err());
        go.set(1);
        runner.join().unwrap();
    })
    .unwrap();
    assert_eq!(once.call_once(unreached), Ok(()));
}

#[test]
fn asking_from_inside_is_refused() {
    let once = Once::new().unwrap();
    once.call_once(|| {
        assert_eq!(once.call_once(unreached), Err(OnceError::WouldDeadlock));
        assert_eq!(once.call_once_force(|_| unreached()), Err(OnceError::WouldDeadlock));
        assert_eq!(once.try_call_once(unreached), Err(TryOnceError::WouldDeadlock));
        assert_eq!(once.call_once_timeout(SOON, unreached), Err(TimedOnceError::WouldDeadlock));
        assert_eq!(once.wait(), Err(OnceError::WouldDeadlock));
        assert_eq!(once.wait_until(Instant::now()), Err(TimedOnceError::WouldDeadlock));
        assert!(!once.is_completed());
    })
    .unwrap();
    assert!(once.is_completed());
}

#[test]
fn nobody_waits_longer_than_they_said() {
    let _watchdog = Watchdog::start();
    let once = Once::new().unwrap();
    assert_eq!(once.wait_timeout(SOON), Err(TimedOnceError::TimedOut), "nobody has begun");
    let child = runner(&once);
    let _stopped = Stopped::stop(child.pid());
    let before = Instant::now();
    assert_eq!(once.try_call_once(unreached), Err(TryOnceError::WouldBlock));
    assert_eq!(once.call_once_timeout(6 * SOON, unreached), Err(TimedOnceError::TimedOut));
    assert!(before.elapsed() >= 6 * SOON);
    let deadline = Instant::now() + 6 * SOON;
    assert_eq!(once.call_once_until(deadline, unreached), Err(TimedOnceError::TimedOut));
    assert!(Instant::now() >= deadline);
    assert_eq!(once.wait_timeout(6 * SOON), Err(TimedOnceError::TimedOut));
    assert_eq!(once.wait_until(before), Err(TimedOnceError::TimedOut));
}

#[test]
fn child_of_a_runner_asks_like_anybody_else() {
    let _watchdog = Watchdog::start();
    let once = Once::new().unwrap();
    once.call_once(|| {
        let tried = Process::spawn({
            let once = once.clone();
            move || once.try_call_once(unreached) == Err(TryOnceError::WouldBlock)
        });
        assert_eq!(tried.unwrap().join(), Ok(true));
    })
    .unwrap();
    let child = Process::spawn({
        let once = once.clone();
        move || once.is_completed()
    });
    assert_eq!(child.unwrap().join(), Ok(true));
}

#[test]
fn copy_of_a_run_in_a_foreign_fork_ends_nothing() {
    let _watchdog = Watchdog::start();
    let (once, seen) = (Once::new().unwrap(), Value::new(7_u32).unwrap());
    let (mut forked, mut child) = (None, false);
    once.call_once(|| {
        // SAFETY: the child leaves the closure, looks, stores to shared memory, and ends without returning to the harness.
        match unsafe { sys::fork() }.unwrap() {
            Forked::Child => child = true,
            Forked::Parent { pid } => forked = Some(pid),
        }
        if let Some(pid) = forked {
            PidFd::of_child(pid).unwrap().reap().unwrap();
            assert!(!once.is_completed());
        }
    })
    .unwrap();
    if child {
        seen.set(u32::from(once.is_completed()));
        sys::exit_now(0);
    }
    assert_eq!((seen.get(), once.is_completed()), (0, true));
}

#[test]
fn next_runner_waits_for_the_children_of_a_killed_one() {
    let _watchdog = Watchdog::start();
    let (once, writing) = (Once::new().unwrap(), stage());
    let body = {
        let (once, writing) = (once.clone(), writing.clone());
        move || {
            let run = || -> () {
                let (spawned, writing) = (writing.clone(), writing.clone());
                let lent = Process::<()>::spawn(move || {
                    wait_until(|| writing.get() == SPAWNED);
                    outlive_the_parent();
                    let parent = sys::parent_pid();
                    writing.set(1);
                    wait_until(|| sys::parent_pid() != parent);
                    thread::sleep(10 * SOON);
                    writing.set(2);
                    sys::exit_now(0);
                });
                drop(lent);
                spawned.set(SPAWNED);
                sleep_for_ever()
            };
            once.call_once(run).unwrap();
        }
    };
    let child = Process::spawn(body).unwrap();
    wait_until(|| writing.get() == 1);
    child.kill().unwrap();
    assert_eq!(once.call_once(unreached), Err(OnceError::Poisoned(died(&child))));
    assert_eq!(writing.get(), 2, "a child of the dead one was at work still");
}

const fn goes_where_threads_go<H: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

const _: () = goes_where_threads_go::<Once>();

#[test]
fn debug_prints_whether_it_is_done() {
    let once = Once::new().unwrap();
    assert_eq!(format!("{once:?}"), "Once { completed: false, .. }");
    once.call_once(|| ()).unwrap();
    assert_eq!(format!("{once:?}"), "Once { completed: true, .. }");
    let cause = Cause { pid: 7, kind: CauseKind::Panicked };
    let text = "what was to be done once failed: process 7 panicked while it held the lock";
    assert_eq!(OnceError::Poisoned(cause).to_string(), text);
}
