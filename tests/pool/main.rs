//! The pool: tasks, maps and iterators, deaths of workers at any time, and what is left of it all.

#[path = "../support/mod.rs"]
mod support;

mod awaiting;
mod callbacks;
mod crew;
mod deaths;
mod endings;
mod families;
mod handles;
mod iterators;
mod leaving;
mod map_storm;
mod maps;
mod maps_failing;
mod memory;
mod parent_death;
mod retries;
mod storm;
mod streams;
mod tasks;
mod time_limits;
