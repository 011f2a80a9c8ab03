//! POSIX semaphores between processes. A killed holder's permits are gone for good.
#![allow(unsafe_code)] // calls the C library

use std::cell::UnsafeCell;
use std::hint;
use std::io::Error;

use crate::locks::roles::{Lock, Signal};
use crate::shared::Shared;

/// A semaphore that lies in shared memory, with what it may guard beside it.
#[repr(C, align(64))]
pub(crate) struct Semaphore<T = ()> {
    state: UnsafeCell<libc::sem_t>,
    data: UnsafeCell<T>,
}

// SAFETY: the C library's semaphore is made for several threads and processes; the data is lent in `with` alone, which
// wants a semaphore of one permit.
unsafe impl<T: Send> Sync for Semaphore<T> {}

impl<T> Semaphore<T> {
    /// With so many permits at the start.
    pub(crate) fn shared(permits: u32, data: T) -> Shared<Self> {
        // SAFETY: integers and bytes, for which zero is a value; it is set up below, before anybody knows it.
        let state = UnsafeCell::new(unsafe { std::mem::zeroed() });
        let semaphore = Shared::new(Self { state, data: UnsafeCell::new(data) });
        // SAFETY: the place is the semaphore's final one, and nobody uses it yet; 1: several processes.
        let made = unsafe { libc::sem_init(semaphore.state.get(), 1, permits) };
        assert_eq!(made, 0, "sem_init: {}", Error::last_os_error());
        semaphore
    }

    pub(crate) fn acquire(&self) {
        // SAFETY: a semaphore, since `shared` made it one. Fails only when a signal handler ran.
        while unsafe { libc::sem_wait(self.state.get()) } != 0 {}
    }

    pub(crate) fn try_acquire(&self) -> bool {
        // SAFETY: a semaphore, since `shared` made it one.
        unsafe { libc::sem_trywait(self.state.get()) == 0 }
    }

    pub(crate) fn release(&self) {
        // SAFETY: a semaphore, since `shared` made it one.
        let done = unsafe { libc::sem_post(self.state.get()) };
        assert_eq!(done, 0, "sem_post: {}", Error::last_os_error());
    }
}

impl<T> Lock<T> for Semaphore<T> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        self.acquire();
        // SAFETY: used as a lock it has one permit, which is held from here to the release.
        let result = turn(unsafe { &mut *self.data.get() });
        self.release();
        result
    }
}

impl Signal for Semaphore {
    fn send(&self) {
        self.release();
    }

    fn wait(&self) {
        self.acquire();
    }
}

/// The same, by asking again and again instead of sleeping.
pub(crate) struct Polled(pub(crate) Shared<Semaphore>);

impl Signal for Polled {
    fn send(&self) {
        self.0.release();
    }

    fn wait(&self) {
        while !self.0.try_acquire() {
            hint::spin_loop();
        }
    }
}
