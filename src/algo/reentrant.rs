//! An owner lock that its owner may take again, and counts.
//!
//! ```text
//!          lock            lock            unlock           unlock
//!   FREE ───────▶ HELD, 1 ───────▶ HELD, 2 ───────▶ HELD, 1 ───────▶ FREE
//!                    │ dies, at whatever depth
//!                    └──▶ recovered by the next one, at depth 1
//! ```
//!
//! | word of the head | meaning                                           |
//! |------------------|---------------------------------------------------|
//! | the lock         | the thread that holds it                          |
//! | 0, `depth`       | how often it does; without an owner it says nothing |
//!
//! - I1. `depth` is read and written by the owner of the lock alone, so the lock's edges order it.
//! - I2. Who takes the lock from nobody, or from the dead, stores 1 before anything else. So what the last owner left is
//!   never looked at, wherever it was killed, and nothing is to be repaired.

use super::planted::{Bug, planted};
use super::{Failing, Head, LockError, Owner, Park, PoisonLock};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// The words of a lock that its owner may take again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reentrant<'a> {
    lock: &'a PoisonLock,
    depth: &'a AtomicU64,
}

impl<'a> Reentrant<'a> {
    /// The lock whose words are those of `head`; zeroed ones are a free and whole one.
    #[inline]
    pub(crate) fn of(head: &'a Head) -> Self {
        let [depth, ..] = &head.words;
        Self { lock: &head.lock, depth }
    }

    /// Takes the lock for `me`, once more if it is held by `me`; waits as `park` says. Returns the cause if it is poisoned.
    ///
    /// # Errors
    /// [`LockError::TimedOut`].
    #[inline]
    pub(crate) fn lock<P: Park>(&self, me: Owner, park: &P) -> Result<Option<Failing>, LockError> {
        match self.lock.lock(me, park) {
            Ok(failing) => {
                self.enter();
                Ok(failing)
            }
            Err(LockError::WouldDeadlock) => Ok(self.enter_again()),
            Err(error) => Err(error),
        }
    }

    /// As [`Self::lock`], but never blocks: `None` if somebody else holds the lock.
    #[inline]
    pub(crate) fn try_lock<P: Park>(&self, me: Owner, park: &P) -> Option<Option<Failing>> {
        match self.lock.try_lock(me, park) {
            Ok(taken) => taken.inspect(|_| self.enter()),
            Err(_) => Some(self.enter_again()), // it only fails for who holds the lock
        }
    }

    #[inline]
    fn enter(&self) {
        // Relaxed, here and below: I1.
        let left = if planted(Bug::DepthKept) { self.depth.load(Relaxed) } else { 0 };
        self.depth.store(left + 1, Relaxed); // I2
    }

    fn enter_again(&self) -> Option<Failing> {
        // A number that only a stranger can have written stays where it is: then the lock is held until its owner ends.
        self.depth.store(self.depth.load(Relaxed).saturating_add(1), Relaxed);
        self.lock.cause()
    }

    /// Gives back one taking of the lock; with the last one releases it, and wakes a sleeper if there may be one. Never
    /// blocks. Nothing happens if `me` does not hold it.
    #[inline]
    pub(crate) fn unlock<P: Park>(&self, me: Owner, park: &P) {
        if !self.lock.owner_lock().is_held_by(me) {
            return;
        }
        match self.depth.load(Relaxed) {
            u64::MAX => {}
            depth if depth > 1 && !planted(Bug::DepthIgnored) => self.depth.store(depth - 1, Relaxed),
            _ if self.lock.unlock_free(me) => {}
            _ => self.lock.unlock(park),
        }
    }
}
