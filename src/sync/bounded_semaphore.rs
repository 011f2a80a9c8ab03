//! A number of permits that is never exceeded.

use std::fmt;
use std::time::{Duration, Instant};

use super::acquire_error::{AcquireError, ReleaseError, TimedAcquireError, TryAcquireError};
use super::permit::{Permit, Supply, semaphore};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::Use;
use crate::sys::Deadline;

/// A [`Semaphore`](super::Semaphore) that never has more permits than it was made with.
///
/// All that is said there holds here: deaths, order, waiting. A permit that was [forgotten](Permit::forget) is outstanding, and can be
/// [released](BoundedSemaphore::release) by anybody; to release more than are outstanding is an error, not a permit too many.
///
/// # Examples
/// A place is taken in one process and released in another:
/// ```
/// use procshare::{Process, sync::{BoundedSemaphore, ReleaseError}};
///
/// let places = BoundedSemaphore::new(2)?;
/// places.acquire()?.forget();
/// Process::spawn({
///     let places = places.clone();
///     move || places.release(1).unwrap()
/// })?
/// .join()?;
/// assert_eq!(places.available_permits(), 2);
/// assert_eq!(places.release(1), Err(ReleaseError::TooMany));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.BoundedSemaphore")]
#[derive(Clone)]
pub struct BoundedSemaphore(Supply);

impl BoundedSemaphore {
    /// Makes a semaphore with so many permits, all of them free. It will never have more.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new(bound: u32) -> Result<Self, AllocError> {
        Supply::new(bound, bound).map(Self)
    }

    /// Releases `count` permits that were [forgotten](Permit::forget).
    ///
    /// Blocks for some instructions while somebody else changes the semaphore. What the caller did before is seen by who takes them.
    ///
    /// # Errors
    /// [`ReleaseError::TooMany`] if less than `count` are outstanding; those that a [`Permit`] stands for are not. Nothing was changed.
    pub fn release(&self, count: u32) -> Result<(), ReleaseError> {
        self.0.release(count)
    }
}

semaphore!(BoundedSemaphore, Use::BoundedSemaphore);
