//! A lane: a ring of items with one producer and one consumer, which may be killed anywhere.
//!
//! ```text
//!   head                tail                    head + capacity
//!   ──┬───────────────────┬───────────────────────┬──▶ positions, counted in items, never wrapped
//!     │ items             │ room                  │
//!     ▲ the consumer's    ▲ the producer's
//!
//!   an end:   FREE ── claim ──▶ OWNED(slot, n) ── dropped, or buried ──▶ DROPPED(slot, n)
//!                                  │      ▲                                  │
//!                 a fork, a message│      └── claim, by whoever comes ───────┘
//!                                  ▼
//!                            OWNED(slot', n + 1): who knew (slot, n) has it no more
//! ```
//!
//! Each end owns one position, and keeps it in private memory as well: the word in shared memory is for the other end to read. What an
//! end read of the other one's position it remembers, and looks again only when that does not suffice. Both ends are one machine,
//! [`Hold`], seen from two sides: an end may move its position up to the `limit`, which is the tail for the consumer, and the head plus
//! the capacity for the producer.
//!
//! The word of an owner:
//!
//! | bits   | field   | meaning                                                        |
//! |--------|---------|----------------------------------------------------------------|
//! | 0..47  | count   | grows with each claim; 0: nobody ever claimed the end          |
//! | 47     | DROPPED | the owner is gone                                              |
//! | 48..64 | slot    | the participant that owns the end, or owned it last            |
//!
//! | edge | release side                        | acquire side              | publishes                                 |
//! |------|-------------------------------------|---------------------------|-------------------------------------------|
//! | LN1  | `commit` of the producer            | `look` of the consumer    | the items up to the tail                  |
//! | LN2  | `commit` of the consumer            | `look` of the producer    | that the slots up to the head were read   |
//! | LN3  | `release`, `bury`, `is_gone`, a claim | a claim, `is_gone`      | the position, and what the owner did      |
//! | LN4  | `commit`, `tell`: light or full fence | `wait`: heavy fence     | either the position is seen, or the sleeper |
//!
//! Invariants:
//! - I1. head <= tail <= head + capacity. Each is changed by the owner of its end only, by one store (the commit).
//! - I2. The slots of `[head, tail)` belong to the consumer, all others to the producer. So no slot is ever used by both.
//! - I3. An end has one owner. Its word is changed by an exchange of the whole word: by the owner, by who has evidence that the owner
//!   is dead, or by a process that got the owner's handle, in a fork or in a message: then by whoever is first.
//! - I4. Who sleeps says so in a word of its own, and looks at the position after a heavy fence; who commits looks at that word after a
//!   light one. One of the two sees the other. Every sleep is bounded all the same.
//! - I5. A position that is out of range (I1) was written by nobody who keeps the rules. It is never used.
//!
//! **Deaths.** The state is a legal one at every instruction. Killed before the commit store: nothing was sent, or received. After it: it
//! was, and if the other end sleeps and was not woken yet, it finds out after a nap. Who waits for a dead end learns of the death after a
//! nap, or from the burial; whichever comes first marks the word of the end. An end that is DROPPED, or whose owner is dead,
//! can be claimed again: the items in the ring stay.
//!
//! Source: L. Lamport, "Specifying concurrent program modules", 1983; the remembered positions are those of FastForward and
//! MCRingBuffer (P. Lee et al., 2009); membarrier(2) for the fences.

use super::planted::{Bug, planted};
use super::spin::Spin;
use super::{Late, Park};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    fence,
};

/// The end that sends.
pub(crate) const PRODUCER: usize = 0;
/// The end that receives.
pub(crate) const CONSUMER: usize = 1;

/// A word on cache lines of its own: two, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(C, align(128))]
struct Line(AtomicU64);

/// What the two ends share. Zeroed, it is an empty lane whose ends are free.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct LaneWords {
    /// The tail, which the producer writes, and the head, which the consumer writes.
    positions: [Line; 2],
    /// 1: that end sleeps on the word, or is about to.
    asleep: [Line; 2],
    owners: [Line; 2],
}

