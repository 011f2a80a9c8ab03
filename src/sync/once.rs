//! Something that one of many processes does, once.

use std::alloc::Layout;
use std::fmt;
use std::time::{Duration, Instant};

use super::attempt::Attempt;
use super::error::Cause;
use super::once_error::{OnceError, TimedOnceError, TryOnceError};
use crate::algo::{Completion, Failing, Form, Lending, Owner, Turn};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::Deadline;

/// Runs something once for all processes and threads: one of those who ask runs it, the others wait until it is done.
///
/// `Once` is a handle: a clone speaks of the same thing. Handles reach a child by capture or inside a message. What is
/// run should leave its traces in shared memory, or in the world: what it writes to private memory only its own process
/// sees.
///
/// **When the runner dies** before it is through, killed or by an exit, or panics, the `Once` is poisoned: it is not
/// done, and whoever asks gets [`OnceError::Poisoned`] with the process id, until somebody gets it done by
/// [`call_once_force`](Once::call_once_force). Nobody waits for the dead; those who wait look every 50 ms at the latest.
/// A runner that is only stopped or slow is waited for. Children that a dead runner had spawned are waited for, too: they
/// might be at work still.
///
/// A caller that dies before its turn has come, or after the thing was done, harms nobody.
///
/// # Examples
/// Several processes need a file; one makes it:
/// ```
/// use procshare::{Value, scope, sync::Once};
///
/// let (made, times) = (Once::new()?, Value::new(0_u32)?);
/// scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| {
///             made.call_once(|| {
///                 times.fetch_add(1); // make the file
///             })
///             .unwrap();
///             // Here it is, whoever made it.
///         })?;
///     }
///     Ok::<(), procshare::SpawnError>(())
/// })??;
/// assert_eq!(times.get(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// The one that makes it is killed:
/// ```
/// use procshare::{Process, sync::{CauseKind, Once, OnceError}};
///
/// let made = Once::new()?;
/// let child = Process::<()>::spawn({
///     let made = made.clone();
///     move || made.call_once(|| std::process::abort()).unwrap()
/// })?;
/// assert!(child.join().is_err());
/// match made.call_once(|| unreachable!("it was begun before")) {
///     Err(OnceError::Poisoned(cause)) => assert_eq!(cause.kind, CauseKind::Died),
///     other => panic!("{other:?}"),
/// }
/// made.call_once_force(|state| assert!(state.is_poisoned()))?;
/// assert!(made.is_completed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "pthread_once")]
#[doc(alias = "call_once")]
#[derive(Clone)]
pub struct Once {
    bearing: Bearing,
}

/// What a runner is told of those who tried before it: see [`Once::call_once_force`].
#[derive(Clone, Copy, Debug)]
pub struct OnceState {
    cause: Option<Cause>,
}

impl OnceState {
    /// Returns whether somebody began before and failed.
    pub fn is_poisoned(&self) -> bool {
        self.cause.is_some()
    }

    /// Returns who that was, and how it failed.
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }
}

