//! Work that is done once, by one of all who ask for it, while the others wait.
//!
//! ```text
//!           lock            start                commit
//!   IDLE ─────────▶ TAKEN ─────────▶ RUNNING ─────────────▶ DONE, for good
//!    ▲                │ dies            │ dies: the next taker notes who it was
//!    └────────────────┴─────────────────┘ fails: it says so itself, `fail`
//! ```
//!
//! | word of the head | meaning                                                                                |
//! |------------------|----------------------------------------------------------------------------------------|
//! | the lock         | who holds it may run; its cause is the last run's failure, 0 during the next run       |
//! | 0, `done`        | bit 0: the work is done. The rest counts failures. Those who only wait sleep on it     |
//! | 1, `running`     | not 0: the holder of the lock has begun                                                |
//!
//! | edge | release side                  | acquire side | publishes             |
//! |------|-------------------------------|--------------|-----------------------|
//! | C1   | `commit`, the store to `done` | `is_done`    | all that the work did |
//! | C2   | `tell_of_failure`             | `wait`       | the cause             |
//!
//! - I1. `done` is changed by who holds the lock. Its bit 0 is set once, when the work is whole: that store is the commit.
//! - I2. `running` is changed by who holds the lock, so the lock's edges order it. Who takes the lock from the dead and
//!   finds it set knows that the work was begun and not ended.
//! - I3. After the news the word changes, then sleepers are woken. So who looked before the news does not sleep through it.
//! - I4. Nobody waits for the lock once the work is done: who sleeps on the lock looks at `done` after every nap, and all
//!   others look before they come here.
//!
//! **Deaths.** Killed before `start`: nothing was begun, and nothing is noted. Between `start` and the commit: `running`
//! is set, so the next taker notes the failure, with the old cause if there still is one. After the commit: the work is
//! done, the lock is nobody's business any more (I4), and whoever was not woken finds out after a nap.

use super::park::InTurn;
use super::park::forward;
use super::planted::{Bug, planted};
use super::{Acquired, Failing, Head, LockError, Owner, Park, PoisonLock};
use crate::shim::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// In the word `done`: the work is done.
const DONE: u64 = 1;
/// In the word `done`: one failure more.
const FAILURE: u64 = 2;

/// The words of work that is done once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion<'a> {
    lock: &'a PoisonLock,
    done: &'a AtomicU64,
    running: &'a AtomicU64,
}

/// What there is to do for who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn<R> {
    /// Nothing: it is done, and this was found.
    Done(R),
    /// All of it: the caller holds the lock. The last one to run failed like this, if there was one.
    Mine(Option<Failing>),
}

impl<'a> Completion<'a> {
    /// The work whose words are those of `head`; zeroed ones are work to be done.
    #[inline]
    pub(crate) fn of(head: &'a Head) -> Self {
        let [done, running, ..] = &head.words;
        Self { lock: &head.lock, done, running }
    }

