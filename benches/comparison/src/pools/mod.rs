//! How fast pools of two workers are: tables of ratios, each taken in one run, in interleaved rounds; and what a pool costs
//! that waits, or has a long queue.
//!
//! | file     | what is in it                                                               |
//! |----------|-----------------------------------------------------------------------------|
//! | `tasks`  | what is to be done                                                          |
//! | `roles`  | what the tables need of a pool                                              |
//! | `trips`  | round trips of one task: workers awake, workers asleep                      |
//! | `bulk`   | many small tasks                                                            |
//! | `maps`   | maps: large, of few long items, of empty chunks                             |
//! | `uneven` | chunks that take differently long                                           |
//! | `alone`  | what each pool takes while it is idle, and while a million tasks wait       |
//! | `proc`   | what the kernel says of processes                                           |
//! | `python` | Python's rows, and `pools.py`, which plays them                             |
//! | `ours`   | procshare's rows                                                            |
//!
//! Every row checks what it gets: each task is done, once, and its result is right.

pub(crate) mod alone;
mod bulk;
mod maps;
mod ours;
pub(crate) mod proc;
mod python;
pub(crate) mod roles;
pub(crate) mod tasks;
mod trips;
mod uneven;

use std::time::Duration;

use clap::Parser;

/// Workers of every pool.
const WORKERS: usize = 2;

/// How long one sample goes on.
const SPAN: Duration = Duration::from_millis(20);

/// The same where every task has to wake somebody.
const SLOW_SPAN: Duration = Duration::from_millis(40);

/// What `pools` is asked for.
#[derive(Clone, Debug, Parser)]
#[group(skip)] // it would have the name of the one of `common`
pub struct Options {
    /// What all these programs are asked for.
    #[command(flatten)]
    pub common: crate::program::Options,
    /// The Python to compare with. One that has numpy plays a row with it.
    #[arg(long, default_value = "python3")]
    pub python: String,
    /// Plays one pool, in a program of its own: how this program asks itself.
    #[arg(long, hide = true)]
    pub alone: Option<String>,
}

/// How long samples go on, by what counts are divided, and which Python plays.
#[derive(Clone, Debug)]
struct Plan {
    span: Duration,
    slow_span: Duration,
    share: u32,
    python: Option<python::Python>,
}

/// Prints every table that is asked for.
///
/// # Panics
/// If a pool fails, or loses or doubles a task.
pub fn run(options: &Options) {
    let share = options.common.effort().share;
    if let Some(part) = &options.alone {
        return alone::play(part, share, &options.python);
    }
    let python = python::Python::find(&options.python);
    let plan = Plan { span: SPAN / share, slow_span: SLOW_SPAN / share, share, python };
    let tables = [trips::tables(&plan), bulk::tables(&plan), maps::tables(&plan), uneven::tables(&plan)];
    options.common.run(tables.into_iter().flatten());
    alone::report(&plan, options);
}
