//! The readers-writer lock when somebody dies: who goes on, who hears of it, and who may not be robbed.

#![allow(unsafe_code)] // forks as other code does

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use super::{SPAWNED, Stopped, Watchdog, is_alive, sleep_for_ever, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{Cause, CauseKind, LockError, RwLock, RwLockWriteGuard, TimedLockError, TryLockError};
use crate::sys;
use crate::sys::tests::outlive_the_parent;
use crate::value::Value;

const SOON: Duration = Duration::from_millis(20);

/// A process that runs `body`, which says 1 when it holds what it is to hold.
fn holder(shared: &RwLock<u64>, body: fn(&RwLock<u64>, &dyn Fn())) -> Process<()> {
    let (held, shared) = (stage(), shared.clone());
    let told = held.clone();
    let child = Process::spawn(move || body(&shared, &|| told.set(1)));
    wait_until(|| held.get() == 1);
    child.expect("spawn")
}

/// A process that reads, and does not end.
fn reader(shared: &RwLock<u64>) -> Process<()> {
    holder(shared, |shared, tell| {
        let _guard = shared.read().unwrap();
        tell();
        sleep_for_ever()
    })
}

/// A process that has begun to write, has written 7, and does not end.
fn writer(shared: &RwLock<u64>) -> Process<()> {
    holder(shared, |shared, tell| {
        let mut guard = shared.write().unwrap();
        *guard = 7;
        tell();
        sleep_for_ever()
    })
}

/// The guard that came with a warning, and the warning.
fn poisoned<G>(result: Result<G, LockError<G>>) -> (G, Cause) {
    match result {
        Err(LockError::Poisoned(poisoned)) => {
            let cause = poisoned.cause();
            (poisoned.into_inner(), cause)
        }
        Err(LockError::WouldDeadlock) => panic!("this thread writes"),
        Ok(_) => panic!("nobody says that the writer failed"),
    }
}

#[test]
fn writer_goes_on_when_a_reader_is_killed() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = reader(&shared);
    assert!(matches!(shared.try_write(), Err(TryLockError::WouldBlock)));
    child.kill().unwrap();
    *shared.write().unwrap() = 1;
    assert!(!shared.is_poisoned());
    assert_eq!(*shared.read().unwrap(), 1);
}

#[test]
fn sleeping_writer_goes_on_when_the_last_reader_is_killed() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let children = [reader(&shared), reader(&shared)];
    thread::scope(|s| {
        let writer = s.spawn(|| *shared.write().unwrap() = 1);
        wait_until(|| matches!(shared.try_read(), Err(TryLockError::WouldBlock)));
        thread::sleep(SOON);
        for child in &children {
            assert!(!writer.is_finished());
            child.kill().unwrap();
        }
        writer.join().unwrap();
    });
    assert!(shared.read().is_ok());
}

#[test]
fn trying_again_and_again_finds_a_dead_reader() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = reader(&shared);
    child.kill().unwrap();
    wait_until(|| match shared.try_write() {
        Ok(_) => true,
        Err(TryLockError::WouldBlock) => false,
        other => panic!("{other:?}"),
    });
    assert!(!shared.is_poisoned());
}

#[test]
fn next_reader_and_next_writer_hear_of_a_killed_writer() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = writer(&shared);
    assert!(!shared.is_poisoned());
    let pid = child.pid();
    child.kill().unwrap();
    let (guard, cause) = poisoned(shared.read());
    assert_eq!((*guard, cause), (7, Cause { pid, kind: CauseKind::Died }));
    // Others read, too, and hear of it as well.
    assert!(matches!(shared.try_read(), Err(TryLockError::Poisoned(_))));
    assert!(matches!(shared.read_timeout(SOON), Err(TimedLockError::Poisoned(_))));
    drop(guard);
    let (mut guard, cause) = poisoned(shared.write());
    assert_eq!((*guard, cause.pid), (7, pid));
    *guard = 8;
    drop(guard);
    assert!(matches!(shared.try_write(), Err(TryLockError::Poisoned(_))));
    assert!(matches!(shared.write_timeout(SOON), Err(TimedLockError::Poisoned(_))));
    assert_eq!(shared.poison_cause(), Some(cause));
    shared.clear_poison();
    assert_eq!(*shared.read().unwrap(), 8);
    assert!(shared.write().is_ok());
}

#[test]
fn next_writer_hears_of_a_killed_writer_first() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = writer(&shared);
    child.kill().unwrap();
    let (guard, cause) = poisoned(shared.write());
    assert_eq!((*guard, cause.pid), (7, child.pid()));
}

