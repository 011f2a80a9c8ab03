//! The readers-writer lock: what it guards, and who gets it.

#![allow(unsafe_code)] // forks as other code does

use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use super::{Watchdog, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{LockError, RwLock, RwLockWriteGuard, TimedLockError, TryLockError};
use crate::sys::{self, Forked, PidFd};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn readers_of_one_process_are_in_at_once() {
    let _watchdog = Watchdog::start();
    let (shared, inside) = (RwLock::new(7_u64).unwrap(), stage());
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let guard = shared.read().unwrap();
                inside.fetch_add(1);
                wait_until(|| inside.get() == 4);
                assert_eq!(*guard, 7);
            });
        }
    });
    assert!(shared.try_write().is_ok());
}

#[test]
fn readers_of_several_processes_are_in_at_once() {
    let _watchdog = Watchdog::start();
    let (shared, inside) = (RwLock::new(7_u64).unwrap(), stage());
    scope(|s| {
        for _ in 0..4 {
            let enter = || {
                let guard = shared.read().unwrap();
                inside.fetch_add(1);
                wait_until(|| inside.get() == 4);
                assert_eq!(*guard, 7);
            };
            s.spawn(enter).unwrap();
        }
    })
    .unwrap();
    assert!(shared.try_write().is_ok());
}

#[test]
fn threads_see_no_change_half_way() {
    let _watchdog = Watchdog::start();
    let pair = RwLock::<[u64]>::zeroed(2).unwrap();
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..2_000 {
                    let mut pair = pair.write().unwrap();
                    pair[0] += 1;
                    pair[1] += 1;
                }
            });
            s.spawn(|| {
                for _ in 0..5_000 {
                    let pair = pair.read().unwrap();
                    assert_eq!(pair[0], pair[1]);
                }
            });
        }
    });
    assert_eq!(*pair.read().unwrap(), [4_000, 4_000]);
}

#[test]
fn processes_see_no_change_half_way() {
    let _watchdog = Watchdog::start();
    let pair = RwLock::<[u64]>::zeroed(2).unwrap();
    scope(|s| {
        for _ in 0..2 {
            let write = || {
                for _ in 0..2_000 {
                    let mut pair = pair.write().unwrap();
                    pair[0] += 1;
                    pair[1] += 1;
                }
            };
            s.spawn(write).unwrap();
            let read = || {
                for _ in 0..5_000 {
                    let pair = pair.read().unwrap();
                    assert_eq!(pair[0], pair[1]);
                }
            };
            s.spawn(read).unwrap();
        }
    })
    .unwrap();
    assert_eq!(*pair.read().unwrap(), [4_000, 4_000]);
}

#[test]
fn guarded_slice_is_what_it_was_made_of() {
    let shared = RwLock::from_slice(&[1_u16, 2, 3]).unwrap();
    assert_eq!(*shared.read().unwrap(), [1, 2, 3]);
    shared.write().unwrap().reverse();
    assert_eq!(*shared.read().unwrap(), [3, 2, 1]);
    let none = RwLock::<[u64]>::zeroed(0).unwrap();
    assert!(none.read().unwrap().is_empty());
    assert!(none.write().unwrap().is_empty());
    assert_eq!(*RwLock::<[i32]>::zeroed(1000).unwrap().read().unwrap(), [0; 1000]);
}

/// Asserts that a reader gets in by every verb, and no writer does.
fn only_readers_get_in(shared: &RwLock<u64>) {
    assert!(shared.read().is_ok());
    assert!(shared.try_read().is_ok());
    assert!(shared.read_timeout(SOON).is_ok());
    assert!(shared.read_until(Instant::now() + SOON).is_ok());
    assert!(matches!(shared.try_write(), Err(TryLockError::WouldBlock)));
    assert!(matches!(shared.write_timeout(SOON), Err(TimedLockError::TimedOut)));
    assert!(matches!(shared.write_until(Instant::now() + SOON), Err(TimedLockError::TimedOut)));
    // Nobody waits any more.
    assert!(shared.try_read().is_ok());
}

/// Asserts that nobody gets in by a verb that does not wait for ever.
fn nobody_gets_in(shared: &RwLock<u64>) {
    assert!(matches!(shared.try_read(), Err(TryLockError::WouldBlock)));
    assert!(matches!(shared.read_timeout(SOON), Err(TimedLockError::TimedOut)));
    assert!(matches!(shared.read_until(Instant::now() + SOON), Err(TimedLockError::TimedOut)));
    assert!(matches!(shared.try_write(), Err(TryLockError::WouldBlock)));
    assert!(matches!(shared.write_timeout(Duration::ZERO), Err(TimedLockError::TimedOut)));
    assert!(matches!(shared.write_until(Instant::now() + SOON), Err(TimedLockError::TimedOut)));
}

