//! The lock that its holder may take again.

#![allow(unsafe_code)] // forks as other code does

use std::mem;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::{Watchdog, sleep_for_ever, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{Cause, CauseKind, LockError, ReentrantMutex, TimedLockError, TryLockError};
use crate::sys::{self, Forked, PidFd};

const SOON: Duration = Duration::from_millis(20);

/// Whether another thread finds the lock taken.
fn is_taken(shared: &ReentrantMutex<u64>) -> bool {
    thread::scope(|s| {
        let tried = s.spawn(|| match shared.try_lock() {
            Err(TryLockError::WouldBlock) => true,
            Ok(_) | Err(TryLockError::Poisoned(_)) => false,
            Err(other) => panic!("{other:?}"),
        });
        tried.join().unwrap()
    })
}

#[test]
fn one_thread_locks_as_often_as_it_likes() {
    let shared = ReentrantMutex::new(1_u64).unwrap();
    let outer = shared.lock().unwrap();
    let same = shared.clone();
    let inner = same.lock().unwrap();
    let tried = same.try_lock().unwrap();
    let timed = same.lock_timeout(Duration::ZERO).unwrap();
    let until = same.lock_until(Instant::now()).unwrap();
    assert_eq!(inner.update(|n| n + 1), 1);
    assert_eq!((outer.get(), tried.get(), timed.get(), until.get()), (2, 2, 2, 2));
    outer.set(5);
    assert_eq!(inner.get(), 5);
    // The last one counts, whichever it is.
    for guard in [outer, tried, until, inner] {
        assert!(is_taken(&shared));
        drop(guard);
    }
    assert!(is_taken(&shared));
    drop(timed);
    assert!(!is_taken(&shared));
    assert_eq!(shared.lock().unwrap().get(), 5);
}

#[test]
fn processes_and_threads_add_up_at_two_depths() {
    let _watchdog = Watchdog::start();
    let sum = ReentrantMutex::new([0_u64; 4]).unwrap();
    let add = || {
        for _ in 0..2_000 {
            let outer = sum.lock().unwrap();
            let before = outer.get();
            sum.lock().unwrap().update(|[a, b, c, d]| [a + 1, b + 1, c + 1, d + 1]);
            assert_eq!(outer.get()[3], before[0] + 1);
        }
    };
    scope(|s| {
        for _ in 0..2 {
            s.spawn(add).unwrap();
        }
        thread::scope(|t| {
            t.spawn(add);
            t.spawn(add);
        });
    })
    .unwrap();
    assert_eq!(sum.lock().unwrap().get(), [8_000; 4]);
}

#[test]
fn next_locker_hears_of_a_holder_killed_at_depth_and_begins_at_one() {
    let _watchdog = Watchdog::start();
    let (shared, held) = (ReentrantMutex::new(0_u64).unwrap(), stage());
    let body = {
        let (shared, held) = (shared.clone(), held.clone());
        move || {
            let _outer = shared.lock().unwrap();
            let _inner = shared.lock().unwrap();
            let _innermost = shared.lock().map(|guard| guard.set(7));
            held.set(1);
            sleep_for_ever()
        }
    };
    let child = Process::<()>::spawn(body).unwrap();
    wait_until(|| held.get() == 1);
    child.kill().unwrap();
    let cause = Cause { pid: child.pid(), kind: CauseKind::Died };
    let guard = match shared.lock() {
        Err(LockError::Poisoned(poisoned)) => {
            assert_eq!((poisoned.cause(), poisoned.get_ref().get()), (cause, 7));
            poisoned.into_inner()
        }
        other => panic!("{other:?}"),
    };
    assert!(matches!(shared.lock(), Err(LockError::Poisoned(_))), "at every depth");
    assert!(is_taken(&shared));
    drop(guard);
    assert!(!is_taken(&shared));
    assert_eq!(shared.poison_cause(), Some(cause));
    shared.clear_poison();
    assert!(shared.lock().is_ok() && !shared.is_poisoned());
}

#[test]
fn panic_at_any_depth_is_heard_of() {
    let shared = ReentrantMutex::new(0_u64).unwrap();
    let outer = shared.lock().unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let inner = shared.lock().unwrap();
        inner.update(|_| panic!("on purpose"));
    }));
    assert!(caught.is_err());
    assert_eq!(outer.get(), 0, "an update that panics changes nothing");
    assert!(is_taken(&shared), "the outer guard lives");
    let own = Cause { pid: std::process::id(), kind: CauseKind::Panicked };
    assert_eq!(shared.lock().unwrap_err().cause(), Some(own));
    drop(outer);
    assert_eq!(shared.lock().unwrap_err().cause(), Some(own));
}

#[test]
fn child_does_not_hold_what_its_parent_holds() {
    let _watchdog = Watchdog::start();
    let (shared, tried) = (ReentrantMutex::new(0_u64).unwrap(), stage());
    let (outer, inner) = (shared.lock().unwrap(), shared.lock().unwrap());
    let body = {
        let (shared, tried) = (shared.clone(), tried.clone());
        move || {
            assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock)));
            assert!(matches!(shared.lock_timeout(SOON), Err(TimedLockError::TimedOut)));
            tried.set(1);
            shared.lock().unwrap().get()
        }
    };
    let child = Process::spawn(body).unwrap();
    wait_until(|| tried.get() == 1);
    drop(outer);
    inner.set(5);
    drop(inner);
    assert_eq!(child.join().unwrap(), 5);
}

#[test]
fn copies_of_guards_that_a_foreign_fork_drops_release_nothing() {
    let _watchdog = Watchdog::start();
    let shared = ReentrantMutex::new(0_u64).unwrap();
    let (outer, inner) = (shared.lock().unwrap(), shared.lock().unwrap());
    // SAFETY: the child drops its copies, which changes nothing, and ends without returning.
    match unsafe { sys::fork() }.unwrap() {
        Forked::Child => {
            drop((outer, inner));
            sys::exit_now(0);
        }
        Forked::Parent { pid } => {
            PidFd::of_child(pid).unwrap().reap().unwrap();
        }
    }
    drop(inner);
    assert!(is_taken(&shared));
    drop(outer);
    assert!(!is_taken(&shared));
}

#[test]
fn forgotten_guards_keep_the_lock() {
    let shared = ReentrantMutex::new(0_u64).unwrap();
    mem::forget(shared.lock().unwrap());
    drop(shared.lock().unwrap());
    assert!(is_taken(&shared));
    thread::scope(|s| {
        s.spawn(|| assert!(matches!(shared.lock_timeout(SOON), Err(TimedLockError::TimedOut))));
    });
}

const fn goes_where_threads_go<H: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

const _: () = goes_where_threads_go::<ReentrantMutex<u64>>();

#[test]
fn debug_prints_the_data() {
    let shared = ReentrantMutex::new(5_u64).unwrap();
    assert_eq!(format!("{shared:?}"), "ReentrantMutex { data: 5, poisoned: false, .. }");
    let guard = shared.lock().unwrap();
    assert_eq!(
        format!("{guard:?} {guard} {shared:?}"),
        "5 5 ReentrantMutex { data: 5, poisoned: false, .. }"
    );
    assert!(is_taken(&shared));
    assert_eq!(size_of_val(&ReentrantMutex::new(()).unwrap().lock().unwrap().get()), 0);
}
