//! How pools end: in order, at once, early, twice, a thousand times.

use std::{
    collections::BTreeMap,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use procshare::{
    Array, Pool, Value,
    pool::{PoolError, Rejection, Shutdown, TaskFailure},
    sync::Event,
};

use super::leaving::{LONG, leaving_nothing};
use crate::support::{isolated, os, scaled, watchdog};

const FINISH: Shutdown = Shutdown::Finish { within: LONG };

/// A task that says that it has begun, and waits to be told to go on.
fn wait((begun, go): (Event, Event)) -> u32 {
    begun.set();
    go.wait();
    1
}

#[test]
fn workers_make_way_after_so_many_tasks() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::builder().workers(2).tasks_per_worker(10).build().expect("a pool");
            let who = |n: u32| (n, std::process::id());
            let tasks: Vec<_> = (0..205).map(|n| pool.submit(who, n).expect("submit")).collect();
            let mut by_pid = BTreeMap::<u32, u32>::new();
            for (n, task) in (0..).zip(tasks) {
                let (same, pid) = task.get().expect("a pid");
                assert_eq!(same, n);
                *by_pid.entry(pid).or_default() += 1;
            }
            assert!(by_pid.values().all(|tasks| *tasks <= 10), "{by_pid:?}");
            assert!(by_pid.len() >= 21, "{by_pid:?}");
        });
    });
}

#[test]
fn backlog_is_done_by_ever_new_workers_though_the_pool_is_shut_down() {
    isolated(60, || {
        leaving_nothing(|| {
            for tasks_per_worker in [1, 3] {
                let builder = Pool::builder().workers(2).tasks_per_worker(tasks_per_worker);
                let pool = builder.build().expect("a pool");
                let tasks: Vec<_> = (0..60_u32).map(|n| pool.submit(|n| n + 1, n).expect("submit")).collect();
                pool.shutdown(FINISH).expect("the parent's");
                assert!(pool.workers().is_empty());
                for (n, task) in (0..).zip(tasks) {
                    assert_eq!(task.get(), Ok(n + 1));
                }
            }
        });
    });
}

#[test]
fn shutdown_that_cancels_what_is_queued_finishes_what_runs() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let (begun, go) = (Event::new().expect("an event"), Event::new().expect("an event"));
            let running = pool.submit(wait, (begun.clone(), go.clone())).expect("submit");
            let queued: Vec<_> = (0..50_u32).map(|n| pool.submit(|n| n, n).expect("submit")).collect();
            begun.wait();
            thread::scope(|s| {
                let ending = s.spawn(|| pool.shutdown(Shutdown::CancelQueued { within: LONG }));
                for task in queued {
                    assert_eq!(task.get(), Err(TaskFailure::Cancelled));
                }
                assert!(!running.is_ready());
                go.set();
                assert_eq!(ending.join().expect("no panic"), Ok(()));
            });
            assert_eq!(running.get(), Ok(1));
        });
    });
}

#[test]
fn shutdown_that_takes_too_long_becomes_an_abort() {
    isolated(60, || {
        leaving_nothing(|| {
            let within = Duration::from_millis(50);
            for how in [Shutdown::Finish { within }, Shutdown::CancelQueued { within }] {
                let pool = Pool::new(1).expect("a pool");
                let begun = Event::new().expect("an event");
                let forever = |begun: Event| -> () {
                    begun.set();
                    os::sleep_for_ever()
                };
                let running = pool.submit(forever, begun.clone()).expect("submit");
                let queued = pool.submit(forever, begun.clone()).expect("submit");
                begun.wait();
                let before = Instant::now();
                pool.shutdown(how).expect("the parent's");
                assert!(before.elapsed() >= within);
                assert_eq!(running.get(), Err(TaskFailure::Cancelled));
                assert_eq!(queued.get(), Err(TaskFailure::Cancelled));
            }
        });
    });
}

