//! Many readers or one writer, for data that processes share: an owner lock, and a cell for each process that counts its
//! readers.
//!
//! ```text
//!   reader:   outside ── cell + 1 ──▶ asking ── lock free ───────────────────▶ reading ── cell - 1 ──▶ outside
//!                ▲                      └─ lock held ─ cell - 1 ─▶ waiting      ▲
//!                └────────── the lock came free ◀────────────────────┘          │
//!                                                                               │ downgrade: cell + 1, WRITING = 0, unlock
//!   writer:   outside ── lock ──▶ waiting for readers ── cells 0, WRITING = 1 ──▶ writing ── WRITING = 0, unlock ──▶ outside
//! ```
//!
//! | word     | bits  | meaning                                                                        |
//! |----------|-------|--------------------------------------------------------------------------------|
//! | lock     |       | see `owner_lock`: who writes, or waits for the readers to leave                |
//! | WRITING  |       | 1 while the lock's owner may touch the data                                    |
//! | due      |       | when somebody who only tries last asked for a reader's death                   |
//! | a cell   | 0..31 | readers of that process, those included who only ask                           |
//! |          | 31    | AWAITED: a writer may sleep on the cell, of which the kernel sees the low half |
//!
//! A reader that finds the lock held takes its count back and waits as one does for an owner lock, but leaves the lock free
//! when it comes free; having slept, it wakes all other sleepers, since a release wakes one only. A writer that waits for readers
//! holds the lock, so readers that come later wait behind it.
//!
//! | edge | release side                          | acquire side                         | publishes                         |
//! |------|---------------------------------------|--------------------------------------|-----------------------------------|
//! | R1   | `leave`                               | `look_at`, 0 readers                 | that a reader is done with the data |
//! | R2   | `count`, then `admits`                | `write_free` or `take`, then `look_at` | at least one sees the other       |
//! | R3   | `bury`                                | `look_at`, 0 readers                 | that the dead one is done with it |
//! | R4   | `begin`, `end`, `note`                | who learns of the death (D1)         | WRITING, before what it announces |
//!
//! E1 and E2 of the owner lock end at `admits`, too: a reader sees what was written under the lock. The count that `downgrade`
//! makes is released with the lock (E1). R2 is the store-buffer pattern, in the order of all SeqCst accesses: a reader that
//! counted itself and found the lock free is seen by every writer that took it later.
//!
//! Invariants:
//! - I1. A writer touches the data only while it owns the lock and WRITING is 1, and only after it saw no reader in each cell
//!   below `high`, or learned that the cell's process and all it forked are gone.
//! - I2. A reader touches the data only between `admits` and `leave`, its cell counting it.
//! - I3. Who takes the lock from the dead looks at WRITING before anything else: 1 means that the data may be half changed.
//! - I4. Who takes the count of an AWAITED cell to 0 wakes the writer. It takes AWAITED along if it can: a mark that a writer left
//!   behind costs one wake.
//! - I5. Sleeps are bounded: a death between a count and the wake that it owes costs a nap.
//!
//! | killed                             | what is left                                                                 |
//! |------------------------------------|------------------------------------------------------------------------------|
//! | reader, having counted itself      | a count too high: a writer passes over the cell of the dead, `bury` zeroes it |
//! | reader, having taken its count back | perhaps a wake that it owed (I5)                                             |
//! | writer, having taken the lock      | a dead owner, WRITING 0: the next one takes over, and nothing is poisoned    |
//! | writer, after `begin`              | a dead owner, WRITING 1: the next one poisons                                |
//! | writer, after `end`                | as if waiting for readers: the data is whole                                 |
//! | whoever notes a death, half way    | a dead owner; WRITING is 1 still unless the poison stands                    |
//! | downgrading, before `end`          | as writing: poisoned, though whole                                           |
//!
//! Source: Dekker's exclusion, for R2; Linux's former big-reader lock (`brlock`), for counts apart from each other.

