//! The least that can be had: words of shared memory on which the kernel lets one sleep. Nothing here survives a death.
//!
//! ```text
//!   lock     0 free    1 taken    2 taken, and somebody may sleep
//!   signal   0 none    1 given    2 none, and somebody may sleep
//! ```
//!
//! # Source
//! Drepper, "Futexes are tricky", the second mutex; futex(2).
#![allow(unsafe_code)] // the system call takes addresses, the lock lends what it guards

use std::cell::UnsafeCell;
use std::hint;
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::locks::roles::{Lock, Signal};

/// Sleeps while `word` is `expected`.
pub(super) fn sleep(word: &AtomicU32, expected: u32) {
    // SAFETY: the address of four aligned bytes that live; the kernel only reads them; null is no time limit.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            ptr::null::<libc::timespec>(),
        )
    };
}

/// Wakes one sleeper of `word`.
pub(super) fn wake(word: &AtomicU32) {
    // SAFETY: the address of four bytes that live; the kernel does not even read them.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

/// A lock of one word, with what it guards beside it.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct FutexLock<T> {
    word: AtomicU32,
    data: UnsafeCell<T>,
}

impl<T> FutexLock<T> {
    pub(crate) fn new(data: T) -> Self {
        Self { word: AtomicU32::new(0), data: UnsafeCell::new(data) }
    }

    #[cold]
    fn wait(&self) {
        while self.word.swap(2, Acquire) != 0 {
            sleep(&self.word, 2);
        }
    }
}

// SAFETY: the data is lent to one holder of the lock at a time.
unsafe impl<T: Send> Sync for FutexLock<T> {}

impl<T> Lock<T> for FutexLock<T> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        if self.word.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            self.wait();
        }
        // SAFETY: the lock is held from here to the swap below, so nobody else has a reference.
        let result = turn(unsafe { &mut *self.data.get() });
        if self.word.swap(0, Release) == 2 {
            wake(&self.word);
        }
        result
    }
}

/// A signal of one word: `wait` consumes what `send` gave.
#[repr(align(64))]
#[derive(Debug)]
pub(crate) struct FutexSignal {
    word: AtomicU32,
    /// How often `wait` looks before it sleeps.
    looks: u32,
}

impl FutexSignal {
    pub(crate) fn new(looks: u32) -> Self {
        Self { word: AtomicU32::new(0), looks }
    }

    fn take(&self) -> bool {
        self.word.load(Relaxed) == 1 && self.word.compare_exchange(1, 0, Acquire, Relaxed).is_ok()
    }
}

impl Signal for FutexSignal {
    fn send(&self) {
        if self.word.swap(1, Release) == 2 {
            wake(&self.word);
        }
    }

    fn wait(&self) {
        for _ in 0..self.looks {
            if self.take() {
                return;
            }
            hint::spin_loop();
        }
        // One waiter a signal: a 2 is this thread's own, and so is the 1 that replaces it.
        while !self.take() {
            let _ = self.word.compare_exchange(0, 2, Relaxed, Relaxed);
            sleep(&self.word, 2);
        }
    }
}
