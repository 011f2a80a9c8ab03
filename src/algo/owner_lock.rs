//! A lock whose word names its owner, so that nobody waits for the dead.
//!
//! ```text
//!                 lock                         unlock
//!       FREE ─────────────▶ HELD(owner) ─────────────────────▶ FREE
//!                              │   ▲
//!        another one will sleep│   │nobody slept: tidied after the release
//!                              ▼   │
//!                   HELD(owner)+WAITERS ──── unlock ─────────▶ FREE+WAITERS (one woken)
//!                              │
//!                  owner dies  ├─ a waiter sees it ──────────▶ HELD(waiter)+WAITERS, `Recovered`
//!                              └─ the sweep sees it, `orphan` ▶ FREE+DIED ── lock ──▶ HELD, `Recovered`
//! ```
//!
//! The word, of which the kernel sees the low half as a futex (zero, as in fresh memory, is FREE):
//!
//! | bits   | field   | meaning                                                       |
//! |--------|---------|---------------------------------------------------------------|
//! | 0..30  | TID     | the thread that holds the lock; 0: nobody                     |
//! | 30     | DIED    | the last owner died holding it, and nobody took it since      |
//! | 31     | WAITERS | somebody may sleep on the word                                |
//! | 32..48 | seq     | counts acquisitions, so that a stale exchange fails           |
//! | 48..64 | slot    | the participant that holds, or last held, the lock            |
//! | 32..64 | pid     | with DIED, in place of both: the process that died            |
//!
//! | edge | release side                          | acquire side                      | publishes            |
//! |------|---------------------------------------|-----------------------------------|----------------------|
//! | E1   | `unlock`, by exchange or fence + wake | `take`                            | the guarded data     |
//! | E2   | `orphan`                              | `take`                            | what the dead one did |
//! | D1   | the owner's death                     | `Park::death` answering `Some`    | what the dead one did |
//!
//! Invariants:
//! - I1. The TID is not 0 exactly while that thread may touch the guarded data: one exchange names the owner and
//!   takes the lock, one store gives both up.
//! - I2. A word that names an owner is changed by that owner, by a waiter that only adds WAITERS, or by who has
//!   evidence that the owner is dead.
//! - I3. Whoever sleeps set WAITERS, or found it set, and compared the word in the kernel. WAITERS is sticky: who
//!   takes the lock keeps it, and only who found nobody asleep clears it, by an exchange of the exact word.
//! - I4. Release and wake are one step, so no death lies between them. A woken sleeper that dies before it takes
//!   the lock leaves others asleep; therefore every sleep is bounded.
//! - I5. Every exchange compares the whole word, sequence number included: it fails if the lock changed hands
//!   since (unless 65,536 acquisitions fit between a load and the exchange after it). After an orphaning the number
//!   starts anew: an exchange that only adds WAITERS may then hit a later owner's word, which is as good, and one that
//!   takes from the dead can not, since the word names who is dead.
//!
//! Source: futex(2), `FUTEX_WAKE_OP`; the kernel's robust-futex ABI, for the low half.

use super::Park;
use super::planted::{Bug, planted};
use crate::shim::{AtomicU64, Ordering, fence};

/// Looks at a held word before sleeping. With the 40 ns that a pause takes this is as long as waking a sleeper does
/// (20 us), so that waiting costs at most twice what the better of the two would have.
const SPINS: u32 = if cfg!(all(test, loom)) { 0 } else { 500 };

/// Who takes a lock: the thread, and the participant (process) that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The kernel's thread id, below 2^30 and not 0.
    pub(crate) tid: u32,
    /// The participant's slot in the segment.
    pub(crate) slot: u16,
}

/// In which state the lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// The last owner released it.
    Clean,
    /// The last owner died holding it: the guarded data is as it left them.
    Recovered {
        /// Its process id; 0 if nobody knows.
        pid: u32,
    },
}

/// Why a lock was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockError {
    /// The deadline passed first. The lock is not held.
    TimedOut,
    /// The calling thread holds the lock already, and still does.
    WouldDeadlock,
}

/// The lock; all of its state is one word.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct OwnerLock {
    word: AtomicU64,
}