use super::owner_lock::Waiting;
use super::park::InTurn;
use super::planted::{Bug, planted};
use super::spin::Spin;
use super::{Acquired, Failing, Head, Late, LockError, Owner, Park, Tally};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    fence,
};

/// The lock: a view of the words that it consists of. Zeroed words are a free and whole one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RwLock<'a> {
    head: &'a Head,
    cells: Tally<'a>,
}

/// A value of a cell: the only place that packs and unpacks it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell(u64);

impl Cell {
    const AWAITED: u64 = 1 << 31;
    const COUNT: u64 = Self::AWAITED - 1;
    /// So many that there is room left for every thread of the system to add one before it looks.
    const FULL: u64 = 1 << 30;

    #[inline]
    pub(super) fn has_readers(self) -> bool {
        self.0 & Self::COUNT != 0
    }

    #[inline]
    fn is_full(self) -> bool {
        self.0 & Self::FULL != 0
    }

    /// Whether a writer is to be woken when one reader leaves.
    #[inline]
    fn is_last_and_awaited(self) -> bool {
        self.0 == Self::AWAITED | 1
    }

    fn awaited(self) -> Self {
        Self(self.0 | Self::AWAITED)
    }

    /// What the kernel compares.
    fn low(self) -> u32 {
        self.0 as u32
    }
}

/// How far a writer came without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It writes.
    In,
    /// It owns the lock, and somebody reads still.
    HalfWay,
    Nowhere,
}

/// Takes what the dead participant counted from its cell, and wakes who may wait for it.
pub(super) fn bury<P: Park>(head: &Head, cells: Tally<'_>, late: Late, park: &P) {
    if let Some(cell) = cells.word(late.slot) {
        // R3 release: hands on what D1 told the sweep.
        let order = if planted(Bug::RelaxedBurial) { Relaxed } else { Release };
        if cell.swap(0, order) != 0 {
            park.wake(cell, u32::MAX);
        }
    }
    // It may have been woken, and have owed a wake to the others.
    let lock = head.lock.owner_lock();
    if lock.may_be_awaited() {
        park.wake(lock.futex_word(), u32::MAX);
    }
}

impl<'a> RwLock<'a> {
    /// The lock in `head` and `cells`, of [`super::Form::RwLock`].
    #[inline]
    pub(crate) fn new(head: &'a Head, cells: Tally<'a>) -> Self {
        Self { head, cells }
    }

    /// Counts `me` as a reader, and lets it in if nobody writes or waits to.
    ///
    /// After `false` the count stands: the caller goes on with [`Self::read`] or [`Self::try_read`].
    #[inline]
    #[must_use = "a reader that was not let in is counted all the same"]
    pub(crate) fn enter(&self, me: Owner) -> bool {
        let Some(cell) = self.cells.word(me.slot()) else { return false };
        let before = self.count(cell);
        self.admits(before)
    }

    /// Lets `me` in as a reader, whom [`Self::enter`] did not; waits as `park` says.
    ///
    /// Blocks while somebody writes, or waits to write; one that died ends the wait.
    ///
    /// # Errors
    /// `me` is not counted any more. [`LockError::TimedOut`]. [`LockError::WouldDeadlock`] if `me` writes, or its process has 2^30
    /// readers: such a number was forgotten, and would be waited for in vain.
    pub(crate) fn read<P: Park>(&self, me: Owner, park: &P) -> Result<(), LockError> {
        let lock = self.head.lock.owner_lock();
        let mut waiting = Waiting::new();
        let read = loop {
            self.back_out(me, park);
            if self.is_full(me) {
                break Err(LockError::WouldDeadlock);
            }
            let acquired = lock.await_free(me, &mut waiting, &self.in_turn(park))?;
            if acquired != Acquired::Clean {
                self.note(acquired);
                lock.unlock(park);
            }
            if self.enter(me) {
                break Ok(());
            }
        };
        // It may have been woken in place of others.
        if waiting.has_slept() && !planted(Bug::WokenReaderWakesNobody) {
            park.wake(lock.futex_word(), u32::MAX);
        }
        read
    }