#[test]
fn reader_lets_other_threads_and_processes_read_only() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let guard = shared.read().unwrap();
    thread::scope(|s| drop(s.spawn(|| only_readers_get_in(&shared))));
    scope(|s| drop(s.spawn(|| only_readers_get_in(&shared)).unwrap())).unwrap();
    drop(guard);
    assert!(shared.try_write().is_ok());
}

#[test]
fn writer_lets_no_other_thread_or_process_in() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let guard = shared.write().unwrap();
    thread::scope(|s| drop(s.spawn(|| nobody_gets_in(&shared))));
    scope(|s| drop(s.spawn(|| nobody_gets_in(&shared)).unwrap())).unwrap();
    drop(guard);
    assert!(shared.try_read().is_ok());
    assert!(shared.try_write().is_ok());
}

#[test]
fn writer_that_locks_again_gets_an_error() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let mut guard = shared.write().unwrap();
    assert!(matches!(shared.write(), Err(LockError::WouldDeadlock)));
    assert!(matches!(shared.read(), Err(LockError::WouldDeadlock)));
    assert!(matches!(shared.try_write(), Err(TryLockError::WouldDeadlock)));
    assert!(matches!(shared.try_read(), Err(TryLockError::WouldDeadlock)));
    assert!(matches!(shared.write_timeout(SOON), Err(TimedLockError::WouldDeadlock)));
    assert!(matches!(shared.read_timeout(SOON), Err(TimedLockError::WouldDeadlock)));
    *guard = 1;
    drop(guard);
    assert_eq!(*shared.read().unwrap(), 1);
}

#[test]
fn reader_may_read_again_while_nobody_waits_to_write() {
    let shared = RwLock::new(1_u64).unwrap();
    let first = shared.read().unwrap();
    let second = shared.read().unwrap();
    drop(first);
    assert_eq!(*second, 1);
}

#[test]
fn waiting_writer_keeps_new_readers_out() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    thread::scope(|s| {
        let guard = shared.read().unwrap();
        let writer = s.spawn(|| *shared.write().unwrap() = 1);
        wait_until(|| matches!(shared.try_read(), Err(TryLockError::WouldBlock)));
        assert!(matches!(shared.read_timeout(SOON), Err(TimedLockError::TimedOut)));
        assert_eq!(*guard, 0);
        drop(guard);
        writer.join().unwrap();
    });
    assert_eq!(*shared.read().unwrap(), 1);
}

#[test]
fn writer_that_gave_up_lets_in_the_readers_that_waited_behind_it() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let guard = shared.read().unwrap();
    thread::scope(|s| {
        let gives_up = || {
            let result = shared.write_timeout(Duration::from_millis(300));
            assert!(matches!(result, Err(TimedLockError::TimedOut)));
        };
        let writer = s.spawn(gives_up);
        wait_until(|| writer.is_finished() || matches!(shared.try_read(), Err(TryLockError::WouldBlock)));
        for _ in 0..3 {
            s.spawn(|| drop(shared.read().unwrap()));
        }
    });
    drop(guard);
}

#[test]
fn sleeping_readers_are_all_let_in_when_the_writer_leaves() {
    let _watchdog = Watchdog::start();
    let (shared, inside) = (RwLock::new(0_u64).unwrap(), stage());
    scope(|s| {
        let mut guard = shared.write().unwrap();
        for _ in 0..4 {
            let enter = || {
                let guard = shared.read().unwrap();
                inside.fetch_add(1);
                wait_until(|| inside.get() == 4);
                assert_eq!(*guard, 1);
            };
            s.spawn(enter).unwrap();
        }
        thread::sleep(SOON);
        *guard = 1;
    })
    .unwrap();
}

#[test]
fn downgraded_writer_reads_together_with_others() {
    let _watchdog = Watchdog::start();
    let (shared, waiting) = (RwLock::new(0_u64).unwrap(), stage());
    scope(|s| {
        let mut guard = shared.write().unwrap();
        let add = || {
            waiting.set(1);
            *shared.write().unwrap() += 1;
        };
        let writer = s.spawn(add).unwrap();
        wait_until(|| waiting.get() == 1);
        *guard = 1;
        let guard = RwLockWriteGuard::downgrade(guard);
        assert!(matches!(shared.try_write(), Err(TryLockError::WouldBlock)));
        assert_eq!(*guard, 1);
        drop(guard);
        writer.join().unwrap();
    })
    .unwrap();
    let guard = RwLockWriteGuard::downgrade(shared.write().unwrap());
    only_readers_get_in(&shared);
    assert_eq!(*guard, 2);
}

