//! Permits: a number of things that processes take and give back, and that no death loses.
//!
//! ```text
//!              acquire: cell + n                    give back: cell - n
//!      FREE ─────────────────────▶ HELD(process) ─────────────────────────▶ FREE
//!       ▲  ▲                           │    │
//!       │  └── release: total + n      │    └── forget: total - n ─────────▶ gone
//!       └──── its cell is emptied ◀────┴── it dies, and all it spawned
//! ```
//!
//! | word   | name    | meaning                                                                         |
//! |--------|---------|---------------------------------------------------------------------------------|
//! | lock   |         | a leaf: held for some instructions, none of them the program's, and never asleep |
//! | 0      | `queue` | what waiters sleep on, and marks for who takes the lock next                     |
//! | 1      | `free`  | derived: `total` less the counts of all cells                                   |
//! | 2      | `total` | how many permits there are                                                      |
//! | 3      | `bound` | how many there may be; a constant                                               |
//! | a cell |         | how many the process in the seat holds, and a stamp that every change counts up |
//!
//! Each change is one store that commits, and another to `free` that follows from it:
//!
//! | change    | commit      | killed before it   | killed after it, or half way                                       |
//! |-----------|-------------|--------------------|--------------------------------------------------------------------|
//! | acquire   | `cell + n`  | nothing was taken  | held by the dead one, and comes back when its cell is emptied      |
//! | give back | `cell - n`  | as above           | free, once it is recounted                                         |
//! | release   | `total + n` | nothing was added  | free, once it is recounted                                         |
//! | forget    | `total - n` | as above           | gone; the cell still counts them, until it is emptied: never too many free |
//! | empty     | `cell = 0`  | as above           | free, once it is recounted                                         |
//!
//! Whoever takes the lock from the dead recounts before anything else, and so does who finds RECOUNT set. Emptying needs no
//! lock: the sweep does it (`bury`), and so does a waiter who found the death itself (`look`). Every look asks for a recount,
//! since the last one to look may have been killed between emptying a cell and saying so.
//!
//! | edge | release side                        | acquire side                     | publishes                                |
//! |------|-------------------------------------|----------------------------------|------------------------------------------|
//! | SM1  | `empty`, its exchange               | `unheld`, the loads of the cells | what the dead one did                    |
//! | SM2  | `keep`, a cell's new count          | `look`, the load of a cell       | who sits in the seat                     |
//! | SM3  | `announce`, `look`: RECOUNT on      | `recount`, `available`           | the emptied cell                         |
//!
//! Invariants:
//! - I1. `total` and `free` are changed by the lock's owner alone, a cell by the process in its seat and under the lock, or
//!   by who has evidence that this process and all it spawned are gone. So at every instruction `total` less the cells
//!   of the living is what is free, but for a `forget` that was interrupted.
//! - I2. A cell is emptied by an exchange of the very word that was there before its process was found dead. Someone else who got
//!   the seat since has changed the cell if it holds anything (SM2), so nobody is robbed (unless it changed 2^32 times).
//! - I3. Who is about to sleep has looked under the lock, and says so under the lock: a release comes before, and is found, or
//!   after, and finds WAITERS. WAITERS goes when all are called, or, nobody having been asleep, by an exchange of the very
//!   word, which fails if somebody joined since.
//! - I4. A release of `n` wakes `n`, or everybody if one of them wants more than one (MANY): of who is left asleep nobody could go
//!   on. Who was woken and can not look any more wakes another. Who was woken and dies wakes nobody: sleeps are bounded.
//! - I5. Whoever comes first takes: there is no order among those who wait.

use std::mem;

use super::permit_words::{Held, Queue};
use super::planted::{Bug, planted};
use super::spin::Spin;
use super::{Acquired, Head, LockError, Owner, OwnerLock, Park, Tally};
use crate::shim::{
    AtomicU64,
    Ordering::{self, Acquire, Relaxed, Release},
};

