//! procspawn's pool: workers are the program begun anew, tasks and results travel through sockets.
#![allow(unsafe_code)] // reaps the workers

use std::sync::Once;

use procspawn::{JoinHandle, Pool};

use crate::pools::alone::Patient;
use crate::pools::proc::{children_of, own};
use crate::pools::roles::{Bulk, Trip};
use crate::pools::tasks::{move_apart, square};

#[derive(Debug)]
pub(crate) struct Crew {
    /// None only while it ends.
    pool: Option<Pool>,
    pids: Vec<i32>,
    task: fn(u64) -> u64,
}

/// A worker begins with nothing but its first task.
fn square_apart(number: u64) -> u64 {
    static MOVED: Once = Once::new();
    MOVED.call_once(move_apart);
    square(number)
}

impl Crew {
    pub(crate) fn new(workers: usize) -> Self {
        Self::of(square, workers)
    }

    /// Workers that are apart from who asks.
    pub(crate) fn apart(workers: usize) -> Self {
        Self::of(square_apart, workers)
    }

    fn of(task: fn(u64) -> u64, workers: usize) -> Self {
        let before = children_of(own());
        let pool = Pool::new(workers).expect("a pool");
        let pids = children_of(own()).into_iter().filter(|pid| !before.contains(pid)).collect();
        let mut crew = Self { pool: Some(pool), pids, task };
        // All have begun when each has worked.
        (0..4 * workers as u64).for_each(|number| assert_eq!(crew.trip(number), square(number)));
        crew
    }

    fn pool(&self) -> &Pool {
        self.pool.as_ref().expect("not ended yet")
    }
}

impl Drop for Crew {
    /// procspawn kills its workers, and leaves it to others to reap them.
    fn drop(&mut self) {
        self.pool = None;
        for &pid in &self.pids {
            // SAFETY: our own child, which was killed; null is where no status goes.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        }
    }
}

impl Trip for Crew {
    fn trip(&mut self, number: u64) -> u64 {
        self.pool().spawn(number, self.task).join().expect("the worker lives")
    }
}

impl Bulk for Crew {
    fn gather(&mut self, last: u64) -> u64 {
        let tasks: Vec<_> = (1..=last).map(|number| self.pool().spawn(number, self.task)).collect();
        tasks.into_iter().map(|task| task.join().expect("the worker lives")).fold(0, u64::wrapping_add)
    }
}

/// A crew with tasks that wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    crew: Crew,
    tasks: Vec<JoinHandle<u64>>,
}

impl Waiting {
    pub(crate) fn new(workers: usize) -> Self {
        Self { crew: Crew::new(workers), tasks: Vec::new() }
    }
}

impl Patient for Waiting {
    /// Its workers see no gate, since they are not forked; but none takes another task before its last result is taken.
    fn block(&mut self) {}

    fn submit(&mut self, number: u64) {
        self.tasks.push(self.crew.pool().spawn(number, square));
    }

    fn finish(&mut self) -> u64 {
        let results = self.tasks.drain(..).map(|task| task.join().expect("the worker lives"));
        results.fold(0, u64::wrapping_add)
    }
}
