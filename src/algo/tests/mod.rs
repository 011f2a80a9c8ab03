//! The state machines under the model checker, with the bugs that it must find.
//!
//! Two parkers are needed: `Blocking` sleeps until it is woken, and so finds lost wakes, but its mutex lends the
//! machine happens-before edges; `Spurious` never sleeps, lends nothing, and so finds missing orderings.

mod dispatch_deaths;
mod dispatch_models;
mod fifo_deaths;
mod fifo_models;
mod loom_berths;
mod loom_chunks;
mod loom_completion;
mod loom_crossing;
mod loom_dispatch;
mod loom_event;
mod loom_fifo;
mod loom_lane;
mod loom_owner_lock;
mod loom_participants;
mod loom_permits;
mod loom_reentrant;
mod loom_rw_lock;
mod loom_snapshot;
mod loom_task_state;
mod loom_tasks;
mod parkers;
mod partial;
mod permits_models;
mod rw_lock_models;

use std::cell::Cell;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::planted::Bug;
use crate::shim::AtomicU64;

/// How often the checker takes the processor from a thread that could go on, unless `LOOM_MAX_PREEMPTIONS` says
/// otherwise. Every planted bug is found with two.
const PREEMPTIONS: usize = 2;

/// Set in the process that is expected to fail.
const AGAIN: &str = "PROCSHARE_PLANTED";

/// What the checker prints when two threads meet at unguarded data.
pub(in crate::algo) const RACE: &str = "Causality violation";
/// What the checker prints when nobody can go on.
pub(in crate::algo) const DEADLOCK: &str = "deadlock";

thread_local! {
    /// The bug of the running model. The checker's threads are coroutines of the test's own thread.
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

pub(in crate::algo) fn planted(bug: Bug) -> bool {
    dispatch_deaths::pass();
    PLANTED.get() == Some(bug)
}

/// Runs `model` in every interleaving within the bound, and returns how many there were.
pub(in crate::algo) fn explore(model: impl Fn() + Send + Sync + 'static) -> usize {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = checker.preemption_bound.or(Some(PREEMPTIONS));
    checker.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    runs.load(Ordering::Relaxed)
}

/// Plants `bug` and asserts that some interleaving of `model` fails, with `symptom` in what it prints.
///
/// The checker does not survive a failure: what it unwinds reaches for a scheduler that is gone, and aborts. So the
/// test runs itself once more, as a process of its own, which is expected to fail.
pub(in crate::algo) fn finds(bug: Bug, symptom: &str, model: impl Fn() + Send + Sync + 'static) {
    if std::env::var_os(AGAIN).is_some() {
        PLANTED.set(Some(bug));
        explore(model);
        return;
    }
    let thread = std::thread::current();
    let test = thread.name().expect("a test's thread bears the test's name");
    let again = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(AGAIN, "1")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&[again.stdout, again.stderr].concat()).into_owned();
    assert!(printed.contains("running 1 test"), "the test did not find itself: {printed}");
    assert!(!again.status.success(), "{bug:?} went unnoticed in every interleaving");
    assert!(printed.contains(symptom), "{bug:?} was noticed, but not by {symptom:?}: {printed}");
}

/// Without the turnstiles of the shim, the store is never tried before the main thread's load.
#[test]
fn load_hides_nobody_elses_load_from_the_store_after_it() {
    let seen = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counted = Arc::clone(&seen);
    explore(move || {
        let word = loom::sync::Arc::new(AtomicU64::new(0));
        let other = loom::sync::Arc::clone(&word);
        let storing = loom::thread::spawn(move || {
            other.load(Ordering::Relaxed);
            other.store(1, Ordering::Relaxed);
        });
        let value = usize::try_from(word.load(Ordering::Relaxed)).unwrap();
        counted[value].fetch_add(1, Ordering::Relaxed);
        storing.join().unwrap();
    });
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) > 0), "{seen:?}");
}
