//! Workers that are killed at random, and started anew.

use std::{thread, time::Duration};

use procshare::{Failure, Process, Value};

use crate::support::{Random, scaled};

/// Longest pause between two kills, in microseconds.
const PAUSE: u64 = 2000;
/// Kills of a storm.
const KILLS: usize = 200;

/// What came of a storm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    /// How many workers were killed.
    pub(crate) kills: u64,
    /// Rounds that were done to their end, by all workers.
    pub(crate) rounds: u64,
}

/// Runs `work`, given the worker's number, in each of `workers` processes again and again, at least `rounds` times, while somebody
/// kills them at random. A killed worker is started anew.
///
/// What a worker returns as an error fails the test.
pub(crate) fn storm<F>(workers: usize, rounds: usize, seed: u64, work: F) -> Storm
where
    F: Fn(usize) -> Result<(), String> + Clone + Send + 'static,
{
    let done: Vec<Value<u64>> = (0..workers).map(|_| Value::new(0).expect("8 bytes")).collect();
    let enough = Value::new(false).expect("a byte");
    let (counted, seen) = (done.clone(), enough.clone());
    let body = move |number: usize| {
        while counted[number].get() < rounds as u64 || !seen.get() {
            work(number)?;
            counted[number].fetch_add(1);
        }
        Ok(())
    };
    let kills = storm_until(workers, seed, body, || enough.set(true));
    Storm { kills, rounds: done.iter().map(Value::get).sum() }
}

/// Runs `body`, given the worker's number, in each of `workers` processes, and kills one after the other, which is started anew. After so
/// many kills as make a storm has `end` called, by which the bodies end. Returns how many kills it were.
///
/// What a body returns as an error fails the test.
pub(crate) fn storm_until<F>(workers: usize, seed: u64, body: F, end: impl FnOnce()) -> u64
where
    F: Fn(usize) -> Result<(), String> + Clone + Send + 'static,
{
    let mut random = Random::seeded(seed);
    let start = |number: usize| {
        let body = body.clone();
        Process::spawn(move || body(number)).expect("spawn")
    };
    let mut crew: Vec<Process<Result<(), String>>> = (0..workers).map(start).collect();
    let mut kills = 0;
    while kills < scaled(KILLS) as u64 {
        thread::sleep(Duration::from_micros(random.below(PAUSE)));
        let number = random.below(workers as u64) as usize;
        crew[number].kill().expect("kill");
        match std::mem::replace(&mut crew[number], start(number)).join() {
            Err(Failure::Signaled { signal: libc::SIGKILL, .. }) => kills += 1,
            Ok(Err(wrong)) => panic!("worker {number}, after {kills} kills: {wrong}"),
            other => panic!("worker {number}, after {kills} kills: {other:?}"),
        }
    }
    end();
    for (number, worker) in crew.into_iter().enumerate() {
        match worker.join() {
            Ok(Ok(())) => {}
            Ok(Err(wrong)) => panic!("worker {number}, after all kills: {wrong}"),
            Err(failure) => panic!("worker {number}, after all kills: {failure}"),
        }
    }
    kills
}