    /// As [`Self::read`], but never blocks: `Ok(false)`, and `me` not counted, if somebody writes, or waits to write.
    ///
    /// # Errors
    /// [`LockError::WouldDeadlock`], as there.
    pub(crate) fn try_read<P: Park>(&self, me: Owner, park: &P) -> Result<bool, LockError> {
        self.back_out(me, park);
        if self.is_full(me) {
            return Err(LockError::WouldDeadlock);
        }
        let lock = self.head.lock.owner_lock();
        let Some(acquired) = lock.try_lock(me, &self.in_turn(park))? else { return Ok(false) };
        self.note(acquired);
        lock.unlock(park);
        let entered = self.enter(me);
        if !entered {
            self.back_out(me, park);
        }
        Ok(entered)
    }

    /// Whether no more readers of `me`'s process can be counted; so it is for who has no cell.
    fn is_full(&self, me: Owner) -> bool {
        // Relaxed: a number.
        self.cells.word(me.slot()).is_none_or(|cell| Cell(cell.load(Relaxed)).is_full())
    }

    /// Counts a reader, which is none yet.
    #[inline]
    pub(super) fn count(&self, cell: &AtomicU64) -> Cell {
        // R2: before the look at the lock.
        Cell(cell.fetch_add(1, if planted(Bug::ReaderUnordered) { AcqRel } else { SeqCst }))
    }

    /// Whether a reader may go in who counted itself in a cell that was `before`.
    #[inline]
    pub(super) fn admits(&self, before: Cell) -> bool {
        if planted(Bug::ReaderBlind) {
            return true;
        }
        let order = if planted(Bug::ReaderLooksRelaxed) {
            Relaxed
        } else if planted(Bug::ReaderUnordered) {
            Acquire
        } else {
            SeqCst // R2: after the count. E1, E2 acquire: what was written under the lock is seen from here on.
        };
        self.head.lock.owner_lock().is_free(order) & !before.is_full() // one branch
    }

    /// Takes back the count of a reader that did not get in.
    fn back_out<P: Park>(&self, me: Owner, park: &P) {
        if self.leave(me) {
            self.wake_writer(me, park);
        }
    }

    /// Ends the reading of `me`. Whether a writer waits for that, which is to be woken by [`Self::wake_writer`].
    #[inline]
    #[must_use = "a writer may sleep"]
    pub(crate) fn leave(&self, me: Owner) -> bool {
        // R1 release: the next writer comes after what was read.
        let order = if planted(Bug::RelaxedLeave) { Relaxed } else { Release };
        self.cells.word(me.slot()).is_some_and(|cell| Cell(cell.fetch_sub(1, order)).is_last_and_awaited())
    }

    /// Wakes the writer that waits for the readers of `me`'s process.
    pub(crate) fn wake_writer<P: Park>(&self, me: Owner, park: &P) {
        if let Some(cell) = self.cells.word(me.slot())
            && !planted(Bug::WriterNotWoken)
        {
            // Relaxed: R1 was made, and the mark carries no data. If a reader came meanwhile, it finds the mark when it leaves.
            let _ = cell.compare_exchange(Cell::AWAITED, 0, Relaxed, Relaxed);
            park.wake(cell, u32::MAX);
        }
    }

    /// Makes `me` the writer if nobody else wants the lock. For the common case.
    #[inline]
    #[must_use = "the lock may have been taken"]
    pub(crate) fn write_free(&self, me: Owner) -> Came {
        // R2: before the looks at the cells.
        let order = if planted(Bug::WriterUnordered) { Acquire } else { SeqCst };
        if !self.head.lock.owner_lock().lock_free_in(order, me) {
            return Came::Nowhere;
        }
        if self.readers().next().is_some() {
            return Came::HalfWay;
        }
        self.begin();
        Came::In
    }

