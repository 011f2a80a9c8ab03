//! Things done once, in a storm of kills: everybody gets the same value, and nothing is done twice.

use std::{thread, time::Duration};

use procshare::{
    Value,
    sync::{Once, OnceValue},
};

use crate::{
    crew::{Storm, storm},
    support::{isolated, measured, os, scaled},
};

/// How long the work takes: some are killed in the midst of it, others sleep meanwhile.
const LONG_ENOUGH: Duration = Duration::from_micros(100);

/// A value that tells who made it, and is whole while its words agree.
fn made_by(pid: u32) -> [u64; 4] {
    let pid = u64::from(pid);
    [pid, !pid, pid << 32, pid]
}

#[test]
fn everybody_gets_the_same_value_through_a_storm() {
    isolated(900, || {
        let count = scaled(2000);
        let values: Vec<OnceValue<[u64; 4]>> =
            (0..count).map(|_| OnceValue::new().expect("a once value")).collect();
        let seen: Vec<Value<u64>> = (0..count).map(|_| Value::new(0).expect("8 bytes")).collect();
        let next = Value::new(0_u64).expect("8 bytes");
        let work = {
            let (values, seen) = (values.clone(), seen.clone());
            move |_| {
                // Several at a time come to the same value.
                let at = (next.fetch_add(1) / 4) as usize % values.len();
                let make = || {
                    thread::sleep(LONG_ENOUGH);
                    made_by(os::pid())
                };
                let value = values[at].get_or_init(make).map_err(|error| error.to_string())?;
                if value != made_by(value[0] as u32) {
                    return Err(format!("value {at} is torn: {value:x?}"));
                }
                match seen[at].compare_exchange(0, value[0]) {
                    Err(first) if first != value[0] => Err(format!("value {at} is {first} and {}", value[0])),
                    _ => Ok(()),
                }
            }
        };
        let Storm { kills, rounds } = storm(4, 5 * count, 31, work);
        measured(&format!("once value, {count} of them, 4 processes: {rounds} rounds, {kills} kills"));
        for (value, seen) in values.iter().zip(&seen) {
            assert!(value.get().is_some_and(|value| value[0] == seen.get()));
        }
    });
}

#[test]
fn work_is_done_once_or_begun_by_one_who_died() {
    isolated(900, || {
        let count = scaled(2000);
        let onces: Vec<Once> = (0..count).map(|_| Once::new().expect("a once")).collect();
        let begun: Vec<Value<u32>> = (0..count).map(|_| Value::new(0).expect("4 bytes")).collect();
        let ended: Vec<Value<u32>> = (0..count).map(|_| Value::new(0).expect("4 bytes")).collect();
        let next = Value::new(0_u64).expect("8 bytes");
        let work = {
            let (onces, begun, ended) = (onces.clone(), begun.clone(), ended.clone());
            move |_| {
                let at = (next.fetch_add(1) / 4) as usize % onces.len();
                let called = onces[at].call_once_force(|_| {
                    begun[at].fetch_add(1);
                    thread::sleep(LONG_ENOUGH);
                    ended[at].fetch_add(1);
                });
                called.map_err(|error| format!("once {at}: {error}"))?;
                // Killed between the last line of the work and the commit, it is done again.
                if ended[at].get() == 0 {
                    return Err(format!("once {at} passes for done, and is not"));
                }
                Ok(())
            }
        };
        let Storm { kills, rounds } = storm(4, 5 * count, 32, work);
        let begun: u64 = begun.iter().map(|times| u64::from(times.get())).sum();
        let ended: u64 = ended.iter().map(|times| u64::from(times.get())).sum();
        measured(&format!(
            "once, {count} of them, 4 processes: {rounds} rounds, {kills} kills, begun {begun} times, ended {ended}"
        ));
        assert!(onces.iter().all(Once::is_completed));
        assert!(begun <= count as u64 + kills, "begun {begun} times, {count} of them, {kills} kills");
    });
}
