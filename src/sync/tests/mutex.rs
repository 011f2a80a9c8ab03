//! The mutex: what it guards, and who gets it.

#![allow(unsafe_code)] // forks as other code does

use std::mem;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::{Watchdog, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{LockError, Mutex, TimedLockError, TryLockError};
use crate::sys::{self, Forked, PidFd};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn threads_add_up() {
    let _watchdog = Watchdog::start();
    let sum = Mutex::new(0_u64).unwrap();
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..5_000).for_each(|_| *sum.lock().unwrap() += 1));
        }
    });
    assert_eq!(*sum.lock().unwrap(), 20_000);
}

#[test]
fn processes_add_up() {
    let _watchdog = Watchdog::start();
    let sum = Mutex::new(0_u64).unwrap();
    scope(|s| {
        for _ in 0..3 {
            s.spawn(|| (0..5_000).for_each(|_| *sum.lock().unwrap() += 1)).unwrap();
        }
        (0..5_000).for_each(|_| *sum.lock().unwrap() += 1);
    })
    .unwrap();
    assert_eq!(*sum.lock().unwrap(), 20_000);
}

#[test]
fn child_does_not_hold_what_its_parent_holds() {
    let _watchdog = Watchdog::start();
    let (shared, tried) = (Mutex::new(0_u64).unwrap(), stage());
    let mut guard = shared.lock().unwrap();
    let child = Process::spawn({
        let (shared, tried) = (shared.clone(), tried.clone());
        move || {
            assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock)));
            assert!(matches!(shared.lock_timeout(SOON), Err(TimedLockError::TimedOut)));
            tried.set(1);
            *shared.lock().unwrap()
        }
    })
    .unwrap();
    wait_until(|| tried.get() == 1);
    *guard = 5;
    drop(guard);
    assert_eq!(child.join().unwrap(), 5);
}

#[test]
fn child_does_not_hold_what_another_thread_of_its_parent_holds() {
    let _watchdog = Watchdog::start();
    let (shared, taken, go) = (Mutex::new(0_u64).unwrap(), stage(), stage());
    thread::scope(|s| {
        s.spawn(|| {
            let mut guard = shared.lock().unwrap();
            taken.set(1);
            wait_until(|| go.get() == 1);
            *guard = 6;
        });
        wait_until(|| taken.get() == 1);
        let child = Process::spawn({
            let (shared, go) = (shared.clone(), go.clone());
            move || {
                assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock)));
                go.set(1);
                *shared.lock().unwrap()
            }
        });
        assert_eq!(child.unwrap().join().unwrap(), 6);
    });
}

#[test]
fn foreign_fork_locks_for_itself() {
    let _watchdog = Watchdog::start();
    let (shared, seen) = (Mutex::new(1_u64).unwrap(), stage());
    // SAFETY: the child takes a lock in shared memory, stores to shared memory, and ends without returning.
    match unsafe { sys::fork() }.unwrap() {
        Forked::Child => {
            let recovered = shared.lock().or_else(LockError::recover);
            seen.set(recovered.map_or(0, |mut guard| mem::replace(&mut *guard, 2) as u32));
            sys::exit_now(0);
        }
        Forked::Parent { pid } => {
            PidFd::of_child(pid).unwrap().reap().unwrap();
        }
    }
    assert_eq!((seen.get(), *shared.lock().unwrap()), (1, 2));
}

#[test]
fn locking_twice_is_refused_and_the_lock_kept() {
    let shared = Mutex::new(0_u64).unwrap();
    let guard = shared.lock().unwrap();
    let same = shared.clone();
    assert!(matches!(same.lock(), Err(LockError::WouldDeadlock)));
    assert!(matches!(same.try_lock(), Err(TryLockError::WouldDeadlock)));
    assert!(matches!(same.lock_timeout(Duration::MAX), Err(TimedLockError::WouldDeadlock)));
    assert!(matches!(same.lock_until(Instant::now()), Err(TimedLockError::WouldDeadlock)));
    thread::scope(|s| {
        s.spawn(|| assert!(matches!(shared.try_lock(), Err(TryLockError::WouldBlock))));
    });
    drop(guard);
    assert!(same.lock().is_ok());
}

#[test]
fn timed_lockers_give_up_after_their_time_and_not_before() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let _guard = shared.lock().unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            let before = Instant::now();
            assert!(matches!(shared.lock_timeout(SOON), Err(TimedLockError::TimedOut)));
            assert!(before.elapsed() >= SOON);
            let deadline = Instant::now() + 3 * SOON;
            assert!(matches!(shared.lock_until(deadline), Err(TimedLockError::TimedOut)));
            assert!(Instant::now() >= deadline);
            assert!(matches!(shared.lock_timeout(Duration::ZERO), Err(TimedLockError::TimedOut)));
            assert!(matches!(shared.lock_until(before), Err(TimedLockError::TimedOut)));
        });
    });
}

#[test]
fn timed_locker_takes_a_free_lock_whatever_its_deadline() {
    let shared = Mutex::new(3_u64).unwrap();
    assert_eq!(*shared.lock_timeout(Duration::ZERO).unwrap(), 3);
    assert_eq!(*shared.lock_timeout(Duration::MAX).unwrap(), 3);
    assert_eq!(*shared.lock_until(Instant::now()).unwrap(), 3);
}

