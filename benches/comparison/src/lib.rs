//! procshare's locks beside other people's: [`locks`] measures them, [`faults`] kills processes that use them.
//!
//! | module  | what is in it                                                                              |
//! |---------|--------------------------------------------------------------------------------------------|
//! | `peers` | what the system and other crates offer, each made to work between forked processes         |
//! | `locks` | the tables of speed                                                                        |
//! | `faults`| the table of accidents                                                                     |

pub mod faults;
pub mod locks;
mod peers;
mod shared;

/// Rounds, medians and pinning: the same as in the library's own benches.
#[path = "../../support/mod.rs"]
mod support;
