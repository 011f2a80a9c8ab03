//! Handing tasks to workers: one process submits, many work, and any of those may be killed at any moment.
//!
//! ```text
//!   submitter             ring of entries              workers
//!   post ── record ──▶ [ .. │ i │ j │ k │ .. ] ──▶ take: lease = i, claim the record, head + 1
//!            queued         ▲head       ▲tail                  │ run
//!   look ◀───────────────────────────────────────────────── finish: the record's end, then whoever waits for it
//! ```
//!
//! An entry is a position and the number of a record; what has become of a task says the record's own word ([`TaskState`]). So the ring
//! and its `head` are hints: whoever finds that an entry's task is not queued any more may pass over it.
//!
//! A worker with nothing to do spins, if not too many do (`spinners`), then sleeps on its own `call`, having said so by its `idle` bit. Who
//! posts wakes nobody if somebody spins, and one if he posts many. So whoever finds a task after he had none looks whether there is another
//! one, and wakes somebody for it, who does the same.
//!
//! Those whose end somebody wants to be told of go on a stack (`notices`), which the submitter's process takes as a whole.
//!
//! | edge | release side                       | acquire side                           | publishes                                |
//! |------|------------------------------------|----------------------------------------|------------------------------------------|
//! | T3   | `post` of the entry                | `take`, its look at the entry          | that the record is queued                |
//! | T4   | `take`, the head moved on          | `post`, its look at the head           | that nobody needs the entry before it    |
//! | T5   | `post`, then a fence, sees the idle| idle, then a fence, sees the entry     | one of the two sees the other            |
//! | T7   | `end_work`                         | `is_over`, after its look at the call  | that there is no more to come            |
//! | T11  | `ask_for_more`, then sees the head | `take`, then sees where to ask         | one of the two sees the other            |
//!
//! Invariants:
//! - I1. `lease` names the record before it is claimed, until its end was told. So what a dead worker had in hand is what its lease names, if that
//!   record's word names the worker.
//! - I2. `head` passes over an entry only when its record is not queued any more, as that entry's use.
//! - I3. Nobody writes over an entry that `head` has not passed.
//! - I4. A worker that spun or slept looks at the ring once more when it has found a task, having given a spinner's slot back, and before it
//!   runs that; and before it sleeps.
//!
//! **Deaths.** Killed before the claim: the task is queued. Between the claim and the head: others pass over. Between the end and the push:
//! who buries it finds the end by the lease, and tells. With a spinner's slot or an idle bit: others are not woken for what is posted
//! meanwhile; burying takes both back. Between taking somebody's bit and calling it: that one has no bit and sleeps; so after a burial all are called.

use super::planted::{Bug, planted};
use super::task_state::{Phase, TaskState};
use super::{Park, Spin};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    fence,
};

/// Workers that spin at most.
pub(crate) const SPINNERS: usize = 8;
/// Words of idle bits.
const IDLE: usize = 16;
/// Workers that there is room for.
pub(crate) const MOST_WORKERS: usize = IDLE * 64;

/// Words of an argument that needs no block.
pub(crate) const ARGUMENT: usize = 8;
/// Words of a result that lie beside the state.
pub(crate) const RESULT: usize = 2;

/// A task: two cache lines.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct TaskWords {
    pub(crate) state: TaskState,
    /// The rest is the caller's, but for `next`.
    pub(crate) function: AtomicU64,
    pub(crate) seal: AtomicU64,
    pub(crate) argument: AtomicU64,
    pub(super) next: AtomicU64,
    pub(crate) result: AtomicU64,
    pub(crate) small_result: [AtomicU64; RESULT],
    pub(crate) small_argument: [AtomicU64; ARGUMENT],
}

/// What all share.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct DispatchWords {
    /// Moved by the workers.
    head: Line,
    /// Changed by who is told, and by those who tell.
    pub(super) noticed: Line,
    /// Seldom changed: whether there is more to come; at which position the submitter wants to be asked for more.
    over: Line,
    spinners: [AtomicU64; 16],
    idle: [AtomicU64; IDLE],
}

