//! Pools and other processes: children of the parent, pools in workers and scopes, tasks that spawn and fork.

use std::{thread, time::Duration};

use procshare::{
    Array, Pool, Process, Value,
    pool::{MapError, Rejection, Shutdown, TaskFailure},
    scope,
};

use super::leaving::leaving_nothing;
use crate::support::{eventually, isolated, os, table, wait_until, watchdog};

#[test]
fn child_of_the_parent_has_no_use_of_the_pool() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let mut tasks: Vec<_> =
                (0..4_u32).map(|n| pool.submit(|n| vec![n; 1000], n).expect("submit")).collect();
            let mine = tasks.pop().expect("four");
            let judged = scope(|s| {
                let try_it = || {
                    let refused = pool.submit(|n: u32| n, 5).map(drop).expect_err("not this one's");
                    assert_eq!((refused.error, refused.arg), (Rejection::NotMyPool, Some(5)));
                    assert_eq!(pool.shutdown(Shutdown::Abort), Err(Rejection::NotMyPool));
                    assert!(pool.workers().is_empty());
                    assert!(pool.map(|x: u32| x, &[1, 2]).is_err());
                    assert!(pool.imap(|x: u32| x, [1]).next().is_some_and(|result| result.is_err()));
                    let task = &tasks[0];
                    assert!(!task.is_ready() && !task.wait(Duration::ZERO) && !task.cancel());
                    let theirs = mine;
                    assert_eq!(theirs.get(), Err(TaskFailure::NotMyTask));
                };
                s.spawn(try_it).expect("spawn").join()
            });
            judged.expect("joined").expect("the child finds what it should");
            // A child that ends with its copies, and one that is killed with them.
            let (child, killed) = scope(|s| {
                let child = s.spawn(|| ()).expect("spawn").join();
                let killed = s.spawn(|| os::raise(libc::SIGKILL)).expect("spawn").join();
                (child, killed)
            })
            .expect("joined");
            assert!(child.is_ok() && killed.is_err());
            for (n, task) in (0..).zip(tasks) {
                assert_eq!(task.get(), Ok(vec![n; 1000]));
            }
            assert_eq!(pool.submit(|n: u32| n, 5).expect("submit").get(), Ok(5));
        });
    });
}

#[test]
fn child_that_takes_the_pool_along_ends_nothing() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let task = pool.submit(|n: u32| n, 1).expect("submit");
    // Forks while the parent's threads are at work with the pool.
    thread::scope(|s| {
        s.spawn(|| {
            (0..500_u32).for_each(|n| assert_eq!(pool.submit(|n| n, n).expect("submit").get(), Ok(n)))
        });
        for _ in 0..20 {
            let dropped = scope(|s| {
                let body = || {
                    assert!(pool.submit(|n: u32| n, 1).map(drop).is_err());
                    // As if it had been moved there.
                    let copy = std::mem::ManuallyDrop::new(&pool);
                    assert!(copy.shutdown(Shutdown::Abort).is_err());
                };
                s.spawn(body).expect("spawn").join()
            });
            dropped.expect("joined").expect("the child");
        }
    });
    assert_eq!(task.get(), Ok(1));
}

#[test]
fn pool_works_in_a_worker_of_another_pool() {
    isolated(120, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let nest = |n: u64| {
                let inner = Pool::new(2).expect("a pool in a worker");
                let tasks: Vec<_> =
                    (0..n).map(|n| inner.submit(|n: u64| n * n, n).expect("submit")).collect();
                let sum: u64 = tasks.into_iter().map(|task| task.get().expect("a square")).sum();
                let array = Array::from_fn(1000, |at| at as u64).expect("an array");
                sum + inner.reduce(&array, || 0, |a, b| a + b).expect("a sum")
            };
            let tasks: Vec<_> = (0..6).map(|n| pool.submit(nest, n).expect("submit")).collect();
            for (n, task) in (0..).zip(tasks) {
                assert_eq!(task.get(), Ok((0..n).map(|n| n * n).sum::<u64>() + 499_500));
            }
            // A worker that is killed takes its pool along.
            let pid = Value::new(0_u32).expect("4 bytes");
            let hold = |pid: Value<u32>| -> () {
                let inner = Pool::new(1).expect("a pool in a worker");
                pid.set(inner.submit(|()| std::process::id(), ()).expect("submit").get().expect("a pid"));
                os::raise(libc::SIGKILL);
            };
            let held = pool.submit(hold, pid.clone()).expect("submit").get();
            assert!(matches!(held, Err(TaskFailure::WorkerDied { .. })));
            assert!(!table::is_alive(pid.get()), "{}", table::describe(pid.get()));
        });
    });
}

#[test]
fn pool_works_in_a_scoped_process() {
    isolated(60, || {
        leaving_nothing(|| {
            let numbers = Array::from_fn(1000, |at| at as u64).expect("an array");
            let sums = scope(|s| {
                let children: Vec<_> = (0..2_u64)
                    .map(|child| {
                        let numbers = &numbers;
                        let body = move || {
                            let pool = Pool::new(2).expect("a pool");
                            let sum = pool.reduce(numbers, || 0, |a, b| a + b).expect("a sum");
                            sum + pool.submit(|n: u64| n + 1, child).expect("submit").get().expect("a number")
                        };
                        s.spawn(body).expect("spawn")
                    })
                    .collect();
                children.into_iter().map(|child| child.join().expect("a sum")).collect::<Vec<u64>>()
            });
            assert_eq!(sums.expect("joined"), [499_501, 499_502]);
        });
    });
}

