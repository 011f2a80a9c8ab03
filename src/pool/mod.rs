//! Standing workers that take tasks at the speed of a thread pool, and survive what kills one of them.
//!
//! A [`Pool`] forks its workers when it is made. They share memory with this process, so that handing over a task, and its result, takes no
//! system call while both sides are awake. When a worker dies, only the task that it ran fails; another one takes its place.
//!
//! - [`submit`](Pool::submit) one call, and get a [`Task`]: its result, its failure, a callback, or a future.
//! - [`map`](Pool::map) and its sisters: a function over arrays, in place.
//! - [`imap`](Pool::imap): results as they come, of inputs that may never end.
//!
//! **What a worker knows.** It is a fork of this process at the moment it was made: statics have the values they had then, and what a task
//! writes there stays in its worker, until that is replaced. (So nothing of size 0 that a closure captures may stand for what a static
//! holds in this process alone.) What is to be shared goes in the argument: every handle of this crate can,
//! also those made after the pool.
//!
//! | file         | what it does                                                                   |
//! |--------------|--------------------------------------------------------------------------------|
//! | `builder`    | making a pool                                                                  |
//! | `handle`     | the pool, and what it can be asked                                             |
//! | `task`       | a task's result                                                                |
//! | `gather`     | waiting for many tasks                                                         |
//! | `mapping`    | maps over arrays, as they are asked for                                        |
//! | `job`        | maps over arrays, as they are done                                             |
//! | `progress`   | how far they are                                                               |
//! | `map_error`  | how they end badly                                                             |
//! | `imap`       | results as they come                                                           |
//! | `failure`    | how tasks end badly, and why they do not begin                                 |
//! | `shutdown`   | how a pool ends                                                                |
//! | `call`       | a function as a number; running it                                             |
//! | `account`    | what a worker writes of a task that went wrong                                 |
//! | `office`     | what the submitting process's parts share                                      |
//! | `desk`       | records, and who wants to be told                                              |
//! | `crew`       | the workers, as their parent knows them                                        |
//! | `hiring`     | spawning workers for empty places                                              |
//! | `ended`      | whether anybody works for it still                                             |
//! | `supervisor` | the thread that looks after them                                               |
//! | `callbacks`  | the thread on which callbacks run                                              |
//! | `worker`     | a worker's side                                                                |
//! | `knell`      | how the supervisor hears of a death                                            |

mod account;
mod builder;
mod call;
mod callbacks;
mod crew;
mod desk;
mod ended;
mod failure;
mod gather;
mod handle;
mod hiring;
mod imap;
mod job;
mod knell;
mod map_error;
mod mapping;
mod office;
mod progress;
mod shutdown;
mod supervisor;
mod task;
mod worker;

pub use builder::Builder;
pub use failure::{PoolError, Rejection, SubmitError, TaskFailure};
pub use gather::{AsCompleted, as_completed, wait_any};
pub use handle::Pool;
pub use imap::{Imap, ImapUnordered};
pub use map_error::{ChunkFailure, MapError};
pub use mapping::{Mapping, MappingWith};
pub use progress::Progress;
pub use shutdown::Shutdown;
pub use task::Task;
