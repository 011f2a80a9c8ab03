//! A worker killed from outside: the message names it, and what is missing is never passed off as a result.

use std::{path::Path, thread, time::Duration};

use crate::{
    program::Program,
    support::{eventually, os, table},
};

const WORKERS: usize = 2;
/// So many that nobody lives to see the end of them.
const RESAMPLES: usize = 2_000_000;

/// The numbers in a text, in their order.
fn numbers(text: &str) -> Vec<usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[test]
fn killed_worker_is_named_with_what_is_missing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let drawing = folder.path().join("histogram.svg");
    let [workers, resamples] = [WORKERS, RESAMPLES].map(|number| number.to_string());
    let options = [Path::new("--out"), &drawing].into_iter();
    let example =
        Program::start(options.chain(["--workers", &workers, "--resamples", &resamples].map(Path::new)));

    let pids = eventually(|| match table::descendants_of(example.pid()) {
        workers if workers.len() == WORKERS => Ok(workers),
        others => Err(format!("for the workers, found {others:?}")),
    });
    thread::sleep(Duration::from_millis(300)); // some resamples are finished by now, or none: either is right
    assert!(os::kill(pids[1], libc::SIGKILL));
    let run = example.finish();

    let mut message = run.stderr.lines();
    let who = message.next().expect("a message");
    let name = who.strip_prefix("sunspots: worker 'resample-").expect("the worker is named");
    assert!(name.ends_with(&format!("' (pid {}) was killed by SIGKILL (signal 9)", pids[1])), "{who}");

    // Worker 2 of 2 had the resamples from 1,000,001 to 2,000,000, and finished them in their order.
    let share = RESAMPLES / WORKERS;
    let worker = numbers(name)[0];
    let what = message.next().expect("what is missing");
    assert!(what.starts_with("resamples "), "{what}");
    let [first, last, finished, of] = numbers(what)[..] else { panic!("{what}") };
    assert_eq!((last, of), (worker * share, share), "{what}");
    assert_eq!(first, (worker - 1) * share + finished + 1, "{what}");
    assert!(finished < share, "{what}");
    assert_eq!(message.next(), None);

    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert!(!drawing.exists());
    assert!(!table::is_alive(pids[0]), "the other worker still runs");
}