/// The words of a semaphore.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permits<'a> {
    lock: &'a OwnerLock,
    due: &'a AtomicU64,
    queue: &'a AtomicU64,
    free: &'a AtomicU64,
    total: &'a AtomicU64,
    bound: &'a AtomicU64,
    cells: Tally<'a>,
}

/// Why permits were not taken, or not added. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are not so many now, or the deadline passed.
    NotNow,
    /// There can never be so many.
    TooMany,
    /// The calling thread is in the middle of a change already: this is a signal handler.
    Reentered,
}

impl From<LockError> for Refused {
    fn from(error: LockError) -> Self {
        match error {
            LockError::TimedOut => Self::NotNow,
            LockError::WouldDeadlock => Self::Reentered,
        }
    }
}

/// Whom to wake, once the lock is released.
#[derive(Clone, Copy)]
struct Call {
    /// The word that the call left.
    queue: Queue,
    count: u32,
}

impl<'a> Permits<'a> {
    /// The permits whose words are those of `head` and `cells`.
    #[inline]
    pub(crate) fn of(head: &'a Head, cells: Tally<'a>) -> Self {
        let [queue, free, total, bound] = &head.words;
        Self { lock: head.lock.owner_lock(), due: head.lock.due(), queue, free, total, bound, cells }
    }

    /// Makes `total` permits, which may become `bound`. Before anybody else knows of them; the words are zeroes.
    pub(crate) fn make(&self, total: u32, bound: u32) {
        // Relaxed: whoever learns of them is ordered after this by how it learned.
        self.free.store(u64::from(total), Relaxed);
        self.total.store(u64::from(total), Relaxed);
        self.bound.store(u64::from(bound), Relaxed);
    }

    /// How many permits are free. Never blocks; what a dead one held is free once somebody noticed.
    pub(crate) fn available(&self) -> u32 {
        // SM3 acquire: what was emptied is seen below.
        let queue = Queue(self.queue.load(Acquire));
        let free = if queue.is_to_recount() { self.unheld() } else { self.free.load(Relaxed) };
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// Takes `n` permits for the process of `me` if they are free and nobody is at work here. For the common case; `false` says
    /// nothing.
    #[inline]
    pub(crate) fn acquire_free<P: Park>(&self, me: Owner, n: u32, park: &P) -> bool {
        let Ok(cell) = self.cell(me, n) else { return false };
        self.lock.lock_free(me) && {
            self.see_marks(Acquired::Clean);
            let taken = self.take(cell, n);
            self.leave(me, park);
            taken
        }
    }

    /// Takes `n` permits for the process of `me`, waiting as `park` says.
    ///
    /// # Errors
    /// Any [`Refused`]. Without a deadline never [`Refused::NotNow`].
    #[inline]
    pub(crate) fn acquire<P: Park>(&self, me: Owner, n: u32, park: &P) -> Result<(), Refused> {
        let cell = self.cell(me, n)?;
        if self.attempt(me, cell, n, park)? { Ok(()) } else { self.wait(me, cell, n, park) }
    }

    /// As [`Self::acquire`], but does not wait for permits: only for the lock, as `park` says.
    ///
    /// # Errors
    /// Any [`Refused`].
    #[inline]
    pub(crate) fn try_acquire<P: Park>(&self, me: Owner, n: u32, park: &P) -> Result<(), Refused> {
        let cell = self.cell(me, n)?;
        if self.attempt(me, cell, n, park)? {
            return Ok(());
        }
        let again = park.is_due(self.due) && {
            self.look(park);
            self.attempt(me, cell, n, park)?
        };
        if again { Ok(()) } else { Err(Refused::NotNow) }
    }

    /// Gives `n` permits back that the process of `me` holds.
    ///
    /// # Errors
    /// [`Refused::Reentered`]; [`Refused::NotNow`] if `park` has a deadline.
    #[inline]
    pub(crate) fn give_back<P: Park>(&self, me: Owner, n: u32, park: &P) -> Result<(), Refused> {
        let Some(cell) = self.cells.word(me.slot()) else { return Ok(()) };
        self.enter(me, park)?;
        let n = self.let_go(cell, n);
        self.add_free(n);
        self.leave_and_call(me, n, park);
        Ok(())
    }

    /// Adds `n` permits.
    ///
    /// # Errors
    /// [`Refused::TooMany`] if there would be more than the bound; [`Refused::Reentered`]; [`Refused::NotNow`] if `park` has a
    /// deadline.
    pub(crate) fn release<P: Park>(&self, me: Owner, n: u32, park: &P) -> Result<(), Refused> {
        self.enter(me, park)?;
        let total = self.total.load(Relaxed).saturating_add(u64::from(n)); // I1, as everything under the lock
        if total > self.bound.load(Relaxed) {
            self.leave(me, park);
            return Err(Refused::TooMany);
        }
        self.total.store(total, Relaxed); // the commit
        self.add_free(n);
        self.leave_and_call(me, n, park);
        Ok(())
    }

    /// Makes `n` permits vanish that the process of `me` holds.
    ///
    /// # Errors
    /// As [`Self::give_back`].
    pub(crate) fn forget<P: Park>(&self, me: Owner, n: u32, park: &P) -> Result<(), Refused> {
        let Some(cell) = self.cells.word(me.slot()) else { return Ok(()) };
        self.enter(me, park)?;
        self.shrink(n);
        self.let_go(cell, n);
        self.leave(me, park);
        Ok(())
    }

    /// Takes what the dead participant in `slot` held from it, and wakes those who wait. Nobody it spawned is alive, and nobody gets the
    /// seat meanwhile. May be repeated.
    pub(super) fn bury<P: Park>(&self, slot: u16, park: &P) {
        let Some(cell) = self.cells.word(slot) else { return };
        let held = Held(cell.load(Relaxed)); // nobody changes it but to empty it
        if held.count() != 0 {
            self.empty(cell, held);
        }
        // Also if it held none: it may have been killed when it had given back and woken nobody yet.
        self.announce(park);
    }

    /// The cell of `me`, who wants `n` permits.
    #[inline]
    fn cell(&self, me: Owner, n: u32) -> Result<&'a AtomicU64, Refused> {
        if u64::from(n) > self.bound.load(Relaxed) {
            return Err(Refused::TooMany);
        }
        // Every participant has a cell; who has none can hold nothing.
        self.cells.word(me.slot()).ok_or(Refused::TooMany)
    }

