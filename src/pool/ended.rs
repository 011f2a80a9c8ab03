//! Whether anybody works for a pool still.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::office::lock;

/// Whether anybody works in the office still. Apart from it: the last one out says so when he has let go of everything.
#[derive(Debug, Default)]
pub(super) struct Ended {
    has: Mutex<bool>,
    came: Condvar,
}

impl Ended {
    /// Nobody works there any more.
    pub(super) fn say(&self) {
        *lock(&self.has) = true;
        self.came.notify_all();
    }

    /// Waits until nobody works there any more. `between` is told how often this slept, each time.
    pub(super) fn wait(&self, between: impl Fn(u32)) {
        let mut has = lock(&self.has);
        for round in 1.. {
            if *has {
                return;
            }
            let nap = Duration::from_millis(20);
            has = self.came.wait_timeout(has, nap).unwrap_or_else(PoisonError::into_inner).0;
            if !*has {
                drop(has);
                between(round);
                has = lock(&self.has);
            }
        }
    }
}
