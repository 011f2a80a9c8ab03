//! A place where parties wait for each other.

use std::alloc::Layout;
use std::fmt;
use std::time::{Duration, Instant};

use crate::algo::{Broken, Crossing, Form};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::Deadline;

/// A barrier: so many parties wait until all of them are there, then all go on; again and again.
///
/// `Barrier` is a handle: a clone is the same barrier. Handles reach a child by capture or inside a message. A party is a call of
/// [`wait`](Barrier::wait), from whatever process or thread; a process may be several parties by several threads. Whoever has crossed
/// sees all that the others did before they came.
///
/// **A broken barrier** lets nobody cross: who waits is told so, and who comes later, until [`reset`](Barrier::reset). What breaks it: a
/// party whose time is up, [`abort`](Barrier::abort), and
/// **the death of a member.** A process that has ever waited at the barrier, since it was made or reset, is a member. When a member ends, others
/// would wait for it for ever; so its end breaks the barrier, and they get [`BarrierError::PartyDied`]: as soon as the
/// family notices, or within 50 ms or so by looking themselves. That goes for one that is killed in the middle of a wait, for one that is
/// killed between two, *and for one that returns its result*: those who crossed together with it have crossed, but nobody crosses
/// after it. To use the barrier for the next group of processes, call [`reset`](Barrier::reset). A member that is only stopped or
/// slow is waited for. Who dies before it came for the first time is unknown here, and is waited for: give such waits a limit.
///
/// # Examples
/// Nobody begins the second step before all have done the first:
/// ```
/// use procshare::{Value, scope, sync::Barrier};
///
/// let (barrier, first) = (Barrier::new(3)?, Value::new(0_u32)?);
/// scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| {
///             first.fetch_add(1);
///             barrier.wait().unwrap();
///             assert_eq!(first.get(), 3);
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// A party dies:
/// ```
/// use procshare::{Process, sync::{Barrier, BarrierError}};
///
/// let barrier = Barrier::new(2)?;
/// let child = Process::<()>::spawn({
///     let barrier = barrier.clone();
///     move || {
///         barrier.wait().unwrap();
///         std::process::abort();
///     }
/// })?;
/// barrier.wait()?;
/// let pid = child.pid();
/// assert_eq!(barrier.wait().unwrap_err(), BarrierError::PartyDied { pid });
/// barrier.reset();
/// assert!(!barrier.is_broken());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Barrier")]
#[doc(alias = "pthread_barrier_t")]
#[derive(Clone)]
pub struct Barrier {
    bearing: Bearing,
}

/// What a party learns when it has crossed.
#[derive(Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    leader: bool,
}

impl BarrierWaitResult {
    /// Returns whether this party was the last one to come: one of all those who cross together, if it lives to see it.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leader
    }
}

/// Why a party did not cross. Nobody has crossed, and nobody will until [`Barrier::reset`], if that has not been called yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// Somebody broke the barrier: by [`Barrier::abort`], by [`Barrier::reset`] while this one waited, or because its own time was up.
    #[doc(alias = "BrokenBarrierError")]
    #[error("the barrier is broken: it was aborted or reset, or some party's time was up")]
    Broken,
    /// The time was up before all were there. The barrier is broken by that.
    #[error("the time was up before all parties were there; the barrier is broken")]
    TimedOut,
    /// A process that was a member has ended.
    #[error("the barrier is broken: process {pid}, one of its parties, has ended")]
    PartyDied {
        /// Its process id; 0 if nobody knows. The system may have given the number to another process since.
        pid: u32,
    },
}

impl From<Broken> for BarrierError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Others => Self::Broken,
            Broken::Deadline => Self::TimedOut,
            Broken::Death { pid } => Self::PartyDied { pid },
        }
    }
}

impl Barrier {
    /// Makes a barrier for `n` parties; 0 is as good as 1.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    ///
    /// # Panics
    /// If `n` is more than 65,535.
    pub fn new(n: usize) -> Result<Self, AllocError> {
        let parties = n.max(1) as u64;
        assert!(
            parties <= Crossing::MOST,
            "a barrier for {n} parties: it can count {} at most",
            Crossing::MOST
        );
        let bearing = Bearing::allocate(Form::Barrier, Layout::new::<()>())?;
        let this = Self { bearing };
        this.crossing().make(parties);
        Ok(this)
    }

    #[inline]
    fn crossing(&self) -> Crossing<'_> {
        Crossing::of(self.bearing.head(), self.bearing.tally())
    }

    /// Waits until all parties are there.
    ///
    /// Blocks until then, or until the barrier breaks; the death of a member breaks it.
    ///
    /// # Errors
    /// [`BarrierError::Broken`] or [`BarrierError::PartyDied`]: the barrier was broken, or broke meanwhile. A wait whose thread comes to
    /// look only when the barrier is being reset for a second time may say so although it had crossed before.
    #[inline]
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_by(Deadline::never())
    }

    /// Waits until all parties are there, for `timeout` at most. The clock is monotonic.
    ///
    /// When the time is up, the barrier is broken for all.
    ///
    /// # Errors
    /// As [`wait`](Barrier::wait), and [`BarrierError::TimedOut`].
    #[inline]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_by(Deadline::after(timeout))
    }

    /// Waits until all parties are there, until `deadline` at most.
    ///
    /// When the time is up, the barrier is broken for all.
    ///
    /// # Errors
    /// As [`wait_timeout`](Barrier::wait_timeout).
    #[inline]
    pub fn wait_until(&self, deadline: Instant) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_by(Deadline::at(deadline))
    }

    fn wait_by(&self, deadline: Deadline) -> Result<BarrierWaitResult, BarrierError> {
        let leader = self.crossing().wait(member::locker(), &member::park_until(deadline))?;
        Ok(BarrierWaitResult { leader })
    }

    /// Breaks the barrier: who waits, and who comes later, gets [`BarrierError::Broken`]. Never blocks.
    ///
    /// For a party that can not go on, so that the others do not wait for it.
    pub fn abort(&self) {
        self.crossing().abort(&member::park());
    }

    /// Makes the barrier whole again, without any members. Never blocks. Who waits now gets [`BarrierError::Broken`].
    pub fn reset(&self) {
        self.crossing().reset(&member::park());
    }

    /// Returns whether the barrier is broken. Never blocks. Another process may change that at once, and a death that nobody noticed
    /// yet does not show.
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        self.crossing().is_broken()
    }

    /// Returns how many parties cross together.
    pub fn parties(&self) -> usize {
        self.crossing().parties() as usize
    }

    /// Returns how many parties wait. Never blocks; another process may change that at once. Of a broken barrier it is 0.
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        self.crossing().waiting() as usize
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.waiting())
            .field("broken", &self.is_broken())
            .finish_non_exhaustive()
    }
}

/// The handle travels: sender and receiver wait at the same barrier.
impl Message for Barrier {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.bearing.into_block(), Use::Barrier);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = from.shared(Use::Barrier)?;
        Bearing::adopt(block, Form::Barrier, Layout::new::<()>())
            .map(|bearing| Self { bearing })
            .ok_or(DecodeError::Foreign("the block of a barrier is not one"))
    }
}
