//! A queue whose items are to be done, not only taken.

use std::fmt;
use std::time::{Duration, Instant};

use super::attendance::Store;
use super::conduit::{Conduit, Patience};
use super::error::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError};
use super::slots::Slots;
use super::verbs;
use crate::algo::{End, Form, Tasks};
use crate::message::{DecodeError, Measure, Message, Plain, Reader, Writer};
use crate::segment::container::Use;
use crate::segment::{AllocError, member};
use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::sys::Deadline;

/// A [`Queue`](super::Queue) that knows which of its values are dealt with: who receives one says [`task_done`](Self::task_done), and
/// [`join`](Self::join) waits until that was said of all.
///
/// **When a worker dies** with values that it had received and not dealt with, `join` returns an error that says how many: it
/// never waits for the dead. A worker that is killed in the very act of receiving counts as having died with the value, even if it is
/// still there and somebody else receives it.
///
/// # Examples
/// ```
/// use procshare::{Value, queue::JoinableQueue, scope};
///
/// let (jobs, sum) = (JoinableQueue::unbounded()?, Value::new(0_u64)?);
/// scope(|s| {
///     s.spawn(|| {
///         while let Ok(job) = jobs.recv() {
///             sum.fetch_add(job);
///             jobs.task_done().unwrap();
///         }
///     })?;
///     for job in 1..=10 {
///         jobs.send(job).unwrap();
///     }
///     jobs.join().unwrap();
///     assert_eq!(sum.get(), 55);
///     jobs.close();
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.JoinableQueue")]
pub struct JoinableQueue<T: Plain> {
    slots: Slots<T>,
    /// Values lost with workers, as far as this handle has said so.
    told: AtomicU64,
}

/// Why not all is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Workers died that had received values and not dealt with them. Said once by each handle: the next `join` waits for the rest.
    #[error("workers died with {items} values that they had received and not dealt with")]
    WorkerDied {
        /// How many values, since this handle last said so.
        items: u64,
    },
    /// The deadline passed first.
    #[error("{unfinished} values were not dealt with in time")]
    TimedOut {
        /// How many values were left then: to be received, or to be dealt with.
        unfinished: u64,
    },
}

/// `task_done` was said more often than this process received values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this process has dealt with all that it received")]
pub struct TooManyDone;

impl<T: Plain> JoinableQueue<T> {
    /// Makes a queue with room for `capacity` values.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    ///
    /// # Panics
    /// If `capacity` is 0.
    pub fn bounded(capacity: usize) -> Result<Self, AllocError> {
        assert!(capacity > 0, "a queue must have room for a value");
        Slots::new(Form::Tasks, capacity as u64).map(Self::of)
    }

    /// Makes a queue that grows as values are sent.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn unbounded() -> Result<Self, AllocError> {
        Slots::new(Form::Tasks, 0).map(Self::of)
    }

    fn slots(&self) -> &Slots<T> {
        &self.slots
    }

    fn of(slots: Slots<T>) -> Self {
        Self { slots, told: AtomicU64::new(0) }
    }

    verbs::sending!(T, false);
    verbs::receiving!(T, false, taking);
    verbs::looking!();

    fn tasks(&self) -> Tasks<'_> {
        tasks(self.slots.conduit())
    }

    /// Lets nothing more be sent. Returns whether it was open. Blocks while somebody is in the middle of sending.
    pub fn close(&self) -> bool {
        self.slots.conduit().close()
    }

    /// Says that this process has dealt with a value that it received. Never blocks.
    ///
    /// # Errors
    /// [`TooManyDone`] if it has none left.
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        let done = member::seat().is_some_and(|seat| self.tasks().done(seat, &member::park()));
        if done { Ok(()) } else { Err(TooManyDone) }
    }

    /// Returns how many values are not dealt with: still to be received, or in some worker's hands. Never blocks. True for a moment.
    pub fn unfinished(&self) -> u64 {
        self.tasks().unfinished(|| self.slots.conduit().fifo().position(End::Send)).items
    }

    /// Waits until all values that were sent are dealt with.
    ///
    /// Blocks as long as that takes: if nobody receives, for ever.
    ///
    /// # Errors
    /// [`JoinError::WorkerDied`].
    pub fn join(&self) -> Result<(), JoinError> {
        self.join_by(Deadline::never())
    }

    /// Waits until all values that were sent are dealt with, for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), JoinError> {
        self.join_by(Deadline::after(timeout))
    }

    /// Waits until all values that were sent are dealt with, until `deadline` at most.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join_until(&self, deadline: Instant) -> Result<(), JoinError> {
        self.join_by(Deadline::at(deadline))
    }

    fn join_by(&self, deadline: Deadline) -> Result<(), JoinError> {
        let park = member::park_until(deadline);
        let tail = || self.slots.conduit().fifo().position(End::Send);
        let (mut round, mut in_time) = (0, true);
        loop {
            let left = self.tasks().unfinished(tail);
            let items = left.written_off.saturating_sub(self.told.swap(left.written_off, Relaxed));
            if items > 0 {
                return Err(JoinError::WorkerDied { items });
            }
            if left.items == 0 {
                return Ok(());
            }
            if !in_time {
                return Err(JoinError::TimedOut { unfinished: left.items });
            }
            let is_over = || {
                let now = self.tasks().unfinished(tail);
                now.items == 0 || now.written_off != left.written_off
            };
            in_time = self.tasks().wait(&park, round, is_over);
            round += 1;
            if round > 1 && self.tasks().dead_takers(&park) {
                // The sweep will write off what it had; it is asked for at once, whoever should do it.
                member::sweep_now_and_then();
            }
        }
    }
}

/// The counts of a queue.
fn tasks(conduit: &Conduit) -> Tasks<'_> {
    Tasks::of(conduit.bearing().fifo(), conduit.bearing().tally())
}

/// Counts what this process takes.
fn taking<T: Plain>(slots: &Slots<T>) -> impl FnOnce(u64) {
    move |count| {
        if let Some(seat) = member::seat() {
            tasks(slots.conduit()).take(seat, count);
        }
    }
}

impl<T: Plain> Clone for JoinableQueue<T> {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), told: AtomicU64::new(self.told.load(Relaxed)) }
    }
}

impl<T: Plain> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinableQueue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("unfinished", &self.unfinished())
            .finish_non_exhaustive()
    }
}

/// The handle travels: sender and receiver have the same queue.
impl<T: Plain> Message for JoinableQueue<T> {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.slots.into_conduit().into_block(), Use::JoinableQueue);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let slots = Slots::adopt(from.shared(Use::JoinableQueue)?, Form::Tasks);
        slots.map(Self::of).ok_or(DecodeError::Foreign("the block of a queue is not one of such values"))
    }
}
