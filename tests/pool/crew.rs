//! Workers: what is done before their first task, and what they are called.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use procshare::{
    Pool, Value,
    pool::{Rejection, TaskFailure},
};

use super::{deaths::whole_again, leaving::leaving_nothing};
use crate::support::{eventually, isolated, os, watchdog};

/// Set by an initializer, in its worker.
static SET: AtomicU32 = AtomicU32::new(0);

#[test]
fn initializer_runs_in_each_worker_and_in_those_that_replace_one() {
    watchdog!(60);
    let count = Value::new(0_u32).expect("4 bytes");
    let counted = count.clone();
    let initialize = move || {
        SET.store(std::process::id(), Relaxed);
        counted.fetch_add(1);
    };
    let pool = Pool::builder().workers(2).name("set").initializer(initialize).build().expect("a pool");
    let read = |()| SET.load(Relaxed) == std::process::id();
    for round in 0..5 {
        for _ in 0..20 {
            assert_eq!(pool.submit(read, ()).expect("submit").get(), Ok(true));
        }
        let expected = 2 + round;
        eventually(|| match count.get() {
            times if times == expected => Ok(()),
            times => Err(format!("{times} initializers ran, not {expected}")),
        });
        let workers = pool.workers();
        assert_eq!([&*workers[0].name, &*workers[1].name], ["set-0", "set-1"]);
        os::kill(workers[round as usize % 2].pid, libc::SIGKILL);
        whole_again(&pool, 2, &[workers[round as usize % 2].pid]);
    }
    assert_eq!(SET.load(Relaxed), 0, "this is no worker");
}

#[test]
fn pool_whose_initializer_panics_says_that_it_has_no_workers() {
    isolated(120, || {
        leaving_nothing(|| {
            let pool =
                Pool::builder().workers(2).initializer(|| panic!("not today")).build().expect("a pool");
            let is_reason = |reason: &str| reason.contains("not today");
            match pool.submit(|n: u32| n, 1) {
                Ok(task) => match task.get() {
                    Err(TaskFailure::NoWorkers { reason }) => assert!(is_reason(&reason), "{reason}"),
                    other => panic!("{other:?}"),
                },
                Err(refused) => assert!(matches!(refused.error, Rejection::NoWorkers { .. })),
            }
            match pool.submit(|n: u32| n, 2).map(drop) {
                Err(refused) => {
                    assert_eq!(refused.arg, Some(2));
                    assert!(matches!(refused.error, Rejection::NoWorkers { .. }), "{refused}");
                }
                Ok(()) => panic!("it was taken"),
            }
            assert!(pool.map(|x: u32| x, &[1, 2, 3]).is_err());
            assert!(pool.imap(|n: u32| n, [1]).next().is_some_and(|result| result.is_err()));
        });
    });
}

#[test]
fn map_ends_when_no_worker_stays_alive() {
    isolated(120, || {
        leaving_nothing(|| {
            let exit = || std::process::exit(9);
            let pool = Pool::builder().workers(2).initializer(exit).build().expect("a pool");
            let failed = pool.map(|x: u32| x, &[1, 2, 3]).expect_err("nobody works");
            assert!(failed.to_string().contains('9'), "{failed}");
        });
    });
}

#[test]
fn initializer_that_dies_now_and_then_costs_nothing_but_time() {
    watchdog!(120);
    let count = Value::new(0_u32).expect("4 bytes");
    let die_often = move || {
        if count.fetch_add(1) % 3 != 2 {
            os::raise(libc::SIGKILL);
        }
    };
    let pool = Pool::builder().workers(2).initializer(die_often).build().expect("a pool");
    for n in 0..20_u32 {
        assert_eq!(pool.submit(|n| n, n).expect("submit").get(), Ok(n));
    }
    whole_again(&pool, 2, &[]);
}