    /// Takes `n` permits if they are free now.
    #[inline]
    fn attempt<P: Park>(&self, me: Owner, cell: &AtomicU64, n: u32, park: &P) -> Result<bool, LockError> {
        self.enter(me, park)?;
        let taken = self.take(cell, n);
        self.leave(me, park);
        Ok(taken)
    }

    /// As [`Self::acquire`], having tried once.
    #[cold]
    #[inline(never)]
    fn wait<P: Park>(&self, me: Owner, cell: &AtomicU64, n: u32, park: &P) -> Result<(), Refused> {
        let mut spin = Spin::new();
        let (mut tired, mut in_time, mut rounds) = (false, true, 0);
        // It slept in vain, and has not looked for the dead since.
        let mut curious = false;
        loop {
            if !self.is_promising(n) {
                if in_time && !tired {
                    tired = !spin.pause(park);
                    continue;
                }
                if mem::take(&mut curious) && park.is_due(self.due) {
                    self.look(park);
                }
            }
            if let Err(error) = self.enter(me, park) {
                if rounds > 0 && !planted(Bug::WakeKept) {
                    park.wake(self.queue, 1); // I4: the wake may have been for a permit that another can use
                }
                return Err(error.into());
            }
            if self.take(cell, n) {
                self.leave(me, park);
                return Ok(());
            }
            let joined = (in_time && tired).then(|| self.join(n));
            self.leave(me, park);
            match joined {
                None if !in_time => return Err(Refused::NotNow),
                None => tired = !spin.pause(park),
                // Announced since we entered: those who slept were called, but we did not sleep yet.
                Some(queue) if queue.is_to_recount() && !planted(Bug::RecountOverslept) => {}
                Some(queue) => {
                    in_time = park.sleep(self.queue, queue.low(), rounds);
                    rounds = rounds.saturating_add(1);
                    if !in_time && planted(Bug::NoLastLook) {
                        return Err(Refused::NotNow);
                    }
                    (spin, tired, curious) = (Spin::new(), false, true);
                }
            }
        }
    }

