//! procshare's locks and queues beside other people's: [`locks`] and [`queues`] measure them, [`faults`] kills processes
//! that use locks.
//!
//! | module   | what is in it                                                                             |
//! |----------|-------------------------------------------------------------------------------------------|
//! | `peers`  | what the system and other crates offer, each made to work between forked processes         |
//! | `locks`  | the tables of speed of locks and signals                                                  |
//! | `queues` | the tables of speed of queues                                                             |
//! | `faults` | the table of accidents                                                                    |
//! | `program`, `report` | options, rows, rounds, printing                                                |

pub mod faults;
pub mod locks;
mod peers;
mod program;
pub mod queues;
mod report;
mod shared;

/// Rounds, medians and pinning: the same as in the library's own benches.
#[path = "../../support/mod.rs"]
mod support;