/// A value of the lock's word: the only place that packs and unpacks it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    const TID: u64 = (1 << 30) - 1;
    const DIED: u64 = 1 << 30;
    const WAITERS: u64 = 1 << 31;
    const LOW: u64 = (1 << 32) - 1;

    /// The word after `me` took the lock that was `self`: the next sequence number, WAITERS kept, DIED gone.
    ///
    /// What is known beforehand is put together first: the rest lies between a load and an exchange, where every step
    /// shows in the cost of a lock that nobody else wants.
    #[inline]
    fn held_by(self, me: Owner) -> Self {
        let mine = u64::from(me.slot) << 48 | u64::from(me.tid) & Self::TID;
        Self(self.0.wrapping_add(1 << 32) & (0xffff << 32 | Self::WAITERS) | mine)
    }

    fn free(self) -> Self {
        Self(self.0 & !Self::LOW)
    }

    fn orphaned(self, pid: u32) -> Self {
        Self(self.0 & Self::WAITERS | Self::DIED | u64::from(pid) << 32)
    }

    fn with_waiters(self) -> Self {
        Self(self.0 | Self::WAITERS)
    }

    fn without_waiters(self) -> Self {
        Self(self.0 & !Self::WAITERS)
    }

    fn has_waiters(self) -> bool {
        self.0 & Self::WAITERS != 0
    }

    fn has_owner(self) -> bool {
        self.0 & Self::TID != 0
    }

    fn names(self, owner: Owner) -> bool {
        self.0 & Self::TID == u64::from(owner.tid) && self.slot() == owner.slot
    }

    fn slot(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// What the kernel compares.
    fn low(self) -> u32 {
        self.0 as u32
    }

    /// How the lock is taken that stands at this ownerless word.
    fn finding(self) -> Acquired {
        if self.0 & Self::DIED == 0 {
            Acquired::Clean
        } else {
            Acquired::Recovered { pid: (self.0 >> 32) as u32 }
        }
    }
}

