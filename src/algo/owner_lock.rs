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
//! The word, of which the kernel sees the low half as a futex. Zero, as in fresh memory, is FREE, so a lock that nobody else
//! wants is taken and released by exchanging two words that are known beforehand:
//!
//! | bits   | field   | meaning                                                       |
//! |--------|---------|---------------------------------------------------------------|
//! | 0..30  | TID     | the thread that holds the lock; 0: nobody                     |
//! | 30     | DIED    | the last owner died holding it, and nobody took it since      |
//! | 31     | WAITERS | somebody may sleep on the word                                |
//! | 32..48 | nonce   | differs between threads, and between those who ever had a slot |
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
//! - I5. Every exchange compares the whole word. One that takes from the dead can not hit a living owner's word: that
//!   would need the dead one's slot, thread number and nonce, and a slot is given to no two participants of the same nonce
//!   (but for the 65,536th after it). One that tidies up after a release, or adds WAITERS, may hit the same owner's next
//!   word, which is as good.
//!
//! Source: futex(2), `FUTEX_WAKE_OP`; the kernel's robust-futex ABI, for the low half.

use std::num::NonZeroU64;

use super::Park;
use super::planted::{Bug, planted};
use super::spin::Spin;
use crate::shim::{AtomicU64, Ordering, fence};

/// Who takes a lock: the thread, and the participant (process) that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(NonZeroU64);