/// A value of an owner's word: the only place that packs and unpacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word(u64);

/// One end, as its owner has it in private memory.
#[derive(Debug)]
pub(crate) struct Hold<const END: usize> {
    /// The owner's word, as far as this handle knows.
    word: Word,
    /// The other owner's word when it was last seen to be alive, or free.
    other: Word,
    /// The end's own position.
    at: u64,
    /// How far that may go, by what is known of the other end.
    limit: u64,
    /// The last look found only a few slots: the next one was too early.
    crowded: bool,
    capacity: u64,
}

/// Why an end was not claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclaimed {
    /// The participant in that slot owns it, and lives.
    Taken { slot: u16 },
    /// Somebody else claimed it since the caller knew it.
    TakenOver,
    /// The words are damaged.
    Corrupt,
}

/// Why an end does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The deadline passed first.
    TimedOut,
    /// The other end was dropped, or its process is dead; and for a consumer there is nothing left.
    Gone,
    /// The words are damaged.
    Corrupt,
}

impl Word {
    const COUNT: u64 = (1 << 47) - 1;
    const DROPPED: u64 = 1 << 47;

    fn slot(self) -> u16 {
        (self.0 >> 48) as u16
    }

    fn is_free(self) -> bool {
        self.0 & Self::COUNT == 0
    }

    fn is_dropped(self) -> bool {
        self.0 & Self::DROPPED != 0
    }

    fn dropped(self) -> Self {
        Self(self.0 | Self::DROPPED)
    }

    /// The word when `slot` claims the end that is at `self`.
    fn claimed_by(self, slot: u16) -> Self {
        Self(u64::from(slot) << 48 | (self.0.wrapping_add(1) & Self::COUNT).max(1))
    }
}

impl LaneWords {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let line = || Line(AtomicU64::new(0));
        Self { positions: [line(), line()], asleep: [line(), line()], owners: [line(), line()] }
    }

    /// All words: for tests, which damage them.
    #[cfg(test)]
    pub(crate) fn all(&self) -> [&AtomicU64; 6] {
        let [tail, head] = &self.positions;
        let [producer, consumer] = &self.asleep;
        let [producer_owner, consumer_owner] = &self.owners;
        [tail, head, producer, consumer, producer_owner, consumer_owner].map(|line| &line.0)
    }

    fn owner(&self, end: usize) -> Word {
        // LN3 acquire.
        Word(self.owners[end].0.load(Acquire))
    }

    /// Changes the owner's word of `end`, if it is `from`.
    fn exchange(&self, end: usize, from: Word, to: Word) -> bool {
        // LN3: release, of what this one did with the end so far; acquire, of what the last one did. Relaxed on failure: looked at again,
        // or left to whoever was faster.
        self.owners[end].0.compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok()
    }

    /// Wakes `end` if it sleeps, or is about to, after its partner is gone.
    fn tell<P: Park>(&self, end: usize, park: &P) {
        if planted(Bug::PartingUnheard) {
            return;
        }
        // LN4, the notifier's side. A full fence, since partings are rare.
        fence(SeqCst);
        self.wake(end, park);
    }

    fn wake<P: Park>(&self, end: usize, park: &P) {
        let asleep = &self.asleep[end].0;
        // Relaxed: the word carries no data. Taken down first, so that the sleeper does not fall asleep any more.
        if asleep.load(Relaxed) != 0 && asleep.swap(0, Relaxed) != 0 {
            park.wake(asleep, u32::MAX);
        }
    }

    /// Takes the ends from the dead `late`, and wakes who waits for them.
    pub(crate) fn bury<P: Park>(&self, late: Late, park: &P) {
        for end in [PRODUCER, CONSUMER] {
            let word = self.owner(end);
            let is_of_late = !word.is_free() && word.slot() == late.slot;
            if is_of_late && !word.is_dropped() {
                // If it fails, somebody took the end over.
                self.exchange(end, word, word.dropped());
            }
            if is_of_late {
                self.tell(1 - end, park); // also when a sweeper was killed between the two
            }
        }
    }

    /// Items in the ring, by what both ends last published; none if that is no number of items.
    pub(crate) fn len(&self, capacity: u64) -> u64 {
        let [tail, head] = &self.positions;
        // LN2 acquire: the tail is not older than the head, so the difference is not negative.
        let head = head.0.load(Acquire);
        let len = tail.0.load(Relaxed).wrapping_sub(head); // a number only
        if len > 1 << 63 { 0 } else { len.min(capacity) }
    }
}