impl OwnerLock {
    /// Makes a free lock. In shared memory nobody does: a zeroed word is one.
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0) }
    }

    /// Takes the lock for `me`, waiting as `park` says.
    ///
    /// Blocks until the lock is taken, or `park` says that the deadline passed; an owner that died ends the wait.
    ///
    /// # Errors
    /// [`LockError::TimedOut`], or [`LockError::WouldDeadlock`] if `me` holds the lock already.
    #[inline]
    pub(crate) fn lock<P: Park>(&self, me: Owner, park: &P) -> Result<Acquired, LockError> {
        let seen = self.load();
        if seen.low() == 0 && self.take(seen, seen.held_by(me)) {
            return Ok(Acquired::Clean);
        }
        self.lock_slow(me, park)
    }

    #[cold]
    #[inline(never)]
    fn lock_slow<P: Park>(&self, me: Owner, park: &P) -> Result<Acquired, LockError> {
        let mut spins = SPINS;
        let mut slept_on = None;
        let mut rounds = 0;
        let mut in_time = true;
        loop {
            let seen = self.load();
            if !seen.has_owner() {
                let mut mine = seen.held_by(me);
                if planted(Bug::ForgottenWaiters) {
                    mine = mine.without_waiters();
                }
                if self.take(seen, mine) {
                    return Ok(seen.finding());
                }
                continue;
            }
            if seen.names(me) {
                return Err(LockError::WouldDeadlock);
            }
            // Only an owner that stayed the same for a whole sleep is worth asking the kernel about.
            let thief = planted(Bug::StealFromTheLiving).then_some(0);
            if slept_on == Some(seen)
                && let Some(pid) = park.death(seen.slot()).or(thief)
            {
                // D1 acquire was made by `death`; the exchange fails if another survivor was faster.
                if self.take(seen, seen.held_by(me)) {
                    return Ok(Acquired::Recovered { pid });
                }
                continue;
            }
            if !in_time {
                return Err(LockError::TimedOut);
            }
            if spins > 0 {
                spins -= 1;
                park.relax();
                continue;
            }
            let awaited = seen.with_waiters();
            // Relaxed: the bit tells the owner to wake, and carries no data.
            if !seen.has_waiters() && !self.exchange(seen, awaited, Ordering::Relaxed) {
                continue;
            }
            in_time = park.sleep(&self.word, awaited.low(), rounds);
            rounds = rounds.saturating_add(1);
            slept_on = Some(awaited);
            spins = SPINS;
        }
    }

    /// Takes the lock for `me` if nobody holds it; `Ok(None)` if somebody does.
    ///
    /// Never blocks. Of an owner that died the sweep, or a call of [`OwnerLock::lock`], frees the lock; nobody of them being
    /// at work, a caller that comes back again and again finds the death itself, `due` being a word that bounds how often
    /// the kernel is asked.
    ///
    /// # Errors
    /// [`LockError::WouldDeadlock`] if `me` holds the lock already.
    #[inline]
    pub(crate) fn try_lock<P: Park>(
        &self,
        me: Owner,
        park: &P,
        due: &AtomicU64,
    ) -> Result<Option<Acquired>, LockError> {
        loop {
            let seen = self.load();
            if seen.names(me) {
                return Err(LockError::WouldDeadlock);
            }
            if seen.has_owner() {
                let dead = if park.is_due(due) { park.death(seen.slot()) } else { None };
                // D1 acquire was made by `death`.
                return Ok(dead
                    .filter(|_| self.take(seen, seen.held_by(me)))
                    .map(|pid| Acquired::Recovered { pid }));
            }
            if self.take(seen, seen.held_by(me)) {
                return Ok(Some(seen.finding()));
            }
        }
    }

    /// Whether `me` holds the lock.
    #[inline]
    pub(crate) fn is_held_by(&self, me: Owner) -> bool {
        self.load().names(me)
    }

    /// Releases the lock, and wakes a sleeper if there may be one. Never blocks.
    ///
    /// The caller holds the lock.
    #[inline]
    pub(crate) fn unlock<P: Park>(&self, park: &P) {
        let held = self.load();
        // E1 release: who takes the lock next sees all that was written under it.
        let order = if planted(Bug::RelaxedRelease) { Ordering::Relaxed } else { Ordering::Release };
        if held.has_waiters() || !self.exchange(held, held.free(), order) {
            self.unlock_slow(held, park);
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_slow<P: Park>(&self, held: Word, park: &P) {
        if !planted(Bug::RelaxedRelease) {
            // E1 release, for the store that `release_and_wake` makes.
            fence(Ordering::Release);
        }
        if park.release_and_wake(&self.word) == 0 {
            // Nobody slept. A waiter on its way to sleep finds another low half and stays awake, so the bit may
            // go; the exact word, since whoever took the lock meanwhile owns the bit. Relaxed: E1 was made.
            self.exchange(held.free().with_waiters(), held.free(), Ordering::Relaxed);
        }
    }

    /// Frees the lock from the dead participant in `slot`, which was process `pid`, so that who locks next gets
    /// [`Acquired::Recovered`]; returns whether somebody may sleep on it, whom the caller then wakes.
    ///
    /// The caller knows that the participant is dead (`D1`), and that its slot was not handed out again. A lock
    /// that somebody else holds is left alone.
    pub(crate) fn orphan(&self, slot: u16, pid: u32) -> bool {
        loop {
            let seen = self.load();
            if !seen.has_owner() || seen.slot() != slot {
                return false;
            }
            // E2 release: hands on what D1 told the caller.
            let order = if planted(Bug::RelaxedOrphan) { Ordering::Relaxed } else { Ordering::Release };
            if self.exchange(seen, seen.orphaned(pid), order) {
                return seen.has_waiters();
            }
        }
    }

    /// Returns the word that waiters sleep on.
    pub(crate) fn futex_word(&self) -> &AtomicU64 {
        &self.word
    }

    #[inline]
    fn load(&self) -> Word {
        // Relaxed: a guess, which the exchange that acts on it confirms.
        Word(self.word.load(Ordering::Relaxed))
    }

    /// Makes the caller the owner, if the word still is what it saw.
    #[inline]
    fn take(&self, seen: Word, mine: Word) -> bool {
        // E1 and E2 acquire: what was written under the lock, by the living and the dead, is seen from here on.
        let order = if planted(Bug::RelaxedAcquire) { Ordering::Relaxed } else { Ordering::Acquire };
        self.exchange(seen, mine, order)
    }

    #[inline]
    fn exchange(&self, seen: Word, new: Word, order: Ordering) -> bool {
        // Relaxed on failure: a loser looks again, and touches no data.
        self.word.compare_exchange(seen.0, new.0, order, Ordering::Relaxed).is_ok()
    }
}
