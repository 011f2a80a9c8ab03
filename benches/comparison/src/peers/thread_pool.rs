//! A pool by hand: threads on crossbeam's channels, one for the tasks of all, one for all results.

use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::pools::alone::{Patient, wait_for_gate};
use crate::pools::roles::{Bulk, Trip};
use crate::pools::tasks::{move_apart, square};

type Task = (fn(u64) -> u64, u64);

#[derive(Debug)]
pub(crate) struct ThreadPool {
    /// None only while it ends.
    tasks: Option<Sender<Task>>,
    results: Receiver<u64>,
    threads: Vec<JoinHandle<()>>,
    /// Tasks whose results were not taken yet, of those that `Patient` submitted.
    open: usize,
}

impl ThreadPool {
    /// With room for so many tasks, and as many results.
    pub(crate) fn new(threads: usize, room: usize) -> Self {
        Self::beginning_with(|| {}, threads, room)
    }

    /// The same, apart from who submits.
    pub(crate) fn apart(threads: usize, room: usize) -> Self {
        Self::beginning_with(move_apart, threads, room)
    }

    fn beginning_with(begin: fn(), threads: usize, room: usize) -> Self {
        let (tasks, queued) = bounded::<Task>(room);
        let (done, results) = bounded(room);
        let threads = (0..threads)
            .map(|_| {
                let (queued, done) = (queued.clone(), done.clone());
                thread::spawn(move || {
                    begin();
                    for (function, number) in queued {
                        if done.send(function(number)).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        Self { tasks: Some(tasks), results, threads, open: 0 }
    }

    fn send(&self, function: fn(u64) -> u64, number: u64) {
        let tasks = self.tasks.as_ref().expect("not ended yet");
        tasks.send((function, number)).expect("somebody works");
    }

    /// The sum of the results of a task for each number. There must be room for all of them.
    pub(crate) fn each(&self, function: fn(u64) -> u64, numbers: impl Iterator<Item = u64>) -> u64 {
        let mut open = 0;
        for number in numbers {
            self.send(function, number);
            open += 1;
        }
        self.results.iter().take(open).fold(0, u64::wrapping_add)
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.tasks = None;
        self.threads.drain(..).for_each(|thread| thread.join().expect("a worker ends well"));
    }
}

impl Trip for ThreadPool {
    fn trip(&mut self, number: u64) -> u64 {
        self.send(square, number);
        self.results.recv().expect("somebody works")
    }
}

impl Bulk for ThreadPool {
    fn gather(&mut self, last: u64) -> u64 {
        self.each(square, 1..=last)
    }
}

impl Patient for ThreadPool {
    fn block(&mut self) {
        self.send(wait_for_gate, 0);
        self.open += 1;
    }

    fn submit(&mut self, number: u64) {
        self.send(square, number);
        self.open += 1;
    }

    fn finish(&mut self) -> u64 {
        let open = std::mem::take(&mut self.open);
        self.results.iter().take(open).fold(0, u64::wrapping_add)
    }
}
