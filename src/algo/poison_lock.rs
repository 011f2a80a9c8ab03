//! An owner lock that remembers that somebody failed while holding it.
//!
//! ```text
//!   whole ── owner dies, or panics with the guard alive ──▶ poisoned(who, how) ── `clear` ──▶ whole
//! ```
//!
//! The data that such a lock guards may be half changed after that, and whoever takes the lock is told, until somebody
//! says that all is well again.
//!
//! | word | meaning                                                                              |
//! |------|--------------------------------------------------------------------------------------|
//! | 0    | the owner lock                                                                       |
//! | 8    | `form`: what else stands in the block, for the sweep ([`super::Form`])               |
//! | 16   | the cause: 0, or `kind << 32 \| pid`                                                 |
//! | 24   | when somebody last asked whether the owner is dead                                   |
//!
//! - I1. The cause is written by the lock's owner alone, so E1 of the owner lock orders it. Who only looks may see an
//!   old one.
//! - I2. It stands before the data is handed out. Whoever takes the lock from the dead and dies before that is itself a dead
//!   owner: the next one finds a cause all the same.

use super::park::InTurn;
use super::planted::{Bug, planted};
use super::{Acquired, LockError, Owner, OwnerLock, Park};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// Who failed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failing {
    /// Its process id; 0 if nobody knows.
    pub(crate) pid: u32,
    /// It panicked; else it died.
    pub(crate) panicked: bool,
}

/// The lock. Zeroed words are a free and whole one.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct PoisonLock {
    lock: OwnerLock,
    /// What the sweep is to do with the block.
    pub(super) form: AtomicU64,
    cause: AtomicU64,
    due: AtomicU64,
}

const DIED: u64 = 1 << 32;
const PANICKED: u64 = 2 << 32;

impl Failing {
    fn bits(self) -> u64 {
        u64::from(self.pid) | if self.panicked { PANICKED } else { DIED }
    }

    /// Any bits but 0 are some cause.
    fn of_bits(bits: u64) -> Option<Self> {
        (bits != 0).then_some(Self { pid: bits as u32, panicked: bits & PANICKED != 0 })
    }
}

impl PoisonLock {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { lock: OwnerLock::new(), form: zero(), cause: zero(), due: zero() }
    }

    /// Takes the lock for `me`, waiting as `park` says; returns the cause if it is poisoned.
    ///
    /// # Errors
    /// Those of [`OwnerLock::lock`].
    #[inline]
    pub(crate) fn lock<P: Park>(&self, me: Owner, park: &P) -> Result<Option<Failing>, LockError> {
        let acquired = self.lock.lock(me, &InTurn::new(park, &self.due))?;
        Ok(self.taken(acquired))
    }

    /// Takes the lock for `me` if nobody else wants it. For the common case; `false` says nothing.
    #[inline]
    pub(crate) fn lock_free(&self, me: Owner) -> bool {
        self.lock.lock_free(me)
    }

    /// Releases the lock if `me` holds it and nobody waits for it. For the common case; after `false`, [`Self::unlock`].
    #[inline]
    pub(crate) fn unlock_free(&self, me: Owner) -> bool {
        self.lock.unlock_free(me)
    }

    /// As [`Self::lock`], but never blocks: `Ok(None)` if somebody holds the lock.
    ///
    /// # Errors
    /// [`LockError::WouldDeadlock`] if `me` holds it.
    #[inline]
    pub(crate) fn try_lock<P: Park>(
        &self,
        me: Owner,
        park: &P,
    ) -> Result<Option<Option<Failing>>, LockError> {
        let acquired = self.lock.try_lock(me, &InTurn::new(park, &self.due))?;
        Ok(acquired.map(|acquired| self.taken(acquired)))
    }

    /// What there is to say of a lock that was just taken.
    #[inline]
    fn taken(&self, acquired: Acquired) -> Option<Failing> {
        if let Acquired::Recovered { pid } = acquired {
            self.poison(Failing { pid, panicked: false });
        }
        self.cause()
    }

    /// Releases the lock, and wakes a sleeper if there may be one. Never blocks. The caller holds it.
    #[inline]
    pub(crate) fn unlock<P: Park>(&self, park: &P) {
        self.lock.unlock(park);
    }

    /// Says that the data may be half changed. The caller holds the lock.
    pub(crate) fn poison(&self, failing: Failing) {
        if !planted(Bug::CauseForgotten) {
            self.cause.store(failing.bits(), Relaxed); // I1
        }
    }

    /// Says that the data is whole. Nothing needs the lock for that, as in std.
    pub(crate) fn clear(&self) {
        self.cause.store(0, Relaxed);
    }

    /// Why the lock is poisoned, if it is.
    #[inline]
    pub(crate) fn cause(&self) -> Option<Failing> {
        Failing::of_bits(self.cause.load(Relaxed)) // I1
    }

    /// The lock itself.
    #[inline]
    pub(crate) fn owner_lock(&self) -> &OwnerLock {
        &self.lock
    }

    /// The word by which those who only try agree whose turn it is to ask for deaths.
    pub(crate) fn due(&self) -> &AtomicU64 {
        &self.due
    }
}
