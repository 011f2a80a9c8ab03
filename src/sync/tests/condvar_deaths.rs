//! Condition variables when processes die, or stop: nobody waits for a notification that a dead one owed, or took along.

#![allow(unsafe_code)] // forks as other code does

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use super::{Stopped, Watchdog, alone, is_alive, sleep_for_ever, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{Condvar, LockError, Mutex};
use crate::sys::{self, Forked, PidFd, SIGKILL};

const SOON: Duration = Duration::from_millis(20);

/// Tokens to be waited for, and how many waits there were.
#[derive(Clone)]
struct Store {
    tokens: Mutex<[u32; 2]>,
    more: Condvar,
}

impl Store {
    fn new() -> Self {
        Self { tokens: Mutex::new([0, 0]).unwrap(), more: Condvar::new().unwrap() }
    }

    /// Waits for a token, and takes it.
    fn take(&self) {
        let tokens = self.tokens.lock().or_else(LockError::recover).unwrap();
        let waiting = |tokens: &mut [u32; 2]| {
            tokens[1] += u32::from(tokens[0] == 0);
            tokens[0] == 0
        };
        let mut tokens = self.more.wait_while(tokens, waiting).or_else(LockError::recover).unwrap();
        // It was poisoned, if there is none.
        tokens[0] = tokens[0].saturating_sub(1);
    }

    fn put(&self, count: usize) {
        self.tokens.lock().or_else(LockError::recover).unwrap()[0] += count as u32;
        self.more.notify(count);
    }

    fn waits(&self) -> u32 {
        self.tokens.lock().or_else(LockError::recover).unwrap()[1]
    }
}

#[test]
fn killed_waiter_takes_no_notification_along() {
    let _watchdog = Watchdog::start();
    for doomed in 0..4 {
        let store = Store::new();
        scope(|s| {
            let mut waiters: Vec<_> = (0..4).map(|_| s.spawn(|| store.take()).unwrap()).collect();
            wait_until(|| store.waits() >= 4);
            let killed = waiters.remove(doomed);
            killed.kill().unwrap();
            // Whether the death has been noticed yet or not.
            if doomed % 2 == 0 {
                assert!(killed.join().is_err());
            }
            store.put(3);
            for waiter in waiters {
                waiter.join().unwrap();
            }
        })
        .err();
        assert_eq!(store.tokens.lock().unwrap()[0], 0);
    }
}

#[test]
fn exactly_as_many_of_the_living_are_notified() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let store = Store::new();
        let done = stage();
        scope(|s| {
            let take = || {
                store.take();
                done.fetch_add(1);
            };
            let mut waiters: Vec<_> = (0..5).map(|_| s.spawn(take).unwrap()).collect();
            wait_until(|| store.waits() >= 5);
            let killed = waiters.remove(2);
            // The death may be noticed twice, by one who waits and by the join. Nobody waits anew in between, with the mutex held.
            let held = store.tokens.lock().unwrap();
            killed.kill().unwrap();
            assert!(killed.join().is_err());
            drop(held);
            // All four have been woken by that, and wait again.
            wait_until(|| store.waits() >= 9);
            for (count, then) in [(2, 2), (1, 3), (1, 4)] {
                store.put(count);
                wait_until(|| done.get() >= then);
                thread::sleep(SOON);
                assert_eq!(done.get(), then);
            }
        })
        .err();
        let waits = store.waits();
        assert!(waits == 9, "{waits} waits: somebody was woken for nothing while all lived");
    });
}

#[test]
fn waiters_go_on_when_one_of_them_is_killed_at_any_time() {
    let _watchdog = Watchdog::start();
    let store = Store::new();
    for round in 0..40 {
        let killed = Process::<()>::spawn({
            let store = store.clone();
            move || {
                loop {
                    store.take();
                }
            }
        })
        .unwrap();
        scope(|s| {
            let living = s.spawn(|| (0..20).for_each(|_| store.take())).unwrap();
            let end = Instant::now() + Duration::from_micros(250 * round);
            while Instant::now() < end {
                store.put(1);
            }
            killed.kill().unwrap();
            // However many the killed one took.
            while living.is_alive() {
                store.put(1);
                thread::yield_now();
            }
        })
        .unwrap();
    }
}

#[test]
fn change_without_a_notification_is_found_when_its_maker_is_killed() {
    let _watchdog = Watchdog::start();
    alone(|| {
        for round in 0..40 {
            // A count, and whether that is all.
            let (state, changed) = (Mutex::new([0_u64; 2]).unwrap(), Condvar::new().unwrap());
            let child = Process::<()>::spawn({
                let (state, changed) = (state.clone(), changed.clone());
                move || {
                    loop {
                        state.lock().unwrap()[0] += 1;
                        changed.notify_one();
                    }
                }
            })
            .unwrap();
            let seen = AtomicU64::new(0);
            let lock = || state.lock().or_else(LockError::recover).unwrap();
            thread::scope(|t| {
                t.spawn(|| {
                    let mut state = lock();
                    while state[1] == 0 {
                        let news = |state: &mut [u64; 2]| state[0] == seen.load(SeqCst) && state[1] == 0;
                        state = changed.wait_while(state, news).or_else(LockError::recover).unwrap();
                        seen.store(state[0], SeqCst);
                    }
                });
                thread::sleep(Duration::from_micros(200 * round));
                child.kill().unwrap();
                assert!(child.join().is_err());
                let last = lock()[0];
                wait_until(|| seen.load(SeqCst) == last);
                lock()[1] = 1;
                changed.notify_all();
            });
        }
    });
}

