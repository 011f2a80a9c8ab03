//! A ring for one sender and one receiver as one writes it by hand, with the other side's position cached. Nothing here
//! survives a death.
//!
//! `Ring<T, false>` is polled. `Ring<T, true>` can also sleep: it looks for a sleeper after every item, which takes a full
//! fence.
#![allow(unsafe_code)] // slots of a mapping

use std::hint;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

use bytemuck::Zeroable;

use super::futex::{sleep, wake};
use crate::queues::payload::{Seen, Words};
use crate::queues::roles::{Lane, Rx, TryRx, TryTx, Tx};
use crate::shared::Shared;
use crate::support::by_hand::{map, unmap};

/// Looks before one sleeps: about as long as a wake-up takes.
const LOOKS: u32 = 2000;

/// What one side writes, on a line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Position(AtomicU64);

/// 1: somebody sleeps until the other side moves.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Sleeper(AtomicU32);

#[derive(Debug, Default)]
struct Positions {
    tail: Position,
    head: Position,
    sender: Sleeper,
    receiver: Sleeper,
}

#[derive(Debug)]
struct Track<T> {
    positions: Shared<Positions>,
    slots: NonNull<T>,
    capacity: u64,
}

// SAFETY: a slot belongs to the sender or to the receiver, as the positions say.
unsafe impl<T: Send> Send for Track<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Track<T> {}

impl<T> Track<T> {
    fn bytes(&self) -> usize {
        self.capacity as usize * size_of::<T>()
    }

    /// The slot of the item at this position.
    fn slot(&self, position: u64) -> NonNull<T> {
        // SAFETY: the capacity is a power of two, so the index is below it, and the slot within the mapping.
        unsafe { self.slots.add((position & (self.capacity - 1)) as usize) }
    }
}

impl<T> Drop for Track<T> {
    fn drop(&mut self) {
        unmap(self.slots.cast(), self.bytes());
    }
}

#[derive(Debug)]
pub(crate) struct Ring<T, const SLEEPS: bool>(Arc<Track<T>>);

impl<T: Zeroable, const SLEEPS: bool> Ring<T, SLEEPS> {
    pub(crate) fn new(slots: usize) -> Self {
        assert!(slots.is_power_of_two());
        let place = map(false, slots * size_of::<T>()).cast();
        Self(Arc::new(Track {
            positions: Shared::new(Positions::default()),
            slots: place,
            capacity: slots as u64,
        }))
    }
}

#[derive(Debug)]
pub(crate) struct Sender<T, const SLEEPS: bool> {
    track: Arc<Track<T>>,
    tail: u64,
    /// Where the receiver was when last looked.
    head: u64,
}

#[derive(Debug)]
pub(crate) struct Receiver<T, const SLEEPS: bool> {
    track: Arc<Track<T>>,
    head: u64,
    /// Where the sender was when last looked.
    tail: u64,
}

impl<T: Send, const SLEEPS: bool> Lane for Ring<T, SLEEPS> {
    type Tx = Sender<T, SLEEPS>;
    type Rx = Receiver<T, SLEEPS>;

    fn tx(&self) -> Self::Tx {
        Sender { track: Arc::clone(&self.0), tail: 0, head: 0 }
    }

    fn rx(&self) -> Self::Rx {
        Receiver { track: Arc::clone(&self.0), head: 0, tail: 0 }
    }
}

impl Sleeper {
    /// Wakes whoever sleeps here. The fence orders the position's store before the look at the word.
    fn rouse(&self) {
        fence(SeqCst);
        if self.0.load(Relaxed) != 0 {
            self.0.store(0, Relaxed);
            wake(&self.0);
        }
    }

    /// Looks a while, then sleeps until somebody rouses it, unless there is no need any more.
    fn rest(&self, needed: impl Fn() -> bool) {
        for _ in 0..LOOKS {
            if !needed() {
                return;
            }
            hint::spin_loop();
        }
        self.0.store(1, Relaxed);
        fence(SeqCst);
        if needed() {
            sleep(&self.0, 1);
        }
        self.0.store(0, Relaxed);
    }
}

impl<P: Words, const SLEEPS: bool> TryTx<P> for Sender<P::Item, SLEEPS> {
    fn try_send(&mut self, seed: u64) -> bool {
        let track = &*self.track;
        if self.tail - self.head == track.capacity {
            self.head = track.positions.head.0.load(Acquire);
            if self.tail - self.head == track.capacity {
                return false;
            }
        }
        // SAFETY: the receiver has left the slot, and gets it again by the store below.
        P::write(unsafe { track.slot(self.tail).as_mut() }, seed);
        self.tail += 1;
        track.positions.tail.0.store(self.tail, Release);
        if SLEEPS {
            track.positions.receiver.rouse();
        }
        true
    }
}

impl<P: Words, const SLEEPS: bool> TryRx<P> for Receiver<P::Item, SLEEPS> {
    fn try_recv(&mut self) -> Option<Seen> {
        let track = &*self.track;
        if self.head == self.tail {
            self.tail = track.positions.tail.0.load(Acquire);
            if self.head == self.tail {
                return None;
            }
        }
        // SAFETY: the sender has filled the slot, and gets it again by the store below.
        let seen = P::read(unsafe { track.slot(self.head).as_ref() });
        self.head += 1;
        track.positions.head.0.store(self.head, Release);
        if SLEEPS {
            track.positions.sender.rouse();
        }
        Some(seen)
    }
}

impl<P: Words> Tx<P> for Sender<P::Item, true> {
    fn send(&mut self, seed: u64) {
        while !TryTx::<P>::try_send(self, seed) {
            let positions = &self.track.positions;
            positions.sender.rest(|| self.tail - positions.head.0.load(Acquire) == self.track.capacity);
        }
    }
}

impl<P: Words> Rx<P> for Receiver<P::Item, true> {
    fn recv(&mut self) -> Seen {
        loop {
            if let Some(seen) = TryRx::<P>::try_recv(self) {
                return seen;
            }
            let positions = &self.track.positions;
            positions.receiver.rest(|| self.head == positions.tail.0.load(Acquire));
        }
    }
}