    /// Makes `me` the writer, which came as far as [`Self::write_free`] said; waits as `park` says.
    ///
    /// Blocks while others write or read; who died ends the wait, a reader as soon as all it forked are gone.
    ///
    /// # Errors
    /// [`LockError::TimedOut`], or [`LockError::WouldDeadlock`] if `me` writes already.
    pub(crate) fn write<P: Park>(&self, me: Owner, came: Came, park: &P) -> Result<(), LockError> {
        if came == Came::Nowhere {
            self.take(me, park)?;
        }
        if let Err(error) = self.drain(park) {
            self.head.lock.unlock(park);
            return Err(error);
        }
        self.begin();
        Ok(())
    }

    /// As [`Self::write`], but never blocks: `Ok(false)` if somebody else writes, reads, or tries to.
    ///
    /// # Errors
    /// [`LockError::WouldDeadlock`] if `me` writes already.
    pub(crate) fn try_write<P: Park>(&self, me: Owner, came: Came, park: &P) -> Result<bool, LockError> {
        let lock = self.head.lock.owner_lock();
        if came == Came::Nowhere {
            let Some(acquired) = lock.try_lock(me, &self.in_turn(park))? else { return Ok(false) };
            self.note(acquired);
            fence(SeqCst); // R2
        }
        let mut asks = None;
        for (seat, _) in self.readers() {
            let asks = *asks.get_or_insert_with(|| park.is_due(self.due()));
            // As in `await_readers`.
            if !asks || park.family_death(seat).is_none() {
                lock.unlock(park);
                return Ok(false);
            }
        }
        self.begin();
        Ok(true)
    }

    /// Takes the lock for who is going to write, and notes how its last owner died, if it did.
    pub(super) fn take<P: Park>(&self, me: Owner, park: &P) -> Result<(), LockError> {
        let acquired = self.head.lock.owner_lock().lock(me, &self.in_turn(park))?;
        self.note(acquired);
        if !planted(Bug::WriterUnordered) {
            fence(SeqCst); // R2: before the looks at the cells
        }
        Ok(())
    }

    /// The cells that have readers.
    #[inline]
    fn readers(&self) -> impl Iterator<Item = (u16, &'a AtomicU64)> {
        self.cells
            .iter()
            .filter_map(|(seat, cell)| Some((seat, cell.first()?)))
            .filter(|(_, cell)| Self::look_at(cell).has_readers())
    }

    /// A writer's look at a cell.
    #[inline]
    pub(super) fn look_at(cell: &AtomicU64) -> Cell {
        let order = if planted(Bug::WriterScansRelaxed) {
            Relaxed
        } else if planted(Bug::WriterUnordered) {
            Acquire
        } else {
            SeqCst // R2: after the lock was taken. R1, R3 acquire: who is not counted any more is done.
        };
        Cell(cell.load(order))
    }

    /// Waits until nobody reads. The caller owns the lock.
    pub(super) fn drain<P: Park>(&self, park: &P) -> Result<(), LockError> {
        self.readers().try_for_each(|(seat, cell)| Self::await_readers(seat, cell, park))
    }

