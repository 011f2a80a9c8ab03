//! Threads that keep the standard streams locked, for which every fork waits.

use std::io::Write;
use std::process::abort;
use std::time::Duration;

use procshare::Pool;
use procshare::pool::{Shutdown, TaskFailure};

use super::leaving::leaving_nothing;
use crate::support::isolated;

fn die(really: bool) {
    if really {
        abort();
    }
}

#[test]
fn who_keeps_standard_output_locked_and_waits_makes_the_replacement() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::builder().workers(1).tasks_per_worker(1).build().expect("a pool");
            let mut out = std::io::stdout().lock();
            for (n, result) in (0..).zip(pool.imap(|n: u64| n + 1, 0..3)) {
                assert_eq!(result, Ok(n + 1));
            }
            for result in pool.imap_unordered(die, [false, true, false]) {
                writeln!(out, "{result:?}").expect("standard output");
            }
            assert_eq!(*pool.map(|n: u64| n * n, &[1, 2, 3]).expect("a map"), [1, 4, 9]);
        });
    });
}

#[test]
fn who_keeps_standard_error_locked_and_waits_makes_the_replacement() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let err = std::io::stderr().lock();
            assert!(matches!(
                pool.submit(die, true).expect("submit").get(),
                Err(TaskFailure::WorkerDied { .. })
            ));
            let mut task = pool.submit(die, false).expect("submit");
            let timed = task.get_timeout(Duration::from_millis(300));
            assert!(matches!(timed, Ok(()) | Err(TaskFailure::Unfinished)), "{timed:?}");
            if timed.is_err() {
                assert_eq!(task.get(), Ok(()));
            }
            drop(err);
        });
    });
}

#[test]
fn shutdown_by_who_keeps_standard_output_locked_finishes_what_is_queued() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let out = std::io::stdout().lock();
            let dying = pool.submit(die, true).expect("submit");
            let queued = pool.submit(die, false).expect("submit");
            pool.shutdown(Shutdown::Finish { within: Duration::from_secs(50) }).expect("my pool");
            assert!(matches!(dying.get(), Err(TaskFailure::WorkerDied { .. })));
            assert_eq!(queued.get(), Ok(()));
            drop(out);
        });
    });
}