#[test]
fn trying_again_and_again_finds_a_dead_writer() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = writer(&shared);
    child.kill().unwrap();
    let mut found = None;
    wait_until(|| {
        found = match shared.try_read() {
            Err(TryLockError::Poisoned(poisoned)) => Some((**poisoned.get_ref(), poisoned.cause().pid)),
            Err(TryLockError::WouldBlock) => None,
            other => panic!("{other:?}"),
        };
        found.is_some()
    });
    assert_eq!(found, Some((7, child.pid())));
}

#[test]
fn sleeping_readers_all_hear_of_a_killed_writer() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = writer(&shared);
    thread::scope(|s| {
        let sleepers: Vec<_> = (0..3).map(|_| s.spawn(|| poisoned(shared.read()).1.pid)).collect();
        thread::sleep(SOON);
        child.kill().unwrap();
        for sleeper in sleepers {
            assert_eq!(sleeper.join().unwrap(), child.pid());
        }
    });
}

#[test]
fn writer_killed_while_it_waits_for_readers_poisons_nothing() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(3_u64).unwrap();
    let guard = shared.read().unwrap();
    let child = Process::<()>::spawn({
        let shared = shared.clone();
        move || {
            *shared.write().unwrap() = 4;
        }
    })
    .unwrap();
    wait_until(|| matches!(shared.try_read(), Err(TryLockError::WouldBlock)));
    child.kill().unwrap();
    // Whoever comes next recovers the lock while this reader is in.
    thread::scope(|s| {
        s.spawn(|| assert_eq!(*shared.read().unwrap(), 3));
    });
    assert_eq!(*guard, 3);
    drop(guard);
    assert_eq!(*shared.write().unwrap(), 3);
    assert!(!shared.is_poisoned());
}

#[test]
fn only_a_writer_that_panics_is_heard_of() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let reading = catch_unwind(AssertUnwindSafe(|| {
        let _guard = shared.read().unwrap();
        panic!("on purpose");
    }));
    assert!(reading.is_err());
    assert!(shared.write().is_ok());
    let writing = catch_unwind(AssertUnwindSafe(|| {
        *shared.write().unwrap() = 1;
        let _guard = shared.write().unwrap();
        panic!("on purpose");
    }));
    assert!(writing.is_err());
    let own = Cause { pid: std::process::id(), kind: CauseKind::Panicked };
    assert_eq!(poisoned(shared.read()).1, own);
    assert_eq!(poisoned(shared.write()).1, own);
    shared.clear_poison();
    let downgraded = catch_unwind(AssertUnwindSafe(|| {
        let _guard = RwLockWriteGuard::downgrade(shared.write().unwrap());
        panic!("on purpose");
    }));
    assert!(downgraded.is_err());
    assert!(shared.write().is_ok());
}

#[test]
fn next_one_hears_of_a_writer_that_forgot_its_guard_and_ended() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = Process::spawn({
        let shared = shared.clone();
        move || {
            let mut guard = shared.write().unwrap();
            *guard = 9;
            mem::forget(guard);
        }
    })
    .unwrap();
    let pid = child.pid();
    child.join().unwrap();
    let (guard, cause) = poisoned(shared.read());
    assert_eq!((*guard, cause), (9, Cause { pid, kind: CauseKind::Died }));
}

#[test]
fn forgotten_read_guards_end_with_their_process() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    for _ in 0..3 {
        let child = Process::spawn({
            let shared = shared.clone();
            move || (0..100).for_each(|_| mem::forget(shared.read().unwrap()))
        });
        child.unwrap().join().unwrap();
        *shared.write().unwrap() += 1;
    }
    assert_eq!(*shared.read().unwrap(), 3);
}

#[test]
fn stopped_reader_is_never_robbed() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = reader(&shared);
    {
        let _stopped = Stopped::stop(child.pid());
        // Several naps, after each of which the writer looks.
        assert!(matches!(shared.write_timeout(Duration::from_millis(300)), Err(TimedLockError::TimedOut)));
        for _ in 0..20 {
            assert!(matches!(shared.try_write(), Err(TryLockError::WouldBlock)));
            assert!(shared.try_read().is_ok());
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(child.is_alive());
    child.kill().unwrap();
    assert!(shared.write().is_ok());
}

#[test]
fn stopped_writer_is_never_robbed() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let child = writer(&shared);
    {
        let _stopped = Stopped::stop(child.pid());
        assert!(matches!(shared.read_timeout(Duration::from_millis(200)), Err(TimedLockError::TimedOut)));
        assert!(matches!(shared.write_timeout(Duration::from_millis(200)), Err(TimedLockError::TimedOut)));
        assert!(!shared.is_poisoned());
    }
    assert!(child.is_alive());
    child.kill().unwrap();
    assert_eq!(poisoned(shared.read()).1.pid, child.pid());
}

