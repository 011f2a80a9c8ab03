//! The rights that a readers-writer lock hands out.

#![allow(unsafe_code)] // hands out references to the guarded data

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};

use super::guarded::Guarded;
use super::mutex::COPY;
use super::rw_lock::RwLock;
use crate::algo::{Failing, Owner};
use crate::segment::member;

/// The right to read what an [`RwLock`] guards, together with others. It ends when the guard is dropped.
///
/// It stays with the thread that locked.
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct RwLockReadGuard<'a, T: ?Sized + Guarded> {
    lock: &'a RwLock<T>,
    /// Who locked: a copy of the guard that fork made is in other hands, and releases nothing.
    me: Owner,
    /// Locks are held by threads.
    of: PhantomData<*const ()>,
}

/// The right to change what an [`RwLock`] guards. The lock is released when the guard is dropped.
///
/// It stays with the thread that locked.
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct RwLockWriteGuard<'a, T: ?Sized + Guarded> {
    lock: &'a RwLock<T>,
    /// Who locked: a copy of the guard that fork made is in other hands, and releases nothing.
    me: Owner,
    /// The thread was panicking already: if it is at the end, that is not the holder's failure.
    panicking: bool,
    /// Locks are held by threads.
    of: PhantomData<*const ()>,
}

// SAFETY: through `&RwLockReadGuard` another thread gets `&T` only, which `T: Sync` allows.
unsafe impl<T: ?Sized + Guarded + Sync> Sync for RwLockReadGuard<'_, T> {}

// SAFETY: through `&RwLockWriteGuard` another thread gets `&T` only, which `T: Sync` allows.
unsafe impl<T: ?Sized + Guarded + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized + Guarded> RwLockReadGuard<'a, T> {
    /// The guard of a reader whom `me`'s process has just counted.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>, me: Owner) -> Self {
        Self { lock, me, of: PhantomData }
    }
}

impl<'a, T: ?Sized + Guarded> RwLockWriteGuard<'a, T> {
    /// The guard of a lock that `me` has just taken.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>, me: Owner) -> Self {
        Self { lock, me, panicking: std::thread::panicking(), of: PhantomData }
    }

    /// Makes a read guard of a write guard: others may read from now on, and nobody writes in between.
    ///
    /// Never blocks. Killed in the middle, this process may leave the lock poisoned.
    ///
    /// # Examples
    /// ```
    /// use procshare::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let shared = RwLock::new(1_u32)?;
    /// let mut writing = shared.write().unwrap();
    /// *writing = 2;
    /// let reading = RwLockWriteGuard::downgrade(writing);
    /// assert_eq!((*reading, *shared.read().unwrap()), (2, 2));
    /// # Ok::<(), procshare::AllocError>(())
    /// ```
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let (lock, me) = (this.lock, this.me);
        if member::is_locker(me) {
            this.note_panic();
            lock.control().downgrade(me, &member::park());
        }
        mem::forget(this); // it is a reader's now
        RwLockReadGuard::new(lock, me)
    }

    /// Poisons the lock if its holder panics.
    #[inline]
    fn note_panic(&self) {
        if !self.panicking && std::thread::panicking() {
            self.lock.control().poison(Failing { pid: std::process::id(), panicked: true });
        }
    }
}

impl<T: ?Sized + Guarded> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `Place` laid the block out for the data, initialised, aligned, valid while the handle lives, and any bytes
        // are a `T`. Nobody writes while this borrow lasts: this guard exists once for each reader that was let in, and writers
        // get the lock only when the reader left, or when this process and all whom it may have lent the data to are gone
        // (`Lending`).
        unsafe { self.lock.place.data().as_ref() }
    }
}

impl<T: ?Sized + Guarded> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as for a reader; the guard exists once for each taking of the lock.
        unsafe { self.lock.place.data().as_ref() }
    }
}

impl<T: ?Sized + Guarded> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        assert!(member::is_locker(self.me), "{COPY}");
        // SAFETY: as in `deref`; nobody reads either, since a writer is let in only when all readers left, or are gone with all
        // whom they may have lent the data to; and the borrow of the guard excludes this process.
        unsafe { self.lock.place.data().as_mut() }
    }
}

impl<T: ?Sized + Guarded> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if member::is_locker(self.me) && self.lock.control().leave(self.me) {
            self.lock.wake_writer(self.me);
        }
    }
}

impl<T: ?Sized + Guarded> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if member::is_locker(self.me) {
            self.note_panic();
            if !self.lock.control().unlock_free(self.me) {
                self.lock.unlock();
            }
        }
    }
}

impl<T: ?Sized + Guarded + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Guarded + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Guarded + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Guarded + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