#[test]
fn child_does_not_read_because_its_parent_does() {
    let _watchdog = Watchdog::start();
    let (shared, tried) = (RwLock::new(0_u64).unwrap(), stage());
    let guard = shared.read().unwrap();
    let child = Process::spawn({
        let (shared, tried) = (shared.clone(), tried.clone());
        move || {
            assert!(matches!(shared.try_write(), Err(TryLockError::WouldBlock)));
            tried.set(1);
            *shared.write().unwrap() = 5;
        }
    })
    .unwrap();
    wait_until(|| tried.get() == 1);
    assert_eq!(*guard, 0);
    drop(guard);
    child.join().unwrap();
    assert_eq!(*shared.read().unwrap(), 5);
}

/// Drops `guard` in a fork of other code, and returns when that is gone.
fn drop_in_a_foreign_fork<G>(guard: &mut Option<G>) {
    // SAFETY: the child drops its copy, which changes nothing, and ends without returning.
    match unsafe { sys::fork() }.unwrap() {
        Forked::Child => {
            drop(guard.take());
            sys::exit_now(0);
        }
        Forked::Parent { pid } => {
            PidFd::of_child(pid).unwrap().reap().unwrap();
        }
    }
}

#[test]
fn copies_of_guards_that_a_foreign_fork_drops_release_nothing() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let mut reading = Some(shared.read().unwrap());
    drop_in_a_foreign_fork(&mut reading);
    assert!(matches!(shared.try_write(), Err(TryLockError::WouldBlock)));
    drop(reading);
    let mut writing = Some(shared.write().unwrap());
    drop_in_a_foreign_fork(&mut writing);
    thread::scope(|s| {
        s.spawn(|| assert!(matches!(shared.try_read(), Err(TryLockError::WouldBlock))));
    });
    drop(writing);
    let mut downgraded = Some(shared.write().unwrap());
    // SAFETY: the child downgrades its copy, which changes nothing, drops it, and ends without returning.
    match unsafe { sys::fork() }.unwrap() {
        Forked::Child => {
            drop(downgraded.take().map(RwLockWriteGuard::downgrade));
            sys::exit_now(0);
        }
        Forked::Parent { pid } => {
            PidFd::of_child(pid).unwrap().reap().unwrap();
        }
    }
    thread::scope(|s| {
        s.spawn(|| assert!(matches!(shared.try_read(), Err(TryLockError::WouldBlock))));
    });
    drop(downgraded);
    assert!(shared.try_write().is_ok());
}

#[test]
fn guard_that_a_thread_forgot_stays() {
    let shared = RwLock::new(0_u64).unwrap();
    thread::scope(|s| {
        s.spawn(|| mem::forget(shared.read().unwrap()));
    });
    only_readers_get_in(&shared);
    assert!(!shared.is_poisoned());
}

#[test]
fn lock_travels_in_messages_both_ways() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::from_slice(&[1_u64, 2]).unwrap();
    let child = Process::spawn_with(shared.clone(), |shared| {
        shared.write().unwrap()[0] = 10;
        let own = RwLock::new(3_i32).unwrap();
        (own, shared)
    })
    .unwrap();
    let (own, same) = child.join().unwrap();
    assert_eq!(*own.read().unwrap(), 3);
    assert_eq!(*same.read().unwrap(), [10, 2]);
    same.write().unwrap()[1] = 20;
    assert_eq!(*shared.read().unwrap(), [10, 20]);
}

#[test]
fn lock_shows_its_data_unless_somebody_writes() {
    let shared = RwLock::new(5_u8).unwrap();
    assert_eq!(format!("{shared:?}"), "RwLock { data: 5, poisoned: false, .. }");
    let reading = shared.read().unwrap();
    assert_eq!(format!("{shared:?} {reading:?} {reading}"), "RwLock { data: 5, poisoned: false, .. } 5 5");
    drop(reading);
    let writing = shared.write().unwrap();
    assert_eq!(
        format!("{shared:?} {writing:?} {writing}"),
        "RwLock { data: <locked>, poisoned: false, .. } 5 5"
    );
}

#[test]
fn lock_is_to_threads_what_that_of_std_is() {
    const fn goes_anywhere<H: Send + Sync + Clone>() {}
    const fn is_shared<G: Sync>() {}
    const {
        goes_anywhere::<RwLock<u64>>();
        goes_anywhere::<RwLock<[f64]>>();
        is_shared::<crate::sync::RwLockReadGuard<'_, u64>>();
        is_shared::<RwLockWriteGuard<'_, [u64]>>();
    }
}
