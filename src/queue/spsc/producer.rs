//! The end of a lane that sends.

use std::fmt;
use std::time::{Duration, Instant};

use super::error::{SendError, TimedSendError, TrySendError};
use super::grip::{Grip, Refusal};
use super::in_place::Reservation;
use crate::algo::PRODUCER;
use crate::message::{Element, Plain};
use crate::sys::Deadline;

/// The end of a [lane](super) that sends. One process has it, and one thread at a time uses it.
///
/// Dropped, it tells the consumer that nothing more will come. An item is sent by one store: a producer that is killed has sent it, or not.
///
/// # Examples
/// ```
/// let (mut producer, mut consumer) = procshare::spsc::ring(4)?;
/// producer.send('a')?;
/// assert_eq!(producer.push_slice(&['b', 'c', 'd', 'e']), 3);
/// drop(producer);
/// assert_eq!(consumer.iter().collect::<String>(), "abcd");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Producer<T: Plain> {
    pub(super) grip: Grip<T, PRODUCER>,
}

impl<T: Plain> Producer<T> {
    /// Sends an item. Blocks as long as there is no room for it.
    ///
    /// # Errors
    /// [`SendError`] gives the item back: nobody will receive it.
    #[inline]
    pub fn send(&mut self, item: T) -> Result<(), SendError<T>> {
        match self.put_by(Deadline::never(), &item) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(SendError::new(refusal, item)),
        }
    }

    /// Sends an item if there is room for it now. Never blocks.
    ///
    /// # Errors
    /// [`TrySendError`] gives the item back.
    #[inline]
    pub fn try_send(&mut self, item: T) -> Result<(), TrySendError<T>> {
        match self.grip.some() {
            Ok(_) => {
                self.put(&item);
                Ok(())
            }
            Err(refusal) => Err(TrySendError::new(refusal, item)),
        }
    }

    /// Sends an item, waiting for room for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// [`TimedSendError`] gives the item back.
    #[inline]
    pub fn send_timeout(&mut self, item: T, timeout: Duration) -> Result<(), TimedSendError<T>> {
        self.send_by(Deadline::after(timeout), item)
    }

    /// Sends an item, waiting for room until `deadline` at most.
    ///
    /// # Errors
    /// [`TimedSendError`] gives the item back.
    #[inline]
    pub fn send_until(&mut self, item: T, deadline: Instant) -> Result<(), TimedSendError<T>> {
        self.send_by(Deadline::at(deadline), item)
    }

    #[inline]
    fn send_by(&mut self, deadline: Deadline, item: T) -> Result<(), TimedSendError<T>> {
        match self.put_by(deadline, &item) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(TimedSendError::new(refusal, item)),
        }
    }

    #[inline]
    fn put_by(&mut self, deadline: Deadline, item: &T) -> Result<(), Refusal> {
        self.grip.some_by(deadline)?;
        self.put(item);
        Ok(())
    }

    /// There is room.
    #[inline]
    fn put(&mut self, item: &T) {
        self.grip.pass(1, |slots, index| slots.put(index, item));
    }

    /// Sends as many of `items` as there is room for now, the first ones first, and returns how many. Never blocks.
    ///
    /// They are sent together: a consumer sees all of them, or none. 0 if the consumer is gone, too;
    /// [`wait_for_room`](Producer::wait_for_room) tells.
    pub fn push_slice(&mut self, items: &[T]) -> usize {
        let Ok(count) = self.grip.many(items.len()) else { return 0 };
        if let Some(items) = items.get(..count).filter(|items| !items.is_empty()) {
            self.grip.pass(count, |slots, index| slots.put_all(index, items));
        }
        count
    }

    /// Reserves up to `count` slots that follow each other, to be filled in place. Never blocks.
    ///
    /// `None` if there is no room now, or `count` is 0, or the consumer is gone; [`wait_for_room`](Producer::wait_for_room) tells. There may be
    /// fewer slots than asked for: as many as there is room for, up to the end of the ring. Who always asks for the same number, which divides
    /// the capacity, gets that or none.
    ///
    /// The slots hold items that were sent before, or zeroes. Nothing is sent until they are committed.
    ///
    /// # Examples
    /// ```
    /// let (mut producer, mut consumer) = procshare::spsc::ring::<[u64; 512]>(4)?;
    /// let mut reserved = producer.reserve(1).expect("room");
    /// reserved[0][511] = 7;
    /// reserved.commit();
    /// let seen = consumer.peek(1).expect("an item");
    /// assert_eq!(seen[0][511], 7);
    /// seen.release();
    /// # Ok::<(), procshare::AllocError>(())
    /// ```
    #[inline]
    pub fn reserve(&mut self, count: usize) -> Option<Reservation<'_, T>>
    where
        T: Element,
    {
        let count = self.grip.many(count).ok().filter(|count| *count > 0)?;
        Some(Reservation::new(&mut self.grip, count))
    }

    /// Waits until there is room for an item, and returns for how many.
    ///
    /// Blocks as long as that takes. There will not be less until something is sent.
    ///
    /// # Errors
    /// [`SendError`] if nobody will receive.
    pub fn wait_for_room(&mut self) -> Result<usize, SendError<()>> {
        self.room_by(Deadline::never()).map_err(|refusal| SendError::new(refusal, ()))
    }

    /// As [`wait_for_room`](Producer::wait_for_room), but for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// [`TimedSendError`].
    pub fn wait_for_room_timeout(&mut self, timeout: Duration) -> Result<usize, TimedSendError<()>> {
        self.room_by(Deadline::after(timeout)).map_err(|refusal| TimedSendError::new(refusal, ()))
    }

    fn room_by(&mut self, deadline: Deadline) -> Result<usize, Refusal> {
        self.grip.some_by(deadline)?;
        self.grip.many(usize::MAX)
    }

    /// Returns how many items there is room for in all.
    pub fn capacity(&self) -> usize {
        self.grip.slots().capacity()
    }

    /// Returns how many items were sent and not received yet. Never blocks; it may be fewer at once.
    pub fn len(&self) -> usize {
        self.grip.len()
    }

    /// Returns whether all items that were sent were received. Never blocks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there is no room for another item. Never blocks; there may be at once.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }
}

impl<T: Plain> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("capacity", &self.capacity())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
