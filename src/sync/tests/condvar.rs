//! Condition variables: who is woken, by whom, and who is not.
//!
//! A death wakes the waiters of all condition variables, so what counts wakes runs alone.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use super::{Watchdog, alone, stage, wait_until};
use crate::message::tests::{decode, encode, round_trip};
use crate::process::{Process, scope};
use crate::sync::{Barrier, Condvar, Event, LockError, Mutex};
use crate::value::Value;

const SOON: Duration = Duration::from_millis(20);
/// So long that a wait which ends did not end by that.
const LONG: Duration = Duration::from_secs(600);

/// A condition variable, and what it is about: how many have come to wait, and how many have woken.
#[derive(Clone)]
struct Hall {
    counts: Mutex<[u32; 2]>,
    bell: Condvar,
}

impl Hall {
    fn new() -> Self {
        Self { counts: Mutex::new([0, 0]).unwrap(), bell: Condvar::new().unwrap() }
    }

    /// Waits once, whatever for.
    fn stay(&self) {
        let mut counts = self.counts.lock().unwrap();
        counts[0] += 1;
        self.bell.wait(counts).unwrap()[1] += 1;
    }

    fn woken(&self) -> u32 {
        self.counts.lock().unwrap()[1]
    }

    fn await_waiters(&self, count: u32) {
        wait_until(|| self.counts.lock().unwrap()[0] == count);
    }

    /// So many, and no more for a while.
    fn expect_woken(&self, count: u32) {
        wait_until(|| self.woken() >= count);
        thread::sleep(SOON);
        assert_eq!(self.woken(), count);
    }
}

#[test]
fn as_many_are_woken_as_were_notified_in_processes_and_threads() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let hall = Hall::new();
        scope(|s| {
            thread::scope(|t| {
                (0..3).for_each(|_| drop(s.spawn(|| hall.stay()).unwrap()));
                (0..3).for_each(|_| drop(t.spawn(|| hall.stay())));
                hall.await_waiters(6);
                hall.expect_woken(0);
                hall.bell.notify(0);
                hall.expect_woken(0);
                hall.bell.notify_one();
                hall.expect_woken(1);
                hall.bell.notify(2);
                hall.expect_woken(3);
                hall.bell.notify(1000);
                hall.expect_woken(6);
            });
        })
        .unwrap();
        hall.bell.notify_all();
    });
}

#[test]
fn notification_is_not_kept_for_later() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let hall = Hall::new();
        hall.bell.notify_one();
        hall.bell.notify_all();
        let (_, result) = hall.bell.wait_timeout(hall.counts.lock().unwrap(), SOON).unwrap();
        assert!(result.timed_out());
    });
}

#[test]
fn notify_all_wakes_all() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let hall = Hall::new();
        scope(|s| {
            (0..5).for_each(|_| drop(s.spawn(|| hall.stay()).unwrap()));
            hall.await_waiters(5);
            hall.bell.notify_all();
            hall.expect_woken(5);
        })
        .unwrap();
    });
}

#[test]
fn notification_under_the_mutex_reaches_who_waits() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let hall = Hall::new();
        scope(|s| {
            s.spawn(|| hall.stay()).unwrap();
            hall.await_waiters(1);
            let counts = hall.counts.lock().unwrap();
            hall.bell.notify_one();
            thread::sleep(SOON);
            assert_eq!(counts[1], 0, "the mutex is held");
            drop(counts);
            hall.expect_woken(1);
        })
        .unwrap();
    });
}

#[test]
fn wait_while_ends_when_the_condition_does() {
    let _watchdog = Watchdog::start();
    let (state, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
    scope(|s| {
        let child = s
            .spawn(|| {
                let guard = changed.wait_while(state.lock().unwrap(), |state| *state < 4).unwrap();
                *guard
            })
            .unwrap();
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(5));
            *state.lock().unwrap() += 1;
            changed.notify_one();
        }
        assert_eq!(child.join().unwrap(), 4);
    })
    .unwrap();
    // It does not wait at all where there is nothing to wait for.
    assert_eq!(*changed.wait_while(state.lock().unwrap(), |_| false).unwrap(), 4);
}

#[test]
fn wait_with_a_limit_ends_then_and_says_so() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let (state, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
        let begin = Instant::now();
        let (guard, result) = changed.wait_timeout(state.lock().unwrap(), SOON).unwrap();
        assert!(result.timed_out() && begin.elapsed() >= SOON);
        let (guard, result) = changed.wait_until(guard, Instant::now() + SOON).unwrap();
        assert!(result.timed_out() && begin.elapsed() >= 2 * SOON);
        let (guard, result) = changed.wait_timeout_while(guard, SOON, |_| true).unwrap();
        assert!(result.timed_out() && begin.elapsed() >= 3 * SOON);
        let (guard, result) = changed.wait_until_while(guard, Instant::now() + SOON, |_| true).unwrap();
        assert!(result.timed_out() && begin.elapsed() >= 4 * SOON);
        let (guard, result) = changed.wait_timeout(guard, Duration::ZERO).unwrap();
        assert!(result.timed_out());
        // The condition is what counts.
        let (_, result) = changed.wait_timeout_while(guard, Duration::ZERO, |_| false).unwrap();
        assert!(!result.timed_out());
    });
}

