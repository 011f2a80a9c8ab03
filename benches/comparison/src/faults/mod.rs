//! What happens when a process is killed: the same accidents with several libraries.
//!
//! Each case, one accident with one library, runs in a session of its own: this program, or Python, started anew. Whoever
//! of it still waits when the time is up hangs; then all of it is killed.
//!
//! | file         | what is in it                                                               |
//! |--------------|-----------------------------------------------------------------------------|
//! | `accident`   | which accidents, which libraries                                            |
//! | `table`      | runs the cases, prints what came of them                                    |
//! | `case`       | one case seen from outside: starts it, kills whom it names, ends it in time |
//! | `session`    | finding and killing all processes of a case                                 |
//! | `report`     | what the processes of a case say, and how it is read                        |
//! | `script`     | the accidents, for any library                                              |
//! | `cast`       | the processes that play them                                                |
//! | `posix`      | pthread (with a robust mutex) and POSIX semaphores                          |
//! | `raw_sync`   | the crate of that name                                                      |
//! | `ours`       | procshare                                                                   |
//! | `python.py`  | Python's multiprocessing, and the accidents once more, in its language      |

mod accident;
mod case;
mod cast;
mod ours;
mod posix;
mod raw_sync;
mod report;
mod script;
mod session;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

pub use accident::{Accident, Library};

/// What the program `faults` is asked for.
#[derive(Clone, Debug, Parser)]
#[command(about = "Prints what several libraries do when processes that use them are killed")]
pub struct Options {
    /// Only looks whether every case runs: gives up after 4 seconds.
    #[arg(long)]
    pub quick: bool,
    /// Seconds after which a process that still waits counts as hanging.
    #[arg(long, default_value_t = 8)]
    pub patience: u64,
    /// Prints a table in Markdown.
    #[arg(long)]
    pub markdown: bool,
    /// Only this accident.
    #[arg(long, value_enum)]
    pub accident: Option<Accident>,
    /// Only this library.
    #[arg(long, value_enum)]
    pub library: Option<Library>,
    /// Plays the one case, in this process: how the program calls itself.
    #[arg(long, hide = true, requires = "accident", requires = "library")]
    pub play: bool,
}

impl Options {
    fn patience(&self) -> Duration {
        Duration::from_secs(if self.quick { 4 } else { self.patience })
    }
}

/// Prints the table, or plays one case of it. Fails if a case could not be played, or if anybody hangs in procshare.
///
/// # Panics
/// If this program can not be started again, or a case played here fails.
pub fn run(options: &Options) -> ExitCode {
    match (options.play, options.accident, options.library) {
        (true, Some(accident), Some(library)) => {
            accident::play(accident, library);
            ExitCode::SUCCESS
        }
        _ if table::print(options) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
