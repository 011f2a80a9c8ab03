//! The handle to a lane, by which its ends are claimed.

use std::fmt;

use super::error::ClaimError;
use super::grip::Grip;
use super::slots::Slots;
use super::{Consumer, Producer};
use crate::message::Plain;
use crate::segment::AllocError;

/// Makes a lane with room for `capacity` items, rounded up to a power of two, and returns its two ends.
///
/// # Errors
/// [`AllocError`] if there is no memory for it, or an item is to be aligned to more than 128 bytes.
///
/// # Examples
/// ```
/// use procshare::{Process, spsc};
///
/// let (mut producer, mut consumer) = spsc::ring::<u64>(1024)?;
/// let child = Process::spawn(move || {
///     for number in 0..10_000 {
///         if producer.send(number).is_err() {
///             break; // nobody listens any more
///         }
///     }
/// })?;
/// let mut sum = 0;
/// while let Ok(number) = consumer.recv() {
///     sum += number;
/// }
/// assert_eq!(sum, 49_995_000);
/// child.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Pipe")]
pub fn ring<T: Plain>(capacity: usize) -> Result<(Producer<T>, Consumer<T>), AllocError> {
    let ring = Ring::new(capacity)?;
    match (ring.producer(), ring.consumer()) {
        (Ok(producer), Ok(consumer)) => Ok((producer, consumer)),
        // Nobody else knows of it: somebody must have written to memory that is not its own.
        _ => Err(AllocError::Corrupt { page: 0 }),
    }
}

/// A lane: a ring of items in shared memory with one producer and one consumer.
///
/// `Ring` is a handle: a clone is the same lane. It keeps the lane, but neither end of it; whoever has one can claim an end that nobody has, or
/// whose owner is dead. Handles reach a child by capture or inside a message.
///
/// # Examples
/// A producer that was killed is replaced; what it had sent is not lost:
/// ```
/// use procshare::{Process, spsc::Ring};
///
/// let ring = Ring::<u32>::new(8)?;
/// let mut consumer = ring.consumer()?;
/// let child = Process::spawn({
///     let ring = ring.clone();
///     move || -> () {
///         let mut producer = ring.producer().unwrap();
///         producer.send(1).unwrap();
///         loop {
///             std::thread::park();
///         }
///     }
/// })?;
/// assert_eq!(consumer.recv(), Ok(1));
/// assert!(ring.producer().is_err(), "the child has it");
/// child.kill()?;
/// let _ = child.join();
/// let mut producer = ring.producer()?;
/// producer.send(2)?;
/// assert_eq!(consumer.recv(), Ok(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ring<T: Plain> {
    pub(in crate::queue) slots: Slots<T>,
}

impl<T: Plain> Ring<T> {
    /// Makes a lane with room for `capacity` items, rounded up to a power of two. Nobody has its ends.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it, or an item is to be aligned to more than 128 bytes.
    pub fn new(capacity: usize) -> Result<Self, AllocError> {
        Slots::allocate(capacity).map(|slots| Self { slots })
    }

    /// Claims the end that sends, for this process. Never blocks.
    ///
    /// It is free if it was never claimed, was dropped, or its owner is dead, with all whom that one spawned.
    ///
    /// # Errors
    /// [`ClaimError::Taken`] if somebody has it, or [`ClaimError::Corrupt`].
    pub fn producer(&self) -> Result<Producer<T>, ClaimError> {
        Ok(Producer { grip: Grip::claim(self.slots.clone())? })
    }

    /// Claims the end that receives, for this process. Never blocks.
    ///
    /// It is free if it was never claimed, was dropped, or its owner is dead, with all whom that one spawned.
    ///
    /// # Errors
    /// [`ClaimError::Taken`] if somebody has it, or [`ClaimError::Corrupt`].
    pub fn consumer(&self) -> Result<Consumer<T>, ClaimError> {
        Ok(Consumer { grip: Grip::claim(self.slots.clone())? })
    }

    /// Returns how many items there is room for.
    pub fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Returns how many items are in the lane. Never blocks; another process may change that at once.
    pub fn len(&self) -> usize {
        self.slots.words().len(self.slots.capacity() as u64) as usize
    }

    /// Returns whether no item is in the lane. Never blocks; another process may change that at once.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there is no room for another item. Never blocks; another process may change that at once.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }
}

impl<T: Plain> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone() }
    }
}

impl<T: Plain> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("capacity", &self.capacity())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