#[test]
fn task_that_forks_comes_back_once() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let fork = |n: u64| {
                let child = os::foreign_fork();
                (n, child.unwrap_or(0), std::process::id())
            };
            for n in 0..10 {
                let (same, child, pid) = pool.submit(fork, n).expect("submit").get().expect("once");
                assert_eq!(same, n);
                assert!(child != 0 && child != pid, "the worker's result");
                assert!(pool.workers().iter().any(|worker| worker.pid == pid));
            }
            let mut array = Array::<u32>::zeroed(10).expect("an array");
            let work = |number: usize, chunk: &mut [u32]| {
                let child = os::foreign_fork();
                if child.is_some() {
                    chunk.fill(number as u32 + 1);
                }
            };
            pool.for_each_chunk_mut(&mut array, 1, work).expect("a map");
            assert_eq!(*array, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
            let panics = |n: u64| -> u64 {
                let child = os::foreign_fork();
                panic!("{n} in {}", if child.is_some() { "the worker" } else { "its child" })
            };
            match pool.submit(panics, 3).expect("submit").get() {
                Err(TaskFailure::Panicked { panic, .. }) => assert_eq!(panic.message, "3 in the worker"),
                other => panic!("{other:?}"),
            }
        });
    });
}

#[test]
fn task_spawns_processes_of_its_own() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let spawn = |n: u64| {
                let child = Process::spawn(move || n * 2).expect("spawn");
                child.join().expect("the child")
            };
            for n in 0..10 {
                assert_eq!(pool.submit(spawn, n).expect("submit").get(), Ok(n * 2));
            }
            // Left behind by their tasks: they end with the worker.
            let leave = |()| {
                let child = Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
                let pid = child.pid();
                std::mem::forget(child);
                pid
            };
            let left: Vec<_> =
                (0..4).map(|_| pool.submit(leave, ()).expect("submit").get().expect("a pid")).collect();
            assert!(left.iter().all(|pid| table::is_alive(*pid)));
            pool.shutdown(Shutdown::Finish { within: Duration::from_secs(100) }).expect("the parent's");
            eventually(|| match left.iter().find(|pid| table::is_alive(**pid)) {
                Some(pid) => Err(table::describe(*pid)),
                None => Ok(()),
            });
        });
    });
}

#[test]
fn chunk_is_shared_out_by_a_scope() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let mut array = Array::<u32>::zeroed(100).expect("an array");
    let work = |number: usize, chunk: &mut [u32]| {
        let (left, right) = chunk.split_at_mut(10);
        let both = scope(|s| {
            let child = s.spawn(|| left.fill(number as u32 + 1)).expect("spawn");
            right.fill(number as u32 + 1);
            child.join()
        });
        both.expect("joined").expect("the child");
    };
    pool.for_each_chunk_mut(&mut array, 20, work).expect("a map");
    assert!((0..).zip(array.iter()).all(|(at, element)| *element == at / 20 + 1));
}

/// Counts in `word` until about half a second after the parent of this process changed, then ends.
fn write_on(word: &mut u64, writing: &Value<u32>) {
    // With the descriptors goes what would have killed it with its parent.
    os::close_from(3);
    let parent = os::parent_pid();
    writing.set(os::pid());
    let mut rest = 500;
    while rest > 0 {
        for _ in 0..1000 {
            *word = std::hint::black_box(*word + 1);
        }
        thread::sleep(Duration::from_millis(1));
        if os::parent_pid() != parent {
            rest -= 1;
        }
    }
}

#[test]
fn map_waits_for_the_child_of_a_killed_worker_that_writes_the_chunk() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let mut array = Array::<u64>::zeroed(4).expect("an array");
            let words = [(); 2].map(|()| Value::new(0_u32).expect("4 bytes"));
            let work = |[worker, writing]: &[Value<u32>; 2], number: usize, chunk: &mut [u64]| {
                if number == 2 {
                    worker.set(std::process::id());
                    let word = &mut chunk[0];
                    let written = scope(|s| s.spawn(|| write_on(word, writing)).expect("spawn").join());
                    written.expect("joined").expect("nobody lives so long");
                }
            };
            thread::scope(|s| {
                s.spawn(|| {
                    wait_until(|| words[1].get() != 0);
                    os::kill(words[0].get(), libc::SIGKILL);
                });
                let mapping = pool.mapping().chunk(1).with(words.clone());
                let failed = mapping.for_each_chunk_mut(&mut array, work).expect_err("a worker was killed");
                let writer = words[1].get();
                assert!(
                    !table::is_alive(writer),
                    "the array came back while {} lives",
                    table::describe(writer)
                );
                let MapError::Failed { failures, .. } = failed else { panic!("{failed}") };
                assert_eq!((failures.len(), failures[0].range.clone()), (1, 2..3));
            });
            array[2] = 1;
            thread::sleep(Duration::from_millis(50));
            assert_eq!(std::hint::black_box(&*array)[2], 1, "somebody still writes");
        });
    });
}
