//! The mutex when its holder dies: who hears of it, who waits for whom, and who may not be robbed.

#![allow(unsafe_code)] // forks as other code does

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::{SPAWNED, Stopped, Watchdog, is_alive, sleep_for_ever, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{Cause, CauseKind, LockError, Mutex, MutexGuard, TimedLockError, TryLockError};
use crate::sys::tests::outlive_the_parent;
use crate::sys::{self, Forked, PidFd};
use crate::value::Value;

const SOON: Duration = Duration::from_millis(20);

/// A process that has taken the lock, written 7, and does not end.
fn holder(shared: &Mutex<u64>) -> Process<()> {
    let (held, shared) = (stage(), shared.clone());
    let told = held.clone();
    let child = Process::spawn(move || {
        let mut guard = shared.lock().expect("free and whole");
        *guard = 7;
        told.set(1);
        sleep_for_ever()
    });
    wait_until(|| held.get() == 1);
    child.expect("spawn")
}

/// The guard that came with a warning, and the warning.
fn poisoned<G>(result: Result<G, LockError<G>>) -> (G, Cause) {
    match result {
        Err(LockError::Poisoned(poisoned)) => {
            let cause = poisoned.cause();
            (poisoned.into_inner(), cause)
        }
        Err(LockError::WouldDeadlock) => panic!("this thread holds it"),
        Ok(_) => panic!("nobody says that the holder failed"),
    }
}

#[test]
fn next_locker_hears_of_a_killed_holder_and_has_the_data() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = holder(&shared);
    assert!(!shared.is_poisoned());
    let pid = child.pid();
    child.kill().unwrap();
    let (guard, cause) = poisoned(shared.lock());
    assert_eq!((*guard, cause), (7, Cause { pid, kind: CauseKind::Died }));
    drop(guard);
    // It stays so for everybody, until somebody clears it.
    assert_eq!(poisoned(shared.lock()).1, cause);
    assert_eq!(shared.poison_cause(), Some(cause));
    assert!(matches!(shared.try_lock(), Err(TryLockError::Poisoned(_))));
    assert!(matches!(shared.lock_timeout(SOON), Err(TimedLockError::Poisoned(_))));
    shared.clear_poison();
    assert!(!shared.is_poisoned());
    assert_eq!(*shared.lock().unwrap(), 7);
}

#[test]
fn sleeper_hears_of_a_killed_holder() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = holder(&shared);
    thread::scope(|s| {
        let sleeper = s.spawn(|| poisoned(shared.lock()).1.pid);
        thread::sleep(SOON);
        child.kill().unwrap();
        assert_eq!(sleeper.join().unwrap(), child.pid());
    });
}

#[test]
fn next_locker_hears_of_a_holder_that_panicked() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = Process::<()>::spawn({
        let shared = shared.clone();
        move || {
            let mut guard = shared.lock().unwrap();
            *guard = 8;
            panic!("on purpose");
        }
    })
    .unwrap();
    let pid = child.pid();
    assert!(child.join().is_err());
    let (guard, cause) = poisoned(shared.lock());
    assert_eq!((*guard, cause), (8, Cause { pid, kind: CauseKind::Panicked }));
}

#[test]
fn holder_that_panics_in_this_process_is_heard_of_too() {
    let shared = Mutex::new(0_u64).unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _guard = shared.lock().unwrap();
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    let own = Cause { pid: std::process::id(), kind: CauseKind::Panicked };
    assert_eq!(poisoned(shared.lock()).1, own);
}

#[test]
fn guard_taken_and_dropped_by_a_destructor_of_a_panic_poisons_nothing() {
    struct Locks<'a>(&'a Mutex<u64>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let shared = Mutex::new(0_u64).unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _locks = Locks(&shared);
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    assert_eq!(*shared.lock().unwrap(), 1);
}

#[test]
fn next_locker_hears_of_a_holder_that_forgot_its_guard_and_ended() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = Process::spawn({
        let shared = shared.clone();
        move || {
            let mut guard = shared.lock().unwrap();
            *guard = 9;
            mem::forget(guard);
        }
    })
    .unwrap();
    let pid = child.pid();
    child.join().unwrap();
    let (guard, cause) = poisoned(shared.lock());
    assert_eq!((*guard, cause), (9, Cause { pid, kind: CauseKind::Died }));
}

