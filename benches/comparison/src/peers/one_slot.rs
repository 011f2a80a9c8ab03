//! The least that two can do who talk to each other: one slot with a flag, one line that goes to and fro, one word with a
//! signal. Nothing here survives a death.
//!
//! ```text
//!   slot     0 empty    1 full
//!   line     seed * 2 + 1 asked    seed * 2 answered
//! ```
#![allow(unsafe_code)] // lends the slot

use std::cell::UnsafeCell;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

use bytemuck::Zeroable;

use super::futex::FutexSignal;
use crate::locks::roles::Signal;
use crate::queues::payload::{Payload, Seen, Words};
use crate::queues::roles::{Lane, Link, Rx, TryRx, TryTx, Tx};
use crate::shared::Shared;

#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Slot<T> {
    full: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: the data belongs to the sender while the slot is empty, and to the receiver while it is full.
unsafe impl<T: Send> Sync for Slot<T> {}

/// A slot in shared memory.
#[derive(Debug)]
pub(crate) struct OneSlot<T>(Arc<Shared<Slot<T>>>);

impl<T: Zeroable + Send> OneSlot<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared::zeroed()))
    }
}

/// Each end of it.
#[derive(Debug)]
pub(crate) struct End<T>(Arc<Shared<Slot<T>>>);

impl<T: Send> Lane for OneSlot<T> {
    type Tx = End<T>;
    type Rx = End<T>;

    fn tx(&self) -> End<T> {
        End(Arc::clone(&self.0))
    }

    fn rx(&self) -> End<T> {
        End(Arc::clone(&self.0))
    }
}

impl<P: Words> TryTx<P> for End<P::Item> {
    fn try_send(&mut self, seed: u64) -> bool {
        if self.0.full.load(Acquire) != 0 {
            return false;
        }
        // SAFETY: the slot is empty, so it is this sender's, of which there is one.
        P::write(unsafe { &mut *self.0.data.get() }, seed);
        self.0.full.store(1, Release);
        true
    }
}

impl<P: Words> TryRx<P> for End<P::Item> {
    fn try_recv(&mut self) -> Option<Seen> {
        if self.0.full.load(Acquire) == 0 {
            return None;
        }
        // SAFETY: the slot is full, so it is this receiver's, of which there is one; nobody writes it.
        let seen = P::read(unsafe { &*self.0.data.get() });
        self.0.full.store(0, Release);
        Some(seen)
    }
}

// SAFETY: zero is an empty slot with zeroed data.
unsafe impl<T: Zeroable> Zeroable for Slot<T> {}

/// A line that two workers bounce: the limit of the machine.
#[repr(align(64))]
#[derive(Debug, Default)]
pub(crate) struct Line(AtomicU64);

#[derive(Debug)]
pub(crate) struct Bounced(Arc<Shared<Line>>);

/// One side of it.
#[derive(Debug)]
pub(crate) struct Bouncer {
    line: Arc<Shared<Line>>,
    /// The parity of what this side sends.
    own: u64,
}

impl Bounced {
    /// Zero is even, and so the answerer's: it waits.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared::new(Line::default())))
    }
}

impl Link for Bounced {
    type Asker = Bouncer;
    type Answerer = Bouncer;

    fn asker(&self) -> Bouncer {
        Bouncer { line: Arc::clone(&self.0), own: 1 }
    }

    fn answerer(&self) -> Bouncer {
        Bouncer { line: Arc::clone(&self.0), own: 0 }
    }
}

impl<P: Payload> Tx<P> for Bouncer {
    fn send(&mut self, seed: u64) {
        self.line.0.store(seed * 2 + self.own, Release);
    }
}

impl<P: Payload> Rx<P> for Bouncer {
    fn recv(&mut self) -> Seen {
        loop {
            let word = self.line.0.load(Acquire);
            if word & 1 != self.own {
                return Seen { seed: word / 2, sum: word / 2 };
            }
            hint::spin_loop();
        }
    }
}

/// One word and the signal that says that it is there: the least that two who sleep can do.
#[derive(Debug)]
pub(crate) struct Signalled(Arc<Shared<(FutexSignal, Line)>>);

impl Signalled {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared::new((FutexSignal::new(0), Line::default()))))
    }
}

impl Lane for Signalled {
    type Tx = Self;
    type Rx = Self;

    fn tx(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn rx(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Whoever sends has got an answer to what it sent before: so the word is free.
impl<P: Payload> Tx<P> for Signalled {
    fn send(&mut self, seed: u64) {
        self.0.1.0.store(seed, Relaxed);
        self.0.0.send();
    }
}

impl<P: Payload> Rx<P> for Signalled {
    fn recv(&mut self) -> Seen {
        self.0.0.wait();
        let seed = self.0.1.0.load(Relaxed);
        Seen { seed, sum: seed }
    }
}
