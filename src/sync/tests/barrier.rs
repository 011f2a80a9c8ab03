//! Barriers: who crosses with whom, what breaks them, and whose end does.

use std::thread;
use std::time::{Duration, Instant};

use super::{Stopped, Watchdog, sleep_for_ever, stage, wait_until};
use crate::message::tests::{decode, encode, round_trip};
use crate::process::{Process, scope};
use crate::sync::{Barrier, BarrierError, Condvar};
use crate::sys::{self, PidFd, SIGKILL};
use crate::value::Value;

const SOON: Duration = Duration::from_millis(20);
/// So long that a wait which ends did not end by that.
const LONG: Duration = Duration::from_secs(600);

#[test]
fn thousand_crossings_are_in_step_and_each_has_one_leader() {
    let _watchdog = Watchdog::start();
    let (barrier, leaders) = (Barrier::new(3).unwrap(), stage());
    let steps = Value::new(0_u64).unwrap();
    scope(|s| {
        let walk = || {
            for crossing in 1..=1000 {
                steps.fetch_add(1);
                let first = barrier.wait().unwrap();
                assert_eq!(steps.get(), 3 * crossing);
                leaders.fetch_add(u32::from(first.is_leader()));
                barrier.wait().unwrap();
                assert_eq!(leaders.get() as u64, crossing);
            }
        };
        (0..2).for_each(|_| drop(s.spawn(walk).unwrap()));
        walk();
    })
    .unwrap();
    assert_eq!((leaders.get(), barrier.waiting()), (1000, 0));
}

#[test]
fn threads_and_processes_are_parties_alike() {
    let _watchdog = Watchdog::start();
    let (barrier, leaders) = (Barrier::new(5).unwrap(), stage());
    let walk = || {
        for _ in 0..50 {
            leaders.fetch_add(u32::from(barrier.wait().unwrap().is_leader()));
        }
    };
    scope(|s| {
        s.spawn(|| {
            thread::scope(|t| {
                (0..2).for_each(|_| drop(t.spawn(walk)));
            });
        })
        .unwrap();
        thread::scope(|t| {
            (0..3).for_each(|_| drop(t.spawn(walk)));
        });
    })
    .unwrap();
    assert_eq!(leaders.get(), 50);
}

#[test]
fn one_party_or_none_waits_for_nobody() {
    for n in [0, 1] {
        let barrier = Barrier::new(n).unwrap();
        assert_eq!(barrier.parties(), 1);
        for _ in 0..3 {
            assert!(barrier.wait().unwrap().is_leader());
            assert!(barrier.wait_timeout(Duration::ZERO).unwrap().is_leader());
        }
    }
    assert_eq!(Barrier::new(65_535).unwrap().parties(), 65_535);
}

#[test]
#[should_panic(expected = "a barrier for 65536 parties")]
fn more_parties_than_can_be_counted_are_a_mistake() {
    drop(Barrier::new(65_536));
}

#[test]
fn shows_who_waits() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(3).unwrap();
    assert_eq!(format!("{barrier:?}"), "Barrier { parties: 3, waiting: 0, broken: false, .. }");
    scope(|s| {
        (0..2).for_each(|_| drop(s.spawn(|| barrier.wait().is_ok()).unwrap()));
        wait_until(|| barrier.waiting() == 2);
        assert_eq!(format!("{barrier:?}"), "Barrier { parties: 3, waiting: 2, broken: false, .. }");
        barrier.wait().unwrap();
        assert_eq!(barrier.waiting(), 0);
        barrier.abort();
        assert_eq!(format!("{barrier:?}"), "Barrier { parties: 3, waiting: 0, broken: true, .. }");
    })
    .unwrap();
}

#[test]
fn party_out_of_time_breaks_the_barrier_for_all() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(3).unwrap();
    scope(|s| {
        let patient = s.spawn(|| barrier.wait().unwrap_err() == BarrierError::Broken).unwrap();
        wait_until(|| barrier.waiting() == 1);
        let begin = Instant::now();
        assert_eq!(barrier.wait_timeout(SOON), Err(BarrierError::TimedOut));
        assert!(begin.elapsed() >= SOON);
        assert!(patient.join().unwrap());
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait_timeout(LONG), Err(BarrierError::Broken));
        barrier.reset();
        assert_eq!(barrier.wait_until(Instant::now() + SOON), Err(BarrierError::TimedOut));
        assert_eq!(barrier.wait_until(Instant::now() + LONG), Err(BarrierError::Broken));
    })
    .unwrap();
}