#[test]
fn lock_that_a_thread_forgot_stays_held() {
    let shared = Mutex::new(0_u64).unwrap();
    thread::scope(|s| {
        s.spawn(|| mem::forget(shared.lock().unwrap()));
    });
    assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(matches!(shared.lock_timeout(SOON), Err(TimedLockError::TimedOut)));
    assert!(!shared.is_poisoned());
}

#[test]
fn child_that_ends_well_with_a_guard_alive_in_its_frame_has_released_it() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = Process::spawn({
        let shared = shared.clone();
        move || {
            let _guard = shared.lock().unwrap();
        }
    });
    child.unwrap().join().unwrap();
    assert!(shared.lock().is_ok());
}

#[test]
fn seven_waiters_are_served_though_the_eighth_is_killed() {
    let _watchdog = Watchdog::start();
    let (shared, waiting) = (Mutex::new(0_u64).unwrap(), stage());
    for doomed in [0, 3, 7] {
        waiting.set(0);
        scope(|s| {
            let guard = shared.lock().unwrap();
            let wait = || {
                waiting.fetch_add(1);
                *shared.lock().unwrap() += 1;
            };
            let mut waiters: Vec<_> = (0..8).map(|_| s.spawn(wait).unwrap()).collect();
            wait_until(|| waiting.get() == 8);
            thread::sleep(SOON);
            let killed = waiters.remove(doomed);
            killed.kill().unwrap();
            assert!(killed.join().is_err());
            drop(guard);
            for waiter in waiters {
                waiter.join().unwrap();
            }
        })
        .unwrap();
        assert!(!shared.is_poisoned(), "who only waited harms nobody");
        assert_eq!(mem::take(&mut *shared.lock().unwrap()), 7);
    }
}

#[test]
fn waiter_killed_at_any_time_costs_nobody_the_lock() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    for round in 0..30 {
        let killed = Process::<()>::spawn({
            let shared = shared.clone();
            move || {
                loop {
                    *shared.lock().unwrap_or_else(|error| error.recover().unwrap()) += 1;
                }
            }
        })
        .unwrap();
        let before = Instant::now();
        while before.elapsed() < Duration::from_micros(300 * round) {
            *shared.lock().unwrap_or_else(|error| error.recover().unwrap()) += 1;
        }
        killed.kill().unwrap();
        *shared.lock().unwrap_or_else(|error| error.recover().unwrap()) += 1;
    }
}

#[test]
fn copy_of_a_guard_that_a_foreign_fork_drops_releases_nothing() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let guard = shared.lock().unwrap();
    // SAFETY: the child drops its copy, which changes nothing, and ends without returning.
    match unsafe { sys::fork() }.unwrap() {
        Forked::Child => {
            drop(guard);
            sys::exit_now(0);
        }
        Forked::Parent { pid } => {
            PidFd::of_child(pid).unwrap().reap().unwrap();
        }
    }
    thread::scope(|s| {
        s.spawn(|| assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock))));
    });
    drop(guard);
    assert!(shared.lock().is_ok());
}

#[test]
fn trying_again_and_again_finds_a_dead_holder() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = holder(&shared);
    assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock)));
    child.kill().unwrap();
    let mut found = None;
    wait_until(|| {
        found = match shared.try_lock() {
            Err(TryLockError::Poisoned(poisoned)) => Some((**poisoned.get_ref(), poisoned.cause().pid)),
            Err(TryLockError::WouldBlock) => None,
            other => panic!("{other:?}"),
        };
        found.is_some()
    });
    assert_eq!(found, Some((7, child.pid())));
}

#[test]
fn stopped_holder_is_never_robbed() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = holder(&shared);
    {
        let _stopped = Stopped::stop(child.pid());
        // Several naps, after each of which a waiter looks.
        assert!(matches!(shared.lock_timeout(Duration::from_millis(300)), Err(TimedLockError::TimedOut)));
        for _ in 0..20 {
            assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock)));
            thread::sleep(Duration::from_millis(5));
        }
        assert!(!shared.is_poisoned());
    }
    assert!(child.is_alive());
    child.kill().unwrap();
    assert_eq!(poisoned(shared.lock()).1.pid, child.pid());
}