impl Owner {
    /// The thread `tid` (the kernel's number, below 2^30 and not 0) of the participant in `slot`. `generation` is of the participant,
    /// and differs from that of everybody else who ever had the slot.
    pub(crate) const fn new(tid: u32, slot: u16, generation: u64) -> Self {
        let nonce = generation.wrapping_add((tid as u64).wrapping_mul(0x9e37)) & 0xffff;
        let word = (slot as u64) << 48 | nonce << 32 | tid as u64 & Word::TID;
        match NonZeroU64::new(word) {
            Some(word) => Self(word),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// The lock's word while this one holds it.
    #[cfg(test)]
    pub(crate) const fn bits(self) -> u64 {
        self.0.get()
    }

    /// The participant's slot in the segment.
    #[inline]
    pub(crate) const fn slot(self) -> u16 {
        (self.0.get() >> 48) as u16
    }
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

/// What somebody who waits for a lock to come free remembers from one wait to the next.
#[derive(Debug)]
pub(super) struct Waiting {
    spin: Spin,
    slept_on: Option<Word>,
    rounds: u32,
    in_time: bool,
}

impl Waiting {
    pub(super) const fn new() -> Self {
        Self { spin: Spin::new(), slept_on: None, rounds: 0, in_time: true }
    }

    /// Whether it slept, and so may have been woken in place of others.
    pub(super) fn has_slept(&self) -> bool {
        self.rounds > 0
    }
}

/// The lock; all of its state is one word.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct OwnerLock {
    word: AtomicU64,
}

/// A value of the lock's word: the only place that packs and unpacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word(u64);

impl Word {
    const TID: u64 = (1 << 30) - 1;
    const DIED: u64 = 1 << 30;
    const WAITERS: u64 = 1 << 31;
    const LOW: u64 = (1 << 32) - 1;

    const FREE: Self = Self(0);

    /// The word after `me` took the lock that was `self`: WAITERS kept, DIED gone.
    fn held_by(self, me: Owner) -> Self {
        Self(self.0 & Self::WAITERS | me.0.get())
    }

    /// The word that the kernel's one-step release leaves of `self`.
    fn released(self) -> Self {
        Self(self.0 & !Self::LOW | Self::WAITERS)
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
        self.has_owner() && self.0 & !Self::WAITERS == owner.0.get()
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
        if self.lock_free(me) { Ok(Acquired::Clean) } else { self.lock_slow(me, park) }
    }

    /// Takes the lock for `me` if it is free, and nobody ever waited for it or died with it. For the common case; `false` says
    /// nothing.
    #[inline]
    pub(crate) fn lock_free(&self, me: Owner) -> bool {
        self.take(Word::FREE, Word(me.0.get()))
    }

    /// As [`OwnerLock::lock_free`], in `order`, which is `Acquire` or stronger.
    #[inline]
    pub(super) fn lock_free_in(&self, order: Ordering, me: Owner) -> bool {
        self.exchange(Word::FREE, Word(me.0.get()), order) // E1 acquire
    }

    /// Whether nobody holds the lock, nor died with it; there may be sleepers. Looks in `order`: E1 acquire, for who goes by
    /// the answer.
    #[inline]
    pub(super) fn is_free(&self, order: Ordering) -> bool {
        let seen = Word(self.word.load(order));
        if planted(Bug::DeadWriterForgotten) {
            return !seen.has_owner();
        }
        seen.without_waiters().low() == 0
    }

    /// Whether somebody holds the lock who may be alive. If not, what the last one did under it is seen: E1 acquire after a release,
    /// E2 acquire after an orphaning, D1 after a death.
    pub(super) fn is_held_by_living<P: Park>(&self, park: &P) -> bool {
        let seen = Word(self.word.load(Ordering::Acquire));
        seen.has_owner() && park.death(seen.slot()).is_none()
    }

    /// Whether somebody may sleep on the word.
    pub(super) fn may_be_awaited(&self) -> bool {
        self.load().has_waiters()
    }

    /// Waits as [`OwnerLock::lock`] does, until nobody holds the lock, and leaves it so ([`Acquired::Clean`]). Takes it only from the
    /// dead.
    ///
    /// A release wakes one sleeper: a caller that slept and does not take the lock after all owes a wake to the others.
    ///
    /// # Errors
    /// Those of [`OwnerLock::lock`].
    pub(super) fn await_free<P: Park>(
        &self,
        me: Owner,
        waiting: &mut Waiting,
        park: &P,
    ) -> Result<Acquired, LockError> {
        loop {
            let seen = self.load();
            if !seen.has_owner() {
                let found = seen.finding();
                if found == Acquired::Clean || self.take(seen, seen.held_by(me)) {
                    return Ok(found);
                }
                continue;
            }
            if seen.names(me) {
                return Err(LockError::WouldDeadlock);
            }
            // Only an owner that stayed the same for a whole sleep is worth asking the kernel about.
            let thief = planted(Bug::StealFromTheLiving).then_some(0);
            if waiting.slept_on == Some(seen)
                && let Some(pid) = park.death(seen.slot()).or(thief)
            {
                // D1 acquire was made by `death`; the exchange fails if another survivor was faster.
                if self.take(seen, seen.held_by(me)) {
                    return Ok(Acquired::Recovered { pid });
                }
                continue;
            }
            if !waiting.in_time {
                return Err(LockError::TimedOut);
            }
            if waiting.spin.pause(park) {
                continue;
            }
            let awaited = seen.with_waiters();
            // Relaxed: the bit tells the owner to wake, and carries no data.
            if !seen.has_waiters() && !self.exchange(seen, awaited, Ordering::Relaxed) {
                continue;
            }
            waiting.in_time = park.sleep(&self.word, awaited.low(), waiting.rounds);
            waiting.rounds = waiting.rounds.saturating_add(1);
            waiting.slept_on = Some(awaited);
            waiting.spin = Spin::new();
        }
    }

    #[cold]
    #[inline(never)]
    fn lock_slow<P: Park>(&self, me: Owner, park: &P) -> Result<Acquired, LockError> {
        let mut waiting = Waiting::new();
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
            match self.await_free(me, &mut waiting, park)? {
                Acquired::Clean => {}
                recovered => return Ok(recovered),
            }
        }
    }

    /// Takes the lock for `me` if nobody holds it; `Ok(None)` if somebody does.
    ///
    /// Never blocks. An owner that died is found here, too, if `park` will ask: who comes back again and again is not kept out.
    ///
    /// # Errors
    /// [`LockError::WouldDeadlock`] if `me` holds the lock already.
    #[inline]
    pub(crate) fn try_lock<P: Park>(&self, me: Owner, park: &P) -> Result<Option<Acquired>, LockError> {
        loop {
            let seen = self.load();
            if seen.names(me) {
                return Err(LockError::WouldDeadlock);
            }
            if seen.has_owner() {
                // D1 acquire was made by `death`.
                return Ok(park
                    .death(seen.slot())
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
        if held.has_waiters() || !self.release(held) {
            self.unlock_slow(held, park);
        }
    }

    /// Releases the lock if `me` holds it and nobody waits for it. For the common case: what is left to do after `false` does
    /// [`OwnerLock::unlock`].
    #[inline]
    pub(crate) fn unlock_free(&self, me: Owner) -> bool {
        self.release(Word(me.0.get()))
    }

    #[inline]
    fn release(&self, held: Word) -> bool {
        // E1 release: who takes the lock next sees all that was written under it.
        let order = if planted(Bug::RelaxedRelease) { Ordering::Relaxed } else { Ordering::Release };
        self.exchange(held, Word::FREE, order)
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
            self.exchange(held.released(), Word::FREE, Ordering::Relaxed);
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
