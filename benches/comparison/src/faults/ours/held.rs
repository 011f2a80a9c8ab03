//! `Mutex`, `RwLock`, `Semaphore`: what a process holds when it is killed.
//!
//! Guards and permits are leaked, so that they are held for as long as the process lives.

use std::mem;
use std::time::Duration;

use procshare::sync::{Mutex, RwLock, Semaphore};

use super::cast::Processes;
use super::words::{acquired, locked, tried};
use crate::faults::script;

pub(super) fn mutex() {
    let mutex = Mutex::new(0_u64).expect("a mutex");
    let held = mutex.clone();
    let hold = move || mem::forget(held.lock());
    script::holder_killed(&Processes, "lock()", hold, || locked(mutex.lock()));
}

/// Nobody dies.
pub(super) fn mutex_in_time() {
    let mutex = Mutex::new(0_u64).expect("a mutex");
    let held = mutex.clone();
    let hold = move || mem::forget(held.lock());
    script::timed_out(&Processes, hold, || tried(mutex.lock_timeout(Duration::from_millis(900))));
}

pub(super) fn rw_lock() {
    let lock = RwLock::new(0_u64).expect("an rwlock");
    let held = lock.clone();
    let hold = move || mem::forget(held.read());
    script::holder_killed(&Processes, "write()", hold, || locked(lock.write()));
}

pub(super) fn semaphore() {
    let semaphore = Semaphore::new(1).expect("a semaphore");
    let held = semaphore.clone();
    let hold = move || mem::forget(held.acquire());
    script::holder_killed(&Processes, "acquire()", hold, || acquired(semaphore.acquire()));
}
