//! How fast queues are: tables of ratios, each taken in one run, in interleaved rounds.
//!
//! | file      | what is in it                                                              |
//! |-----------|----------------------------------------------------------------------------|
//! | `payload` | what travels, and how a receiver checks it                                 |
//! | `roles`   | what the tables need of a queue                                            |
//! | `workers` | processes or threads on a CPU each                                         |
//! | `trips`   | how a round trip is measured: both awake, both asleep                      |
//! | `flows`   | how one way is measured                                                    |
//! | `crowd`   | how many to many is measured                                               |
//! | `talk`    | the tables of round trips                                                  |
//! | `stream`  | the tables of what passes in a second                                      |
//! | `python`  | Python's rows, and `queues.py`, which plays them                           |
//! | `ours`    | procshare's rows                                                           |
//!
//! Every row checks what arrives: nothing may be missing, there twice, or torn.

mod crowd;
mod flows;
mod ours;
pub(crate) mod payload;
mod python;
pub(crate) mod roles;
mod stream;
mod talk;
mod trips;
mod workers;

use std::time::Duration;

pub use crate::program::Options;

/// How long one sample goes on.
const SPAN: Duration = Duration::from_millis(20);

/// The same where every item has to wake somebody.
const SLOW_SPAN: Duration = Duration::from_millis(40);

/// How long samples go on, and whether Python is there to play.
#[derive(Clone, Copy, Debug)]
struct Plan {
    span: Duration,
    slow_span: Duration,
    python: bool,
}

/// Prints every table that is asked for.
///
/// # Panics
/// If a queue fails, or loses, doubles or tears an item.
pub fn run(options: &Options) {
    let share = options.effort().share;
    let plan = Plan { span: SPAN / share, slow_span: SLOW_SPAN / share, python: python::is_here() };
    options.run(talk::tables(plan).into_iter().chain(stream::tables(plan)));
}
