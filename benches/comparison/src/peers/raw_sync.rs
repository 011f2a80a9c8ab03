//! The crate `raw_sync`: pthread's locks and conditions behind boxed traits, with its own events.
#![allow(unsafe_code)] // its constructors take bare pointers, its guards hand them out

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::time::Duration;

use raw_sync::Timeout;
use raw_sync::events::{EventImpl, EventInit, EventState};
use raw_sync::locks::{LockImpl, LockInit};

use crate::locks::roles::{Lock, ReadLock, Signal};
use crate::shared::Shared;

/// Bytes for one of the crate's objects, more than any of them takes.
const ROOM: usize = 192;

/// A place in shared memory: the lock, and right behind it what it guards, as with the other peers.
#[repr(C, align(64))]
struct Place<L, T> {
    lock: UnsafeCell<MaybeUninit<L>>,
    data: UnsafeCell<T>,
}

/// A lock of the crate, `Mutex` or `RwLock`, and its data.
pub(crate) struct Guarded<L, T> {
    lock: Box<dyn LockImpl>,
    /// Keeps the place that the lock points into.
    _place: Shared<Place<L, T>>,
}

pub(crate) type Mutex<T> = Guarded<libc::pthread_mutex_t, T>;
pub(crate) type RwLock<T> = Guarded<libc::pthread_rwlock_t, T>;

// SAFETY: the box holds two pointers into shared memory, which are the same in every process and thread; behind them lies
// a lock that is made for both, and data that is lent under it.
unsafe impl<L, T: Send> Send for Guarded<L, T> {}
// SAFETY: as above.
unsafe impl<L, T: Send + Sync> Sync for Guarded<L, T> {}

impl<L, T> Guarded<L, T> {
    fn made<I: LockInit>(data: T) -> Self {
        assert_eq!(I::size_of(None), size_of::<L>());
        let lock = UnsafeCell::new(MaybeUninit::uninit());
        let place = Shared::new(Place { lock, data: UnsafeCell::new(data) });
        // SAFETY: room for the lock, as just seen, aligned to a line; both places live as long as the lock does.
        let made = unsafe { I::new(place.lock.get().cast(), place.data.get().cast()) };
        Self { lock: made.expect("a lock").0, _place: place }
    }

    /// Takes it, for as long as this process lives.
    pub(crate) fn lock_for_good(&self) {
        std::mem::forget(self.lock.lock());
    }

    /// Takes it to read, for as long as this process lives.
    pub(crate) fn read_for_good(&self) {
        std::mem::forget(self.lock.rlock());
    }

    /// Takes it and lets it go, and says how that went.
    pub(crate) fn try_out(&self, timeout: Option<Duration>) -> Result<(), String> {
        let timeout = timeout.map_or(Timeout::Infinite, Timeout::Val);
        self.lock.try_lock(timeout).map(drop).map_err(|error| error.to_string())
    }
}

impl<T> Mutex<T> {
    pub(crate) fn new(data: T) -> Self {
        Self::made::<raw_sync::locks::Mutex>(data)
    }
}

impl<T> RwLock<T> {
    pub(crate) fn new(data: T) -> Self {
        Self::made::<raw_sync::locks::RwLock>(data)
    }
}

impl<T> Lock<T> for Mutex<T> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        let guard = self.lock.lock().expect("the lock");
        // SAFETY: the guard gives the pointer that `made` put in, to the `T` of the place; the lock is held.
        turn(unsafe { &mut *guard.cast::<T>() })
    }
}

impl<T> ReadLock<T> for RwLock<T> {
    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let guard = self.lock.rlock().expect("the lock");
        // SAFETY: as above; held for reading, so nobody writes.
        look(unsafe { &*guard.cast::<T>() })
    }
}

/// An event of the crate.
pub(crate) struct Event {
    event: Box<dyn EventImpl>,
    /// Keeps the place that the event points into.
    _place: Shared<UnsafeCell<[u64; ROOM / 8]>>,
}

// SAFETY: the box holds pointers into shared memory, and uses them under the crate's own lock or atomically.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    fn made<I: EventInit>(auto: bool) -> Self {
        assert!(I::size_of(None) <= ROOM, "an event needs {} bytes", I::size_of(None));
        let place = Shared::new(UnsafeCell::new([0; ROOM / 8]));
        // SAFETY: room enough, as just seen, at the start of a page; the place lives as long as the event does.
        let made = unsafe { I::new(place.get().cast(), auto) };
        Self { event: made.expect("an event").0, _place: place }
    }

    /// One that sleeps.
    pub(crate) fn new(auto: bool) -> Self {
        Self::made::<raw_sync::events::Event>(auto)
    }

    /// One that asks again and again, and resets itself.
    pub(crate) fn busy() -> Self {
        Self::made::<raw_sync::events::BusyEvent>(true)
    }

    pub(crate) fn set(&self) -> Result<(), String> {
        self.event.set(EventState::Signaled).map_err(|error| error.to_string())
    }

    pub(crate) fn clear(&self) {
        self.event.set(EventState::Clear).expect("cleared");
    }

    pub(crate) fn wait_for_it(&self) -> Result<(), String> {
        self.event.wait(Timeout::Infinite).map_err(|error| error.to_string())
    }
}

impl Signal for Event {
    fn send(&self) {
        self.set().expect("set");
    }

    fn wait(&self) {
        self.wait_for_it().expect("waited");
    }
}
