//! A number of permits that processes take and give back.

use std::fmt;
use std::time::{Duration, Instant};

use super::acquire_error::{AcquireError, ReleaseError, TimedAcquireError, TryAcquireError};
use super::permit::{Permit, Supply, semaphore};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::Use;
use crate::sys::Deadline;

/// A number of permits, of which every process and thread may take some and gives them back.
///
/// `Semaphore` is a handle: a clone takes from the same permits. Handles reach a child by capture or inside a message. The number of
/// permits may grow ([`release`](Semaphore::release)) and shrink ([`Permit::forget`]); for one that is never exceeded see
/// [`BoundedSemaphore`](super::BoundedSemaphore).
///
/// **When a holder dies**, killed or by an exit, its permits come back, as soon as it and all children it had spawned are gone, since these
/// may use what the permits stand for. Nobody waits for the dead: who sleeps is woken as soon as the family notices the death, and looks
/// by itself every 50 ms at the latest. A holder that is stopped or slow is never robbed. What was
/// [forgotten](Permit::forget) does not come back.
///
/// **Order.** There is none: whoever comes first takes. One who waits for many permits gets them only when so many are free at once, however
/// long others keep taking single ones.
///
/// **Waiting.** A change takes some instructions under a lock of the semaphore's own. Should a process be *stopped* right there (by a signal
/// or a debugger), the others wait until it goes on, in time-limited verbs until the time is up.
///
/// # Examples
/// At most two at a time:
/// ```
/// use procshare::{Value, scope, sync::Semaphore};
///
/// let (places, inside) = (Semaphore::new(2)?, Value::new(0_u32)?);
/// scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| {
///             let _place = places.acquire().unwrap();
///             assert!(inside.fetch_add(1) < 2);
///             inside.fetch_sub(1);
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(places.available_permits(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// A holder dies:
/// ```
/// use procshare::{Process, sync::Semaphore};
///
/// let places = Semaphore::new(1)?;
/// let child = Process::<()>::spawn({
///     let places = places.clone();
///     move || {
///         let _place = places.acquire().unwrap();
///         std::process::abort();
///     }
/// })?;
/// assert!(child.join().is_err());
/// let _place = places.acquire()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// Counting what is to be done:
/// ```
/// use procshare::{Process, sync::Semaphore};
///
/// let jobs = Semaphore::new(0)?;
/// let worker = Process::spawn({
///     let jobs = jobs.clone();
///     move || (0..3).for_each(|_| jobs.acquire().unwrap().forget())
/// })?;
/// jobs.release(3)?;
/// worker.join()?;
/// assert_eq!(jobs.available_permits(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Semaphore")]
#[doc(alias = "sem_t")]
#[derive(Clone)]
pub struct Semaphore(Supply);

impl Semaphore {
    /// Makes a semaphore with so many permits, all of them free.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new(permits: u32) -> Result<Self, AllocError> {
        Supply::new(permits, u32::MAX).map(Self)
    }

    /// Adds `count` permits, whether anybody took some before or not.
    ///
    /// Blocks for some instructions while somebody else changes the semaphore. What the caller did before is seen by who takes them. The
    /// permits stay when this process dies.
    ///
    /// # Errors
    /// [`ReleaseError::TooMany`] if there were more than 2^32 - 1 then.
    #[doc(alias = "add_permits")]
    pub fn release(&self, count: u32) -> Result<(), ReleaseError> {
        self.0.release(count)
    }
}

semaphore!(Semaphore, Use::Semaphore);