impl<const END: usize> Hold<END> {
    const OTHER: usize = 1 - END;

    /// Claims the end for the participant in `slot`, if nobody has it, or only somebody dead.
    ///
    /// # Errors
    /// [`Unclaimed::Taken`] or [`Unclaimed::Corrupt`].
    pub(crate) fn claim<P: Park>(
        words: &LaneWords,
        capacity: u64,
        slot: u16,
        park: &P,
    ) -> Result<Self, Unclaimed> {
        loop {
            let word = words.owner(END);
            // D1 acquire was made by `family_death`; the exchange fails if somebody else was faster.
            let is_free = word.is_free()
                || word.is_dropped()
                || park.family_death(word.slot()).is_some()
                || planted(Bug::EndTakenFromTheLiving);
            if !is_free {
                return Err(Unclaimed::Taken { slot: word.slot() });
            }
            if words.exchange(END, word, word.claimed_by(slot)) {
                return Self::begin(words, capacity, word.claimed_by(slot));
            }
        }
    }

    /// Claims for `slot` the end that was somebody else's at `word`, as that one says. The words that come may be any.
    ///
    /// Never fails: if somebody else was faster, or the words are damaged, the first use says so.
    pub(crate) fn arrive(words: &LaneWords, capacity: u64, word: u64, slot: u16) -> Self {
        let from = Word(word & !Word::DROPPED);
        // The sender may be dead and buried by now.
        for from in [from, from.dropped()] {
            if words.exchange(END, from, from.claimed_by(slot)) {
                let mine = from.claimed_by(slot);
                return Self::begin(words, capacity, mine).unwrap_or(Self::at_nothing(mine, capacity));
            }
        }
        Self::at_nothing(from, capacity)
    }

    /// Claims the end once more for this handle, in `slot`, after a fork: another process may have the same handle.
    ///
    /// # Errors
    /// [`Unclaimed::TakenOver`] if that one was faster, or [`Unclaimed::Corrupt`].
    pub(crate) fn claim_again(&mut self, words: &LaneWords, slot: u16) -> Result<(), Unclaimed> {
        let mine = self.word.claimed_by(slot);
        if !words.exchange(END, self.word, mine) && !planted(Bug::ForkUnnoticed) {
            return Err(Unclaimed::TakenOver);
        }
        *self = Self::begin(words, self.capacity, mine)?;
        Ok(())
    }

    /// The end that has just become ours, by `word`, where its last owner left it.
    fn begin(words: &LaneWords, capacity: u64, word: Word) -> Result<Self, Unclaimed> {
        // Relaxed: LN3 or D1 orders it after the last owner's commits.
        let at = words.positions[END].0.load(Relaxed);
        let mut hold = Self { at, ..Self::at_nothing(word, capacity) };
        if hold.look(words).is_err() {
            words.exchange(END, word, word.dropped());
            return Err(Unclaimed::Corrupt);
        }
        Ok(hold)
    }

    /// An end that can not move.
    fn at_nothing(word: Word, capacity: u64) -> Self {
        Self { word, other: Word(0), at: 0, limit: 0, crowded: false, capacity }
    }

    /// Has nothing more to do with the end, which goes to another process in a message. Returns the owner's word for it.
    pub(crate) fn depart(&mut self) -> u64 {
        let word = self.word;
        self.word = word.dropped(); // which `release` leaves alone
        word.0
    }

