//! Tasks, one by one.

use procshare::{Pool, Task, arena};

use crate::pools::WORKERS;
use crate::pools::alone::{Patient, wait_for_gate};
use crate::pools::bulk::{self, Load};
use crate::pools::roles::{Apart, Bulk, Trip};
use crate::pools::tasks::{move_apart, square};
use crate::pools::trips::{self, Pace};
use crate::report::Row;

const NAME: &str = "procshare::Pool, submit";
const NAME_APART: &str = "procshare::Pool, submit, on two CPUs";

pub(in crate::pools) fn trips(pace: Pace) -> Vec<Row> {
    vec![trips::row(NAME, pace, Crew::new), trips::row(NAME_APART, pace, || Apart(Crew::apart()))]
}

pub(in crate::pools) fn bulk(load: Load) -> Vec<Row> {
    vec![bulk::row(NAME, load, Crew::new)]
}

/// A pool, and those tasks that are to be asked for later.
#[derive(Debug)]
pub(in crate::pools) struct Crew {
    pool: Pool,
    tasks: Vec<Task<u64>>,
}

impl Crew {
    pub(in crate::pools) fn new() -> Self {
        Self { pool: super::pool(), tasks: Vec::new() }
    }

    /// Workers that are apart from who submits.
    fn apart() -> Self {
        let pool = Pool::builder().workers(WORKERS).initializer(move_apart).build().expect("a pool");
        Self { pool, tasks: Vec::new() }
    }

    fn submit_square(&self, number: u64) -> Task<u64> {
        self.pool.submit(square, number).expect("the pool takes it")
    }
}

fn sum(tasks: impl Iterator<Item = Task<u64>>) -> u64 {
    tasks.map(|task| task.get().expect("the worker lives")).fold(0, u64::wrapping_add)
}

impl Trip for Crew {
    fn trip(&mut self, number: u64) -> u64 {
        self.submit_square(number).get().expect("the worker lives")
    }
}

impl Bulk for Crew {
    fn gather(&mut self, last: u64) -> u64 {
        let tasks: Vec<Task<u64>> = (1..=last).map(|number| self.submit_square(number)).collect();
        sum(tasks.into_iter())
    }
}

impl Patient for Crew {
    fn block(&mut self) {
        self.tasks.push(self.pool.submit(wait_for_gate, 0).expect("the pool takes it"));
    }

    fn submit(&mut self, number: u64) {
        self.tasks.push(self.submit_square(number));
    }

    fn heap(&self) -> u64 {
        arena::stats().used
    }

    fn finish(&mut self) -> u64 {
        sum(self.tasks.drain(..))
    }
}