#[test]
fn wait_with_a_limit_that_is_notified_is_not_out_of_time() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let (state, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
        scope(|s| {
            let guard = state.lock().unwrap();
            s.spawn(|| {
                *state.lock().unwrap() = 1;
                changed.notify_one();
            })
            .unwrap();
            let (guard, result) = changed.wait_timeout(guard, LONG).unwrap();
            assert!(!result.timed_out() && *guard == 1);
            drop(guard);
            s.spawn(|| {
                *state.lock().unwrap() = 2;
                changed.notify_all();
            })
            .unwrap();
            let (guard, result) =
                changed.wait_timeout_while(state.lock().unwrap(), LONG, |state| *state < 2).unwrap();
            assert!(!result.timed_out() && *guard == 2);
        })
        .unwrap();
    });
}

#[test]
fn one_thread_out_of_time_wakes_no_other_one() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let hall = Hall::new();
        thread::scope(|t| {
            (0..2).for_each(|_| drop(t.spawn(|| hall.stay())));
            hall.await_waiters(2);
            for _ in 0..20 {
                let counts = hall.counts.lock().unwrap();
                let (_, result) = hall.bell.wait_timeout(counts, Duration::from_millis(1)).unwrap();
                assert!(result.timed_out());
            }
            hall.expect_woken(0);
            hall.bell.notify_one();
            hall.expect_woken(1);
            hall.bell.notify_one();
            hall.expect_woken(2);
        });
    });
}

#[test]
fn notification_is_not_lost_to_one_who_is_running_out_of_time() {
    let _watchdog = Watchdog::start();
    let (tokens, more) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
    let (patient, rounds) = (stage(), 300);
    scope(|s| {
        // Takes nothing: whenever it was notified, it notifies the other one.
        let hasty = || {
            while patient.get() < rounds {
                let guard = tokens.lock().unwrap();
                let (_, result) = more.wait_timeout(guard, Duration::from_micros(300)).unwrap();
                if !result.timed_out() {
                    more.notify_one();
                }
            }
        };
        s.spawn(hasty).unwrap();
        s.spawn(|| {
            for round in 1..=rounds {
                *more.wait_while(tokens.lock().unwrap(), |tokens| *tokens == 0).unwrap() -= 1;
                patient.set(round);
            }
        })
        .unwrap();
        for round in 1..=rounds {
            *tokens.lock().unwrap() += 1;
            more.notify_one();
            wait_until(|| patient.get() >= round);
        }
    })
    .unwrap();
}

#[test]
fn two_processes_hand_a_ball_over() {
    let _watchdog = Watchdog::start();
    let (turn, changed) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
    let play = |mine: u32| {
        for _ in 0..2000 {
            let mut turn = changed.wait_while(turn.lock().unwrap(), |turn| *turn % 2 != mine).unwrap();
            *turn += 1;
            drop(turn);
            changed.notify_one();
        }
    };
    scope(|s| {
        s.spawn(|| play(1)).unwrap();
        play(0);
    })
    .unwrap();
    assert_eq!(*turn.lock().unwrap(), 4000);
}

#[test]
fn queue_with_two_conditions_loses_nothing() {
    let _watchdog = Watchdog::start();
    let room = Mutex::new([0_u64; 5]).unwrap(); // how many, then up to four items
    let (filled, emptied) = (Condvar::new().unwrap(), Condvar::new().unwrap());
    let sum = Value::new(0_u64).unwrap();
    let push = |item| {
        let mut room = emptied.wait_while(room.lock().unwrap(), |room| room[0] == 4).unwrap();
        room[0] += 1;
        let last = room[0] as usize;
        room[last] = item;
        drop(room);
        filled.notify_one();
    };
    let pop = || {
        let mut room = filled.wait_while(room.lock().unwrap(), |room| room[0] == 0).unwrap();
        let item = room[room[0] as usize];
        room[0] -= 1;
        drop(room);
        emptied.notify_one();
        item
    };
    scope(|s| {
        for _ in 0..2 {
            s.spawn(|| (1..=1000).for_each(push)).unwrap();
            s.spawn(|| {
                (0..1000).for_each(|_| {
                    sum.fetch_add(pop());
                })
            })
            .unwrap();
        }
    })
    .unwrap();
    assert_eq!(sum.get(), 2 * 1000 * 1001 / 2);
}

