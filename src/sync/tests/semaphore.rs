//! Semaphores: how many get in, who is refused, and what happens when the words are damaged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Watchdog, stage, wait_until};
use crate::process::scope;
use crate::segment::member;
use crate::shim::Ordering::Relaxed;
use crate::sync::permit::Supply;
use crate::sync::{
    AcquireError, BoundedSemaphore, ReleaseError, Semaphore, TimedAcquireError, TryAcquireError,
};
use crate::sys::Deadline;
use crate::value::Value;

const SOON: Duration = Duration::from_millis(20);

/// Notes that one more is inside, and that it goes; panics if more than `most` are.
fn visit(inside: &Value<u32>, most: u32) {
    assert!(inside.fetch_add(1) < most, "too many inside");
    std::hint::black_box((0..50).sum::<u32>());
    inside.fetch_sub(1);
}

#[test]
fn permits_are_counted_and_come_back() {
    let places = Semaphore::new(5).unwrap();
    let (one, three) = (places.acquire().unwrap(), places.acquire_many(3).unwrap());
    assert_eq!((one.count(), three.count(), places.available_permits()), (1, 3, 1));
    drop(three);
    assert_eq!(places.available_permits(), 4);
    drop(one);
    assert_eq!(places.available_permits(), 5);
    assert_eq!(places.acquire_many(0).unwrap().count(), 0);
    assert_eq!(places.available_permits(), 5);
}

#[test]
fn try_takes_what_is_free_and_no_more() {
    let places = Semaphore::new(2).unwrap();
    assert_eq!(places.try_acquire_many(3).unwrap_err(), TryAcquireError::NoPermits);
    let two = places.try_acquire_many(2).unwrap();
    assert_eq!(places.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(two);
    assert!(places.try_acquire().is_ok());
}

#[test]
fn waiting_ends_when_the_time_is_up() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(1).unwrap();
    let held = places.acquire().unwrap();
    let before = Instant::now();
    assert_eq!(places.acquire_timeout(SOON).unwrap_err(), TimedAcquireError::TimedOut);
    assert!(before.elapsed() >= SOON);
    let deadline = Instant::now() + SOON;
    assert_eq!(places.acquire_until(deadline).unwrap_err(), TimedAcquireError::TimedOut);
    assert!(Instant::now() >= deadline);
    assert_eq!(places.acquire_until(before).unwrap_err(), TimedAcquireError::TimedOut);
    assert_eq!(places.acquire_many_timeout(2, Duration::ZERO).unwrap_err(), TimedAcquireError::TimedOut);
    assert_eq!(places.acquire_many_until(2, before).unwrap_err(), TimedAcquireError::TimedOut);
    drop(held);
    // What is free is taken, however late it is.
    assert!(places.acquire_until(before).is_ok());
    assert!(places.acquire_timeout(Duration::ZERO).is_ok());
    assert!(places.acquire_timeout(Duration::MAX).is_ok());
}

