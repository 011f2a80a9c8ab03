//! Receiving until it is over.

use super::attendance::Store;
use super::conduit::Patience;
use super::error::NotReceived;
use super::slots::Slots;
use crate::algo::End;
use crate::message::Plain;

/// Receives values, waiting for each, until nothing will come any more.
///
/// A damaged value is passed over; a queue that is damaged altogether ends the iteration.
#[derive(Debug)]
#[must_use = "iterators are lazy: nothing is received until it is asked for"]
pub struct Iter<'a, T: Plain> {
    slots: &'a Slots<T>,
    ends: bool,
}

impl<'a, T: Plain> Iter<'a, T> {
    pub(super) fn new(slots: &'a Slots<T>, ends: bool) -> Self {
        Self { slots, ends }
    }
}

impl<T: Plain> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let slots = self.slots;
        let taken: Result<T, NotReceived> =
            slots
                .conduit()
                .take_turns(End::Receive, self.ends, Patience::FOREVER, |held| slots.take_one(held, |_| {}));
        taken.ok()
    }
}