#[test]
fn all_are_woken_when_one_that_was_never_here_dies_out_of_order() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let (state, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
        let waiting = stage();
        scope(|s| {
            let wait = || {
                let guard = state.lock().unwrap();
                waiting.fetch_add(1);
                drop(changed.wait_while(guard, |state| *state == 0).unwrap());
            };
            (0..3).for_each(|_| drop(s.spawn(wait).unwrap()));
            wait_until(|| waiting.get() == 3);
            s.spawn(|| -> () {
                *state.lock().unwrap() = 1;
                sys::exit_now(0)
            })
            .unwrap();
        })
        .err();
    });
}

#[test]
fn guard_in_hand_at_a_death_is_told_to_the_waiter() {
    let _watchdog = Watchdog::start();
    let (state, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
    let waiting = stage();
    let child = Process::<()>::spawn({
        let (state, waiting) = (state.clone(), waiting.clone());
        move || {
            wait_until(|| waiting.get() == 1);
            let mut guard = state.lock().unwrap();
            *guard = 7;
            waiting.set(2);
            sleep_for_ever()
        }
    })
    .unwrap();
    thread::scope(|t| {
        t.spawn(|| {
            wait_until(|| waiting.get() == 2);
            child.kill().unwrap();
        });
        let guard = state.lock().unwrap();
        waiting.set(1);
        match changed.wait_while(guard, |_| true) {
            Err(LockError::Poisoned(poisoned)) => {
                assert_eq!((poisoned.cause().pid, *poisoned.into_inner()), (child.pid(), 7));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn stopped_waiter_is_slow_and_not_dead() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let store = Store::new();
        let done = stage();
        scope(|s| {
            let take = || {
                store.take();
                done.fetch_add(1);
            };
            let [slow, _quick] = [s.spawn(take).unwrap(), s.spawn(take).unwrap()];
            wait_until(|| store.waits() >= 2);
            {
                let _stopped = Stopped::stop(slow.pid());
                // One notification each; the slow one keeps its own.
                store.put(1);
                store.put(1);
                wait_until(|| done.get() == 1);
                thread::sleep(SOON);
                assert!(is_alive(slow.pid()));
                assert_eq!(store.tokens.lock().unwrap()[0], 1);
            }
            wait_until(|| done.get() == 2);
        })
        .unwrap();
        assert_eq!(store.waits(), 2);
    });
}

#[test]
fn sleeper_finds_a_death_that_nobody_sweeps() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let (state, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
        let (grandchild, gone) = (stage(), AtomicBool::new(false));
        let child = Process::<()>::spawn({
            let (changed, grandchild) = (changed.clone(), grandchild.clone());
            move || {
                let _worker = Process::<()>::spawn(move || {
                    changed.notify_one();
                    grandchild.set(sys::pid().cast_unsigned());
                    sleep_for_ever()
                });
                sleep_for_ever()
            }
        })
        .unwrap();
        wait_until(|| grandchild.get() != 0);
        // Its parent would sweep it, and can not.
        let _stopped = Stopped::stop(child.pid());
        thread::scope(|t| {
            let waiter =
                t.spawn(|| drop(changed.wait_while(state.lock().unwrap(), |_| !gone.load(SeqCst)).unwrap()));
            thread::sleep(SOON);
            let worker = PidFd::open(grandchild.get().cast_signed()).unwrap();
            gone.store(true, SeqCst);
            worker.send_signal(SIGKILL).unwrap();
            waiter.join().unwrap();
        });
    });
}

#[test]
fn waiter_that_ends_in_order_takes_no_notification_along() {
    let _watchdog = Watchdog::start();
    alone(|| {
        for _ in 0..20 {
            let store = Store::new();
            scope(|s| {
                // Returns while one of its threads waits.
                let leaving = s
                    .spawn(|| {
                        let waiter = store.clone();
                        thread::spawn(move || waiter.take());
                        wait_until(|| store.waits() >= 1);
                    })
                    .unwrap();
                wait_until(|| store.waits() >= 1);
                let living = s.spawn(|| store.take()).unwrap();
                wait_until(|| store.waits() >= 2);
                store.put(1);
                leaving.join().unwrap();
                if living.is_alive() {
                    // The thread may have taken the token.
                    store.put(1);
                }
                living.join().unwrap();
            })
            .unwrap();
        }
    });
}

#[test]
fn copy_of_a_guard_is_locked_anew() {
    let _watchdog = Watchdog::start();
    let (state, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
    let guard = state.lock().unwrap();
    // SAFETY: the child uses what lies in shared memory, and ends without returning.
    match unsafe { sys::fork() }.unwrap() {
        Forked::Child => {
            let mut guard = changed.wait(guard).unwrap();
            *guard += 1;
            drop(guard);
            sys::exit_now(0);
        }
        Forked::Parent { pid } => {
            let mut guard = guard;
            thread::sleep(SOON);
            *guard += 1;
            drop(guard);
            let child = PidFd::of_child(pid).unwrap();
            assert!(matches!(child.reap().unwrap(), sys::ExitStatus::Exited(0)));
        }
    }
    assert_eq!(*state.lock().unwrap(), 2);
}
