//! Locks and signals between real processes: storms of kills, seats that are used again, scribblers, sleepers, the stopped.

#[path = "../support/mod.rs"]
mod support;

mod barrier_storm;
mod burials;
mod condvar_storm;
mod crew;
mod fairness;
mod mutex_storm;
mod once_storm;
mod orphans;
mod recovery;
mod reentrant_storm;
mod rw_lock_storm;
mod scribbler;
mod seat_reuse;
mod semaphore_storm;
mod sleepers;
mod stopped;
