//! Tasks that are run again because their worker died.

use procshare::{Array, Pool, Value, pool::TaskFailure};

use super::{deaths::whole_again, leaving::leaving_nothing};
use crate::support::{isolated, os, watchdog};

/// Counts its runs, and kills its worker in the first `deadly` of them.
fn die_at_first((runs, deadly): (Value<u32>, u32)) -> u32 {
    let run = runs.fetch_add(1);
    if run < deadly {
        os::raise(libc::SIGKILL);
    }
    run
}

#[test]
fn interrupted_task_is_run_as_often_as_was_agreed() {
    isolated(60, || {
        leaving_nothing(|| {
            for retries in [0, 1, 3] {
                let pool = Pool::builder().workers(2).retries(retries).build().expect("a pool");
                let runs = Value::new(0_u32).expect("4 bytes");
                let always = pool.submit(die_at_first, (runs.clone(), u32::MAX)).expect("submit");
                match always.get() {
                    Err(TaskFailure::WorkerDied { signal, .. }) => assert_eq!(signal, Some(libc::SIGKILL)),
                    other => panic!("{other:?}"),
                }
                assert_eq!(runs.get(), retries + 1);
                runs.set(0);
                let at_first = pool.submit(die_at_first, (runs.clone(), retries)).expect("submit");
                assert_eq!(at_first.get(), Ok(retries));
                assert_eq!(runs.get(), retries + 1);
            }
        });
    });
}

#[test]
fn small_argument_is_there_the_second_time_though_the_result_takes_its_place() {
    watchdog!(60);
    let pool = Pool::builder().workers(1).retries(1).build().expect("a pool");
    // Interrupted about where the result is written.
    for round in 0..20_u64 {
        let task = pool.submit(|numbers: [u64; 8]| numbers.map(|n| !n), [round; 8]).expect("submit");
        if let Some(worker) = pool.workers().first() {
            os::kill(worker.pid, libc::SIGKILL);
        }
        assert_eq!(task.get(), Ok([!round; 8]));
    }
}

#[test]
fn panic_is_not_tried_again() {
    watchdog!(60);
    let pool = Pool::builder().workers(1).retries(5).build().expect("a pool");
    let runs = Value::new(0_u32).expect("4 bytes");
    let fail = |runs: Value<u32>| -> () { panic!("run {}", runs.fetch_add(1)) };
    assert!(matches!(
        pool.submit(fail, runs.clone()).expect("submit").get(),
        Err(TaskFailure::Panicked { .. })
    ));
    assert_eq!(runs.get(), 1);
}

#[test]
fn task_that_was_given_an_array_is_not_run_again() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::builder().workers(1).retries(3).build().expect("a pool");
            for replaced_before in [false, true] {
                let array = Array::from_slice(&[1_u64; 1000]).expect("an array");
                if replaced_before {
                    // A worker that was forked after the array was made has a copy of its handle.
                    let old =
                        pool.submit(|()| std::process::id(), ()).expect("submit").get().expect("a number");
                    os::kill(old, libc::SIGKILL);
                    whole_again(&pool, 1, &[old]);
                }
                let runs = Value::new(0_u32).expect("4 bytes");
                let die = |(array, runs): (Array<u64>, Value<u32>)| -> usize {
                    runs.fetch_add(1);
                    os::raise(libc::SIGKILL);
                    array.len()
                };
                match pool.submit(die, (array, runs.clone())).expect("submit").get() {
                    Err(TaskFailure::WorkerDied { signal, .. }) => assert_eq!(signal, Some(libc::SIGKILL)),
                    other => panic!("replaced before: {replaced_before}: {other:?}"),
                }
                assert_eq!(runs.get(), 1);
            }
        });
    });
}
