//! Two copies of a value larger than a word, and a version that says which one counts.
//!
//! ```text
//!   version = v                               version = v + 1
//!   copy v & 1       ◀── readers              copy v & 1        (the next writer's)
//!   copy (v + 1) & 1 ◀── the writer  ─commit▶ copy (v + 1) & 1 ◀── readers
//! ```
//!
//! A writer holds the owner lock, fills the copy that nobody is directed to, and commits by one store to the
//! version. Killed before that store it changed nothing, killed after it the value is the new one; either way
//! there is nothing to repair. A reader takes no lock: it copies, and starts over if the version moved meanwhile.
//!
//! | edge | release side                    | acquire side                     | publishes                        |
//! |------|---------------------------------|----------------------------------|----------------------------------|
//! | E3   | `commit`, the version store     | `read`, first look               | the copy that the version names  |
//! | E4   | `fill`, fence before the stores | `read`, fence before second look | that the copy was up for writing |
//!
//! Invariants:
//! - I1. Only the lock's owner changes the version, by adding 1, and the copy `(version + 1) & 1`.
//! - I2. The copy `version & 1` is complete, and stays so until the version has moved by 1: its next writer
//!   starts after that.
//! - I3. A reader that met a word of a later writer sees a later version at its second look (E4), so what `read`
//!   returns is one whole value.
//! - I4. A read that starts over does so because a write was committed: readers never wait for a writer.

use super::planted::{Bug, planted};
use super::{LockError, Owner, OwnerLock, Park};
use crate::shim::{AtomicU64, Ordering, fence};

/// The control words of a two-copy cell; the copies stand beside it, of equal lengths.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Snapshot {
    lock: OwnerLock,
    /// Where every block that bears a lock says what else there is to sweep: nothing here.
    _form: AtomicU64,
    version: AtomicU64,
}

impl Snapshot {
    /// Makes the control words of a cell whose copy 0 holds the value. In shared memory nobody does: zeroed words are it.
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self { lock: OwnerLock::new(), _form: AtomicU64::new(0), version: AtomicU64::new(0) }
    }

    /// Copies the value to `into` and returns its version.
    ///
    /// Takes no lock and waits for nobody; starts over whenever a write is committed meanwhile.
    #[inline]
    pub(crate) fn read(&self, copies: [&[AtomicU64]; 2], into: &mut [u64]) -> u64 {
        loop {
            // E3 acquire: seeing the version means seeing the copy that it names.
            let seen = self.version.load(Ordering::Acquire);
            for (to, from) in into.iter_mut().zip(current(copies, seen)) {
                // Relaxed: torn or not is decided below.
                *to = from.load(Ordering::Relaxed);
            }
            if !planted(Bug::RereadUnordered) {
                // E4 acquire: if a word above came from a later writer, the version below is a later one.
                fence(Ordering::Acquire);
            }
            // Relaxed: ordered by the fence.
            if self.version.load(Ordering::Relaxed) == seen || planted(Bug::VersionNotReread) {
                return seen;
            }
        }
    }

    /// Makes `from` the value.
    ///
    /// Blocks while another writer is at work, as `park` says; one that died is passed over.
    ///
    /// # Errors
    /// Those of [`OwnerLock::lock`]; the value is as it was.
    #[inline]
    pub(crate) fn write<P: Park>(
        &self,
        copies: [&[AtomicU64]; 2],
        from: &[u64],
        me: Owner,
        park: &P,
    ) -> Result<(), LockError> {
        // Clean or recovered is the same here: a dead writer left nothing to repair (I2).
        self.lock.lock(me, park)?;
        // Relaxed: only owners of the lock change it.
        let version = self.version.load(Ordering::Relaxed);
        self.fill(version, copies, from);
        self.commit(version);
        self.lock.unlock(park);
        Ok(())
    }

    /// Makes `from` the value if the version still is `seen`, as [`Snapshot::read`] returned it; says whether it was.
    ///
    /// Blocks while another writer is at work, as `park` says; one that died is passed over.
    ///
    /// # Errors
    /// Those of [`OwnerLock::lock`]; the value is as it was.
    #[inline]
    pub(crate) fn write_if<P: Park>(
        &self,
        seen: u64,
        copies: [&[AtomicU64]; 2],
        from: &[u64],
        me: Owner,
        park: &P,
    ) -> Result<bool, LockError> {
        // Relaxed: versions never come back, so a different one is answer enough, and no data is touched on it.
        if self.version.load(Ordering::Relaxed) != seen {
            return Ok(false);
        }
        self.lock.lock(me, park)?;
        // Relaxed: only owners of the lock change it.
        let unchanged = self.version.load(Ordering::Relaxed) == seen;
        if unchanged {
            self.fill(seen, copies, from);
            self.commit(seen);
        }
        self.lock.unlock(park);
        Ok(unchanged)
    }

    /// Returns the lock that writers take.
    #[cfg(all(test, loom))]
    pub(crate) fn lock(&self) -> &OwnerLock {
        &self.lock
    }

    /// Fills the copy that does not count. The caller holds the lock and has read `version` under it.
    #[inline]
    pub(super) fn fill(&self, version: u64, copies: [&[AtomicU64]; 2], from: &[u64]) {
        let next = if planted(Bug::CurrentCopyWritten) { version } else { version.wrapping_add(1) };
        if !planted(Bug::CopyUnordered) {
            // E4 release: who meets a word stored below also sees `version`, which the caller has read.
            fence(Ordering::Release);
        }
        for (to, from) in current(copies, next).iter().zip(from) {
            // Relaxed: published by the commit.
            to.store(*from, Ordering::Relaxed);
        }
    }

    /// Makes the copy that was filled the one that counts: the write has happened with this store.
    #[inline]
    pub(super) fn commit(&self, version: u64) {
        // E3 release: the copy is whole before a reader is directed to it.
        let order = if planted(Bug::RelaxedCommit) { Ordering::Relaxed } else { Ordering::Release };
        self.version.store(version.wrapping_add(1), order);
    }
}

/// The copy that `version` names.
#[inline]
fn current(copies: [&[AtomicU64]; 2], version: u64) -> &[AtomicU64] {
    let [even, odd] = copies;
    if version & 1 == 0 { even } else { odd }
}