    fn await_readers<P: Park>(seat: u16, cell: &AtomicU64, park: &P) -> Result<(), LockError> {
        let mut spin = Spin::new();
        let mut slept_on = None;
        let mut rounds = 0_u32;
        let mut in_time = true;
        loop {
            let seen = Self::look_at(cell);
            if !seen.has_readers() {
                return Ok(());
            }
            // Only a count that stayed the same for a whole sleep is worth asking the kernel about. Who sat here when the lock
            // was taken is dead if who sits here now is: a seat is vacated after a death, and not before. D1 acquire was made
            // by `family_death`.
            let passed_over = planted(Bug::LivingReaderPassedOver);
            if slept_on == Some(seen) && (passed_over || park.family_death(seat).is_some()) {
                return Ok(());
            }
            if !in_time {
                return Err(LockError::TimedOut);
            }
            if spin.pause(park) {
                continue;
            }
            let awaited = if planted(Bug::CellNotMarked) { seen } else { seen.awaited() };
            // Relaxed: the mark tells the last reader to wake, and carries no data.
            if seen != awaited && cell.compare_exchange(seen.0, awaited.0, Relaxed, Relaxed).is_err() {
                continue;
            }
            in_time = park.sleep(cell, awaited.low(), rounds);
            rounds = rounds.saturating_add(1);
            slept_on = Some(awaited);
            spin = Spin::new();
        }
    }

    #[inline]
    fn writing(&self) -> &'a AtomicU64 {
        let [writing, ..] = &self.head.words;
        writing
    }

    /// By which those who only try agree whose turn it is to ask for the deaths of readers. Who waits for readers is alone in it,
    /// and asks whenever it likes.
    fn due(&self) -> &'a AtomicU64 {
        let [_, due, ..] = &self.head.words;
        due
    }

    /// The way to the kernel for those who wait for the lock.
    fn in_turn<'p, P: Park>(&self, park: &'p P) -> InTurn<'p, P>
    where
        'a: 'p,
    {
        InTurn::new(park, self.head.lock.due())
    }

    /// Says that the data is about to change. The caller owns the lock, and nobody reads.
    #[inline]
    pub(super) fn begin(&self) {
        if !planted(Bug::WritingUnsaid) {
            self.writing().store(1, Relaxed);
        }
        // R4: nothing that is written from here on is written before.
        fence(Release);
    }

    /// Says that the data is whole.
    #[inline]
    pub(super) fn end(&self) {
        if !planted(Bug::WritingNotTakenBack) {
            self.writing().store(0, Release); // R4: after what was written
        }
    }

    /// Why the lock is poisoned, if it is. For who was let in.
    #[inline]
    pub(crate) fn cause(&self) -> Option<Failing> {
        self.head.lock.cause()
    }

    /// Says that the data may be half changed. The caller is the writer.
    pub(crate) fn poison(&self, failing: Failing) {
        self.head.lock.poison(failing);
    }

    /// Poisons the lock if its last owner died writing. The caller owns the lock.
    fn note(&self, acquired: Acquired) {
        // Relaxed: E2 or D1 ordered it, and R4 says that it means something.
        if let Acquired::Recovered { pid } = acquired
            && self.writing().load(Relaxed) != 0
        {
            self.poison(Failing { pid, panicked: false });
            self.writing().store(0, Release); // R4: after the poison
        }
    }

    /// Ends the writing of `me`, and releases the lock if nobody waits for it. What is left to do after `false` does
    /// [`Self::unlock`].
    #[inline]
    #[must_use = "the lock may be held still"]
    pub(crate) fn unlock_free(&self, me: Owner) -> bool {
        self.end();
        self.head.lock.unlock_free(me)
    }

    /// Ends the writing of the caller, and wakes a sleeper if there may be one. Never blocks.
    pub(crate) fn unlock<P: Park>(&self, park: &P) {
        self.end();
        self.head.lock.unlock(park);
    }

    /// Makes a reader of the writer `me`; nobody writes in between. Never blocks.
    pub(crate) fn downgrade<P: Park>(&self, me: Owner, park: &P) {
        // Whoever writes has a seat, and the seat a cell: one that had none would keep the lock.
        let Some(cell) = self.cells.word(me.slot()) else { return };
        if planted(Bug::DowngradeCountsLate) {
            self.unlock(park);
        }
        // Relaxed: E1 publishes it to the next writer. Nobody is reading, so there is room.
        cell.fetch_add(1, Relaxed);
        if !planted(Bug::DowngradeCountsLate) {
            self.unlock(park);
        }
    }
}