impl Once {
    /// Makes something that is to be done.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn new() -> Result<Self, AllocError> {
        Bearing::allocate(Form::Words, Layout::new::<()>()).map(|bearing| Self { bearing })
    }

    #[inline]
    fn work(&self) -> Completion<'_> {
        Completion::of(self.bearing.head())
    }

    fn done(&self) -> Option<()> {
        self.work().is_done().then_some(())
    }

    /// Returns whether it is done. Never blocks; `true` is final, and what was done is seen from here on.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.work().is_done()
    }

    /// Runs `f`, if nobody did before; returns when it is done, whoever does it.
    ///
    /// Blocks while somebody else runs theirs; a runner that dies ends the wait. Costs one load if it is done.
    ///
    /// # Errors
    /// [`OnceError::Poisoned`]: somebody began and failed; `f` was not run. [`OnceError::WouldDeadlock`]: this is called
    /// from inside what this very thread runs.
    ///
    /// # Panics
    /// If `f` panics. Then others hear of it as of a death.
    #[inline]
    pub fn call_once(&self, f: impl FnOnce()) -> Result<(), OnceError> {
        if self.is_completed() {
            return Ok(());
        }
        self.ask(Deadline::never(), false, |_| f()).map_err(TimedOnceError::untimed)
    }

    /// As [`call_once`](Once::call_once), but runs `f` also if somebody failed before; `f` is told.
    ///
    /// # Errors
    /// [`OnceError::WouldDeadlock`].
    ///
    /// # Panics
    /// If `f` panics.
    #[inline]
    pub fn call_once_force(&self, f: impl FnOnce(&OnceState)) -> Result<(), OnceError> {
        if self.is_completed() {
            return Ok(());
        }
        self.ask(Deadline::never(), true, f).map_err(TimedOnceError::untimed)
    }

    /// As [`call_once`](Once::call_once), but never waits for another runner.
    ///
    /// # Errors
    /// [`TryOnceError::WouldBlock`]: somebody else is at it, or has just looked. Else as `call_once`.
    ///
    /// # Panics
    /// If `f` panics.
    pub fn try_call_once(&self, f: impl FnOnce()) -> Result<(), TryOnceError> {
        if self.is_completed() {
            return Ok(());
        }
        let me = member::locker();
        match self.work().try_begin(me, &Lending(&member::park()), || self.done()) {
            Ok(Some(Turn::Done(()))) => Ok(()),
            Ok(Some(Turn::Mine(failing))) => {
                self.run(me, failing, false, |_| f()).map_err(TryOnceError::Poisoned)
            }
            Ok(None) => Err(TryOnceError::WouldBlock),
            Err(_) => Err(TryOnceError::WouldDeadlock),
        }
    }

    /// As [`call_once`](Once::call_once), waiting for `timeout` at most. The clock is monotonic. `f` itself may take
    /// longer.
    ///
    /// # Errors
    /// As [`call_once`](Once::call_once), and [`TimedOnceError::TimedOut`].
    ///
    /// # Panics
    /// If `f` panics.
    pub fn call_once_timeout(&self, timeout: Duration, f: impl FnOnce()) -> Result<(), TimedOnceError> {
        if self.is_completed() { Ok(()) } else { self.ask(Deadline::after(timeout), false, |_| f()) }
    }

    /// As [`call_once`](Once::call_once), waiting until `deadline` at most. `f` itself may take longer.
    ///
    /// # Errors
    /// As [`call_once`](Once::call_once), and [`TimedOnceError::TimedOut`].
    ///
    /// # Panics
    /// If `f` panics.
    pub fn call_once_until(&self, deadline: Instant, f: impl FnOnce()) -> Result<(), TimedOnceError> {
        if self.is_completed() { Ok(()) } else { self.ask(Deadline::at(deadline), false, |_| f()) }
    }

    /// Waits until it is done, by others. Runs nothing.
    ///
    /// Blocks as long as that takes, if nobody begins for ever. A runner that fails ends the wait.
    ///
    /// # Errors
    /// As [`call_once`](Once::call_once).
    pub fn wait(&self) -> Result<(), OnceError> {
        self.wait_by(Deadline::never()).map_err(TimedOnceError::untimed)
    }

    /// As [`wait`](Once::wait), for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// As [`call_once`](Once::call_once), and [`TimedOnceError::TimedOut`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), TimedOnceError> {
        self.wait_by(Deadline::after(timeout))
    }

    /// As [`wait`](Once::wait), until `deadline` at most.
    ///
    /// # Errors
    /// As [`call_once`](Once::call_once), and [`TimedOnceError::TimedOut`].
    pub fn wait_until(&self, deadline: Instant) -> Result<(), TimedOnceError> {
        self.wait_by(Deadline::at(deadline))
    }

    /// Asks for its turn, and takes it.
    #[cold]
    fn ask(&self, deadline: Deadline, force: bool, f: impl FnOnce(&OnceState)) -> Result<(), TimedOnceError> {
        let me = member::locker();
        match self.work().begin(me, &Lending(&member::park_until(deadline)), || self.done())? {
            Turn::Done(()) => Ok(()),
            Turn::Mine(failing) => self.run(me, failing, force, f).map_err(TimedOnceError::Poisoned),
        }
    }

    /// Runs `f`. It is the turn of `me`, this thread.
    fn run(
        &self,
        me: Owner,
        failing: Option<Failing>,
        force: bool,
        f: impl FnOnce(&OnceState),
    ) -> Result<(), Cause> {
        let state = OnceState { cause: failing.map(Cause::from) };
        if let Some(cause) = state.cause
            && !force
        {
            self.work().decline(&member::park());
            return Err(cause);
        }
        let attempt = Attempt::start(self.work(), me, true);
        f(&state);
        attempt.commit(|| ());
        Ok(())
    }

    fn wait_by(&self, deadline: Deadline) -> Result<(), TimedOnceError> {
        if self.is_completed() {
            return Ok(());
        }
        let (me, park) = (member::locker(), member::park_until(deadline));
        let look = || match self.work().failing(me, &Lending(&park)) {
            _ if self.is_completed() => Some(Ok(())),
            failing => failing.map(|failing| Err(TimedOnceError::Poisoned(failing.into()))),
        };
        self.work().wait(me, &park, look)?
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("completed", &self.is_completed()).finish_non_exhaustive()
    }
}

/// The handle travels: sender and receiver speak of the same thing.
impl Message for Once {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.bearing.into_block(), Use::Once);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = from.shared(Use::Once)?;
        Bearing::adopt(block, Form::Words, Layout::new::<()>())
            .map(|bearing| Self { bearing })
            .ok_or(DecodeError::Foreign("the block of a once is not one of its kind and size"))
    }
}
