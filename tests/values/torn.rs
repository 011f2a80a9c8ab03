//! A writer that is killed or stopped in the middle of a store: the value is the old or the new one, whole.

use std::{thread, time::Duration};

use procshare::{Process, Value};

use crate::support::{Random, os, scaled, wait_until, watchdog};

/// Whole means: all words alike.
fn is_whole<const N: usize>(words: &[u64; N]) -> bool {
    words.iter().all(|word| *word == words[0])
}

/// Spawns a child that stores ever new whole values, and waits until it does.
fn writer<const N: usize>(value: &Value<[u64; N]>) -> Process<()>
where
    [u64; N]: procshare::Plain,
{
    let own = value.clone();
    let write = move || -> () {
        let mut n = own.get()[0];
        loop {
            n += 1;
            own.set([n; N]);
        }
    };
    let before = value.get()[0];
    let child = Process::spawn(write).expect("spawn");
    wait_until(|| value.get()[0] != before);
    child
}

#[test]
fn killed_writer_leaves_a_small_value_whole() {
    watchdog!(240);
    let value = Value::new([0_u64; 4]).expect("32 bytes");
    let mut random = Random::seeded(24);
    for round in 0..scaled(200) {
        let child = writer(&value);
        thread::sleep(Duration::from_micros(random.below(500)));
        child.kill().expect("kill");
        assert!(child.join().is_err());
        let seen = value.get();
        assert!(is_whole(&seen), "round {round}: {seen:?}");
    }
}

#[test]
fn killed_writer_leaves_a_large_value_whole() {
    watchdog!(240);
    let value = Value::new([0_u64; 512]).expect("4 KiB");
    let mut random = Random::seeded(25);
    for round in 0..scaled(200) {
        let child = writer(&value);
        thread::sleep(Duration::from_micros(random.below(500)));
        child.kill().expect("kill");
        assert!(child.join().is_err());
        assert!(is_whole(&value.get()), "round {round}");
    }
}

#[test]
fn killed_writer_does_not_keep_the_next_one_waiting() {
    watchdog!(240);
    let value = Value::new([0_u64; 512]).expect("4 KiB");
    let mut random = Random::seeded(26);
    for round in 0..scaled(200) as u64 {
        let child = writer(&value);
        thread::sleep(Duration::from_micros(random.below(500)));
        child.kill().expect("kill");
        // Not joined yet: the writer must find out by itself that the lock's owner is dead.
        value.set([round; 512]);
        assert_eq!(value.get(), [round; 512]);
        assert!(child.join().is_err());
    }
}

#[test]
fn stopped_writer_does_not_keep_readers_waiting() {
    watchdog!(240);
    let value = Value::new([0_u64; 512]).expect("4 KiB");
    let mut random = Random::seeded(27);
    let child = writer(&value);
    for round in 0..scaled(200) {
        thread::sleep(Duration::from_micros(random.below(300)));
        os::kill(child.pid(), libc::SIGSTOP);
        for _ in 0..3 {
            assert!(is_whole(&value.get()), "round {round}");
        }
        os::kill(child.pid(), libc::SIGCONT);
    }
    child.kill().expect("kill");
    assert!(child.join().is_err());
}

#[test]
fn killed_writers_beside_a_living_one_lose_none_of_its_updates() {
    watchdog!(240);
    // Words 0 and 1: the survivor's count and its complement. Word 2: noise of those who get killed.
    let value = Value::new([0_u64, !0, 0, 0]).expect("32 bytes");
    let own = value.clone();
    let updates = scaled(100_000) as u64;
    let survive = move || {
        for _ in 0..updates {
            own.update(|[count, _, noise, rest]| [count + 1, !(count + 1), noise, rest]);
        }
    };
    let survivor = Process::spawn(survive).expect("spawn");
    let mut random = Random::seeded(28);
    while survivor.is_alive() {
        let own = value.clone();
        let noise = move || -> () {
            loop {
                own.update(|[count, negated, noise, rest]| [count, negated, noise + 1, rest]);
            }
        };
        let doomed = Process::spawn(noise).expect("spawn");
        thread::sleep(Duration::from_micros(random.below(2000)));
        doomed.kill().expect("kill");
        assert!(doomed.join().is_err());
    }
    survivor.join().expect("join");
    let [count, negated, ..] = value.get();
    assert_eq!((count, negated), (updates, !updates));
}
