//! Locks and signals with threads, and with processes that die.
//!
//! What could hang stands under a [`Watchdog`]; no test asserts a maximum time. Children that a test forgets are killed
//! with its process.

mod barrier;
mod condvar;
mod condvar_deaths;
mod event;
mod mutex;
mod mutex_deaths;
mod once;
mod once_value;
mod reentrant_mutex;
mod rw_lock;
mod rw_lock_deaths;
mod semaphore;
mod semaphore_deaths;
mod travel;

use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::sys::{self, PidFd};
use crate::value::Value;

/// Numbers that are the same wherever this crate runs, and that only `sys` could ask libc for.
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// Ends the process, and so all its children, unless it is dropped within a minute or two.
pub(crate) struct Watchdog {
    _leash: Sender<()>,
}

impl Watchdog {
    pub(crate) fn start() -> Self {
        let test = String::from(thread::current().name().unwrap_or("unnamed"));
        let (leash, held) = mpsc::channel::<()>();
        thread::spawn(move || {
            if held.recv_timeout(Duration::from_secs(120)) == Err(RecvTimeoutError::Timeout) {
                sys::write_stderr(format!("watchdog: test {test} hangs\n").as_bytes());
                std::process::abort();
            }
        });
        Self { _leash: leash }
    }
}

/// Looks until `holds`, for as long as the watchdog allows. For children, too: takes no lock.
pub(crate) fn wait_until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A value that says how far somebody has come.
pub(crate) fn stage() -> Value<u32> {
    Value::new(0).expect("4 bytes")
}

/// A stage: the child's parent has returned from spawning it.
pub(crate) const SPAWNED: u32 = u32::MAX;

/// Sleeps until somebody kills this process.
pub(crate) fn sleep_for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Stops a process as `SIGSTOP` does, as long as this lives.
pub(super) struct Stopped(PidFd);

impl Stopped {
    pub(super) fn stop(pid: u32) -> Self {
        let process = PidFd::open(pid.cast_signed()).expect("a living process");
        process.send_signal(SIGSTOP).expect("a living process");
        wait_until(|| state(pid) == Some('T'));
        Self(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = self.0.send_signal(SIGCONT);
    }
}

/// The letter by which `/proc` tells the state of a process; `None`: there is none of that number.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Whether a process can still do anything.
pub(super) fn is_alive(pid: u32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// Says in which process the body of [`alone`] is to run.
const ALONE: &str = "PROCSHARE_TEST_ALONE";

/// Runs `body` in a process where no other test runs: nobody else takes memory of the arena there.
pub(super) fn alone(body: impl FnOnce()) {
    let thread = thread::current();
    let test = thread.name().expect("a test's thread bears the test's name");
    if std::env::var(ALONE).is_ok_and(|wanted| wanted == test) {
        return body();
    }
    let ended = Command::new(std::env::current_exe().expect("the path of the test binary"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, test)
        .stdin(Stdio::null())
        .output()
        .expect("start the test binary again");
    let printed = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(printed.contains("running 1 test"), "the test did not find itself: {printed}");
    assert!(ended.status.success(), "alone in its process the test failed: {printed}");
}
