//! The watchdog: a thread that prints a test's name and aborts the process when the test does not end.
//!
//! It is the only bound on time that a test has. Before it aborts it kills what the process started, so that a hang
//! leaves nothing behind either.

use std::{
    sync::{
        Mutex,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use super::{factor, isolated, os, table};

/// What the tests of this process are waiting for, by test; printed when a watchdog barks.
static WAITING: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Watches over one test for as long as it lives.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// Dropped with the watchdog, which tells the watching thread to go home.
    _leash: Sender<()>,
}

impl Watchdog {
    /// Aborts the process in `seconds` (times `PROCSHARE_TEST_PATIENCE`), unless dropped before.
    pub(crate) fn start(test: String, seconds: u64) -> Watchdog {
        let patience = Duration::from_secs_f64(seconds as f64 * factor("PROCSHARE_TEST_PATIENCE"));
        let (leash, held) = mpsc::channel::<()>();
        let watch = move || {
            if held.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                bark(&test, patience);
            }
        };
        thread::Builder::new().name("watchdog".into()).spawn(watch).expect("start the watchdog's thread");
        Watchdog { _leash: leash }
    }
}

/// Says which test hangs and on what, kills this process's descendants and aborts.
fn bark(test: &str, patience: Duration) -> ! {
    let waiting = match WAITING.try_lock() {
        Ok(notes) => notes.iter().map(|(by, what)| format!("\n  {by} waits: {what}")).collect(),
        Err(_) => String::new(),
    };
    // Straight to the descriptor: the hanging test may hold the lock of stderr.
    os::write_stderr(&format!("watchdog: test {test} did not end in {patience:?}{waiting}\n"));
    for pid in table::descendants_of(std::process::id()).into_iter().chain(isolated::alive_in_programs()) {
        os::write_stderr(&format!("watchdog: {}\n", table::describe(pid)));
        os::kill(pid, libc::SIGKILL);
    }
    std::process::abort();
}

/// Polls until `attempt` succeeds, for as long as the watchdog allows; an `Err` says what is still missing, and is
/// what the watchdog prints.
pub(crate) fn eventually<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let me = thread::current().name().unwrap_or("unnamed").to_string();
    loop {
        let note = match attempt() {
            Ok(value) => {
                with_notes(|notes| notes.retain(|(by, _)| *by != me));
                return value;
            }
            Err(note) => note,
        };
        with_notes(|notes| match notes.iter_mut().find(|(by, _)| *by == me) {
            Some((_, old)) => *old = note,
            None => notes.push((me.clone(), note)),
        });
        thread::sleep(Duration::from_millis(2));
    }
}

/// Polls until `holds`, for as long as the watchdog allows; usable in a child as well, where no lock may be taken.
pub(crate) fn wait_until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        thread::sleep(Duration::from_millis(1));
    }
}

fn with_notes(change: impl FnOnce(&mut Vec<(String, String)>)) {
    change(&mut WAITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}
