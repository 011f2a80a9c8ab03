//! Maps in which chunks fail: those are named, and the others done.

use procshare::{
    Array, Pool, Value,
    pool::{MapError, TaskFailure},
};

use super::leaving::leaving_nothing;
use crate::support::{isolated, os, watchdog};

#[test]
fn map_names_the_chunk_whose_worker_was_killed() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let work = |x: u32| {
                if x == 537 {
                    os::raise(libc::SIGKILL);
                }
                x + 1
            };
            let input: Vec<u32> = (0..1000).collect();
            for chunk in [10, 100, 1000] {
                let failed = pool.mapping().chunk(chunk).map(work, &input).expect_err("a chunk died");
                let MapError::Failed { failures, partial } = &failed else { panic!("{failed}") };
                let first = 537 / chunk * chunk;
                assert_eq!(
                    (failures.len(), failures[0].range.clone()),
                    (1, first..first + chunk),
                    "{failed}"
                );
                let killed = TaskFailure::WorkerDied {
                    worker: match &failures[0].failure {
                        TaskFailure::WorkerDied { worker, .. } => worker.clone(),
                        other => panic!("{other}"),
                    },
                    signal: Some(libc::SIGKILL),
                    code: None,
                };
                assert_eq!(failures[0].failure, killed);
                let outside = |at: &usize| !failures[0].range.contains(at);
                assert!((0..1000).filter(outside).all(|at| partial[at] == at as u32 + 1));
            }
        });
    });
}

#[test]
fn chunks_that_fail_for_the_same_reason_are_named_together() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let work = |number: usize, chunk: &mut [u32]| match number {
        2 | 3 | 4 | 8 => panic!("not this one"),
        5 => panic!("nor this one"),
        9 => os::exit_now(2),
        _ => chunk.fill(1),
    };
    let mut array = Array::<u32>::zeroed(95).expect("an array");
    let failed = pool.for_each_chunk_mut(&mut array, 10, work).expect_err("chunks failed");
    let ranges: Vec<_> = failed.failures().iter().map(|failed| failed.range.clone()).collect();
    assert_eq!(ranges, [20..50, 50..60, 80..90, 90..95], "{failed}");
    let message = |at: usize| match &failed.failures()[at].failure {
        TaskFailure::Panicked { panic, .. } => panic.message.clone(),
        other => panic!("{other}"),
    };
    assert_eq!([0, 1, 2].map(message), ["not this one", "nor this one", "not this one"]);
    let died = &failed.failures()[3].failure;
    assert!(matches!(died, TaskFailure::WorkerDied { signal: None, code: Some(2), .. }), "{died}");
    let failed_at = |at: usize| ranges.iter().any(|range| range.contains(&at));
    assert!(array.iter().enumerate().all(|(at, element)| *element == u32::from(!failed_at(at))));
}

#[test]
fn map_in_which_every_chunk_fails_ends() {
    watchdog!(120);
    let pool = Pool::new(2).expect("a pool");
    let mut array = Array::<u32>::zeroed(40).expect("an array");
    let failed = pool.for_each_chunk_mut(&mut array, 1, |_, _| panic!("never")).expect_err("all failed");
    assert_eq!(failed.failures().iter().map(|failed| failed.range.len()).sum::<usize>(), 40, "{failed}");
    let failed =
        pool.for_each_chunk_mut(&mut array, 1, |_, _| os::raise(libc::SIGKILL)).expect_err("all failed");
    assert_eq!(failed.failures().iter().map(|failed| failed.range.len()).sum::<usize>(), 40, "{failed}");
    assert_eq!(pool.map(|x: u32| x, &[1]).map(|mapped| mapped[0]), Ok(1));
}

#[test]
fn fold_with_a_failed_chunk_is_an_error_that_names_it() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let add = |sum: u64, x: u32| if x == 77 { panic!("77") } else { sum + u64::from(x) };
    let input: Vec<u32> = (0..100).collect();
    let failed = pool.mapping().chunk(10).fold(&input, || 0, add, |a, b| a + b).expect_err("a chunk failed");
    assert_eq!((failed.failures().len(), failed.failures()[0].range.clone()), (1, 70..80), "{failed}");
}

#[test]
fn interrupted_chunk_is_done_again_if_the_pool_retries() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::builder().workers(2).retries(1).build().expect("a pool");
            let runs = Value::new(0_u32).expect("4 bytes");
            let once = |runs: &Value<u32>, number: usize, chunk: &mut [u32]| {
                if number == 4 && runs.fetch_add(1) == 0 {
                    os::raise(libc::SIGKILL);
                }
                chunk.fill(number as u32);
            };
            let mut array = Array::<u32>::zeroed(100).expect("an array");
            let mapping = pool.mapping().chunk(10).with(runs.clone());
            mapping.for_each_chunk_mut(&mut array, once).expect("the second time it is done");
            assert!((0..).zip(array.iter()).all(|(at, element)| *element == at / 10));
            assert_eq!(runs.get(), 2);
            runs.set(0);
            let always = |runs: &Value<u32>, number: usize, chunk: &mut [u32]| {
                if number == 4 {
                    runs.fetch_add(1);
                    os::raise(libc::SIGKILL);
                }
                chunk.fill(number as u32 + 1);
            };
            let mapping = pool.mapping().chunk(10).with(runs.clone());
            let failed = mapping.for_each_chunk_mut(&mut array, always).expect_err("it dies each time");
            assert_eq!(
                (failed.failures().len(), failed.failures()[0].range.clone()),
                (1, 40..50),
                "{failed}"
            );
            assert_eq!(runs.get(), 2);
            let done = |(at, element): (u32, &u32)| at / 10 == 4 || *element == at / 10 + 1;
            assert!((0..).zip(array.iter()).all(done));
        });
    });
}