#[test]
fn more_threads_than_there_are_berths_are_all_served() {
    let _watchdog = Watchdog::start();
    let (tokens, more) = (Mutex::new(0_u32).unwrap(), Condvar::new().unwrap());
    let waiting = AtomicU32::new(0);
    thread::scope(|t| {
        for _ in 0..80 {
            t.spawn(|| {
                let tokens = tokens.lock().unwrap();
                waiting.fetch_add(1, SeqCst);
                *more.wait_while(tokens, |tokens| *tokens == 0).unwrap() -= 1;
                waiting.fetch_sub(1, SeqCst);
            });
        }
        wait_until(|| waiting.load(SeqCst) == 80 && tokens.try_lock().is_ok());
        for left in (0..80).rev() {
            *tokens.lock().unwrap() += 1;
            // Those in the crowd are woken each time, those in a berth in turn.
            more.notify_one();
            wait_until(|| waiting.load(SeqCst) == left || *tokens.lock().unwrap() == 0);
        }
    });
}

#[test]
fn all_threads_get_their_turn() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let (state, bell) = (Mutex::new([0_u64; 3]).unwrap(), Condvar::new().unwrap());
        let (waiting, over) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|t| {
            for number in 0..3 {
                let (state, bell, waiting, over) = (&state, &bell, &waiting, &over);
                t.spawn(move || {
                    let mut turns = state.lock().unwrap();
                    while over.load(SeqCst) == 0 {
                        waiting.fetch_add(1, SeqCst);
                        turns = bell.wait(turns).unwrap();
                        waiting.fetch_sub(1, SeqCst);
                        turns[number] += 1;
                    }
                });
            }
            for _ in 0..30 {
                wait_until(|| waiting.load(SeqCst) == 3 && state.try_lock().is_ok());
                bell.notify_one();
                wait_until(|| waiting.load(SeqCst) == 2 || state.lock().unwrap().iter().sum::<u64>() > 0);
                thread::sleep(Duration::from_millis(1));
            }
            over.store(1, SeqCst);
            wait_until(|| state.try_lock().is_ok());
            let turns = *state.lock().unwrap();
            bell.notify_all();
            assert!(turns.iter().all(|turns| *turns >= 5), "{turns:?}");
        });
    });
}

#[test]
fn slices_and_several_mutexes_can_be_waited_with() {
    let _watchdog = Watchdog::start();
    let (list, number) = (Mutex::<[u8]>::zeroed(3).unwrap(), Mutex::new(0_u64).unwrap());
    let changed = Condvar::new().unwrap();
    scope(|s| {
        s.spawn(|| drop(changed.wait_while(list.lock().unwrap(), |list| list[2] == 0).unwrap())).unwrap();
        s.spawn(|| drop(changed.wait_while(number.lock().unwrap(), |number| *number == 0).unwrap())).unwrap();
        thread::sleep(SOON);
        list.lock().unwrap()[2] = 1;
        *number.lock().unwrap() = 1;
        changed.notify_all();
    })
    .unwrap();
}

#[test]
fn poison_is_met_when_the_mutex_is_locked_again() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let hall = Hall::new();
        thread::scope(|t| {
            let waiter = t.spawn(|| {
                let mut counts = hall.counts.lock().unwrap();
                counts[0] += 1;
                match hall.bell.wait(counts) {
                    Err(LockError::Poisoned(poisoned)) => poisoned.cause().pid,
                    other => panic!("{other:?}"),
                }
            });
            hall.await_waiters(1);
            let failing = t.spawn(|| {
                let _counts = hall.counts.lock().unwrap();
                hall.bell.notify_one();
                panic!("on purpose");
            });
            assert!(failing.join().is_err());
            assert_eq!(waiter.join().unwrap(), std::process::id());
        });
        let guard = hall.counts.lock().or_else(LockError::recover).unwrap();
        match hall.bell.wait_timeout(guard, SOON) {
            Err(LockError::Poisoned(poisoned)) => assert!(poisoned.into_inner().1.timed_out()),
            other => panic!("{other:?}"),
        }
        let guard = hall.counts.lock().or_else(LockError::recover).unwrap();
        assert!(hall.bell.wait_timeout_while(guard, SOON, |_| true).is_err());
    });
}

#[test]
fn handle_that_travels_is_the_same_condition_variable() {
    let _watchdog = Watchdog::start();
    alone(|| {
        let hall = Hall::new();
        let there = Process::spawn_with((hall.counts.clone(), hall.bell.clone()), |(counts, bell)| {
            Hall { counts, bell: bell.clone() }.stay();
            bell
        })
        .unwrap();
        hall.await_waiters(1);
        round_trip(hall.bell.clone()).notify_one();
        let back = there.join().unwrap();
        thread::scope(|t| {
            t.spawn(|| hall.stay());
            hall.await_waiters(2);
            back.notify_one();
        });
        assert_eq!(format!("{back:?}"), "Condvar { .. }");
    });
}

#[test]
fn block_of_something_else_is_refused() {
    let (bytes, manifest) = encode(Barrier::new(2).unwrap()).unwrap();
    assert!(decode::<Condvar>(&bytes, manifest).is_err());
    let (bytes, manifest) = encode(Condvar::new().unwrap()).unwrap();
    assert!(decode::<Event>(&bytes, manifest).is_err());
}
