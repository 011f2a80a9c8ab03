//! POSIX threads' locks, set up to lie in shared memory. Only the robust mutex survives the death of its holder.
//!
//! Every verb gives the C library's number, 0 if it went well, so that the fault table can print it.
#![allow(unsafe_code)] // calls the C library

use std::cell::UnsafeCell;
use std::mem::{self, MaybeUninit};
use std::time::Duration;

use crate::locks::roles::{Lock, ReadLock, Signal};
use crate::shared::Shared;

/// What happens to a mutex whose holder died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It stays taken.
    Plain,
    /// The next one gets it, with the number `EOWNERDEAD`.
    Robust,
}

/// A lock that lies in shared memory, with what it guards beside it.
#[repr(C, align(64))]
pub(crate) struct Guarded<L, T> {
    lock: UnsafeCell<L>,
    data: UnsafeCell<T>,
}

pub(crate) type Mutex<T> = Guarded<libc::pthread_mutex_t, T>;
pub(crate) type RwLock<T> = Guarded<libc::pthread_rwlock_t, T>;

// SAFETY: the C library's locks are made for several threads and processes; the data is lent under them.
unsafe impl<L, T: Send + Sync> Sync for Guarded<L, T> {}

/// Zeroed bytes for one of the C library's objects, to be set up in place.
fn unmade<L>() -> L {
    // SAFETY: only used for pthread's types, which are integers and bytes, without invalid bits.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

impl<L, T> Guarded<L, T> {
    fn placed(data: T) -> Shared<Self> {
        Shared::new(Self { lock: UnsafeCell::new(unmade()), data: UnsafeCell::new(data) })
    }
}

impl<T> Mutex<T> {
    pub(crate) fn shared(kind: Kind, data: T) -> Shared<Self> {
        let mutex = Self::placed(data);
        let mut wishes: libc::pthread_mutexattr_t = unmade();
        // SAFETY: a place of our own.
        let mut failed = unsafe { libc::pthread_mutexattr_init(&raw mut wishes) };
        // SAFETY: set up just now.
        failed |=
            unsafe { libc::pthread_mutexattr_setpshared(&raw mut wishes, libc::PTHREAD_PROCESS_SHARED) };
        if kind == Kind::Robust {
            // SAFETY: as above.
            failed |=
                unsafe { libc::pthread_mutexattr_setrobust(&raw mut wishes, libc::PTHREAD_MUTEX_ROBUST) };
        }
        // SAFETY: the mutex is in its final place, and nobody uses it yet.
        failed |= unsafe { libc::pthread_mutex_init(mutex.lock.get(), &raw const wishes) };
        assert_eq!(failed, 0, "a mutex");
        mutex
    }

    pub(crate) fn lock(&self) -> i32 {
        // SAFETY: a mutex, since `shared` made it one.
        unsafe { libc::pthread_mutex_lock(self.lock.get()) }
    }

    pub(crate) fn lock_timeout(&self, timeout: Duration) -> i32 {
        let deadline = on_the_wall_clock(timeout);
        // SAFETY: as above; the deadline lives across the call.
        unsafe { libc::pthread_mutex_timedlock(self.lock.get(), &raw const deadline) }
    }

    pub(crate) fn unlock(&self) -> i32 {
        // SAFETY: as above; a mutex that somebody else holds makes it fail, or is given away as it would be in C.
        unsafe { libc::pthread_mutex_unlock(self.lock.get()) }
    }

    /// Says that the data is whole again, after `EOWNERDEAD`.
    pub(crate) fn mend(&self) -> i32 {
        // SAFETY: as above.
        unsafe { libc::pthread_mutex_consistent(self.lock.get()) }
    }
}

/// So long from now, as pthread's timed verbs want it.
fn on_the_wall_clock(timeout: Duration) -> libc::timespec {
    let mut time: libc::timespec = unmade();
    // SAFETY: a place of our own.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    let nanoseconds = time.tv_nsec + i64::from(timeout.subsec_nanos());
    time.tv_sec += timeout.as_secs().cast_signed() + nanoseconds / 1_000_000_000;
    time.tv_nsec = nanoseconds % 1_000_000_000;
    time
}

impl<T> Lock<T> for Mutex<T> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        assert_eq!(self.lock(), 0);
        // SAFETY: the lock is held from here to the unlock.
        let result = turn(unsafe { &mut *self.data.get() });
        self.unlock();
        result
    }
}

