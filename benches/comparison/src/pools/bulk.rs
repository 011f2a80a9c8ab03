//! Many tasks that are next to nothing: what one of them costs.

use std::time::{Duration, Instant};

use super::roles::{Bulk, standing};
use super::tasks::sum_of_squares;
use super::{Plan, WORKERS, ours, python};
use crate::peers::{procspawn, rayon, thread_pool::ThreadPool};
use crate::report::Unit::Nanoseconds;
use crate::report::{Row, Table};

/// Tasks of the two tables.
const SOME: u64 = 512;
const MANY: u64 = 100_000;

/// A load of tasks, again and again for so long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) tasks: u64,
    pub(super) span: Duration,
}

pub(super) fn tables(plan: &Plan) -> Vec<Table> {
    let load = |tasks| Load { tasks, span: plan.span };
    let many = MANY / u64::from(plan.share);
    vec![
        Table::new("512 tasks in flight, per task", Nanoseconds, None, rows(plan, load(SOME))),
        Table::new("100,000 tasks, then gathered, per task", Nanoseconds, None, rows(plan, load(many))),
    ]
}

fn rows(plan: &Plan, load: Load) -> Vec<Row> {
    let fewer = |most: u64| Load { tasks: load.tasks.min(most), ..load };
    let room = usize::try_from(load.tasks).expect("a count");
    let mut rows = vec![
        row("rayon, a scope in the pool (threads)", load, || rayon::Within(rayon::pool(WORKERS))),
        row("rayon, a scope from outside (threads)", load, || rayon::Outside(rayon::pool(WORKERS))),
        row("crossbeam-channel pool (threads)", load, move || ThreadPool::new(WORKERS, room)),
        // Each task that waits holds four descriptors.
        row("procspawn, 128 tasks at a time", fewer(128), || procspawn::Crew::new(WORKERS)),
    ];
    rows.extend(python::bulk(plan, load.tasks));
    rows.extend(ours::bulk(load));
    rows
}

/// Nanoseconds a task.
pub(super) fn row<C: Bulk + 'static>(name: &'static str, load: Load, make: impl Fn() -> C + 'static) -> Row {
    let expected = sum_of_squares(load.tasks);
    standing(name, make, move |crew| {
        let mut gather = || assert_eq!(crew.gather(load.tasks), expected, "every task is done once");
        // So that all are there, and the memory too.
        gather();
        let mut tasks = 0;
        let began = Instant::now();
        while tasks == 0 || began.elapsed() < load.span {
            gather();
            tasks += load.tasks;
        }
        began.elapsed().as_secs_f64() * 1e9 / tasks as f64
    })
}