/// A word with the neighbourhood to itself; the second one goes with the first.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Line(pub(super) AtomicU64, AtomicU64);

/// What one worker says of itself.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct WorkerWords {
    /// The record it is about to claim or runs, plus one.
    lease: AtomicU64,
    /// It sleeps on this one.
    call: AtomicU64,
    /// When it began what it runs; the caller's.
    pub(crate) began: AtomicU64,
    /// Whether it is set up; the caller's.
    pub(crate) ready: AtomicU64,
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(
    size_of::<TaskWords>() == 128 && size_of::<WorkerWords>() == 128 && size_of::<DispatchWords>() == 640
);

/// Where the records are.
pub(crate) trait Records {
    /// The record of that number. `None`: there is none.
    fn record(&self, index: u32) -> Option<&TaskWords>;
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Dispatch<'a, R> {
    pub(super) words: &'a DispatchWords,
    /// A power of two of them.
    ring: &'a [AtomicU64],
    workers: &'a [WorkerWords],
    pub(super) records: &'a R,
    /// Workers that may spin at once, at most [`SPINNERS`].
    spinners: usize,
}

/// Where the submitter's next entry goes. Private to its process.
#[derive(Debug)]
pub(crate) struct Feed {
    tail: u64,
    /// The head, when last looked at.
    seen: u64,
}

/// One worker, at work.
#[derive(Debug)]
pub(crate) struct Hand {
    number: u16,
    /// The spinner's slot that it has.
    slot: Option<usize>,
    /// It had nothing to do, and has not looked since whether there is more than it found.
    was_idle: bool,
}

/// What a dead worker left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    /// It ran this one.
    Running(u32),
    /// It ran this one, and was condemned for it.
    Condemned(u32),
    /// This use of this one had ended, but perhaps nobody was told.
    Ended(u32, u32),
}

/// The task is not the worker's to end any more: it waits to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condemned;

/// As the position to ask at: nowhere.
const NOWHERE: u64 = u64::MAX;

/// In `over`.
const EMPTY_THEN_OVER: u64 = 1;

impl Feed {
    /// For a ring of so many entries, all zeroes.
    pub(crate) const fn new(entries: usize) -> Self {
        Self { tail: entries as u64, seen: entries as u64 }
    }
}

impl Hand {
    pub(crate) const fn new(number: u16) -> Self {
        Self { number, slot: None, was_idle: true }
    }
}

impl TaskWords {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            state: TaskState::new(),
            function: zero(),
            seal: zero(),
            argument: zero(),
            next: zero(),
            result: zero(),
            small_result: std::array::from_fn(|_| zero()),
            small_argument: std::array::from_fn(|_| zero()),
        }
    }
}

impl WorkerWords {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { lease: zero(), call: zero(), began: zero(), ready: zero() }
    }

    /// The record that it is about to claim or runs.
    pub(crate) fn lease(&self) -> Option<u32> {
        // Relaxed: of a dead one (D1), or a guess.
        u32::try_from(self.lease.load(Relaxed).checked_sub(1)?).ok()
    }

    /// Makes it ready for the next worker of that number.
    pub(crate) fn reset(&self) {
        // Relaxed: the fork hands it over.
        self.lease.store(0, Relaxed);
        self.began.store(0, Relaxed);
        self.ready.store(0, Relaxed);
    }
}

impl DispatchWords {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let line = || Line(zero(), zero());
        Self {
            head: line(),
            noticed: line(),
            over: line(),
            spinners: std::array::from_fn(|_| zero()),
            idle: std::array::from_fn(|_| zero()),
        }
    }

    /// Makes zeroed words those of a ring of so many entries.
    pub(crate) fn format(&self, entries: usize) {
        // Relaxed: before anybody else knows of them. An entry of zeroes is at no position then.
        self.head.0.store(entries as u64, Relaxed);
        self.over.1.store(NOWHERE, Relaxed);
    }
}

/// The entry that says that the record of that number is at `position`.
const fn entry(position: u64, index: u32) -> u64 {
    position << 32 | index as u64
}

