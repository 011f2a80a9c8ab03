//! What a crowd of sleepers costs: system calls a second, which grow with their number and not with its square.

use std::{
    thread,
    time::{Duration, SystemTime},
};

use procshare::{
    Process, Value,
    sync::{Barrier, Condvar, Event, Mutex, Once, RwLock, Semaphore},
};

use crate::support::{Program, as_program, measured, os, say, skip, wait_until, watchdog};

/// How long the crowd sleeps while its calls are counted.
const WINDOW: Duration = Duration::from_secs(1);
/// How many there are, once few and once many.
const FEW: u32 = 10;
const MANY: u32 = 100;
/// Tells a program how many.
const CROWD: &str = "PROCSHARE_TEST_CROWD";

/// What the crowds sleep on.
const KINDS: [&str; 7] = ["mutex", "rwlock", "semaphore", "event", "once", "condvar", "barrier"];

/// A crowd that does `wait`, and sleeps there until this drops `kept` and does `release`.
fn crowd<K>(kind: &str, kept: K, release: impl FnOnce(), wait: impl Fn() + Clone + Send + 'static) {
    let crowd = size();
    let there = Value::new(0_u32).expect("4 bytes");
    let start = |_| {
        let (wait, there) = (wait.clone(), there.clone());
        let body = move || {
            there.fetch_add(1);
            wait();
        };
        Process::spawn(body).expect("spawn")
    };
    let sleepers: Vec<_> = (0..crowd).map(start).collect();
    wait_until(|| there.get() == crowd);
    thread::sleep(Duration::from_millis(500)); // until their naps are as long as they get
    say(&format!("{kind}-from"), since_1970());
    thread::sleep(WINDOW);
    say(&format!("{kind}-to"), since_1970());
    drop(kept);
    release();
    sleepers.into_iter().for_each(|child| child.join().expect("a sleeper"));
}

/// How many sleepers there are to be.
fn size() -> u32 {
    os::environment(CROWD).and_then(|count| count.parse().ok()).unwrap_or(FEW)
}

/// As `strace -ttt` counts.
fn since_1970() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("later than 1970").as_secs_f64()
}

#[test]
#[ignore = "a program that a test starts"]
fn program_with_crowds_of_sleepers() {
    as_program(240, || {
        let mutex = Mutex::new(0_u32).expect("a mutex");
        let own = mutex.clone();
        crowd(
            "mutex",
            mutex.lock().expect("a new mutex"),
            || (),
            move || {
                drop(own.lock().expect("nobody dies"));
            },
        );
        let lock = RwLock::new(0_u32).expect("a lock");
        let own = lock.clone();
        crowd(
            "rwlock",
            lock.read().expect("a new lock"),
            || (),
            move || {
                drop(own.write().expect("nobody dies"));
            },
        );
        let semaphore = Semaphore::new(1).expect("a semaphore");
        let own = semaphore.clone();
        crowd(
            "semaphore",
            semaphore.acquire().expect("a new semaphore"),
            || (),
            move || {
                drop(own.acquire().expect("nobody dies"));
            },
        );
        let event = Event::new().expect("an event");
        let own = event.clone();
        crowd("event", (), || event.set(), move || own.wait());
        let once = Once::new().expect("a once");
        let own = once.clone();
        let done = || once.call_once(|| ()).expect("nobody did it");
        crowd("once", (), done, move || own.wait().expect("nobody dies"));
        let (mutex, changed) = (Mutex::new(0_u32).expect("a mutex"), Condvar::new().expect("a condvar"));
        let (own, told) = (mutex.clone(), changed.clone());
        let change = || {
            *mutex.lock().expect("nobody dies") = 1;
            changed.notify_all();
        };
        crowd("condvar", (), change, move || {
            drop(told.wait_while(own.lock().expect("nobody dies"), |x| *x == 0).expect("nobody dies"));
        });
        let barrier = Barrier::new(size() as usize + 1).expect("a barrier");
        let own = barrier.clone();
        let cross = || assert!(barrier.wait().is_ok());
        crowd("barrier", (), cross, move || assert!(own.wait().is_ok()));
    });
}

/// When the program began a call, by the log of `strace -f -ttt`: `4711 1795275464.953 futex(...`.
fn begun(line: &str) -> Option<f64> {
    let mut words = line.split_whitespace();
    let when = words.nth(1)?.parse().ok()?;
    (!line.contains("resumed>")).then_some(when)
}

/// System calls a second that crowds of so many make while they sleep, on each kind; `None` where they can not be counted.
fn calls_a_second(sleepers: u32) -> Option<Vec<f64>> {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let log = directory.path().join("log");
    let log = log.to_str().expect("a path in UTF-8");
    let probe = std::process::Command::new("strace").args(["-f", "-o", log, "true"]).output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        skip(&format!("strace does not run here: {probe:?}"));
        return None;
    }
    let program = Program::of(program_with_crowds_of_sleepers).env(CROWD, &sleepers.to_string());
    let outcome = program.wrapped_by(&["strace", "-f", "-ttt", "-e", "signal=none", "-o", log]).run();
    assert!(outcome.ran());
    let log = std::fs::read_to_string(log).expect("the log of strace");
    let calls: Vec<f64> = log.lines().filter_map(begun).collect();
    let rate = |kind: &&str| {
        let said = |what: &str| -> f64 {
            outcome.said(&format!("{kind}-{what}")).and_then(|when| when.parse().ok()).expect("the window")
        };
        let (from, to) = (said("from"), said("to"));
        calls.iter().filter(|when| (from..to).contains(*when)).count() as f64 / (to - from)
    };
    Some(KINDS.iter().map(rate).collect())
}

#[test]
fn crowd_of_sleepers_asks_the_kernel_in_proportion() {
    watchdog!(500);
    let Some(few) = calls_a_second(FEW) else { return };
    let Some(many) = calls_a_second(MANY) else { return };
    for ((kind, few), many) in KINDS.iter().zip(few).zip(many) {
        measured(&format!(
            "system calls a second of {FEW} sleepers on a {kind}: {few:.0}, of {MANY}: {many:.0}"
        ));
        assert!(few > 0.0, "nobody sleeps on a {kind}");
        // In proportion would be 10, the square 100.
        assert!(many < 40.0 * few, "{kind}: {few} calls a second of {FEW} sleepers, {many} of {MANY}");
    }
}
