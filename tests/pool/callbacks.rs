//! Callbacks: once each, in the parent, whatever they do.

use std::{
    collections::BTreeSet,
    sync::{Arc, mpsc},
};

use procshare::{
    Pool,
    pool::{Shutdown, TaskFailure},
    sync::Event,
};

use super::leaving::{LONG, leaving_nothing};
use crate::support::{isolated, os, watchdog};

#[test]
fn callbacks_are_called_once_each_in_the_parent() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let work = |n: u32| match n % 10 {
        3 => panic!("three"),
        7 if n == 57 => os::exit_now(7),
        _ => n,
    };
    let (tell, told) = mpsc::channel();
    for n in 0..200 {
        let task = pool.submit(work, n).expect("submit");
        if n % 4 == 0 {
            assert!(task.wait(LONG));
        }
        let (done, failed) = (tell.clone(), tell.clone());
        task.on_done(
            move |result| {
                assert_eq!(result, n);
                done.send((n, None, std::process::id())).expect("the test");
            },
            move |failure| failed.send((n, Some(failure), std::process::id())).expect("the test"),
        );
    }
    drop(tell);
    let mut called = BTreeSet::new();
    for (n, failure, pid) in told {
        assert!(called.insert(n), "{n} was called back twice");
        assert_eq!(pid, std::process::id());
        match failure {
            None => assert!(n % 10 != 3 && n != 57),
            Some(TaskFailure::Panicked { .. }) => assert_eq!(n % 10, 3),
            Some(TaskFailure::WorkerDied { code, .. }) => assert_eq!((n, code), (57, Some(7))),
            Some(other) => panic!("{n}: {other}"),
        }
    }
    assert_eq!(called.len(), 200);
}

#[test]
fn panic_in_a_callback_ends_that_one_only() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let (tell, told) = mpsc::channel();
    for n in 0..20_u32 {
        let tell = tell.clone();
        let done = move |n| {
            if n % 2 == 0 {
                panic!("in a callback");
            }
            tell.send(n).expect("the test");
        };
        pool.submit(|n| n, n).expect("submit").on_done(done, |failure| panic!("{failure}"));
    }
    drop(tell);
    let mut called: Vec<u32> = told.iter().collect();
    called.sort_unstable();
    assert_eq!(called, (0..20).filter(|n| n % 2 == 1).collect::<Vec<_>>());
    assert_eq!(pool.submit(|n: u32| n, 5).expect("submit").get(), Ok(5));
}

#[test]
fn callback_uses_the_pool_itself() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Arc::new(Pool::new(1).expect("a pool"));
            let (tell, told) = mpsc::channel();
            let callers = Arc::clone(&pool);
            let done = move |n: u64| {
                let again = callers.submit(|n: u64| n * 10, n).expect("submit").get();
                drop(callers.submit(|n: u64| vec![n; 1000], n).expect("submit"));
                let last = callers.submit(|n: u64| n * 2, n).expect("submit");
                last.on_done(move |last| tell.send((again, last)).expect("the test"), |_| {});
            };
            pool.submit(|n: u64| n + 1, 1).expect("submit").on_done(done, |failure| panic!("{failure}"));
            assert_eq!(told.recv(), Ok((Ok(20), 4)));
        });
    });
}

#[test]
fn callback_drops_the_last_handle_of_the_pool() {
    isolated(60, || {
        leaving_nothing(|| {
            let (tell, told) = mpsc::channel();
            let pool = Arc::new(Pool::new(2).expect("a pool"));
            let go = Event::new().expect("an event");
            let wait = |go: Event| {
                go.wait();
                7
            };
            let first = pool.submit(wait, go.clone()).expect("submit");
            let last = Arc::clone(&pool);
            let done = move |n: i32| {
                drop(Arc::into_inner(last).expect("the last one"));
                tell.send(n).expect("the test");
            };
            first.on_done(done, |failure| panic!("{failure}"));
            drop(pool);
            go.set();
            assert_eq!(told.recv(), Ok(7));
        });
    });
}

#[test]
fn tasks_that_an_end_cancels_call_back() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let (tell, told) = mpsc::channel();
            for n in 0..10 {
                let tell = tell.clone();
                let failed = move |failure| tell.send((n, failure)).expect("the test");
                let forever = |()| -> () { os::sleep_for_ever() };
                pool.submit(forever, ()).expect("submit").on_done(|()| panic!("it never ends"), failed);
            }
            drop(tell);
            pool.shutdown(Shutdown::Abort).expect("the parent's");
            let mut failed: Vec<_> = told.iter().collect();
            failed.sort_by_key(|(n, _)| *n);
            let cancelled: Vec<_> = (0..10).map(|n| (n, TaskFailure::Cancelled)).collect();
            assert_eq!(failed, cancelled);
        });
    });
}