impl<'a, R: Records> Dispatch<'a, R> {
    /// `ring` has a power of two of entries.
    pub(crate) const fn of(
        words: &'a DispatchWords,
        ring: &'a [AtomicU64],
        workers: &'a [WorkerWords],
        records: &'a R,
        spinners: usize,
    ) -> Self {
        Self { words, ring, workers, records, spinners }
    }

    fn place(&self, position: u64) -> &'a AtomicU64 {
        &self.ring[position as usize & (self.ring.len() - 1)]
    }

    /// The record at the head, and where that is. `None`: there is none.
    #[inline]
    fn first(&self) -> Option<(u64, u32)> {
        let mut head = self.words.head.0.load(Relaxed);
        loop {
            let order = if planted(Bug::EntryUnordered) { Relaxed } else { Acquire };
            let found = self.place(head).load(order); // T3
            if (found >> 32) as u32 == head as u32 {
                return Some((head, found as u32));
            }
            // Relaxed: if the entry was written over, the head had moved on before, and that is seen now (T4, T3).
            let again = self.words.head.0.load(Relaxed);
            if again == head {
                return None;
            }
            head = again;
        }
    }

    /// Whether something is there to be taken, perhaps.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        self.first().is_some()
    }

    // ---- the submitter's side: one thread at a time

    /// Puts the record, which is queued, into the ring. `false`: there is no room.
    #[inline]
    pub(crate) fn post(&self, feed: &mut Feed, index: u32) -> bool {
        let entries = self.ring.len() as u64;
        if feed.tail - feed.seen >= entries {
            let head = self.words.head.0.load(SeqCst); // T4, T11
            // One that makes no sense gives no room.
            if feed.tail.wrapping_sub(head) >= entries {
                return false;
            }
            feed.seen = head;
        }
        let order = if planted(Bug::EntryUnordered) { Relaxed } else { Release };
        self.place(feed.tail).store(entry(feed.tail, index), order); // T3
        feed.tail += 1;
        true
    }

    /// Puts a record that found no room into the ring after all, or asks to be told when the workers have taken half of what is there.
    pub(crate) fn post_or_ask(&self, feed: &mut Feed, index: u32) -> bool {
        if self.post(feed, index) {
            return true;
        }
        // SeqCst: before the look at the head that follows (T11). Else the last one who takes may pass over it.
        self.words.over.1.store(feed.tail.saturating_sub(self.ring.len() as u64 / 2), SeqCst);
        !planted(Bug::AskedTooLate) && self.post(feed, index)
    }

    /// Whether everything that was posted was taken, and has ended.
    pub(crate) fn is_drained(&self, feed: &Feed) -> bool {
        // T4 acquire: whoever moved the head on had said before that it has the task (I1).
        self.words.head.0.load(Acquire) == feed.tail
            && self.workers.iter().all(|worker| worker.lease().is_none())
    }

    /// Everything that may still be queued in the ring.
    pub(crate) fn posted(&self, feed: &Feed) -> impl Iterator<Item = u32> {
        let head = self.words.head.0.load(Relaxed).max(feed.tail.saturating_sub(self.ring.len() as u64));
        (head..feed.tail).map(|position| self.place(position).load(Relaxed) as u32)
    }

    /// Sees to it that somebody comes for what was posted: nobody is woken if somebody spins. By anybody.
    #[inline]
    pub(crate) fn summon<P: Park>(&self, park: &P) {
        if !planted(Bug::PostUnfenced) {
            fence(SeqCst); // T5
        }
        let spins = |slot: &AtomicU64| slot.load(Relaxed) != 0;
        if !self.words.spinners.iter().take(self.spinners).any(spins) {
            self.wake_one(park);
        }
    }

    /// Wakes one that is idle, if there is one.
    fn wake_one<P: Park>(&self, park: &P) {
        let groups = self.workers.len().div_ceil(64);
        for (group, idle) in self.words.idle.iter().take(groups).enumerate() {
            let mut bits = idle.load(Relaxed); // T5, by the fence before
            while bits != 0 {
                let bit = 1 << bits.trailing_zeros();
                // Whoever takes the bit wakes its worker. T5: the next time it is set, what was posted is seen.
                bits = idle.fetch_and(!bit, AcqRel);
                if bits & bit != 0
                    && let Some(worker) = self.workers.get(group * 64 + bit.trailing_zeros() as usize)
                {
                    return self.call(worker, park);
                }
                bits &= !bit;
            }
        }
    }

    fn call<P: Park>(&self, worker: &WorkerWords, park: &P) {
        let order = if planted(Bug::CallUnordered) { Relaxed } else { Release };
        worker.call.fetch_add(1, order); // T7
        park.wake(&worker.call, 1);
    }

    /// Wakes every worker, whatever it says: after a death, since the dead one may have been about to call any of them.
    pub(crate) fn call_all<P: Park>(&self, park: &P) {
        self.workers.iter().for_each(|worker| self.call(worker, park));
    }

    /// Lets every worker end when it finds nothing more to take.
    pub(crate) fn end_work<P: Park>(&self, park: &P) {
        self.words.over.0.store(EMPTY_THEN_OVER, Release); // T7: before the calls
        self.call_all(park);
    }

    // ---- a worker's side

    /// Takes the next task, if there is one. It is the worker's to run, and to [`finish`](Self::finish).
    #[inline]
    fn take<P: Park>(&self, hand: &Hand, park: &P) -> Option<u32> {
        let lease = &self.workers.get(usize::from(hand.number))?.lease;
        loop {
            let (head, index) = self.first()?;
            if !planted(Bug::LeaseLate) {
                lease.store(u64::from(index) + 1, Relaxed); // I1: the claim's release keeps it before
            }
            let claimed = self.records.record(index).and_then(|task| task.state.claim(hand.number));
            if planted(Bug::LeaseLate) {
                lease.store(u64::from(index) + 1, Relaxed);
            }
            // T4. Whoever fails finds that another one did it (I2).
            let _ = self.words.head.0.compare_exchange(head, head + 1, SeqCst, Relaxed); // T11
            self.ask(head + 1, park);
            if claimed.is_some() {
                return Some(index);
            }
            lease.store(0, Relaxed);
        }
    }

    /// Tells the submitter if the head has come to where it wants to be asked for more.
    #[inline]
    fn ask<P: Park>(&self, head: u64, park: &P) {
        let at = &self.words.over.1;
        let wanted = at.load(SeqCst); // T11
        if head >= wanted && at.compare_exchange(wanted, NOWHERE, Relaxed, Relaxed).is_ok() {
            self.ring(park);
        }
    }

    /// Whether there is nothing more to come.
    fn is_over(&self) -> bool {
        self.words.over.0.load(Acquire) != 0 // T7
    }

    /// Takes the next task, waiting until there is one. `None`: there will be none.
    pub(crate) fn next<P: Park>(&self, hand: &mut Hand, park: &P) -> Option<u32> {
        let worker = self.workers.get(usize::from(hand.number))?;
        let mut round = 0;
        loop {
            let mut found = self.take(hand, park);
            // After a nap that nobody ended there is nothing to be quick for.
            if found.is_none() && round == 0 {
                self.spin(hand, park);
                found = self.take(hand, park);
            }
            self.stop_spinning(hand, park); // I4
            if found.is_some() {
                return found;
            }
            let called = worker.call.load(Acquire); // T7
            hand.was_idle = true; // also if it does not sleep: who called it may have posted many (I4)
            let (idle, bit) = self.idle(hand.number);
            if planted(Bug::IdleUnfenced) {
                idle.fetch_or(bit, AcqRel);
            } else {
                idle.fetch_or(bit, SeqCst);
                fence(SeqCst); // T5
            }
            let ends = self.is_over();
            if !planted(Bug::IdleWithoutLook) && (ends || self.has_more()) {
                idle.fetch_and(!bit, AcqRel); // T5
                if ends && !self.has_more() {
                    return None;
                }
                continue;
            }
            park.sleep(&worker.call, called as u32, round);
            idle.fetch_and(!bit, AcqRel); // T5: the bit may be there still
            round += 1;
        }
    }

    fn idle(&self, worker: u16) -> (&'a AtomicU64, u64) {
        (&self.words.idle[usize::from(worker / 64) % IDLE], 1 << (worker % 64))
    }

    /// Looks at the ring for a while, if not too many do.
    fn spin<P: Park>(&self, hand: &mut Hand, park: &P) {
        self.begin_spinning(hand);
        if hand.slot.is_none() {
            return;
        }
        let mut spin = Spin::steady();
        while !self.has_more() && !self.is_over() && spin.pause(park) {}
    }

    #[inline]
    fn begin_spinning(&self, hand: &mut Hand) {
        if hand.slot.is_some() {
            return;
        }
        let mine = u64::from(hand.number) + 1;
        hand.slot = self.words.spinners.iter().take(self.spinners).position(|slot| {
            // Relaxed look; the exchange decides. T5: nothing hangs on when it is seen to be taken.
            slot.load(Relaxed) == 0 && slot.compare_exchange(0, mine, AcqRel, Relaxed).is_ok()
        });
    }

    /// Gives the slot back, and wakes another one for what was posted while this one was idle (I4).
    #[inline]
    fn stop_spinning<P: Park>(&self, hand: &mut Hand, park: &P) {
        if let Some(slot) = hand.slot.take() {
            self.words.spinners[slot].store(0, Release); // T5, by the fence
        } else if !hand.was_idle {
            return;
        }
        hand.was_idle = false;
        fence(SeqCst); // T5
        if !planted(Bug::SpinnerLeaves) && self.has_more() {
            self.summon(park);
        }
    }

    /// Says how the task ended that the worker took: its result is written. Wakes who waits for that.
    ///
    /// # Errors
    /// [`Condemned`]: it ended before, and not so.
    #[inline]
    pub(crate) fn finish<P: Park>(
        &self,
        hand: &mut Hand,
        index: u32,
        phase: Phase,
        park: &P,
    ) -> Result<(), Condemned> {
        let Some(task) = self.records.record(index) else { return Ok(()) };
        // Who is told of the end and posts the next task finds somebody who is about to look.
        if !self.has_more() {
            self.begin_spinning(hand);
        }
        let before = task.state.end(hand.number, phase).map_err(|_| Condemned)?;
        if before.is_waited() {
            task.state.wake(park);
        }
        if before.is_noticed() {
            self.push(task, index, park);
        }
        if let Some(worker) = self.workers.get(usize::from(hand.number)) {
            worker.lease.store(0, Relaxed); // I1
        }
        Ok(())
    }

    /// Ends the worker's part: it takes nothing any more.
    pub(crate) fn leave<P: Park>(&self, hand: &mut Hand, park: &P) {
        self.stop_spinning(hand, park);
    }

    // ---- after a death

    /// Takes what the dead `worker` left: its slot, its bit, and what it had in hand, which is returned. To be followed by
    /// [`call_all`](Self::call_all), after which each worker looks, past a fence, before it sleeps again. Nobody else has that number yet.
    pub(crate) fn bury(&self, worker: u16) -> Left {
        let Some(words) = self.workers.get(usize::from(worker)) else { return Left::Nothing };
        for slot in &self.words.spinners {
            // Relaxed: the dead one holds nothing back (D1).
            let _ = slot.compare_exchange(u64::from(worker) + 1, 0, Relaxed, Relaxed);
        }
        let (idle, bit) = self.idle(worker);
        idle.fetch_and(!bit, AcqRel); // T5
        let Some(index) = words.lease() else { return Left::Nothing };
        let Some(task) = self.records.record(index) else { return Left::Nothing };
        let seen = task.state.look();
        match seen.phase() {
            _ if seen.worker() != worker => Left::Nothing,
            Phase::Running => Left::Running(index),
            Phase::Condemned => Left::Condemned(index),
            Phase::Returned | Phase::Failed => Left::Ended(index, seen.sequence()),
            _ => Left::Nothing,
        }
    }
}