#[test]
fn permit_that_comes_back_in_time_is_taken() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(1).unwrap();
    let held = places.acquire().unwrap();
    thread::scope(|s| {
        let waiter = s.spawn(|| places.acquire_timeout(Duration::from_secs(1000)).is_ok());
        thread::sleep(SOON);
        drop(held);
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn released_permits_are_new_ones() {
    let places = Semaphore::new(0).unwrap();
    places.release(2).unwrap();
    places.release(0).unwrap();
    assert_eq!(places.available_permits(), 2);
    let two = places.acquire_many(2).unwrap();
    places.release(1).unwrap();
    drop(two);
    assert_eq!(places.available_permits(), 3);
    let full = Semaphore::new(u32::MAX).unwrap();
    let some = full.acquire_many(u32::MAX).unwrap();
    assert_eq!(full.release(1), Err(ReleaseError::TooMany));
    drop(some);
    assert_eq!(full.available_permits(), u32::MAX);
}

#[test]
fn bounded_semaphore_refuses_a_permit_too_many() {
    let places = BoundedSemaphore::new(2).unwrap();
    assert_eq!(places.release(1), Err(ReleaseError::TooMany));
    let held = places.acquire().unwrap();
    assert_eq!(places.release(1), Err(ReleaseError::TooMany), "the permit will come back");
    assert_eq!(places.available_permits(), 1);
    held.forget();
    assert_eq!(places.release(2), Err(ReleaseError::TooMany));
    places.release(1).unwrap();
    assert_eq!(places.release(1), Err(ReleaseError::TooMany));
    assert_eq!(places.available_permits(), 2);
}

#[test]
fn bounded_semaphore_refuses_what_it_never_has() {
    let places = BoundedSemaphore::new(2).unwrap();
    assert_eq!(places.acquire_many(3).unwrap_err(), AcquireError::TooMany);
    assert_eq!(places.try_acquire_many(3).unwrap_err(), TryAcquireError::TooMany);
    assert_eq!(places.acquire_many_timeout(3, SOON).unwrap_err(), TimedAcquireError::TooMany);
    assert_eq!(BoundedSemaphore::new(0).unwrap().acquire().unwrap_err(), AcquireError::TooMany);
    assert_eq!(places.acquire_many(2).unwrap().count(), 2);
}

#[test]
fn forgotten_permits_are_gone() {
    let places = Semaphore::new(3).unwrap();
    let two = places.acquire_many(2).unwrap();
    two.forget();
    assert_eq!(places.available_permits(), 1);
    drop(places.acquire().unwrap());
    assert_eq!(places.try_acquire_many(2).unwrap_err(), TryAcquireError::NoPermits);
}

#[test]
fn permit_may_be_dropped_by_another_thread() {
    fn travels<T: Send + Sync>(_: &T) {}
    let places = Semaphore::new(1).unwrap();
    let held = places.acquire().unwrap();
    travels(&held);
    thread::scope(|s| {
        s.spawn(|| drop(held));
    });
    assert_eq!(places.available_permits(), 1);
}

#[test]
fn panicking_holder_gives_its_permit_back() {
    let places = Semaphore::new(1).unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _held = places.acquire().unwrap();
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    assert_eq!(places.available_permits(), 1);
}

#[test]
fn processes_are_never_more_than_the_permits() {
    let _watchdog = Watchdog::start();
    let (places, inside) = (BoundedSemaphore::new(3).unwrap(), stage());
    scope(|s| {
        for worker in 0..6 {
            let (places, inside) = (&places, &inside);
            let work = move || {
                for turn in 0..300 {
                    let permit = match (worker + turn) % 4 {
                        0 => places.acquire_timeout(Duration::from_secs(100)).unwrap(),
                        1 => places.try_acquire().unwrap_or_else(|_| places.acquire().unwrap()),
                        2 => places.acquire_many(2).unwrap(),
                        _ => places.acquire().unwrap(),
                    };
                    assert!(inside.fetch_add(permit.count()) + permit.count() <= 3, "too many inside");
                    inside.fetch_sub(permit.count());
                }
            };
            s.spawn(work).unwrap();
        }
    })
    .unwrap();
    assert_eq!((places.available_permits(), inside.get()), (3, 0));
}

#[test]
fn threads_are_never_more_than_the_permits() {
    let _watchdog = Watchdog::start();
    let (places, inside) = (Semaphore::new(2).unwrap(), stage());
    thread::scope(|s| {
        for _ in 0..6 {
            s.spawn(|| {
                for _ in 0..2_000 {
                    let _place = places.acquire().unwrap();
                    visit(&inside, 2);
                }
            });
        }
    });
    assert_eq!(places.available_permits(), 2);
}

#[test]
fn release_of_several_wakes_as_many() {
    let _watchdog = Watchdog::start();
    let (places, inside, waiting) = (Semaphore::new(0).unwrap(), stage(), stage());
    scope(|s| {
        for _ in 0..5 {
            let enter = || {
                waiting.fetch_add(1);
                places.acquire().unwrap().forget();
                inside.fetch_add(1);
            };
            s.spawn(enter).unwrap();
        }
        wait_until(|| waiting.get() == 5);
        thread::sleep(SOON);
        places.release(3).unwrap();
        wait_until(|| inside.get() == 3);
        thread::sleep(SOON);
        assert_eq!(inside.get(), 3);
        places.release(2).unwrap();
    })
    .unwrap();
    assert_eq!((inside.get(), places.available_permits()), (5, 0));
}

#[test]
fn one_who_wants_many_is_served_when_they_are_there() {
    let _watchdog = Watchdog::start();
    let (places, inside) = (Semaphore::new(0).unwrap(), stage());
    scope(|s| {
        let enter = || {
            places.acquire_many(3).unwrap().forget();
            inside.fetch_add(1);
        };
        s.spawn(enter).unwrap();
        for _ in 0..2 {
            thread::sleep(SOON);
            places.release(1).unwrap();
            assert_eq!(inside.get(), 0);
        }
        // One who wants less goes first meanwhile.
        drop(places.acquire().unwrap());
        places.release(1).unwrap();
    })
    .unwrap();
    assert_eq!((inside.get(), places.available_permits()), (1, 0));
}

#[test]
fn what_was_done_before_a_release_is_seen_by_who_takes_the_permit() {
    let _watchdog = Watchdog::start();
    let (jobs, total) = (Semaphore::new(0).unwrap(), Value::new([0_u64; 4]).unwrap());
    scope(|s| {
        let work = || {
            for turn in 1..=200 {
                jobs.acquire().unwrap().forget();
                assert!(total.get()[3] >= turn);
            }
        };
        s.spawn(work).unwrap();
        for turn in 1..=200 {
            total.set([turn; 4]);
            jobs.release(1).unwrap();
        }
    })
    .unwrap();
}

#[test]
fn one_who_stopped_in_the_middle_of_a_change_holds_up_no_limited_verb() {
    let _watchdog = Watchdog::start();
    let places = Supply::new(2, 2).unwrap();
    let held = places.acquire(1).unwrap();
    let stopped = Barrier::new(2);
    thread::scope(|s| {
        s.spawn(|| {
            let lock = places.bearing().lock().owner_lock();
            lock.lock(member::locker(), &member::park()).unwrap();
            stopped.wait();
            stopped.wait();
            lock.unlock(&member::park());
        });
        stopped.wait();
        assert_eq!(places.try_acquire(1).unwrap_err(), TryAcquireError::NoPermits);
        let refused = places.acquire_by(1, || Deadline::after(SOON)).unwrap_err();
        assert_eq!((refused, places.permits().available()), (TimedAcquireError::TimedOut, 1));
        let waiter = s.spawn(|| {
            drop(held);
            drop(places.acquire(2).unwrap());
        });
        thread::sleep(SOON);
        assert!(!waiter.is_finished());
        stopped.wait();
    });
    assert_eq!(places.permits().available(), 2);
}

proptest! {
    #[test]
    fn damaged_words_hang_nobody_and_panic_nowhere(
        words in prop::array::uniform4(prop_oneof![0..4_u64, any::<u64>()]),
        cell in prop_oneof![0..4_u64, any::<u64>()],
        count in prop_oneof![0..4_u32, any::<u32>()],
    ) {
        let _watchdog = Watchdog::start();
        let places = Supply::new(3, 3).unwrap();
        let (one, two) = (places.acquire(1).unwrap(), places.acquire(1).unwrap());
        let damage = || {
            let head = places.bearing().head();
            head.words.iter().zip(words).for_each(|(word, bits)| word.store(bits, Relaxed));
            for (_, own) in places.bearing().tally().iter() {
                own[0].store(cell, Relaxed);
            }
        };
        damage();
        let _any = (places.permits().available(), places.try_acquire(count).is_ok());
        damage();
        let _any = (places.acquire_by(count, || Deadline::after(Duration::from_millis(2))), places.release(count));
        damage();
        drop(one);
        damage();
        two.forget();
        let _any = places.permits().available();
    }
}
