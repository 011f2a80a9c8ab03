//! How fast: tables of ratios, each taken in one run, in interleaved rounds.
//!
//! | file      | what is in it                                                         |
//! |-----------|-----------------------------------------------------------------------|
//! | `roles`   | what the tables need of a lock or a signal                            |
//! | `alone`   | one process, nobody else: what the verbs cost                         |
//! | `race`    | two workers that want the same lock all the time                      |
//! | `trips`   | two processes that wake each other                                    |
//! | `python`  | `Value += 1` under its lock, against Python's                         |
//! | `ours`    | procshare's rows                                                      |

mod alone;
mod ours;
mod python;
mod race;
pub(crate) mod roles;
mod trips;

pub use crate::program::Options;

use crate::program::Effort;

/// Prints every table that is asked for.
///
/// # Panics
/// If one of the primitives fails.
pub fn run(options: &Options) {
    let effort = options.effort();
    let tables = [alone::tables(effort), race::tables(effort), trips::tables(effort), python::tables(effort)];
    options.run(tables.into_iter().flatten());
}
