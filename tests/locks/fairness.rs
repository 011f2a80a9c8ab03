//! How long anybody waits when nobody is killed: printed, not judged. Everybody is done in the end.

use std::time::{Duration, Instant};

use procshare::{
    Process,
    sync::{Mutex, RwLock},
};

use crate::support::{isolated, measured, scaled};

/// Does `round` so often in so many processes at a time; prints the longest that one took, and the rate.
fn longest_wait<F>(what: &str, workers: usize, rounds: usize, round: F)
where
    F: Fn(usize) + Clone + Send + 'static,
{
    let start = |number: usize| {
        let round = round.clone();
        let body = move || {
            let mut longest = Duration::ZERO;
            for _ in 0..rounds {
                let before = Instant::now();
                round(number);
                longest = longest.max(before.elapsed());
            }
            longest
        };
        Process::spawn(body).expect("spawn")
    };
    let began = Instant::now();
    let crew: Vec<_> = (0..workers).map(start).collect();
    let waits: Vec<Duration> = crew.into_iter().map(|worker| worker.join().expect("join")).collect();
    let each = began.elapsed() / (workers * rounds) as u32;
    measured(&format!("{what}, {workers} processes x {rounds}: {each:?} a round, longest waits {waits:?}"));
}

#[test]
fn everybody_gets_the_mutex() {
    isolated(600, || {
        for workers in 2..=4 {
            let mutex = Mutex::new(0_u64).expect("a mutex");
            let add = mutex.clone();
            let rounds = scaled(100_000);
            longest_wait("mutex", workers, rounds, move |_| *add.lock().expect("nobody is killed") += 1);
            assert_eq!(*mutex.lock().expect("nobody is killed"), (workers * rounds) as u64);
        }
    });
}

#[test]
fn everybody_gets_the_rw_lock() {
    isolated(600, || {
        for workers in 2..=4 {
            let lock = RwLock::new(0_u64).expect("a lock");
            let add = lock.clone();
            let rounds = scaled(20_000);
            let round = move |number: usize| {
                if number == 0 {
                    *add.write().expect("nobody is killed") += 1;
                } else {
                    std::hint::black_box(*add.read().expect("nobody is killed"));
                }
            };
            longest_wait("rwlock, one writes", workers, rounds, round);
            assert_eq!(*lock.read().expect("nobody is killed"), rounds as u64);
        }
    });
}
