//! How fast: tables of ratios, each taken in one run, in interleaved rounds.
//!
//! | file      | what is in it                                                         |
//! |-----------|-----------------------------------------------------------------------|
//! | `roles`   | what the tables need of a lock or a signal                            |
//! | `report`  | rows, rounds, printing                                                |
//! | `alone`   | one process, nobody else: what the verbs cost                         |
//! | `race`    | two workers that want the same lock all the time                      |
//! | `trips`   | two processes that wake each other                                    |
//! | `python`  | `Value += 1` under its lock, against Python's                         |
//! | `ours`    | procshare's rows                                                      |

mod alone;
mod ours;
mod python;
mod race;
mod report;
pub(crate) mod roles;
mod trips;

use clap::Parser;

use crate::support::Noise;

/// What the program `locks` is asked for.
#[derive(Clone, Debug, Parser)]
#[command(about = "Measures locks and signals between processes: ratios of one run")]
pub struct Options {
    /// Only looks whether every row runs: one short round each.
    #[arg(long)]
    pub quick: bool,
    /// Rounds of each table.
    #[arg(long, default_value_t = 21)]
    pub rounds: usize,
    /// Prints only the tables whose title contains this.
    #[arg(long, default_value = "")]
    pub only: String,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: usize,
    /// Repetitions and times are divided by this.
    share: u32,
}

/// Prints every table that is asked for.
///
/// # Panics
/// If one of the primitives fails.
pub fn run(options: &Options) {
    let effort = if options.quick {
        Effort { rounds: 1, share: 50 }
    } else {
        Effort { rounds: options.rounds.max(1), share: 1 }
    };
    let noise = Noise::listen();
    for table in [alone::tables(effort), race::tables(effort), trips::tables(effort), python::tables(effort)]
    {
        for table in table {
            if table.title.contains(&options.only) {
                table.run(effort.rounds);
            }
        }
    }
    noise.print();
}
