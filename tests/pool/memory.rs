//! What tasks take: memory while they are there, and no descriptors.

use std::time::Duration;

use procshare::{Array, Pool, Value, arena, pool::Shutdown, sync::Event};

use super::leaving::{LONG, leaving_nothing};
use crate::support::{eventually, isolated, leftovers, measured, scaled};

#[test]
fn queue_of_a_hundred_thousand_tasks_takes_no_descriptor() {
    isolated(240, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let (go, count) = (Event::new().expect("an event"), Value::new(0_u64).expect("8 bytes"));
            let wait = |go: Event| go.wait();
            let held = [(); 2].map(|()| pool.submit(wait, go.clone()).expect("submit"));
            let descriptors = leftovers::descriptors().len();
            let before = arena::stats().used;
            let tasks = scaled(if cfg!(debug_assertions) { 100_000 } else { 1_000_000 }) as u64;
            let handles: Vec<_> =
                (0..tasks).map(|n| pool.submit(|n: u64| n ^ 1, n).expect("submit")).collect();
            let count_them = pool.submit(|count: Value<u64>| count.set(1), count.clone()).expect("submit");
            let now = leftovers::descriptors().len();
            assert!(now <= descriptors, "{now} descriptors, {descriptors} before");
            measured(&format!("{} bytes for each task", (arena::stats().used - before) / tasks));
            assert_eq!(count.get(), 0);
            go.set();
            for (n, task) in (0..).zip(handles) {
                assert_eq!(task.get(), Ok(n ^ 1));
            }
            assert_eq!(count_them.get(), Ok(()));
            assert!(held.into_iter().all(|task| task.get().is_ok()));
        });
    });
}

#[test]
fn tasks_whose_handles_are_dropped_give_everything_back() {
    isolated(120, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let make = |n: usize| (vec![n as u8; n], Array::from_slice(&[n; 500]).expect("an array"));
            let round = || {
                for n in 0..500 {
                    let task = pool.submit(make, n).expect("submit");
                    match n % 3 {
                        0 => drop(task),
                        1 => {
                            let _ = task.wait(Duration::from_micros(100));
                            drop(task);
                        }
                        _ => assert!(task.get().is_ok()),
                    }
                }
            };
            round();
            let used = || arena::check().expect("a sound arena").used;
            let blocks = || arena::check().expect("a sound arena").blocks;
            let settle = |most: u64| {
                eventually(|| match used() {
                    now if now <= most => Ok(()),
                    now => Err(format!("{now} bytes in {} blocks, {most} bytes before", blocks())),
                });
            };
            for _ in 0..100 {
                pool.submit(|()| (), ()).expect("submit").get().expect("a task");
            }
            std::thread::sleep(Duration::from_millis(200));
            let before = used();
            for _ in 0..scaled(10) {
                round();
            }
            settle(before + 20_000);
            pool.shutdown(Shutdown::Finish { within: LONG }).expect("the parent's");
        });
    });
}

#[test]
fn handles_that_outlive_their_pool_give_everything_back() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let make = |n: usize| Array::from_slice(&vec![n; 500]).expect("an array");
            let (done, unfinished): (Vec<_>, Vec<_>) =
                (0..1000).map(|n| pool.submit(make, n).expect("submit")).partition(|task| task.is_ready());
            drop(pool);
            drop(unfinished);
            for task in done {
                assert!(task.get().is_ok());
            }
        });
    });
}
