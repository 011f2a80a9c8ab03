//! An end of a lane in the hands of this process.
//!
//! ```text
//!   claimed in this epoch ── a fork, on both sides ──▶ in doubt ── used here first ──▶ claimed in this epoch
//!                                                          └────── used there first ─▶ taken over, for good
//! ```
//!
//! The handle makes sure that the end is this process's by one comparison a call, of the epoch in which it last did. The other owner's word,
//! which hardly ever changes, tells a producer at once that nobody will receive.

use super::slots::Slots;
use crate::algo::{Halt, Hold, PRODUCER, Unclaimed};
use crate::message::Plain;
use crate::segment::{epoch, member};
use crate::sys::{self, Deadline};

/// Why an end could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Full or empty, or still so at the deadline.
    NotNow,
    /// The other end is gone.
    Gone,
    /// Another process has this end.
    TakenOver,
    /// What stands in the slot is no value.
    Invalid,
    /// The words are damaged.
    Corrupt,
}

impl From<Halt> for Refusal {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::TimedOut => Self::NotNow,
            Halt::Gone => Self::Gone,
            Halt::Corrupt => Self::Corrupt,
        }
    }
}

/// One end of a lane.
#[derive(Debug)]
pub(super) struct Grip<T: Plain, const END: usize> {
    slots: Slots<T>,
    hold: Hold<END>,
    /// The epoch in which the end was last seen to be this process's; 0: not yet.
    epoch: u64,
    /// How often in a row there was nothing to do.
    lulls: u32,
}

/// After so many calls in vain, half a millisecond or so, one asks the kernel whether the other end is alive, which takes some microseconds.
const LULLS: u32 = 1 << 16;

impl<T: Plain, const END: usize> Grip<T, END> {
    /// Claims the end of the lane in `slots`.
    pub(super) fn claim(slots: Slots<T>) -> Result<Self, Unclaimed> {
        // Before the claim: what is claimed while a fork is under way is in doubt.
        let epoch = epoch::memorable();
        let seat = prepare();
        let hold = Hold::claim(slots.words(), slots.capacity() as u64, seat, &member::park())?;
        Ok(Self { slots, hold, epoch, lulls: 0 })
    }

    /// Takes the end over from who sent it, and knew its owner's word as `word`.
    pub(super) fn arrive(slots: Slots<T>, word: u64) -> Self {
        let epoch = epoch::memorable();
        let hold = Hold::arrive(slots.words(), slots.capacity() as u64, word, prepare());
        Self { slots, hold, epoch, lulls: 0 }
    }

    /// The owner's word and the lane, for a message; the end is not given up.
    pub(super) fn depart(mut self) -> (u64, Slots<T>) {
        (self.hold.depart(), self.slots.clone())
    }

    pub(super) fn slots(&self) -> &Slots<T> {
        &self.slots
    }

    pub(super) fn len(&self) -> usize {
        self.slots.words().len(self.slots.capacity() as u64) as usize
    }

    /// How many slots the end may use now: as far as it knows, and as the other end says only if that is none.
    #[inline]
    pub(super) fn some(&mut self) -> Result<u64, Refusal> {
        if epoch::current() != self.epoch {
            self.claim_again()?;
        }
        if END == PRODUCER && self.hold.may_be_alone(self.slots.words()) {
            self.look_around()?;
        }
        match self.hold.some(self.slots.words(), &member::park()) {
            Ok(0) => self.lull(),
            Ok(slots) => Ok(slots),
            Err(_) => Err(Refusal::Corrupt),
        }
    }

    /// As [`Grip::some`], but looks at the other end as well if fewer than `wanted` are known.
    pub(super) fn many(&mut self, wanted: usize) -> Result<usize, Refusal> {
        let mut slots = self.some()?;
        if slots < wanted as u64 {
            slots = self.hold.look(self.slots.words())?;
        }
        Ok(slots.min(wanted as u64) as usize) // `look` finds no fewer than were known: positions only grow, or are checked
    }

    /// As [`Grip::some`], but waits until `deadline` for one.
    #[inline]
    pub(super) fn some_by(&mut self, deadline: Deadline) -> Result<u64, Refusal> {
        match self.some() {
            Err(Refusal::NotNow) => self.wait(deadline),
            done => done,
        }
    }

    #[cold]
    fn wait(&mut self, deadline: Deadline) -> Result<u64, Refusal> {
        let words = self.slots.words();
        loop {
            match self.hold.wait(words, &member::park_until(deadline)) {
                // Without a deadline the wait ends by something else; this costs nothing, and keeps the promise.
                Err(Halt::TimedOut) if deadline.is_never() => {}
                done => return done.map_err(Refusal::from),
            }
        }
    }

    /// Uses the next `count` slots, which the end may, as `work` does; gets the lane and the position of the first slot.
    #[inline]
    pub(super) fn pass<R>(&mut self, count: usize, work: impl FnOnce(&Slots<T>, u64) -> R) -> R {
        let slots = &self.slots;
        self.hold.pass(slots.words(), count as u64, &member::park(), |at| work(slots, at))
    }

    /// Moves on by `count` slots that [`Grip::position`] began, unless another process has the end meanwhile.
    pub(super) fn commit(&mut self, count: usize) {
        if epoch::current() != self.epoch && self.claim_again().is_err() {
            return;
        }
        // After a claim the end knows what the words say; if they were damaged meanwhile, that may be less.
        let count = (count as u64).min(self.hold.known());
        if count != 0 {
            self.hold.commit(self.slots.words(), count, &member::park());
        }
    }

    /// The position of the first slot that the end may use.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        self.hold.position()
    }

    #[cold]
    fn claim_again(&mut self) -> Result<(), Refusal> {
        let epoch = epoch::memorable();
        match self.hold.claim_again(self.slots.words(), prepare()) {
            Ok(()) => {
                self.epoch = epoch;
                Ok(())
            }
            Err(Unclaimed::Corrupt) => Err(Refusal::Corrupt),
            Err(_) => Err(Refusal::TakenOver),
        }
    }

    /// A producer looks whether there is still somebody who will receive.
    #[cold]
    fn look_around(&mut self) -> Result<(), Refusal> {
        if self.hold.is_alone(self.slots.words()) { Err(Refusal::Gone) } else { Ok(()) }
    }

    /// There is nothing to do: perhaps because nobody is there any more.
    #[cold]
    #[inline(never)]
    fn lull(&mut self) -> Result<u64, Refusal> {
        let words = self.slots.words();
        self.lulls = self.lulls.wrapping_add(1);
        let is_gone = self.hold.may_be_alone(words) && self.hold.is_alone(words)
            || self.lulls.is_multiple_of(LULLS) && self.hold.is_gone(words, &member::park());
        if is_gone { Ok(self.hold.leavings(words)?) } else { Err(Refusal::NotNow) }
    }
}

impl<T: Plain, const END: usize> Drop for Grip<T, END> {
    fn drop(&mut self) {
        // In a process that may not take part nothing of the arena may be touched.
        if member::seat().is_some() {
            self.hold.release(self.slots.words(), &member::park());
        }
    }
}

/// What a process does before it claims an end. Returns its seat.
fn prepare() -> u16 {
    sys::barrier::register();
    // Whoever locks something, or owns an end, is looked for by the sweep when it is dead.
    member::locker().slot()
}