    /// Where the end stands. The slot has that number modulo the capacity.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// Slots that the end may use, as far as it knows.
    #[inline]
    pub(crate) fn known(&self) -> u64 {
        self.limit.wrapping_sub(self.at)
    }

    /// Slots that the end may use, looking at the other end only if it knows of none.
    ///
    /// # Errors
    /// [`Halt::Corrupt`].
    #[inline]
    pub(crate) fn some<P: Park>(&mut self, words: &LaneWords, park: &P) -> Result<u64, Halt> {
        let known = self.known();
        if known != 0 {
            return Ok(known);
        }
        if self.crowded {
            self.crowded = false;
            (0..LINGER).for_each(|_| park.relax());
        }
        let found = self.look(words)?;
        self.crowded = found != 0 && found < FEW;
        Ok(found)
    }

    /// Slots that the end may use, as the other end says now.
    ///
    /// # Errors
    /// [`Halt::Corrupt`]: it says what can not be.
    #[inline]
    pub(crate) fn look(&mut self, words: &LaneWords) -> Result<u64, Halt> {
        let order = if planted(Bug::LaneLookUnordered) { Relaxed } else { Acquire };
        // LN1 acquire (END is the consumer), or LN2 acquire (the producer).
        let other = words.positions[Self::OTHER].0.load(order);
        let slack = if END == PRODUCER { self.capacity } else { 0 };
        let limit = other.wrapping_add(slack);
        if limit.wrapping_sub(self.at) > self.capacity && !planted(Bug::RangeUnchecked) {
            return Err(Halt::Corrupt); // I5
        }
        self.limit = limit;
        Ok(self.known())
    }

    /// Uses the next `count` slots as `work` does, which gets the position of the first, and moves on: the commit.
    ///
    /// `count` is at most [`Hold::known`]. Never blocks.
    #[inline]
    pub(crate) fn pass<P: Park, R>(
        &mut self,
        words: &LaneWords,
        count: u64,
        park: &P,
        work: impl FnOnce(u64) -> R,
    ) -> R {
        let at = self.at;
        if planted(Bug::LaneCommitEarly) {
            self.commit(words, count, park);
            return work(at);
        }
        let done = work(at);
        self.commit(words, count, park);
        done
    }

    /// Moves on by `count` slots, at most [`Hold::known`], that were used; wakes the other end if it waits for that. Never blocks.
    #[inline]
    pub(crate) fn commit<P: Park>(&mut self, words: &LaneWords, count: u64, park: &P) {
        self.at = self.at.wrapping_add(count);
        let order = if planted(Bug::LaneCommitUnordered) { Relaxed } else { Release };
        words.positions[END].0.store(self.at, order); // LN1 release (END is the producer), or LN2 release: the commit
        if !planted(Bug::NotifierUnfenced) {
            park.light_fence(); // LN4, the notifier's side
        }
        if words.asleep[Self::OTHER].0.load(Relaxed) != 0 {
            wake(words, Self::OTHER, park);
        }
    }

    /// The same handle once more, as a fork makes it.
    #[cfg(all(test, loom))]
    pub(crate) fn copy(&self) -> Self {
        let Self { word, other, at, limit, crowded, capacity } = *self;
        Self { word, other, at, limit, crowded, capacity }
    }

    /// Whether the other end's owner is another one than when this was last asked, or none. For the common case; `true` says nothing.
    #[inline]
    pub(crate) fn may_be_alone(&self, words: &LaneWords) -> bool {
        // Relaxed: `is_alone` looks again.
        words.owners[Self::OTHER].0.load(Relaxed) != self.other.0
    }

    /// Whether the other end was dropped, or found dead and buried. Asks nobody.
    #[cold]
    pub(crate) fn is_alone(&mut self, words: &LaneWords) -> bool {
        let other = words.owner(Self::OTHER); // LN3 acquire
        if !other.is_dropped() {
            self.other = other;
        }
        other.is_dropped()
    }

