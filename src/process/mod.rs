//! Processes: spawning them, joining them, and what is left when they die.
//!
//! | file      | what it does                                                                        |
//! |-----------|-------------------------------------------------------------------------------------|
//! | `builder` | names and other wishes                                                              |
//! | `scope`   | processes that borrow                                                               |
//! | `handle`  | joining, asking, ending                                                             |
//! | `failure` | how processes fail to begin, and to end well                                        |
//! | `spawn`   | the fork                                                                            |
//! | `child`   | the child's side: set up, run, report, leave                                        |
//! | `panics`  | the record of a panic                                                               |
//! | `custody` | what the parent keeps for one child, and settling it when it is gone                |
//! | `runtime` | all children of this process, and the threads that notice their ends                |

mod builder;
mod child;
mod custody;
mod failure;
mod handle;
pub(crate) mod panics;
mod runtime;
mod scope;
mod spawn;

pub use builder::Builder;
pub use child::parent_alive;
pub use failure::{Failure, Panic, SignalError, SpawnError, SpawnWithError, Worker};
pub use handle::{Process, ScopedProcess};
pub use scope::{Scope, ScopeError, scope};

/// Returns the children of this process that have not ended, oldest first.
///
/// Does not block. Stale at once. Children that other code forked are not among them.
///
/// # Examples
/// ```
/// let child = procshare::Builder::new().name("sleeper").spawn(|| std::thread::sleep(std::time::Duration::from_secs(9)))?;
/// assert!(procshare::children().iter().any(|worker| worker.name == "sleeper" && worker.pid == child.pid()));
/// child.kill()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "active_children")]
pub fn children() -> Vec<Worker> {
    runtime::existing().map_or_else(Vec::new, |runtime| {
        runtime.living().iter().map(|custody| custody.worker().clone()).collect()
    })
}
