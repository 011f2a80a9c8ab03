//! A queue of plain values: many put in, many take out, in order.

use std::fmt;
use std::time::{Duration, Instant};

use super::attendance::Store;
use super::conduit::Patience;
use super::ends::{Receiver, Sender};
use super::error::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError};
use super::iter::Iter;
use super::slots::Slots;
use super::verbs;
use crate::algo::Form;
use crate::message::{DecodeError, Measure, Message, Plain, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::container::Use;

/// A first-in-first-out queue of plain values, for any number of senders and receivers in any number of processes.
///
/// `Queue` is a handle: a clone is the same queue. Handles reach a child by capture or inside a message. A `&Queue` is all one needs to
/// send and to receive; [`split`](Queue::split) makes handles that count, so that receivers learn when no sender is left, and the other way
/// round.
///
/// A *bounded* queue has room for so many values, and lets senders wait: what is produced too fast is slowed down. An *unbounded* one takes
/// values until memory is refused, as Python's `Queue()` does: a program that first joins its children and then receives what they
/// sent works with it, and hangs with a bounded queue that is too small (which says so in a warning of the `log` crate).
///
/// Each value is received once, in the order in which they were sent; those of one sender never overtake each other. Types other than plain
/// ones go through a [`Channel`](crate::Channel).
///
/// **When a process dies**, killed or by an exit, the queue goes on for everybody else, at once. A sender that is killed has sent its value,
/// or not; half a value is never received. What it had sent stays. A receiver that is killed in the act has taken the value, or not: at most
/// the value in its hands is gone. [`JoinableQueue`](super::JoinableQueue) tells how many these are.
///
/// **Waiting.** Who waits spins for about as long as a wake-up takes, and sleeps then. A change takes some instructions under a lock of its
/// end. Should a process be *stopped* right there (by a signal or a debugger), others at the same end wait until it goes on, in
/// time-limited verbs until the time is up.
///
/// # Examples
/// ```
/// use procshare::{Process, Queue};
///
/// let results = Queue::unbounded()?;
/// let children: Vec<_> = (0..3_u64)
///     .map(|worker| {
///         let results = results.clone();
///         Process::spawn(move || results.send((worker * worker) as f64).unwrap())
///     })
///     .collect::<Result<_, _>>()?;
/// for child in children {
///     child.join()?;
/// }
/// assert_eq!(results.len(), 3);
/// let sum: f64 = (0..3).map(|_| results.recv().unwrap()).sum();
/// assert_eq!(sum, 5.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// Work for several, until there is none left:
/// ```
/// use procshare::{Queue, Value, scope};
///
/// let (jobs, done) = (Queue::bounded(16)?, Value::new(0_u64)?);
/// scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| {
///             for job in &jobs {
///                 done.fetch_add(job);
///             }
///         })?;
///     }
///     for job in 1..=100 {
///         jobs.send(job).unwrap();
///     }
///     jobs.close();
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(done.get(), 5050);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Queue")]
#[doc(alias = "SimpleQueue")]
#[doc(alias = "mpmc")]
pub struct Queue<T: Plain> {
    slots: Slots<T>,
}

impl<T: Plain> Queue<T> {
    /// Makes a queue with room for `capacity` values.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    ///
    /// # Panics
    /// If `capacity` is 0.
    #[doc(alias = "maxsize")]
    pub fn bounded(capacity: usize) -> Result<Self, AllocError> {
        assert!(capacity > 0, "a queue must have room for a value");
        Ok(Self { slots: Slots::new(Form::Queue, capacity as u64)? })
    }

    /// Makes a queue that grows as values are sent.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn unbounded() -> Result<Self, AllocError> {
        Ok(Self { slots: Slots::new(Form::Queue, 0)? })
    }

    pub(super) fn slots(&self) -> &Slots<T> {
        &self.slots
    }

    pub(super) fn of(slots: Slots<T>) -> Self {
        Self { slots }
    }

    /// Makes handles that count: one to send by, one to receive by.
    ///
    /// A receiver that waits learns when no sender is left, after it got all that was sent; a sender learns when no receiver is left.
    /// What other handles of the queue do, counts for nothing in that: a `Queue` never disconnects.
    ///
    /// # Examples
    /// ```
    /// use procshare::{Process, Queue, queue::RecvError};
    ///
    /// let (sender, receiver) = Queue::bounded(8)?.split();
    /// let child = Process::spawn(move || (0..20).for_each(|i| sender.send(i).unwrap()))?;
    /// assert_eq!(receiver.iter().sum::<i32>(), 190);
    /// assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    /// child.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(self) -> (Sender<T>, Receiver<T>) {
        (Sender::new(&self.slots), Receiver::new(&self.slots))
    }

    verbs::sending!(T, false);
    verbs::receiving!(T, false, |_| |_| {});
    verbs::looking!();

    /// Lets nothing more be sent: senders get an error, receivers get what is there, and an error then. Returns whether it was open.
    ///
    /// Blocks while somebody is in the middle of sending.
    pub fn close(&self) -> bool {
        self.slots.conduit().close()
    }

    /// Returns an iterator that receives values, waiting for each, until the queue is closed and empty.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(&self.slots, false)
    }
}

impl<T: Plain> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone() }
    }
}

impl<'a, T: Plain> IntoIterator for &'a Queue<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Plain> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("id", &format_args!("{}", self.slots.conduit().id()))
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// The handle travels: sender and receiver have the same queue.
impl<T: Plain> Message for Queue<T> {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.slots.into_conduit().into_block(), Use::Queue);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let slots = Slots::adopt(from.shared(Use::Queue)?, Form::Queue);
        slots.map(Self::of).ok_or(DecodeError::Foreign("the block of a queue is not one of such values"))
    }
}
