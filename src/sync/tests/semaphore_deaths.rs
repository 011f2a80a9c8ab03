//! Semaphores when a holder dies: what comes back, for whom, and who may not be robbed.

#![allow(unsafe_code)] // forks as other code does

use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use super::{SPAWNED, Stopped, Watchdog, sleep_for_ever, stage, wait_until};
use crate::process::{Process, scope};
use crate::sync::{Permit, Semaphore, TimedAcquireError, TryAcquireError};
use crate::sys::tests::outlive_the_parent;
use crate::sys::{self, Forked, PidFd};

const SOON: Duration = Duration::from_millis(20);

/// A process that holds `count` permits and does not end.
fn holder(places: &Semaphore, count: u32) -> Process<()> {
    let (held, places) = (stage(), places.clone());
    let told = held.clone();
    let child = Process::spawn(move || {
        let _permit = places.acquire_many(count).unwrap();
        told.set(1);
        sleep_for_ever()
    });
    wait_until(|| held.get() == 1);
    child.expect("spawn")
}

#[test]
fn permits_of_a_killed_holder_come_back() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(3).unwrap();
    let child = holder(&places, 2);
    assert_eq!(places.available_permits(), 1);
    child.kill().unwrap();
    assert!(child.join().is_err());
    assert_eq!(places.available_permits(), 3);
    assert_eq!(places.try_acquire_many(3).unwrap().count(), 3);
}

#[test]
fn sleeper_gets_the_permit_of_a_killed_holder() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(1).unwrap();
    let child = holder(&places, 1);
    thread::scope(|s| {
        let sleeper = s.spawn(|| drop(places.acquire().unwrap()));
        thread::sleep(SOON);
        child.kill().unwrap();
        sleeper.join().unwrap();
    });
    assert_eq!(places.available_permits(), 1);
}

#[test]
fn trying_again_and_again_finds_a_dead_holder() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(1).unwrap();
    let child = holder(&places, 1);
    assert_eq!(places.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    child.kill().unwrap();
    wait_until(|| places.try_acquire().is_ok());
    assert_eq!(places.available_permits(), 1);
}

#[test]
fn permit_that_was_leaked_is_held_until_its_process_ends() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(2).unwrap();
    mem::forget(places.acquire().unwrap());
    let child = Process::spawn({
        let places = places.clone();
        move || mem::forget(places.acquire().unwrap())
    });
    child.unwrap().join().unwrap();
    assert_eq!(places.available_permits(), 1);
    assert!(places.try_acquire().is_ok());
    assert_eq!(places.try_acquire_many(2).unwrap_err(), TryAcquireError::NoPermits);
}

#[test]
fn what_a_dead_one_forgot_or_released_stays() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(3).unwrap();
    let child = Process::<()>::spawn({
        let places = places.clone();
        move || {
            places.acquire().unwrap().forget();
            let _held = places.acquire().unwrap();
            places.release(5).unwrap();
            std::process::abort();
        }
    });
    assert!(child.unwrap().join().is_err());
    assert_eq!(places.available_permits(), 7);
}

#[test]
fn seven_waiters_are_served_though_the_eighth_is_killed() {
    let _watchdog = Watchdog::start();
    let (places, waiting, served) = (Semaphore::new(1).unwrap(), stage(), stage());
    for doomed in [0, 3, 7] {
        waiting.set(0);
        served.set(0);
        scope(|s| {
            let held = places.acquire().unwrap();
            let wait = || {
                waiting.fetch_add(1);
                let _place = places.acquire().unwrap();
                served.fetch_add(1);
            };
            let mut waiters: Vec<_> = (0..8).map(|_| s.spawn(wait).unwrap()).collect();
            wait_until(|| waiting.get() == 8);
            thread::sleep(SOON);
            let killed = waiters.remove(doomed);
            killed.kill().unwrap();
            assert!(killed.join().is_err());
            drop(held);
            for waiter in waiters {
                waiter.join().unwrap();
            }
        })
        .unwrap();
        assert_eq!((served.get(), places.available_permits()), (7, 1));
    }
}

