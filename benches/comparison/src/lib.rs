//! procshare's locks, queues and pools beside other people's: [`locks`], [`queues`] and [`pools`] measure them, [`faults`]
//! kills processes that use locks.
//!
//! | module   | what is in it                                                                             |
//! |----------|-------------------------------------------------------------------------------------------|
//! | `peers`  | what the system and other crates offer, each made to work between forked processes         |
//! | `locks`  | the tables of speed of locks and signals                                                  |
//! | `queues` | the tables of speed of queues                                                             |
//! | `pools`  | the tables of speed of pools of workers                                                   |
//! | `faults` | the table of accidents                                                                    |
//! | `program`, `report` | options, rows, rounds, printing                                                |

pub mod faults;
pub mod locks;
mod peers;
pub mod pools;
mod program;
pub mod queues;
mod report;
mod shared;

/// Rounds, medians and pinning: the same as in the library's own benches.
#[path = "../../support/mod.rs"]
mod support;