    /// Whether the other end was dropped, or its owner is dead, and all whom that one forked.
    #[cold]
    pub(crate) fn is_gone<P: Park>(&self, words: &LaneWords, park: &P) -> bool {
        let other = words.owner(Self::OTHER); // LN3 acquire
        if other.is_free() || other.is_dropped() {
            return other.is_dropped();
        }
        // D1 acquire. Marked, so that nobody need ask again; if the exchange fails, the dead one had handed the end on.
        park.family_death(other.slot()).is_some() && words.exchange(Self::OTHER, other, other.dropped())
    }

    /// Waits, as `park` says, until there is a slot to use, and returns how many there are.
    ///
    /// # Errors
    /// Any [`Halt`]. A producer hears of it at once when the other end is gone, a consumer when nothing is left.
    #[cold]
    #[inline(never)]
    pub(crate) fn wait<P: Park>(&mut self, words: &LaneWords, park: &P) -> Result<u64, Halt> {
        let asleep = &words.asleep[END].0;
        let (mut spin, mut glances) = (Spin::steady(), GLANCES);
        let (mut rounds, mut in_time) = (0, true);
        loop {
            let slots = self.look(words)?;
            if slots != 0 {
                return Ok(slots);
            }
            if glances > 0 {
                glances -= 1;
                continue;
            }
            // Who is gone is asked for after the first sleep: it takes a system call.
            if self.is_alone(words) || rounds > 0 && self.is_gone(words, park) {
                return self.rest(words);
            }
            if !in_time {
                return Err(Halt::TimedOut);
            }
            if spin.pause(park) {
                continue;
            }
            asleep.store(1, Relaxed); // ordered by the fence
            if !planted(Bug::SleeperUnfenced) {
                park.heavy_fence(); // LN4, the sleeper's side
            }
            if self.look(words)? == 0 && !self.is_alone(words) {
                in_time = park.sleep(asleep, 1, rounds);
            }
            asleep.store(0, Relaxed); // whoever saw the 1 wakes nobody, or us once too often
            rounds = rounds.saturating_add(1);
            spin = Spin::steady();
        }
    }

    /// What a partner that is gone left behind: LN3 or D1 was acquired, so this is all there will be.
    fn rest(&mut self, words: &LaneWords) -> Result<u64, Halt> {
        if planted(Bug::RestOverlooked) || END == PRODUCER {
            return Err(Halt::Gone);
        }
        match self.look(words)? {
            0 => Err(Halt::Gone),
            slots => Ok(slots),
        }
    }

    /// Slots left to use, once the other end is known to be gone.
    ///
    /// # Errors
    /// [`Halt::Gone`] if there are none, and for a producer in any case; or [`Halt::Corrupt`].
    #[cold]
    pub(crate) fn leavings(&mut self, words: &LaneWords) -> Result<u64, Halt> {
        self.rest(words)
    }

    /// Gives the end up, unless another process has it: a copy that fork made gives up nothing that was used elsewhere since.
    pub(crate) fn release<P: Park>(&self, words: &LaneWords, park: &P) {
        // LN3 release: with all that was committed.
        if !self.word.is_dropped() && words.exchange(END, self.word, self.word.dropped()) {
            words.tell(Self::OTHER, park);
        }
    }
}

/// A look takes the other end's cache line away from it. One that found fewer slots than this came too early.
const FEW: u64 = 16;

/// Pauses before the next look then: not longer than an answer is on its way, so that nobody is kept waiting by them.
const LINGER: u32 = if cfg!(all(test, loom)) { 0 } else { 2 };

/// Looks that a waiter takes one after the other before it makes its first pause, each a nanosecond or so as long as nothing happens: a
/// partner that is awake answers within some hundred.
const GLANCES: u32 = if cfg!(all(test, loom)) { 0 } else { 1024 };

#[cold]
#[inline(never)]
fn wake<P: Park>(words: &LaneWords, end: usize, park: &P) {
    words.wake(end, park);
}