    /// Whether it is worth taking the lock for `n` permits.
    fn is_promising(&self, n: u32) -> bool {
        // Relaxed: a guess, which is checked under the lock.
        self.free.load(Relaxed) >= u64::from(n) || self.marks().is_to_recount()
    }

    /// Empties the cells of all who died, with all they spawned.
    pub(super) fn look<P: Park>(&self, park: &P) {
        let mut emptied = false;
        for (seat, cell) in self.cells.iter() {
            let Some(cell) = cell.first() else { continue };
            // SM2 acquire: whoever wrote this sits in the seat that is asked about next, or sat there before.
            let order = if planted(Bug::SuccessorRobbed) { Relaxed } else { Acquire };
            let held = Held(cell.load(order));
            if held.count() != 0 && park.family_death(seat).is_some() {
                emptied |= self.empty(cell, held);
            }
        }
        if emptied {
            self.announce(park);
        } else {
            self.change(Queue::to_recount, Release); // SM3: for one who emptied a cell, and was killed then
        }
    }

    /// Empties a cell in which `held` was found before its process was found dead; `false` if it changed since, by somebody who did
    /// the same, or who got the seat (I2).
    fn empty(&self, cell: &AtomicU64, held: Held) -> bool {
        // SM1 release: hands on what D1 told the caller.
        let order = if planted(Bug::EmptiedUnordered) { Relaxed } else { Release };
        cell.compare_exchange(held.0, held.now(0).0, order, Relaxed).is_ok()
    }

    /// Says that a cell was emptied, and wakes everybody.
    pub(super) fn announce<P: Park>(&self, park: &P) {
        // SM3 release: who recounts sees the emptied cell.
        let order = if planted(Bug::RecountUnordered) { Relaxed } else { Release };
        let before = self.change(|queue| queue.all_called().to_recount(), order);
        if before.has_waiters() {
            park.wake(self.queue, u32::MAX);
        }
    }

    /// Takes the lock, and sees to it that `free` can be trusted.
    #[inline]
    pub(super) fn enter<P: Park>(&self, me: Owner, park: &P) -> Result<(), LockError> {
        self.see_marks(self.lock.lock(me, park)?);
        Ok(())
    }

    /// Recounts if there is a reason. Under the lock, which was just taken so.
    #[inline]
    fn see_marks(&self, acquired: Acquired) {
        let distrusted = acquired != Acquired::Clean && !planted(Bug::HeirTrusts);
        // Relaxed: `recount` acquires; who misses a mark here leaves it to the next.
        if distrusted || self.marks().is_to_recount() {
            self.recount();
        }
    }

    /// Releases the lock.
    #[inline]
    pub(super) fn leave<P: Park>(&self, me: Owner, park: &P) {
        if !self.lock.unlock_free(me) {
            self.lock.unlock(park);
        }
    }

    /// Releases the lock, and wakes those who may go on, now that `n` permits more are free.
    #[inline]
    pub(super) fn leave_and_call<P: Park>(&self, me: Owner, n: u32, park: &P) {
        let call = self.call(n);
        self.leave(me, park);
        // Not under the lock: who wakes wants it.
        if let Some(Call { queue, count }) = call
            && park.wake(self.queue, count) < count
        {
            self.tidy(queue);
        }
    }

    /// Takes `n` permits if so many are free. Under the lock, as all that follow.
    #[inline]
    fn take(&self, cell: &AtomicU64, n: u32) -> bool {
        let free = self.free.load(Relaxed);
        let Some(left) = free.checked_sub(u64::from(n)) else { return false };
        self.hold(cell, n);
        self.free.store(left, Relaxed);
        true
    }