    /// Whether the work is done. Never blocks; `true` is final.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Acquire) & DONE != 0 // C1
    }

    /// Takes the lock for `me`, waiting as `park` says, unless `look` finds the work done.
    ///
    /// Blocks while somebody else runs. Whoever gets [`Turn::Mine`] calls [`Self::start`] or [`Self::decline`].
    ///
    /// # Errors
    /// Those of [`OwnerLock::lock`](super::OwnerLock::lock); `me` holds the lock already if it runs the work.
    pub(crate) fn begin<R, P: Park>(
        &self,
        me: Owner,
        park: &P,
        look: impl Fn() -> Option<R>,
    ) -> Result<Turn<R>, LockError> {
        let sleeping = UntilDone { park, is_done: || look().is_some() };
        match self.lock.owner_lock().lock(me, &self.in_turn(&sleeping)) {
            Ok(acquired) => Ok(self.turn(acquired, park, look)),
            Err(error) => look().map(Turn::Done).ok_or(error), // I4
        }
    }

    /// As [`Self::begin`], but never blocks: `None` while somebody else runs.
    ///
    /// # Errors
    /// [`LockError::WouldDeadlock`] if `me` runs the work.
    pub(crate) fn try_begin<R, P: Park>(
        &self,
        me: Owner,
        park: &P,
        look: impl Fn() -> Option<R>,
    ) -> Result<Option<Turn<R>>, LockError> {
        let acquired = self.lock.owner_lock().try_lock(me, park)?;
        Ok(acquired.map(|acquired| self.turn(acquired, park, look)))
    }

    fn in_turn<'p, P>(&self, park: &'p P) -> InTurn<'p, P>
    where
        'a: 'p,
    {
        InTurn::new(park, self.lock.due())
    }

    /// What there is to do for who has just taken the lock.
    fn turn<R, P: Park>(&self, acquired: Acquired, park: &P, look: impl Fn() -> Option<R>) -> Turn<R> {
        self.note(acquired, park);
        match look() {
            Some(found) => {
                self.lock.unlock(park);
                Turn::Done(found)
            }
            None => Turn::Mine(self.lock.cause()),
        }
    }

    /// Notes the failure of a dead holder, if it had begun. The caller has just taken the lock.
    fn note<P: Park>(&self, acquired: Acquired, park: &P) {
        // Relaxed: I2.
        if let Acquired::Recovered { pid } = acquired
            && (self.running.load(Relaxed) != 0 || planted(Bug::FailureOfNobody))
        {
            // There still is a cause if one who was here before us died right here, or before it had cleared the cause of
            // the run before its own.
            if self.lock.cause().is_none() {
                self.lock.poison(Failing { pid, panicked: false });
            }
            self.running.store(0, Relaxed);
            self.tell_of_failure(park);
        }
    }

    /// Wakes those who wait: there is a new cause (I3). The caller holds the lock.
    fn tell_of_failure<P: Park>(&self, park: &P) {
        let before = self.done.load(Relaxed); // I1
        if !planted(Bug::FailureUncounted) {
            // C2 release: who finds the word changed finds the cause.
            let order = if planted(Bug::FailureUnordered) { Relaxed } else { Release };
            self.done.store(before.wrapping_add(FAILURE), order);
        }
        park.wake(self.done, u32::MAX);
    }

    /// Begins the work. The caller holds the lock, and then calls [`Self::commit`] or [`Self::fail`].
    pub(crate) fn start(&self) {
        // Relaxed: I2. In this order, so that a death in between loses no failure.
        self.running.store(1, Relaxed);
        self.lock.clear();
    }

    /// Ends the work well: `fill` stores the last of it, then it is done, for good, and everybody is told.
    pub(crate) fn commit<P: Park>(&self, fill: impl FnOnce(), park: &P) {
        if planted(Bug::DoneTooEarly) {
            self.done.store(DONE, Release); // a planted bug, no edge
        }
        fill();
        // C1 release: the one store that makes it done.
        let order = if planted(Bug::DoneUnordered) { Relaxed } else { Release };
        self.done.store(DONE, order);
        self.running.store(0, Relaxed); // I2
        if !planted(Bug::DoneUnheard) {
            park.wake(self.done, u32::MAX);
        }
        self.lock.unlock(park);
    }

    /// Ends the work badly: it is to be done still. `failing` is told to those who wait, and to those who ask next.
    pub(crate) fn fail<P: Park>(&self, failing: Option<Failing>, park: &P) {
        if let Some(failing) = failing {
            self.lock.poison(failing);
        }
        self.running.store(0, Relaxed); // I2
        self.tell_of_failure(park);
        self.lock.unlock(park);
    }

    /// Leaves the work to others. The caller holds the lock, and has not begun.
    pub(crate) fn decline<P: Park>(&self, park: &P) {
        self.lock.unlock(park);
    }

    /// Waits, as `park` says, until `look` finds something: that the work is done, or that there is no hope. Runs nothing.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; [`LockError::WouldDeadlock`] if `me` itself runs the work.
    pub(crate) fn wait<R, P: Park>(
        &self,
        me: Owner,
        park: &P,
        look: impl Fn() -> Option<R>,
    ) -> Result<R, LockError> {
        let (mut rounds, mut in_time) = (0, true);
        loop {
            // C2 acquire. Before the look: what changes after it is not slept through (I3).
            let seen = self.done.load(Acquire) as u32;
            if let Some(found) = look() {
                return Ok(found);
            }
            if self.lock.owner_lock().is_held_by(me) {
                return Err(LockError::WouldDeadlock);
            }
            if !in_time {
                return Err(LockError::TimedOut);
            }
            in_time = park.sleep(self.done, seen, rounds);
            rounds = rounds.saturating_add(1);
        }
    }

    /// How the last run failed, if it did and nobody has begun another since. Never blocks.
    ///
    /// A holder that died is found out here too, once in a while for all who ask.
    pub(crate) fn failing<P: Park>(&self, me: Owner, park: &P) -> Option<Failing> {
        // Relaxed: a guess, which the try confirms. Who is killed while it has the lock for that has not begun, and so is
        // no failure.
        if !self.lock.owner_lock().is_free(Relaxed)
            && let Ok(Some(acquired)) = self.lock.owner_lock().try_lock(me, park)
        {
            self.note(acquired, park);
            self.lock.unlock(park);
        }
        self.lock.cause()
    }
}

/// Ends a sleep for good once the work is done (I4).
#[derive(Debug)]
struct UntilDone<'a, P, F> {
    park: &'a P,
    is_done: F,
}

impl<P: Park, F: Fn() -> bool> Park for UntilDone<'_, P, F> {
    forward!(park: deaths);
    forward!(park: the_rest);

    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
        self.park.sleep(word, expected, round) && (planted(Bug::DoneOverlooked) || !(self.is_done)())
    }
}