#[test]
fn abort_breaks_and_reset_mends() {
    let _watchdog = Watchdog::start();
    // As CPython's test_abort_and_reset: one party can not go on, the others hear of it, and all meet again.
    let (barrier, other) = (Barrier::new(3).unwrap(), Barrier::new(3).unwrap());
    let [crossed, broken, mended] = [stage(), stage(), stage()];
    scope(|s| {
        let walk = || {
            if barrier.wait().unwrap().is_leader() {
                barrier.abort();
            } else {
                match barrier.wait() {
                    Ok(_) => crossed.fetch_add(1),
                    Err(BarrierError::Broken) => broken.fetch_add(1),
                    Err(error) => panic!("{error}"),
                };
            }
            if other.wait().unwrap().is_leader() {
                barrier.reset();
            }
            other.wait().unwrap();
            barrier.wait().unwrap();
            mended.fetch_add(1);
            other.wait().unwrap();
        };
        (0..2).for_each(|_| drop(s.spawn(walk).unwrap()));
        walk();
    })
    .unwrap();
    assert_eq!((crossed.get(), broken.get(), mended.get()), (0, 2, 3));
}

#[test]
fn reset_frees_who_waits_and_leaves_a_whole_barrier() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(3).unwrap();
    let [crossed, broken] = [stage(), stage()];
    scope(|s| {
        let walk = || {
            barrier.wait().unwrap_err();
            broken.fetch_add(1);
            barrier.wait().unwrap();
            crossed.fetch_add(1);
            sleep_until(&crossed, 3);
        };
        (0..2).for_each(|_| drop(s.spawn(walk).unwrap()));
        wait_until(|| barrier.waiting() == 2);
        barrier.reset();
        barrier.wait().unwrap();
        crossed.fetch_add(1);
    })
    .unwrap();
    assert_eq!((broken.get(), crossed.get()), (2, 3));
}

/// Keeps a member alive until all have crossed.
fn sleep_until(stage: &Value<u32>, count: u32) {
    wait_until(|| stage.get() >= count);
}

#[test]
fn killed_party_breaks_the_barrier_for_who_waits_and_who_comes() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(3).unwrap();
    let child = Process::<()>::spawn({
        let barrier = barrier.clone();
        move || assert!(barrier.wait().is_ok())
    })
    .unwrap();
    let died = BarrierError::PartyDied { pid: child.pid() };
    thread::scope(|t| {
        let waiter = t.spawn(|| barrier.wait());
        wait_until(|| barrier.waiting() == 2);
        child.kill().unwrap();
        assert_eq!(waiter.join().unwrap(), Err(died));
    });
    assert_eq!(barrier.wait(), Err(died));
    assert_eq!(barrier.wait_timeout(LONG), Err(died));
    assert!(barrier.is_broken());
    barrier.reset();
    assert_eq!(barrier.wait_timeout(SOON), Err(BarrierError::TimedOut), "the dead are forgotten");
}

#[test]
fn member_killed_between_two_crossings_breaks_the_barrier() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(2).unwrap();
    let child = Process::<()>::spawn({
        let barrier = barrier.clone();
        move || {
            barrier.wait().unwrap();
            sleep_for_ever()
        }
    })
    .unwrap();
    barrier.wait().unwrap();
    thread::scope(|t| {
        let waiter = t.spawn(|| barrier.wait());
        wait_until(|| barrier.waiting() == 1);
        thread::sleep(SOON);
        assert!(!barrier.is_broken());
        child.kill().unwrap();
        assert_eq!(waiter.join().unwrap(), Err(BarrierError::PartyDied { pid: child.pid() }));
    });
}

#[test]
fn party_that_ends_in_order_has_crossed_with_the_others_and_is_not_waited_for_again() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(3).unwrap();
    for _ in 0..30 {
        // The quicker ones are gone before the slower ones have woken.
        let crossed = scope(|s| {
            let others = [(); 2].map(|()| s.spawn(|| barrier.wait().is_ok()).unwrap());
            barrier.wait().is_ok() && others.into_iter().all(|other| other.join().unwrap())
        });
        assert!(crossed.unwrap());
        assert!(matches!(barrier.wait(), Err(BarrierError::PartyDied { .. })));
        barrier.reset();
    }
}