#[test]
fn no_permit_is_lost_or_doubled_when_processes_are_killed_at_any_time() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(3).unwrap();
    for round in 0..40 {
        let killed = Process::<()>::spawn({
            let places = places.clone();
            move || {
                loop {
                    drop((places.acquire().unwrap(), places.acquire_many(2)));
                    drop(places.try_acquire());
                }
            }
        })
        .unwrap();
        let before = Instant::now();
        while before.elapsed() < Duration::from_micros(250 * round) {
            drop(places.acquire_many(1 + (round % 3) as u32).unwrap());
        }
        killed.kill().unwrap();
        // All of them, which come back.
        let all = places.acquire_many(3).unwrap();
        assert_eq!(places.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
        drop(all);
        assert!(killed.join().is_err());
        assert_eq!(places.available_permits(), 3);
    }
}

#[test]
fn stopped_holder_is_never_robbed() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(1).unwrap();
    let child = holder(&places, 1);
    {
        let _stopped = Stopped::stop(child.pid());
        // Several naps, after each of which a waiter looks.
        let refused = places.acquire_timeout(Duration::from_millis(300)).unwrap_err();
        assert_eq!(refused, TimedAcquireError::TimedOut);
        for _ in 0..20 {
            assert_eq!(places.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(child.is_alive());
    child.kill().unwrap();
    drop(places.acquire().unwrap());
}

#[test]
fn permit_of_a_dead_one_comes_back_though_its_parent_is_stopped() {
    let _watchdog = Watchdog::start();
    let (places, pid) = (Semaphore::new(1).unwrap(), stage());
    let parent = Process::<()>::spawn({
        let (places, pid) = (places.clone(), pid.clone());
        move || {
            let child = holder(&places, 1);
            pid.set(child.pid());
            sleep_for_ever()
        }
    });
    let parent = parent.unwrap();
    wait_until(|| pid.get() != 0);
    let _stopped = Stopped::stop(parent.pid());
    thread::scope(|s| {
        let sleeper = s.spawn(|| drop(places.acquire().unwrap()));
        thread::sleep(SOON);
        let holder = PidFd::open(pid.get().cast_signed()).unwrap();
        holder.send_signal(9).unwrap();
        sleeper.join().unwrap();
    });
    parent.kill().unwrap();
}

#[test]
fn permit_is_held_until_the_children_of_a_dead_holder_are_gone() {
    let _watchdog = Watchdog::start();
    let (places, writing) = (Semaphore::new(1).unwrap(), stage());
    let child = Process::<()>::spawn({
        let (places, writing) = (places.clone(), writing.clone());
        move || {
            let _held = places.acquire().unwrap();
            let (spawned, writing) = (writing.clone(), writing);
            let lent = Process::<()>::spawn(move || {
                wait_until(|| writing.get() == SPAWNED);
                outlive_the_parent();
                let parent = sys::parent_pid();
                writing.set(1);
                wait_until(|| sys::parent_pid() != parent);
                thread::sleep(Duration::from_millis(200));
                writing.set(2);
                sys::exit_now(0);
            });
            drop(lent);
            spawned.set(SPAWNED);
            sleep_for_ever()
        }
    });
    let child = child.unwrap();
    wait_until(|| writing.get() == 1);
    child.kill().unwrap();
    drop(places.acquire().unwrap());
    assert_eq!(writing.get(), 2, "somebody used what the permit stands for");
}

#[test]
fn copy_of_a_permit_that_a_fork_made_gives_nothing_back() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(2).unwrap();
    let (held, other) = (places.acquire().unwrap(), places.acquire().unwrap());
    // SAFETY: the child drops its copies, which changes nothing, and ends without returning.
    match unsafe { sys::fork() }.unwrap() {
        Forked::Child => {
            drop(held);
            other.forget();
            sys::exit_now(0);
        }
        Forked::Parent { pid } => {
            PidFd::of_child(pid).unwrap().reap().unwrap();
        }
    }
    assert_eq!(places.available_permits(), 0);
    drop((held, other));
    assert_eq!(places.available_permits(), 2);
}

#[test]
fn permit_that_a_child_is_given_stays_with_the_parent() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(1).unwrap();
    let held = places.acquire().unwrap();
    scope(|s| {
        let used = |permit: &Permit<'_>| assert_eq!((permit.count(), places.available_permits()), (1, 0));
        let held = &held;
        s.spawn(move || used(held)).unwrap();
    })
    .unwrap();
    assert_eq!(places.available_permits(), 0);
}

#[test]
fn seat_of_a_dead_holder_is_of_use_again() {
    let _watchdog = Watchdog::start();
    let places = Semaphore::new(2).unwrap();
    for _ in 0..20 {
        let child = holder(&places, 1);
        child.kill().unwrap();
        assert!(child.join().is_err());
        assert_eq!(places.available_permits(), 2);
    }
}