#[test]
fn seven_sleeping_readers_are_let_in_though_the_eighth_is_killed() {
    let _watchdog = Watchdog::start();
    let (shared, waiting) = (RwLock::new(0_u64).unwrap(), stage());
    for doomed in [0, 3, 7] {
        waiting.set(0);
        scope(|s| {
            let guard = shared.write().unwrap();
            let wait = || {
                waiting.fetch_add(1);
                drop(shared.read().unwrap());
            };
            let mut waiters: Vec<_> = (0..8).map(|_| s.spawn(wait).unwrap()).collect();
            wait_until(|| waiting.get() == 8);
            thread::sleep(SOON);
            let killed = waiters.remove(doomed);
            killed.kill().unwrap();
            drop(guard);
            assert!(killed.join().is_err());
            for waiter in waiters {
                waiter.join().unwrap();
            }
        })
        .unwrap();
        assert!(shared.write().is_ok(), "who only waited harms nobody");
    }
}

#[test]
fn readers_and_writers_killed_at_any_time_cost_nobody_the_lock() {
    let _watchdog = Watchdog::start();
    let pair = RwLock::<[u64]>::zeroed(2).unwrap();
    for round in 0..40 {
        let killed = Process::<()>::spawn({
            let pair = pair.clone();
            move || {
                loop {
                    if round % 2 == 0 {
                        drop(pair.read().or_else(LockError::recover).unwrap());
                    } else {
                        let mut pair = pair.write().or_else(LockError::recover).unwrap();
                        pair[0] += 1;
                        pair[1] += 1;
                    }
                }
            }
        })
        .unwrap();
        for step in 0..200 * round {
            if step % 8 == 0 {
                pair.write().or_else(LockError::recover).unwrap()[0] += 0;
            } else {
                drop(pair.read().or_else(LockError::recover).unwrap());
            }
        }
        killed.kill().unwrap();
        let whole = match pair.read() {
            Ok(pair) => pair[0] == pair[1],
            Err(error) => error.cause().is_some_and(|cause| cause.pid == killed.pid()),
        };
        assert!(whole, "half of a change, and nobody says so");
        let mut repaired = pair.write().or_else(LockError::recover).unwrap();
        repaired[1] = repaired[0];
        pair.clear_poison();
    }
}

/// Reads `word` for a third of a second after the parent of this process died.
fn read_on(word: &u64, reading: &Value<u32>) -> ! {
    wait_until(|| reading.get() == SPAWNED);
    outlive_the_parent();
    let parent = sys::parent_pid();
    let first = *word;
    reading.set(sys::pid().cast_unsigned());
    let mut rest = 300;
    while rest > 0 {
        for _ in 0..1000 {
            // A writer that got in would be seen, or not: the process's number is what the test goes by.
            assert_eq!(*std::hint::black_box(word), first);
        }
        thread::sleep(Duration::from_millis(1));
        if sys::parent_pid() != parent {
            rest -= 1;
        }
    }
    sys::exit_now(0)
}

/// Reads, lends what it reads to a child that outlives it; killed when that one reads.
fn kill_the_reader_while_others_read(shared: &RwLock<u64>) -> (Process<()>, u32) {
    let (reading, shared) = (stage(), shared.clone());
    let child = Process::<()>::spawn({
        let reading = reading.clone();
        move || {
            let guard = shared.read().expect("free and whole");
            let word = &*guard;
            let _ = scope(|s| {
                let lend = || -> () { read_on(word, &reading) };
                drop(s.spawn(lend));
                reading.set(SPAWNED);
            });
        }
    })
    .unwrap();
    wait_until(|| ![0, SPAWNED].contains(&reading.get()));
    child.kill().unwrap();
    (child, reading.get())
}

#[test]
fn writer_waits_for_those_whom_a_killed_reader_lent_the_data() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let (_child, other) = kill_the_reader_while_others_read(&shared);
    let mut guard = shared.write().unwrap();
    assert!(!is_alive(other), "process {other} may read still");
    *guard = 1;
}

#[test]
fn nobody_who_only_tries_to_write_gets_what_a_killed_reader_lent() {
    let _watchdog = Watchdog::start();
    let shared = RwLock::new(0_u64).unwrap();
    let (_child, other) = kill_the_reader_while_others_read(&shared);
    loop {
        match shared.try_write() {
            Ok(_) => return assert!(!is_alive(other), "process {other} may read still"),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            other => panic!("{other:?}"),
        }
    }
}
