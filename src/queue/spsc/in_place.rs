//! Items of a lane written and read where they lie.
//!
//! Why references into shared memory are sound here: the slots between head and tail are the consumer's, all others the producer's (I2 of the
//! lane), so a slot that one end may use the other one does not touch. Each end is one process's: its owner's word says so, and the handle made
//! sure of that in this epoch. In that process one thread has it, since it is borrowed mutably. What a fork copies of such a borrow nobody
//! in the child can reach, but by unsafe code: it is not `Send`, so no closure takes it there. And whatever bytes stand there, they are elements.

#![allow(unsafe_code)] // makes references to slots

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::grip::Grip;
use crate::algo::{CONSUMER, PRODUCER};
use crate::message::Element;

/// Slots of a lane to be filled in place. [`Producer::reserve`](super::Producer::reserve) makes it.
///
/// Dropped without [`commit`](Reservation::commit), or killed before it: nothing was sent.
#[must_use = "nothing is sent until it is committed"]
pub struct Reservation<'a, T: Element> {
    grip: &'a mut Grip<T, PRODUCER>,
    items: NonNull<[T]>,
    // A closure that a child runs must not take it along.
    of: PhantomData<&'a mut [T]>,
}

impl<'a, T: Element> Reservation<'a, T> {
    /// The producer's next `count` slots, which it may use, or as many of them as follow each other.
    #[inline]
    pub(super) fn new(grip: &'a mut Grip<T, PRODUCER>, count: usize) -> Self {
        let items = grip.slots().in_place(grip.position(), count);
        Self { grip, items, of: PhantomData }
    }

    /// Sends all items. Never blocks.
    ///
    /// In a copy that a fork made, of an end that the other process used first, this does nothing.
    #[inline]
    pub fn commit(self) {
        self.grip.commit(self.items.len());
    }

    /// Sends the first `count` items, or all if there are fewer. Never blocks.
    #[inline]
    pub fn commit_some(self, count: usize) {
        self.grip.commit(self.items.len().min(count));
    }
}

impl<T: Element> Deref for Reservation<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: slots of the lane, which the grip keeps; aligned for `T`, initialised, and any bytes are elements. Nobody writes to them
        // but through this: see the module.
        unsafe { self.items.as_ref() }
    }
}

impl<T: Element> DerefMut for Reservation<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; and nobody else reads them.
        unsafe { self.items.as_mut() }
    }
}

impl<T: Element> fmt::Debug for Reservation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("len", &self.items.len()).finish_non_exhaustive()
    }
}

/// Items of a lane to be read in place. [`Consumer::peek`](super::Consumer::peek) makes it.
///
/// Dropped without [`release`](Peeked::release), or killed before it: nothing was received.
#[must_use = "nothing is received until it is released"]
pub struct Peeked<'a, T: Element> {
    grip: &'a mut Grip<T, CONSUMER>,
    items: NonNull<[T]>,
    of: PhantomData<&'a mut [T]>,
}

impl<'a, T: Element> Peeked<'a, T> {
    /// The consumer's next `count` items, which are there, or as many of them as follow each other.
    #[inline]
    pub(super) fn new(grip: &'a mut Grip<T, CONSUMER>, count: usize) -> Self {
        let items = grip.slots().in_place(grip.position(), count);
        Self { grip, items, of: PhantomData }
    }

    /// Receives all these items: their slots are the producer's again. Never blocks.
    ///
    /// In a copy that a fork made, of an end that the other process used first, this does nothing.
    #[inline]
    pub fn release(self) {
        self.grip.commit(self.items.len());
    }

    /// Receives the first `count` of these items, or all if there are fewer. Never blocks.
    #[inline]
    pub fn release_some(self, count: usize) {
        self.grip.commit(self.items.len().min(count));
    }
}

impl<T: Element> Deref for Peeked<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: slots of the lane, which the grip keeps; aligned for `T`, initialised, and any bytes are elements. Nobody writes to them
        // until they are released: see the module.
        unsafe { self.items.as_ref() }
    }
}

impl<T: Element> fmt::Debug for Peeked<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peeked").field("len", &self.items.len()).finish_non_exhaustive()
    }
}