#[test]
fn who_ends_without_having_come_breaks_nothing() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(2).unwrap();
    Process::spawn({
        let barrier = barrier.clone();
        move || barrier.parties()
    })
    .unwrap()
    .join()
    .unwrap();
    assert_eq!(barrier.wait_timeout(SOON), Err(BarrierError::TimedOut));
}

#[test]
fn others_hear_of_it_whenever_a_party_is_killed() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(3).unwrap();
    for round in 0..40 {
        barrier.reset();
        let walking = stage();
        let died = scope(|s| {
            let walk = || {
                loop {
                    if let Err(error) = barrier.wait() {
                        return matches!(error, BarrierError::PartyDied { .. });
                    }
                    walking.set(1);
                }
            };
            let [one, other, doomed] = [(); 3].map(|()| s.spawn(walk).unwrap());
            wait_until(|| walking.get() == 1);
            thread::sleep(Duration::from_micros(100 * round));
            doomed.kill().unwrap();
            drop(doomed.join());
            one.join().unwrap() && other.join().unwrap()
        });
        assert!(died.unwrap());
    }
}

#[test]
fn stopped_member_is_waited_for() {
    let _watchdog = Watchdog::start();
    let (barrier, crossed) = (Barrier::new(2).unwrap(), stage());
    scope(|s| {
        let child = s
            .spawn(|| {
                barrier.wait().unwrap();
                crossed.set(1);
                wait_until(|| crossed.get() == 2);
                barrier.wait().unwrap();
            })
            .unwrap();
        barrier.wait().unwrap();
        wait_until(|| crossed.get() == 1);
        thread::scope(|t| {
            let waiter = {
                let _stopped = Stopped::stop(child.pid());
                let waiter = t.spawn(|| barrier.wait());
                crossed.set(2);
                // Several naps, after each of which the waiter looks.
                thread::sleep(Duration::from_millis(200));
                assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false));
                waiter
            };
            waiter.join().unwrap().unwrap();
        });
    })
    .unwrap();
}

#[test]
fn stopped_party_has_crossed_though_the_barrier_was_broken_and_mended_since() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(2).unwrap();
    scope(|s| {
        let child = s.spawn(|| barrier.wait().is_ok()).unwrap();
        wait_until(|| barrier.waiting() == 1);
        {
            let _stopped = Stopped::stop(child.pid());
            barrier.wait().unwrap();
            barrier.abort();
            barrier.reset();
        }
        assert!(child.join().unwrap());
    })
    .unwrap();
}

#[test]
fn sleeper_finds_a_death_that_nobody_sweeps() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(2).unwrap();
    let grandchild = stage();
    let child = Process::<()>::spawn({
        let (barrier, grandchild) = (barrier.clone(), grandchild.clone());
        move || {
            let _worker = Process::<()>::spawn(move || {
                grandchild.set(sys::pid().cast_unsigned());
                barrier.wait().unwrap();
                sleep_for_ever()
            });
            sleep_for_ever()
        }
    })
    .unwrap();
    barrier.wait().unwrap();
    let pid = grandchild.get();
    // Its parent would sweep it, and can not.
    let _stopped = Stopped::stop(child.pid());
    PidFd::open(pid.cast_signed()).unwrap().send_signal(SIGKILL).unwrap();
    assert_eq!(barrier.wait(), Err(BarrierError::PartyDied { pid }));
}

#[test]
fn handle_that_travels_is_the_same_barrier() {
    let _watchdog = Watchdog::start();
    let barrier = Barrier::new(2).unwrap();
    let child = Process::spawn_with(barrier.clone(), |barrier| {
        barrier.wait().unwrap();
        barrier
    })
    .unwrap();
    round_trip(barrier.clone()).wait().unwrap();
    let back = child.join().unwrap();
    back.abort();
    assert!(barrier.is_broken());
}

#[test]
fn block_of_something_else_is_refused() {
    let (bytes, manifest) = encode(Condvar::new().unwrap()).unwrap();
    assert!(decode::<Barrier>(&bytes, manifest).is_err());
}
