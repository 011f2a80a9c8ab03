//! Something that happened, or not yet, and who waits for it.

use std::alloc::Layout;
use std::fmt;
use std::time::{Duration, Instant};

use crate::algo::{self, Form};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::Deadline;

/// A flag that processes and threads set, and wait for.
///
/// `Event` is a handle: a clone is the same event. Handles reach a child by capture or inside a message.
///
/// A *manual* event ([`new`](Event::new)) lets everybody pass who waits, now and later, until it is [`reset`](Event::reset). An *auto*
/// event ([`auto`](Event::auto)) lets one pass, who takes it back by that: exactly one for each time it is set, if somebody waits or
/// comes later. To set it while it is set adds nothing.
///
/// Whoever passes sees all that was done before the event was set.
///
/// **When a process dies** the event stays as it is. A waiter that is killed disturbs neither who sets nor who else waits. One that sets and is
/// killed has set it, or not; in the first case who waits passes, if not at once, then within 50 ms. An auto event is set still if its
/// waiter is killed before it passed, and is not if it is killed just after.
///
/// # Examples
/// ```
/// use procshare::{Process, Value, sync::Event};
///
/// let (ready, answer) = (Event::new()?, Value::new(0)?);
/// let child = Process::spawn({
///     let (ready, answer) = (ready.clone(), answer.clone());
///     move || {
///         answer.set(42);
///         ready.set();
///     }
/// })?;
/// ready.wait();
/// assert_eq!(answer.get(), 42);
/// child.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// Two processes take turns:
/// ```
/// use procshare::{Process, sync::Event};
///
/// let (ping, pong) = (Event::auto()?, Event::auto()?);
/// let child = Process::spawn({
///     let (ping, pong) = (ping.clone(), pong.clone());
///     move || {
///         for _ in 0..100 {
///             ping.wait();
///             pong.set();
///         }
///     }
/// })?;
/// for _ in 0..100 {
///     ping.set();
///     pong.wait();
/// }
/// child.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Event")]
#[derive(Clone)]
pub struct Event {
    bearing: Bearing,
}

impl Event {
    /// Makes a manual event that is not set: set, it lets everybody pass, until it is reset.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    #[doc(alias = "manual")]
    pub fn new() -> Result<Self, AllocError> {
        Bearing::allocate(Form::Words, Layout::new::<()>()).map(|bearing| Self { bearing })
    }

    /// Makes an auto event that is not set: set, it lets one pass, who takes it back.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn auto() -> Result<Self, AllocError> {
        let this = Self::new()?;
        this.control().make_auto();
        Ok(this)
    }

    /// The word: for tests, which damage it.
    #[cfg(test)]
    pub(super) fn word(&self) -> &crate::shim::AtomicU64 {
        &self.bearing.head().words[0]
    }

    #[inline]
    fn control(&self) -> algo::Event<'_> {
        algo::Event::of(self.bearing.head())
    }

    /// Sets the event, and wakes those who may pass. Never blocks. One that is set stays set.
    #[inline]
    pub fn set(&self) {
        self.control().set(&member::park());
    }

    /// Resets the event: who waits from now on waits for the next set. Never blocks.
    ///
    /// Whoever waited for a manual event when it was set passes, however soon it is reset.
    #[doc(alias = "clear")]
    #[inline]
    pub fn reset(&self) {
        self.control().reset();
    }

    /// Returns whether the event is set. Never blocks; another process may change that at once.
    ///
    /// Of an auto event this takes nothing back: see [`try_wait`](Event::try_wait).
    #[inline]
    pub fn is_set(&self) -> bool {
        self.control().is_set()
    }

    /// Waits until the event is set, and passes.
    ///
    /// Blocks as long as that takes: if whoever should set it is dead, for ever.
    #[inline]
    pub fn wait(&self) {
        // Without a deadline the wait ends by a set only; this costs nothing, and keeps the promise.
        while !self.wait_by(Deadline::never()) {}
    }

    /// Passes if the event is set; returns whether it was. Never blocks.
    #[must_use = "an auto event that is passed is taken back"]
    #[inline]
    pub fn try_wait(&self) -> bool {
        self.control().try_pass()
    }

    /// Waits until the event is set, for `timeout` at most, and returns whether it passed. The clock is monotonic.
    #[must_use = "it may not have been set in time"]
    #[inline]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.try_wait() || self.wait_by(Deadline::after(timeout))
    }

    /// Waits until the event is set, until `deadline` at most, and returns whether it passed.
    #[must_use = "it may not have been set in time"]
    #[inline]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.wait_by(Deadline::at(deadline))
    }

    #[inline]
    fn wait_by(&self, deadline: Deadline) -> bool {
        self.control().wait(&member::park_until(deadline))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("is_set", &self.is_set())
            .field("auto", &self.control().is_auto())
            .finish_non_exhaustive()
    }
}

/// The handle travels, not the flag: sender and receiver speak of the same event.
impl Message for Event {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.bearing.into_block(), Use::Event);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = from.shared(Use::Event)?;
        Bearing::adopt(block, Form::Words, Layout::new::<()>())
            .map(|bearing| Self { bearing })
            .ok_or(DecodeError::Foreign("the block of an event is not one"))
    }
}