impl<T> RwLock<T> {
    pub(crate) fn shared(data: T) -> Shared<Self> {
        let lock = Self::placed(data);
        let mut wishes: libc::pthread_rwlockattr_t = unmade();
        // SAFETY: a place of our own.
        let mut failed = unsafe { libc::pthread_rwlockattr_init(&raw mut wishes) };
        // SAFETY: set up just now.
        failed |=
            unsafe { libc::pthread_rwlockattr_setpshared(&raw mut wishes, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: the lock is in its final place, and nobody uses it yet.
        failed |= unsafe { libc::pthread_rwlock_init(lock.lock.get(), &raw const wishes) };
        assert_eq!(failed, 0, "an rwlock");
        lock
    }

    pub(crate) fn read(&self) -> i32 {
        // SAFETY: an rwlock, since `shared` made it one.
        unsafe { libc::pthread_rwlock_rdlock(self.lock.get()) }
    }

    pub(crate) fn write(&self) -> i32 {
        // SAFETY: as above.
        unsafe { libc::pthread_rwlock_wrlock(self.lock.get()) }
    }

    pub(crate) fn unlock(&self) -> i32 {
        // SAFETY: as above.
        unsafe { libc::pthread_rwlock_unlock(self.lock.get()) }
    }
}

impl<T> ReadLock<T> for RwLock<T> {
    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        assert_eq!(self.read(), 0);
        // SAFETY: held for reading from here to the unlock, so nobody writes.
        let result = look(unsafe { &*self.data.get() });
        self.unlock();
        result
    }
}

/// A flag under a mutex, with a condition: how one signals with pthread.
pub(crate) struct Bell {
    flag: Shared<Mutex<bool>>,
    rung: Shared<UnsafeCell<libc::pthread_cond_t>>,
}

// SAFETY: the C library's condition is made for several threads and processes.
unsafe impl Sync for Bell {}
// SAFETY: as above.
unsafe impl Send for Bell {}

impl Bell {
    pub(crate) fn new(kind: Kind) -> Self {
        let rung = Shared::new(UnsafeCell::new(unmade()));
        let mut wishes: libc::pthread_condattr_t = unmade();
        // SAFETY: a place of our own.
        let mut failed = unsafe { libc::pthread_condattr_init(&raw mut wishes) };
        // SAFETY: set up just now.
        failed |= unsafe { libc::pthread_condattr_setpshared(&raw mut wishes, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: the condition is in its final place, and nobody uses it yet.
        failed |= unsafe { libc::pthread_cond_init(rung.get(), &raw const wishes) };
        assert_eq!(failed, 0, "a condition");
        Self { flag: Mutex::shared(kind, false), rung }
    }

    /// Takes the mutex, waits once without asking for the flag, and lets the mutex go.
    pub(crate) fn wait_once(&self) -> i32 {
        self.under_the_mutex(|| self.sleep())
    }

    fn sleep(&self) -> i32 {
        // SAFETY: a condition and its mutex, which this thread holds.
        unsafe { libc::pthread_cond_wait(self.rung.get(), self.flag.lock.get()) }
    }

    /// Wakes one who waits, under the mutex.
    pub(crate) fn notify_one(&self) -> i32 {
        self.under_the_mutex(|| self.ring())
    }

    /// Wakes all who wait, under the mutex.
    pub(crate) fn notify_all(&self) -> i32 {
        // SAFETY: a condition, since `new` made it one.
        self.under_the_mutex(|| unsafe { libc::pthread_cond_broadcast(self.rung.get()) })
    }

    fn under_the_mutex(&self, act: impl FnOnce() -> i32) -> i32 {
        let taken = self.flag.lock();
        if taken != 0 {
            return taken;
        }
        let done = act();
        self.flag.unlock();
        done
    }

    fn ring(&self) -> i32 {
        // SAFETY: a condition, since `new` made it one.
        unsafe { libc::pthread_cond_signal(self.rung.get()) }
    }
}

impl Signal for Bell {
    fn send(&self) {
        self.flag.with(|flag| *flag = true);
        self.ring();
    }

    fn wait(&self) {
        assert_eq!(self.flag.lock(), 0);
        // SAFETY: the mutex is held here and after every sleep; the reference is not kept across one.
        while !mem::take(unsafe { &mut *self.flag.data.get() }) {
            self.sleep();
        }
        self.flag.unlock();
    }
}

/// A barrier between processes.
pub(crate) struct Barrier {
    state: UnsafeCell<libc::pthread_barrier_t>,
}

// SAFETY: the C library's barrier is made for several threads and processes.
unsafe impl Sync for Barrier {}

impl Barrier {
    pub(crate) fn shared(parties: u32) -> Shared<Self> {
        let barrier = Shared::new(Self { state: UnsafeCell::new(unmade()) });
        let mut wishes: libc::pthread_barrierattr_t = unmade();
        // SAFETY: a place of our own.
        let mut failed = unsafe { libc::pthread_barrierattr_init(&raw mut wishes) };
        // SAFETY: set up just now.
        failed |=
            unsafe { libc::pthread_barrierattr_setpshared(&raw mut wishes, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: the barrier is in its final place, and nobody uses it yet.
        failed |= unsafe { libc::pthread_barrier_init(barrier.state.get(), &raw const wishes, parties) };
        assert_eq!(failed, 0, "a barrier");
        barrier
    }

    pub(crate) fn wait(&self) -> i32 {
        // SAFETY: a barrier, since `shared` made it one.
        unsafe { libc::pthread_barrier_wait(self.state.get()) }
    }
}