    /// Counts `n` permits more as held: the commit of taking them.
    #[inline]
    pub(super) fn hold(&self, cell: &AtomicU64, n: u32) {
        let held = Held(cell.load(Relaxed));
        self.keep(cell, held.now(held.count().wrapping_add(n)));
    }

    /// Counts `n` permits less as held: the commit of giving them back. Returns how many it were, in case that somebody else wrote
    /// the cell.
    #[inline]
    pub(super) fn let_go(&self, cell: &AtomicU64, n: u32) -> u32 {
        let held = Held(cell.load(Relaxed));
        let n = n.min(held.count());
        self.keep(cell, held.now(held.count() - n));
        n
    }

    #[inline]
    fn keep(&self, cell: &AtomicU64, held: Held) {
        // SM2 release: who meets this count meets us in the seat.
        let order = if planted(Bug::SuccessorRobbed) { Relaxed } else { Release };
        cell.store(held.0, order);
    }

    /// Counts `n` permits less: the commit of forgetting them.
    pub(super) fn shrink(&self, n: u32) {
        self.total.store(self.total.load(Relaxed).saturating_sub(u64::from(n)), Relaxed);
    }

    /// Follows a commit that made `n` permits free.
    #[inline]
    pub(super) fn add_free(&self, n: u32) {
        self.free.store(self.free.load(Relaxed).saturating_add(u64::from(n)), Relaxed);
    }

    /// Derives `free` anew.
    #[cold]
    #[inline(never)]
    fn recount(&self) {
        if planted(Bug::RecountEndsLate) {
            self.free.store(self.unheld(), Relaxed);
        }
        // SM3 acquire: what was emptied before the mark is seen below; what is emptied later is marked again.
        self.change(Queue::recounted, Acquire);
        if !planted(Bug::RecountEndsLate) {
            self.free.store(self.unheld(), Relaxed);
        }
    }

    /// `total` less what is held.
    fn unheld(&self) -> u64 {
        // SM1 acquire: whoever takes what was emptied sees what the dead one did.
        let count = |cell: &[AtomicU64]| cell.first().map_or(0, |cell| Held(cell.load(Acquire)).count());
        let held = self.cells.iter().fold(0_u64, |sum, (_, cell)| sum.saturating_add(count(cell).into()));
        self.total.load(Relaxed).saturating_sub(held)
    }

    /// Says that the caller, who wants `n` permits, will sleep. Returns the word on which.
    fn join(&self, n: u32) -> Queue {
        self.change(|queue| queue.joined(n), Relaxed).joined(n)
    }

    /// Calls those who may go on, now that `n` permits more are free.
    #[inline]
    fn call(&self, n: u32) -> Option<Call> {
        // Relaxed: WAITERS is set under the lock (I3).
        if n == 0 || !self.marks().has_waiters() || planted(Bug::NobodyCalled) {
            return None;
        }
        let queue = self.change(Queue::called, Relaxed).called();
        let count = if queue.has_waiters() { n } else { u32::MAX };
        Some(Call { queue, count })
    }

    /// Takes WAITERS off, nobody having been asleep after the call that left `queue`: I3.
    #[cold]
    fn tidy(&self, queue: Queue) {
        if planted(Bug::TidiedBlindly) {
            self.change(Queue::without_waiters, Relaxed);
        }
        // Relaxed: it tells nothing but that. If it fails, somebody joined, or was called, since.
        let _ = self.queue.compare_exchange(queue.0, queue.without_waiters().0, Relaxed, Relaxed);
    }

    /// The queue word now.
    #[inline]
    fn marks(&self) -> Queue {
        Queue(self.queue.load(Relaxed))
    }

    /// Changes the queue word, which others may mark at any time; returns what it was.
    fn change(&self, next: impl Fn(Queue) -> Queue, order: Ordering) -> Queue {
        let mut seen = self.marks();
        // Relaxed on failure: a guess that is tried next. Edges that `order` makes are named by the callers.
        while let Err(now) = self.queue.compare_exchange(seen.0, next(seen).0, order, Relaxed) {
            seen = Queue(now);
        }
        seen
    }
}
