//! Tasks and chunks that take too long.

use std::time::Duration;

use procshare::{
    Array, Pool, Value,
    pool::{MapError, TaskFailure},
    sync::{LockError, Mutex},
};

use super::{deaths::whole_again, leaving::leaving_nothing};
use crate::support::{isolated, os, watchdog};

const LIMIT: Duration = Duration::from_millis(200);

#[test]
fn task_over_its_limit_is_ended_though_it_ignores_termination() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::builder().workers(2).task_time_limit(LIMIT).retries(3).build().expect("a pool");
            let mutex = Mutex::new(0_u32).expect("a mutex");
            let pid = Value::new(0_u32).expect("4 bytes");
            let work = |(mutex, pid): (Mutex<u32>, Value<u32>)| -> () {
                os::ignore(libc::SIGTERM);
                let mut held = mutex.lock().expect("no panic");
                *held = 1;
                pid.set(std::process::id());
                os::sleep_for_ever()
            };
            let slow = pool.submit(work, (mutex.clone(), pid.clone())).expect("submit");
            let quick = |n: u64| n + 1;
            assert_eq!(pool.submit(quick, 1).expect("submit").get(), Ok(2));
            match slow.get() {
                Err(TaskFailure::TimedOut { worker, limit }) => {
                    assert_eq!((worker.pid, limit), (pid.get(), LIMIT));
                }
                other => panic!("{other:?}"),
            }
            match mutex.lock() {
                Err(LockError::Poisoned(poisoned)) => assert_eq!(*poisoned.into_inner(), 1),
                other => panic!("{other:?}"),
            }
            mutex.clear_poison();
            assert_eq!(*mutex.lock().expect("recovered"), 1);
            whole_again(&pool, 2, &[pid.get()]);
            for n in 0..100 {
                assert_eq!(pool.submit(quick, n).expect("submit").get(), Ok(n + 1));
            }
        });
    });
}

#[test]
fn limit_is_each_task_s_own() {
    watchdog!(60);
    let pool = Pool::builder().workers(1).task_time_limit(LIMIT).build().expect("a pool");
    let nap = |()| std::thread::sleep(LIMIT / 4);
    let tasks: Vec<_> = (0..8).map(|_| pool.submit(nap, ()).expect("submit")).collect();
    for task in tasks {
        assert_eq!(task.get(), Ok(()), "a task in time");
    }
    // A ticket of a map takes longer than its chunks.
    let mut array = Array::<u8>::zeroed(8).expect("an array");
    let work = |_: usize, chunk: &mut [u8]| {
        std::thread::sleep(LIMIT / 4);
        chunk.fill(1);
    };
    pool.for_each_chunk_mut(&mut array, 1, work).expect("chunks in time");
    assert_eq!(*array, [1; 8]);
}

#[test]
fn chunk_over_its_limit_fails_and_the_others_are_done() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::builder().workers(2).task_time_limit(LIMIT).build().expect("a pool");
            let mut array = Array::<u32>::zeroed(100).expect("an array");
            let work = |number: usize, chunk: &mut [u32]| {
                chunk.fill(number as u32 + 1);
                if number == 3 {
                    os::sleep_for_ever();
                }
            };
            let failed = pool.for_each_chunk_mut(&mut array, 10, work).expect_err("a chunk takes too long");
            let MapError::Failed { failures, .. } = &failed else { panic!("{failed}") };
            assert_eq!((failures.len(), failures[0].range.clone()), (1, 30..40), "{failed}");
            assert!(matches!(failures[0].failure, TaskFailure::TimedOut { limit: LIMIT, .. }), "{failed}");
            assert!((0..).zip(array.iter()).all(|(at, element)| *element == at / 10 + 1));
        });
    });
}