#[test]
fn holder_killed_while_it_is_stopped_is_dead() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let child = holder(&shared);
    let _stopped = Stopped::stop(child.pid());
    child.kill().unwrap();
    assert_eq!(poisoned(shared.lock()).1.pid, child.pid());
}

/// Writes to `word` for a third of a second after the parent of this process died.
fn write_on(word: &mut u64, writing: &Value<u32>) -> ! {
    wait_until(|| writing.get() == SPAWNED);
    outlive_the_parent();
    let parent = sys::parent_pid();
    writing.set(sys::pid().cast_unsigned());
    let mut rest = 300;
    while rest > 0 {
        for _ in 0..1000 {
            *word = std::hint::black_box(*word + 1);
        }
        thread::sleep(Duration::from_millis(1));
        if sys::parent_pid() != parent {
            rest -= 1;
        }
    }
    sys::exit_now(0)
}

/// Takes the lock, lends what it guards to a child that outlives it; killed when that one writes.
fn kill_the_holder_while_others_write(shared: &Mutex<u64>) -> (Process<()>, u32) {
    let (writing, shared) = (stage(), shared.clone());
    let child = Process::<()>::spawn({
        let writing = writing.clone();
        move || {
            let mut guard = shared.lock().expect("free and whole");
            let word = &mut *guard;
            let _ = scope(|s| {
                let lend = || -> () { write_on(word, &writing) };
                drop(s.spawn(lend));
                writing.set(SPAWNED);
            });
        }
    })
    .unwrap();
    wait_until(|| ![0, SPAWNED].contains(&writing.get()));
    child.kill().unwrap();
    (child, writing.get())
}

/// Panics if anybody else writes to what the guard guards.
#[track_caller]
fn assert_ours_alone(mut guard: MutexGuard<'_, u64>, writer: u32) {
    assert!(!is_alive(writer), "process {writer} may write still");
    *guard = 1;
    thread::sleep(Duration::from_millis(50));
    assert_eq!(std::hint::black_box(*guard), 1, "somebody still writes");
}

#[test]
fn next_locker_waits_for_those_whom_a_killed_holder_lent_the_data() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let (child, writer) = kill_the_holder_while_others_write(&shared);
    let pid = child.pid();
    let (guard, cause) = poisoned(shared.lock());
    assert_eq!(cause, Cause { pid, kind: CauseKind::Died });
    assert_ours_alone(guard, writer);
}

#[test]
fn nobody_who_only_tries_gets_what_a_killed_holder_lent() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let (_child, writer) = kill_the_holder_while_others_write(&shared);
    loop {
        match shared.try_lock() {
            Err(TryLockError::Poisoned(poisoned)) => {
                return assert_ours_alone(poisoned.into_inner(), writer);
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn fork_of_the_programs_own_that_outlives_the_holder_keeps_nobody_out_itself_included() {
    let _watchdog = Watchdog::start();
    let (shared, locked, fork) = (Mutex::new(0_u64).unwrap(), stage(), stage());
    let child = Process::<()>::spawn({
        let (shared, locked, fork) = (shared.clone(), locked.clone(), fork.clone());
        move || {
            let guard = shared.lock().expect("free and whole");
            // SAFETY: the child does not touch its copy of the guard, locks, and ends without returning.
            if let Ok(Forked::Child) = unsafe { sys::fork() } {
                fork.set(sys::pid().cast_unsigned());
                locked.set(1);
                std::mem::forget(shared.lock());
                locked.set(2);
                std::mem::forget(guard);
                sleep_for_ever();
            }
            sleep_for_ever()
        }
    });
    let child = child.unwrap();
    wait_until(|| locked.get() == 1);
    child.kill().unwrap();
    wait_until(|| locked.get() == 2);
    assert!(matches!(shared.lock_timeout(Duration::from_millis(100)), Err(TimedLockError::TimedOut)));
    PidFd::open(fork.get().cast_signed()).unwrap().send_signal(sys::SIGKILL).unwrap();
    assert!(shared.lock().is_err_and(|error| error.cause().is_some()));
}
