//! Queues between real processes: order, waiting, deaths, storms of kills, and what they take of memory.

#[path = "../support/mod.rs"]
mod support;

mod deaths;
mod forks;
mod join_first;
mod memory;
mod order;
mod pipes;
mod refused;
mod storm;
mod waiting;