#[test]
fn timed_locker_gets_the_lock_when_it_comes_free_in_time() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(3_u64).unwrap();
    let guard = shared.lock().unwrap();
    thread::scope(|s| {
        let timed = s.spawn(|| *shared.lock_timeout(Duration::from_secs(3600)).unwrap());
        thread::sleep(SOON);
        drop(guard);
        assert_eq!(timed.join().unwrap(), 3);
    });
}

#[test]
fn who_gave_up_leaves_the_lock_to_the_others() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::new(0_u64).unwrap();
    let guard = shared.lock().unwrap();
    thread::scope(|s| {
        let patient: Vec<_> = (0..2).map(|_| s.spawn(|| *shared.lock().unwrap() += 1)).collect();
        let hasty: Vec<_> =
            (0..4).map(|_| s.spawn(|| assert!(shared.lock_timeout(SOON / 4).is_err()))).collect();
        hasty.into_iter().for_each(|hasty| hasty.join().unwrap());
        drop(guard);
        patient.into_iter().for_each(|patient| patient.join().unwrap());
    });
    assert_eq!(*shared.lock().unwrap(), 2);
}

#[test]
fn child_of_a_scope_writes_through_its_parents_guard() {
    let _watchdog = Watchdog::start();
    let shared = Mutex::<[u64]>::zeroed(4).unwrap();
    let mut guard = shared.lock().unwrap();
    scope(|s| {
        for (i, half) in guard.chunks_mut(2).enumerate() {
            s.spawn(move || half.fill(i as u64 + 1)).unwrap();
        }
    })
    .unwrap();
    drop(guard);
    assert_eq!(*shared.lock().unwrap(), [1, 1, 2, 2]);
}

#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(32))]
struct Station {
    readings: [f32; 6],
    id: u64,
}

#[test]
fn slices_of_any_length_and_element_are_guarded() {
    let numbers = Mutex::<[u16]>::from_slice(&[1, 2, 3]).unwrap();
    numbers.lock().unwrap()[1] = 20;
    assert_eq!(*numbers.clone().lock().unwrap(), [1, 20, 3]);
    assert_eq!(*Mutex::<[f64]>::zeroed(1000).unwrap().lock().unwrap(), [0.0; 1000]);
    let station = Station { readings: [0.5; 6], id: 9 };
    let stations = Mutex::<[Station]>::from_slice(&[station; 5]).unwrap();
    let mut guard = stations.lock().unwrap();
    assert_eq!(guard.as_ptr().addr() % 32, 0);
    guard[4].id = 10;
    assert_eq!((guard[3], guard[4].id), (station, 10));
}

#[test]
fn nothing_is_guarded_like_everything_else() {
    let empty = Mutex::<[u64]>::zeroed(0).unwrap();
    let guard = empty.lock().unwrap();
    assert!(guard.is_empty());
    assert!(matches!(empty.lock(), Err(LockError::WouldDeadlock)));
    drop(guard);
    let sizeless = Mutex::<[()]>::zeroed(5).unwrap();
    assert_eq!(sizeless.lock().unwrap().len(), 5);
    let unit = Mutex::new(()).unwrap();
    let _guard = unit.lock().unwrap();
    thread::scope(|s| {
        s.spawn(|| assert!(matches!(unit.try_lock(), Err(TryLockError::WouldBlock))));
    });
    assert!(Mutex::<[u64]>::zeroed(usize::MAX).is_err());
    assert!(Mutex::<[u64]>::zeroed(1 << 50).is_err());
}

#[test]
fn lock_is_shared_by_all_handles_and_outlives_the_first() {
    let first = Mutex::new([1_u8; 3]).unwrap();
    let second = first.clone();
    first.lock().unwrap()[0] = 2;
    drop(first);
    assert_eq!(*second.lock().unwrap(), [2, 1, 1]);
}

#[test]
fn debug_prints_the_data_unless_somebody_holds_it() {
    let shared = Mutex::new(5_u8).unwrap();
    assert_eq!(format!("{shared:?}"), "Mutex { data: 5, poisoned: false, .. }");
    let guard = shared.lock().unwrap();
    assert_eq!(format!("{guard:?} {guard}"), "5 5");
    assert_eq!(format!("{shared:?}"), "Mutex { data: <locked>, poisoned: false, .. }");
}

const fn goes_where_threads_go<H: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

const _: () = {
    goes_where_threads_go::<Mutex<u64>>();
    goes_where_threads_go::<Mutex<[Station]>>();
};

#[test]
fn errors_say_what_is_the_matter() {
    let shared = Mutex::new(5_u8).unwrap();
    let guard = shared.lock().unwrap();
    assert_eq!(shared.lock().unwrap_err().to_string(), "this thread holds the lock already");
    drop(guard);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _guard = shared.lock().unwrap();
        panic!("on purpose");
    }));
    let error = shared.lock().unwrap_err();
    let own = std::process::id();
    assert_eq!(error.to_string(), format!("poisoned lock: process {own} panicked while it held the lock"));
    assert_eq!(error.cause().map(|cause| cause.pid), Some(own));
    assert_eq!(*error.recover().unwrap(), 5);
}