#[test]
fn pool_that_was_shut_down_gives_back_what_is_submitted() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    pool.shutdown(FINISH).expect("the parent's");
    let array = Array::from_slice(&[1_u64, 2, 3]).expect("an array");
    let address = array.as_ptr();
    let refused = pool.submit(|array: Array<u64>| array, array).map(drop).expect_err("it was shut down");
    assert_eq!(refused.error, Rejection::ShutDown);
    let array = refused.arg.expect("the argument");
    assert_eq!((array.as_ptr(), &array[..]), (address, &[1, 2, 3][..]));
    let refused = pool.submit(|n: u32| n, 7).map(drop).expect_err("it was shut down");
    assert_eq!((refused.error, refused.arg), (Rejection::ShutDown, Some(7)));
    assert!(pool.map(|x: u32| x, &[1]).is_err() && pool.map(|x: u32| x, &[]).is_err());
    let rejected = Some(Err(TaskFailure::Rejected { rejection: Rejection::ShutDown }));
    assert_eq!(pool.imap(|n: u32| n, [1]).next(), rejected);
    assert_eq!(pool.imap_unordered(|n: u32| n, [1]).next(), rejected);
    for again in [FINISH, Shutdown::Abort, Shutdown::CancelQueued { within: Duration::ZERO }] {
        assert_eq!(pool.shutdown(again), Ok(()));
    }
}

#[test]
fn abort_hastens_a_shutdown_of_another_thread() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let begun = Event::new().expect("an event");
            let forever = |begun: Event| -> () {
                begun.set();
                os::sleep_for_ever()
            };
            let running = pool.submit(forever, begun.clone()).expect("submit");
            begun.wait();
            thread::scope(|s| {
                let finishing = s.spawn(|| pool.shutdown(FINISH));
                thread::sleep(Duration::from_millis(20));
                assert_eq!(pool.shutdown(Shutdown::Abort), Ok(()));
                assert_eq!(finishing.join().expect("no panic"), Ok(()));
            });
            assert_eq!(running.get(), Err(TaskFailure::Cancelled));
        });
    });
}

#[test]
fn results_that_wait_are_there_after_the_end() {
    isolated(60, || {
        leaving_nothing(|| {
            let make = |n: usize| (n, vec![n as u8; n * 100], Array::from_slice(&[n; 10]).expect("an array"));
            for how in [FINISH, Shutdown::Abort] {
                let pool = Pool::new(2).expect("a pool");
                let tasks: Vec<_> = (0..50).map(|n| pool.submit(make, n).expect("submit")).collect();
                if how == Shutdown::Abort {
                    assert!(tasks.iter().all(|task| task.wait(LONG)));
                }
                pool.shutdown(how).expect("the parent's");
                drop(pool);
                for (n, task) in tasks.into_iter().enumerate().skip(1) {
                    assert!(task.is_ready());
                    assert_eq!(task.get(), Ok(make(n)));
                }
            }
        });
    });
}

#[test]
fn pool_that_is_dropped_ends_its_tasks_and_their_waiters() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let ran = Value::new(0_u32).expect("4 bytes");
            let begun = Event::new().expect("an event");
            let forever = |begun: Event| -> () {
                begun.set();
                os::sleep_for_ever()
            };
            let running = pool.submit(forever, begun.clone()).expect("submit");
            let queued = pool.submit(|ran: Value<u32>| ran.set(1), ran.clone()).expect("submit");
            begun.wait();
            let (tell, told) = mpsc::channel();
            thread::scope(|s| {
                s.spawn(move || tell.send(running.get()).expect("this thread"));
                thread::sleep(Duration::from_millis(10));
                drop(pool);
            });
            assert_eq!(told.recv(), Ok(Err(TaskFailure::Cancelled)));
            assert_eq!(queued.get(), Err(TaskFailure::Cancelled));
            assert_eq!(ran.get(), 0);
        });
    });
}

#[test]
fn a_thousand_pools_leave_nothing() {
    isolated(240, || {
        leaving_nothing(|| {
            for round in 0..scaled(if cfg!(debug_assertions) { 150 } else { 1000 }) {
                let pool = Pool::new(1 + round % 3).expect("a pool");
                let task = pool.submit(|n: usize| vec![n; 100], round).expect("submit");
                if round % 2 == 0 {
                    assert_eq!(task.get().map(|result| result[99]), Ok(round));
                }
                if round % 5 == 0 {
                    pool.shutdown(FINISH).expect("the parent's");
                }
            }
        });
    });
}

#[test]
fn pool_of_no_workers_or_too_many_is_none() {
    watchdog!(60);
    assert_eq!(Pool::new(0).map(drop), Err(PoolError::NoWorkers));
    assert!(matches!(Pool::new(1 << 20).map(drop), Err(PoolError::TooManyWorkers { .. })));
}
