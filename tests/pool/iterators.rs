//! `imap`: results as they come, of inputs that may never end.

use std::{cell::Cell, collections::BTreeSet, time::Duration};

use procshare::{Pool, Value, pool::TaskFailure, sync::Event};

use crate::support::{isolated, watchdog};

use super::leaving::leaving_nothing;

#[test]
fn endless_inputs_are_read_no_further_than_the_window() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let read = Cell::new(0_u64);
    let inputs = || (0_u64..).inspect(|_| read.set(read.get() + 1));
    let mut results = pool.imap(|n| n * 2, inputs()).window(5);
    assert_eq!(read.get(), 0, "nothing was asked for");
    for n in 0..100 {
        assert_eq!(results.next(), Some(Ok(n * 2)));
        assert!(read.get() <= n + 5, "{} inputs were read for {n} results", read.get());
    }
    drop(results);
    read.set(0);
    let mut results = pool.imap_unordered(|n: u64| n * 2, inputs()).window(5);
    let mut seen = BTreeSet::new();
    for n in 0..100 {
        assert!(seen.insert(results.next().expect("endless").expect("a product")));
        assert!(read.get() <= n + 5, "{} inputs were read for {n} results", read.get());
    }
    drop(results);
    read.set(0);
    assert_eq!(pool.imap(|n: u64| n, inputs()).window(0).next(), Some(Ok(0)));
    assert_eq!(read.get(), 1);
    read.set(0);
    assert_eq!(pool.imap(|n: u64| n, inputs()).next(), Some(Ok(0)));
    assert!(read.get() <= 8, "4 for each worker without a word of it");
}

#[test]
fn results_come_in_order_whoever_is_done_first() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let slow_first = |n: u64| {
        std::thread::sleep(Duration::from_millis(if n.is_multiple_of(8) { 20 } else { 0 }));
        n
    };
    let results: Vec<_> = pool.imap(slow_first, 0..100).map(|result| result.expect("a number")).collect();
    assert_eq!(results, (0..100).collect::<Vec<_>>());
    let mut results: Vec<_> =
        pool.imap_unordered(slow_first, 0..100).map(|result| result.expect("a number")).collect();
    results.sort_unstable();
    assert_eq!(results, (0..100).collect::<Vec<_>>());
}

#[test]
fn first_result_comes_before_the_last_input() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    // The last input is there only when the first result is.
    let have = Cell::new(0);
    let inputs = || {
        (0..10_u32)
            .inspect(|n| assert!(*n < 5 || have.get() > 0, "input {n} was asked for before any result"))
    };
    let take = |result: Result<u32, TaskFailure>| {
        have.set(have.get() + 1);
        result.expect("a number")
    };
    assert_eq!(pool.imap(|n| n + 1, inputs()).window(5).map(take).sum::<u32>(), 55);
    have.set(0);
    assert_eq!(pool.imap_unordered(|n| n + 1, inputs()).window(5).map(take).sum::<u32>(), 55);
}

#[test]
fn quick_result_does_not_wait_for_a_slow_one_where_order_is_no_matter() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let go = Event::new().expect("an event");
    let wait = |(n, go): (u32, Event)| {
        if n == 0 {
            go.wait();
        }
        n
    };
    let mut results = pool.imap_unordered(wait, (0..10).map(|n| (n, go.clone()))).window(10);
    let mut quick: Vec<_> = (1..10).map(|_| results.next().expect("ten").expect("a number")).collect();
    quick.sort_unstable();
    assert_eq!(quick, (1..10).collect::<Vec<_>>());
    go.set();
    assert_eq!(results.next(), Some(Ok(0)));
    assert_eq!((results.next(), results.next()), (None, None));
}

#[test]
fn failure_is_one_result_and_the_others_come() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let work = |n: u64| match n {
        3 => panic!("three"),
        6 => std::process::exit(6),
        n => n,
    };
    for (n, result) in (0..).zip(pool.imap(work, 0..10)) {
        match result {
            Err(TaskFailure::Panicked { .. }) => assert_eq!(n, 3),
            Err(TaskFailure::WorkerDied { code, .. }) => assert_eq!((n, code), (6, Some(6))),
            result => assert_eq!(result, Ok(n)),
        }
    }
    let results: Vec<_> = pool.imap_unordered(work, 0..10).collect();
    assert_eq!((results.len(), results.iter().filter(|result| result.is_err()).count()), (10, 2));
    assert_eq!(pool.imap(work, []).next(), None);
    assert!(pool.imap_unordered(work, []).next().is_none());
}

#[test]
fn iterator_that_is_dropped_early_leaves_nothing_queued() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let (go, ran) = (Event::new().expect("an event"), Value::new(0_u32).expect("4 bytes"));
            let wait = |(n, go, ran): (u32, Event, Value<u32>)| {
                ran.fetch_add(1);
                if n == 1 {
                    go.wait();
                }
                vec![0_u8; 1000]
            };
            let mut results = pool.imap(wait, (0..).map(|n| (n, go.clone(), ran.clone()))).window(50);
            assert_eq!(results.next().map(|result| result.map(|bytes| bytes.len())), Some(Ok(1000)));
            drop(results);
            let mut results =
                pool.imap_unordered(wait, (2..).map(|n| (n, go.clone(), ran.clone()))).window(50);
            go.set();
            assert!(results.next().is_some_and(|result| result.is_ok()));
            drop(results);
            pool.submit(|()| (), ()).expect("submit").get().expect("the last one");
            assert!(ran.get() < 100, "{} of 101 ran", ran.get());
        });
    });
}
