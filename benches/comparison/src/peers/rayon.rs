//! rayon's pool, of threads, as one uses it who is not in it.

use std::sync::mpsc::{Receiver, Sender, channel};

use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

use crate::pools::alone::{Patient, wait_for_gate};
use crate::pools::roles::{Bulk, Trip};
use crate::pools::tasks::{move_apart, square};

pub(crate) fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// The same, apart from who asks.
pub(crate) fn pool_apart(threads: usize) -> ThreadPool {
    let builder = ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| move_apart());
    builder.build().expect("threads")
}

impl Trip for ThreadPool {
    fn trip(&mut self, number: u64) -> u64 {
        self.install(|| square(number))
    }
}

/// Tasks are spawned by one of the workers.
#[derive(Debug)]
pub(crate) struct Within(pub(crate) ThreadPool);

/// Tasks are spawned by the thread that wants them done.
#[derive(Debug)]
pub(crate) struct Outside(pub(crate) ThreadPool);

/// Each result has its own place.
fn spawn_all<'scope>(scope: &Scope<'scope>, results: &'scope mut [u64]) {
    for (result, number) in results.iter_mut().zip(1..) {
        scope.spawn(move |_| *result = square(number));
    }
}

fn gather(last: u64, spawn: impl FnOnce(&mut [u64])) -> u64 {
    let mut results = vec![0; usize::try_from(last).expect("a count")];
    spawn(&mut results);
    results.into_iter().fold(0, u64::wrapping_add)
}

impl Bulk for Within {
    fn gather(&mut self, last: u64) -> u64 {
        gather(last, |results| self.0.scope(|scope| spawn_all(scope, results)))
    }
}

impl Bulk for Outside {
    fn gather(&mut self, last: u64) -> u64 {
        gather(last, |results| self.0.in_place_scope(|scope| spawn_all(scope, results)))
    }
}

/// A pool with tasks that wait; their results come by a channel.
#[derive(Debug)]
pub(crate) struct Spawning {
    pool: ThreadPool,
    done: Sender<u64>,
    results: Receiver<u64>,
    open: usize,
}

impl Spawning {
    pub(crate) fn new(threads: usize) -> Self {
        let (done, results) = channel();
        Self { pool: pool(threads), done, results, open: 0 }
    }
}

impl Spawning {
    fn spawn(&mut self, task: impl FnOnce() -> u64 + Send + 'static) {
        let done = self.done.clone();
        self.pool.spawn(move || {
            // The other end is there until all have come.
            let _ = done.send(task());
        });
        self.open += 1;
    }
}

impl Patient for Spawning {
    fn block(&mut self) {
        self.spawn(|| wait_for_gate(0));
    }

    fn submit(&mut self, number: u64) {
        self.spawn(move || square(number));
    }

    fn finish(&mut self) -> u64 {
        self.results.iter().take(self.open).fold(0, u64::wrapping_add)
    }
}
