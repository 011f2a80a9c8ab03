//! The processes that play an accident, and the flags by which they find each other.
#![allow(unsafe_code)] // forks, kills and reaps

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::Duration;

use crate::shared::Shared;
use crate::support::by_hand;

/// Who forks, kills and reaps, each library in its own way.
pub(super) trait Cast {
    type Actor;

    /// Begins a process that runs `role`.
    fn begin(&self, role: impl FnOnce() + Send + 'static) -> Self::Actor;

    fn pid(&self, actor: &Self::Actor) -> u32;

    /// Kills it, and waits until it is gone.
    fn kill(&self, actor: Self::Actor);

    /// Waits until it is gone.
    fn join(&self, actor: Self::Actor);
}

/// Bare forks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forks;

impl Cast for Forks {
    type Actor = i32;

    fn begin(&self, role: impl FnOnce() + Send + 'static) -> i32 {
        by_hand::forked(|| {
            // SAFETY: takes an integer: nobody outlives the one that began the case.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            role();
        })
    }

    fn pid(&self, actor: &i32) -> u32 {
        actor.cast_unsigned()
    }

    fn kill(&self, actor: i32) {
        // SAFETY: takes integers; a child of ours, not reaped yet.
        unsafe { libc::kill(actor, libc::SIGKILL) };
        self.join(actor);
    }

    fn join(&self, actor: i32) {
        // SAFETY: takes integers, and no place for a status.
        unsafe { libc::waitpid(actor, std::ptr::null_mut(), 0) };
    }
}

/// A flag that everybody of a case sees: counts those who raised it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag(&'static AtomicU32);

impl Flag {
    pub(super) fn new() -> Self {
        Self(Shared::forever(AtomicU32::new(0)))
    }

    pub(super) fn raise(self) {
        self.0.fetch_add(1, Release);
    }

    /// Waits until so many have raised it.
    pub(super) fn wait_for(self, count: u32) {
        while self.0.load(Acquire) < count {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Long enough for others to have begun to wait.
pub(super) fn let_others_wait() {
    thread::sleep(Duration::from_millis(300));
}

/// What a process does that is only there to be killed.
pub(super) fn stay() {
    thread::sleep(Duration::from_secs(60));
}
