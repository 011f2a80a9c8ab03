//! The end of a lane that receives.

use std::fmt;
use std::time::{Duration, Instant};

use super::error::{RecvError, TimedRecvError, TryRecvError};
use super::grip::{Grip, Refusal};
use super::in_place::Peeked;
use crate::algo::CONSUMER;
use crate::message::{Element, Plain};
use crate::sys::Deadline;

/// The end of a [lane](super) that receives. One process has it, and one thread at a time uses it.
///
/// Dropped, it tells the producer that nobody will receive. An item is received by one store: if a consumer is killed, the next one to claim
/// the end gets all that it had not received.
pub struct Consumer<T: Plain> {
    pub(super) grip: Grip<T, CONSUMER>,
}

impl<T: Plain> Consumer<T> {
    /// Receives the next item. Blocks as long as there is none.
    ///
    /// # Errors
    /// [`RecvError::Disconnected`] when the producer is gone and nothing is left; and the others of [`RecvError`].
    ///
    /// # Examples
    /// ```
    /// use procshare::{Process, spsc::{self, RecvError}};
    ///
    /// let (mut producer, mut consumer) = spsc::ring(16)?;
    /// let child = Process::spawn(move || producer.send(42).unwrap())?;
    /// assert_eq!(consumer.recv(), Ok(42));
    /// assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
    /// child.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        Ok(self.get_by(Deadline::never())?)
    }

    /// Receives the next item if there is one now. Never blocks.
    ///
    /// # Errors
    /// [`TryRecvError`].
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.grip.some() {
            Ok(_) => Ok(self.get()?),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Receives the next item, waiting for it for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// [`TimedRecvError`].
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, TimedRecvError> {
        Ok(self.get_by(Deadline::after(timeout))?)
    }

    /// Receives the next item, waiting for it until `deadline` at most.
    ///
    /// # Errors
    /// [`TimedRecvError`].
    #[inline]
    pub fn recv_until(&mut self, deadline: Instant) -> Result<T, TimedRecvError> {
        Ok(self.get_by(Deadline::at(deadline))?)
    }

    #[inline]
    fn get_by(&mut self, deadline: Deadline) -> Result<T, Refusal> {
        self.grip.some_by(deadline)?;
        self.get()
    }

    /// There is an item.
    #[inline]
    fn get(&mut self) -> Result<T, Refusal> {
        self.grip.pass(1, |slots, index| slots.get(index)).ok_or(Refusal::Invalid)
    }

    /// Receives as many items as there are now and fit into `places`, from its beginning, and returns how many. Never blocks.
    ///
    /// 0 if the producer is gone and nothing is left, too; [`wait_for_item`](Consumer::wait_for_item) tells.
    pub fn pop_into(&mut self, places: &mut [T]) -> usize
    where
        T: Element,
    {
        let Ok(count) = self.grip.many(places.len()) else { return 0 };
        if let Some(places) = places.get_mut(..count).filter(|places| !places.is_empty()) {
            self.grip.pass(count, |slots, index| slots.get_all(index, places));
        }
        count
    }

    /// Returns up to `count` of the next items, that follow each other in the ring, to be read in place. Never blocks.
    ///
    /// `None` if there is none now, or `count` is 0, or the producer is gone; [`wait_for_item`](Consumer::wait_for_item) tells. There may be
    /// fewer items than asked for: as many as there are, up to the end of the ring. Nothing is received until they are released.
    #[inline]
    pub fn peek(&mut self, count: usize) -> Option<Peeked<'_, T>>
    where
        T: Element,
    {
        let count = self.grip.many(count).ok().filter(|count| *count > 0)?;
        Some(Peeked::new(&mut self.grip, count))
    }

    /// Waits until there is an item, and returns how many there are.
    ///
    /// Blocks as long as that takes. There will not be fewer until something is received.
    ///
    /// # Errors
    /// [`RecvError::Disconnected`] when the producer is gone and nothing is left; and the others of [`RecvError`].
    pub fn wait_for_item(&mut self) -> Result<usize, RecvError> {
        Ok(self.items_by(Deadline::never())?)
    }

    /// As [`wait_for_item`](Consumer::wait_for_item), but for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// [`TimedRecvError`].
    pub fn wait_for_item_timeout(&mut self, timeout: Duration) -> Result<usize, TimedRecvError> {
        Ok(self.items_by(Deadline::after(timeout))?)
    }

    fn items_by(&mut self, deadline: Deadline) -> Result<usize, Refusal> {
        self.grip.some_by(deadline)?;
        self.grip.many(usize::MAX)
    }

    /// Returns an iterator over the items, which blocks as [`recv`](Consumer::recv) does, and ends with its first error.
    pub fn iter(&mut self) -> Iter<'_, T> {
        Iter { consumer: self }
    }

    /// Returns how many items there is room for in all.
    pub fn capacity(&self) -> usize {
        self.grip.slots().capacity()
    }

    /// Returns how many items were sent and not received yet. Never blocks; it may be more at once.
    pub fn len(&self) -> usize {
        self.grip.len()
    }

    /// Returns whether there is no item. Never blocks; there may be one at once.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there is no room for another item. Never blocks.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }
}

impl<T: Plain> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("capacity", &self.capacity())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Receives items until the producer is gone. [`Consumer::iter`] makes it.
#[derive(Debug)]
pub struct Iter<'a, T: Plain> {
    consumer: &'a mut Consumer<T>,
}

impl<T: Plain> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.consumer.recv().ok()
    }
}

impl<'a, T: Plain> IntoIterator for &'a mut Consumer<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
