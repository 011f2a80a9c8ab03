//! A barrier: parties wait for each other until all are there, and nobody waits for the dead.
//!
//! ```text
//!                 arrive: + 1                       arrive, the last: the crossing
//!    WHOLE(e, g, 0) ─────▶ … WHOLE(e, g, n - 1) ─────────────────────────▶ WHOLE(e, g + 1, 0)
//!          ▲  └─ deadline, abort, a member's death ─▶ BROKEN(e, g) ─┐
//!          └────── WHOLE(e + 1, g + 1, 0) ◀─────── reset ◀──────────┴── or from any other state
//! ```
//!
//! All of it is one word, so that each of these is one exchange, and there is no state half way:
//!
//! | bits   | field      | meaning                                                                      |
//! |--------|------------|------------------------------------------------------------------------------|
//! | 0..31  | generation | counts crossings and resets; the kernel sees the low half as a futex         |
//! | 31     | BROKEN     | nobody crosses any more, until a reset                                       |
//! | 32..48 | arrived    | parties that wait                                                            |
//! | 48     | SLEEPS     | somebody may sleep on the word                                               |
//! | 49..64 | epoch      | counts resets                                                                |
//!
//! | word             | meaning                                                                            |
//! |------------------|------------------------------------------------------------------------------------|
//! | 0, the head's    | the word above                                                                     |
//! | 1, `parties`     | how many cross together; a constant                                                |
//! | 2, `end`         | epoch and generation that the last reset ended: that generation was not crossed    |
//! | 3, `cause`       | an epoch, and the process whose death broke it                                     |
//! | a cell           | the process is a member: it has arrived in that epoch                              |
//! | `due`, the lock's | when a sleeper last asked whether a member is dead                                |
//!
//! | edge | release side                          | acquire side                        | publishes                          |
//! |------|---------------------------------------|-------------------------------------|------------------------------------|
//! | BA1  | `arrive`, its exchange                | `load`, by the last one             | what each party did before         |
//! | BA2  | `arrive`, the crossing; `break_off`; `reset` | `load`                       | what all did before; cause and end |
//! | BA3  | `write_end`                           | `reset`, its look at `end`          | that the word was as far as that   |
//! | BA4  | `enlist`                              | `arrive`, its look at the cell      | that the word was as far as that   |
//!
//! Invariants:
//! - I1. Every change of the word is an exchange, so BA1 and BA2 hold through whatever changes lie between.
//! - I2. A party that arrived in (e, g) knows how that ended. Another generation in the same epoch: crossed, since only that leads
//!   there. BROKEN: not. Another epoch: crossed, unless `end` names (e, g). If `end` speaks of another epoch, a second reset has
//!   begun since, and the party is told that it was broken (it was, at least once).
//! - I3. `end` names the epoch and the generation from which the word's last reset led away. Whoever writes it over has looked at
//!   it before it looked at the word (BA3), so it names no generation older than what stands there; and if the word went on
//!   meanwhile, its own exchange of the word fails, and it starts over.
//! - I4. A process is a member before it is counted, until the next reset: of several threads none takes the cell back to an
//!   older epoch (BA4, as I3). A member that ends, in order or not, breaks the barrier: it will not come again, and whoever
//!   waits for it would wait for ever.
//! - I5. Who breaks an epoch for a death saw the member's cell after it saw the epoch, then the death. Another process that has the
//!   seat by then is alive; and the sweep that freed the seat has broken the epoch itself.
//! - I6. Who sleeps set SLEEPS, or found it set. Only crossing, break and reset take it off; they change the low half, and wake all.
//!
//! (All numbers wrap: a party that sleeps through exactly 32,768 resets, or through 2^31 crossings in one epoch, may be told wrong.)
//!
//! | killed                              | what is left                                                            |
//! |-------------------------------------|-------------------------------------------------------------------------|
//! | before its cell says so             | nothing; it was no member, or is one from earlier: I4                   |
//! | before the exchange of `arrive`     | a member that is dead: `bury`, or a sleeper's look, breaks the barrier  |
//! | after it, waiting                   | the same                                                                |
//! | after the crossing, before the wake | all have crossed, and see it after a nap; nobody is the leader; then the same |
//! | in `break_off`, before the wake     | it is broken; sleepers see it after a nap                               |
//! | in `reset`, before the exchange     | an `end` that names what may yet be crossed; nobody of that epoch asks before a reset has written it anew |
//!
//! There is no lock, so nobody can be stopped while he holds it.

use super::planted::{Bug, planted};
use super::spin::Spin;
use super::{Head, Late, Owner, Park, Tally};
use crate::shim::{
    AtomicU64,
    Ordering::{self, Acquire, Relaxed, Release},
};

/// The words of a barrier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crossing<'a> {
    word: &'a AtomicU64,
    parties: &'a AtomicU64,
    end: &'a AtomicU64,
    cause: &'a AtomicU64,
    due: &'a AtomicU64,
    members: Tally<'a>,
}

/// Why a wait did not end in a crossing. The barrier is broken, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Somebody else broke it.
    Others,
    /// The caller's deadline passed.
    Deadline,
    /// A member died.
    Death { pid: u32 },
}

/// What came of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// The last one: all have crossed.
    Last,
    /// In this epoch and generation.
    Among(Word),
}

/// A value of the word: the only place that packs and unpacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    const GENERATION: u64 = (1 << 31) - 1;
    const BROKEN: u64 = 1 << 31;
    const ONE: u64 = 1 << 32;
    const ARRIVED: u64 = 0xffff << 32;
    const SLEEPS: u64 = 1 << 48;
    const EPOCH_AT: u32 = 49;

    fn generation(self) -> u64 {
        self.0 & Self::GENERATION
    }

    fn epoch(self) -> u64 {
        self.0 >> Self::EPOCH_AT
    }

    fn is_broken(self) -> bool {
        self.0 & Self::BROKEN != 0
    }

    fn arrived(self) -> u64 {
        (self.0 & Self::ARRIVED) >> 32
    }

    fn has_sleepers(self) -> bool {
        self.0 & Self::SLEEPS != 0
    }

    /// What the kernel compares.
    fn low(self) -> u32 {
        self.0 as u32
    }

    fn with_sleeper(self) -> Self {
        Self(self.0 | Self::SLEEPS)
    }

    /// With one party more. It is not the last.
    fn with_one_more(self) -> Self {
        Self(self.0 + Self::ONE)
    }

    /// In a generation and an epoch that nobody has arrived in.
    fn fresh(generation: u64, epoch: u64) -> Self {
        Self(generation & Self::GENERATION | epoch << Self::EPOCH_AT)
    }

    fn crossed(self) -> Self {
        Self::fresh(self.generation() + 1, self.epoch())
    }

    fn reset(self) -> Self {
        Self::fresh(self.generation() + 1, self.epoch() + 1)
    }

    fn broken(self) -> Self {
        Self(Self::fresh(self.generation(), self.epoch()).0 | Self::BROKEN)
    }

    /// Epoch and generation alone, in which nobody has arrived: what `end` says.
    fn ended(self) -> Self {
        Self::fresh(self.generation(), self.epoch())
    }

    /// What the cell of a member says.
    pub(super) fn membership(self) -> u64 {
        self.epoch() | 1 << 63
    }
}

/// In `cause`: the process id, this mark, and the epoch.
const NAMED: u64 = 1 << 32;
const CAUSE_EPOCH_AT: u32 = 33;

impl<'a> Crossing<'a> {
    /// The most parties that can be counted.
    pub(crate) const MOST: u64 = 0xffff;

    /// That in `head` and `members`, of [`super::Form::Barrier`].
    #[inline]
    pub(crate) fn of(head: &'a Head, members: Tally<'a>) -> Self {
        let [word, parties, end, cause] = &head.words;
        Self { word, parties, end, cause, due: head.lock.due(), members }
    }

    /// Makes it one for so many parties, [`Self::MOST`] at most. Before anybody else knows of it; the words are zeroes.
    pub(crate) fn make(self, parties: u64) {
        self.parties.store(parties, Relaxed); // whoever learns of it is ordered after this by how it learned
    }

    /// How many cross together.
    pub(crate) fn parties(self) -> u64 {
        self.parties.load(Relaxed).clamp(1, Self::MOST) // a constant
    }

    /// How many wait. Old at once.
    pub(crate) fn waiting(self) -> u64 {
        Word(self.word.load(Relaxed)).arrived()
    }

    /// Whether nobody crosses any more. Old at once.
    pub(crate) fn is_broken(self) -> bool {
        self.load().is_broken()
    }

    /// Arrives as a party of `me`'s process, and waits as `park` says until all are there. Returns whether it was the last.
    ///
    /// # Errors
    /// [`Broken`]: nobody crossed. At the caller's deadline nobody will.
    pub(crate) fn wait<P: Park>(self, me: Owner, park: &P) -> Result<bool, Broken> {
        match self.arrive(me, park)? {
            Arrived::Last => Ok(true),
            Arrived::Among(mine) => self.await_end(mine, park).map(|()| false),
        }
    }

    /// Counts a party of `me`'s process. The last one's exchange is the crossing.
    pub(super) fn arrive<P: Park>(self, me: Owner, park: &P) -> Result<Arrived, Broken> {
        loop {
            let was = self.membership(me);
            let seen = self.load();
            if seen.is_broken() {
                return Err(self.why(seen));
            }
            if !planted(Bug::EnlistedLate) && !self.enlist(me, was, seen) {
                continue;
            }
            let is_last = seen.arrived() + 1 >= self.parties();
            let after = if is_last { seen.crossed() } else { seen.with_one_more() };
            // BA1 release by each; the last one's is BA2 release, and hands on what BA1 told it.
            let bug = if is_last { Bug::CrossRelaxed } else { Bug::ArriveRelaxed };
            if !self.exchange(seen, after, if planted(bug) { Relaxed } else { Release }) {
                continue;
            }
            if planted(Bug::EnlistedLate) {
                park.death(me.slot()); // where the model may kill
                self.enlist(me, was, seen);
            }
            if !is_last {
                return Ok(Arrived::Among(seen.ended()));
            }
            if !planted(Bug::CrossingUnheard) {
                self.wake_from(seen, park);
            }
            return Ok(Arrived::Last);
        }
    }

    /// What the cell of `me`'s process says.
    pub(super) fn membership(self, me: Owner) -> u64 {
        // BA4 acquire: the word is at least as far as whoever wrote this saw it.
        self.members.word(me.slot()).map_or(0, |cell| cell.load(Acquire))
    }

    /// Makes the process of `me` a member in the epoch of `seen`. `false`: another thread wrote to the cell since it `was` like that.
    pub(super) fn enlist(self, me: Owner, was: u64, seen: Word) -> bool {
        let Some(cell) = self.members.word(me.slot()) else { return true };
        if planted(Bug::EnlistedBlindly) {
            cell.store(seen.membership(), Release);
            return true;
        }
        // BA4 release. The dead one's cell is read after its death.
        was == seen.membership() || cell.compare_exchange(was, seen.membership(), Release, Relaxed).is_ok()
    }

    /// How the generation ended in which a party arrived that saw `mine`, if it has: whether it was crossed.
    fn ending(self, mine: Word, now: Word) -> Option<bool> {
        if now.epoch() == mine.epoch() || planted(Bug::ResetForCrossing) {
            let crossed = now.generation() != mine.generation();
            return (crossed || now.is_broken()).then_some(crossed);
        }
        // Relaxed: BA2 was made by loading `now`, which the reset led to that wrote this, or a later one did.
        let end = Word(self.end.load(Relaxed));
        Some(end.epoch() == mine.epoch() && end != mine)
    }

    /// Waits until the generation has ended in which a party arrived that saw `mine`.
    pub(super) fn await_end<P: Park>(self, mine: Word, park: &P) -> Result<(), Broken> {
        let mut spin = Spin::new();
        let mut rounds = 0_u32;
        loop {
            let now = self.load();
            if let Some(crossed) = self.ending(mine, now) {
                return if crossed { Ok(()) } else { Err(self.why(mine)) };
            }
            if spin.pause(park) {
                continue;
            }
            let asleep = if planted(Bug::PartySleepsUnsaid) { now } else { now.with_sleeper() };
            // Relaxed: a word to the wakers.
            if now != asleep && !self.exchange(now, asleep, Relaxed) {
                continue;
            }
            if !park.sleep(self.word, asleep.low(), rounds) {
                return self.out_of_time(mine, park);
            }
            rounds = rounds.saturating_add(1);
            self.look(park);
        }
    }

    /// Breaks the barrier since a party leaves that arrived seeing `mine`, unless its generation has ended after all.
    fn out_of_time<P: Park>(self, mine: Word, park: &P) -> Result<(), Broken> {
        loop {
            let now = self.load();
            match self.ending(mine, now) {
                Some(true) => return Ok(()),
                Some(false) => return Err(self.why(mine)),
                None if planted(Bug::LeftUnbroken) || self.break_off(now, park) => {
                    return Err(Broken::Deadline);
                }
                None => {}
            }
        }
    }

    /// Breaks the barrier if it still is as it was `seen`, and wakes all.
    fn break_off<P: Park>(self, seen: Word, park: &P) -> bool {
        let broken = self.exchange(seen, seen.broken(), Release); // BA2 release
        if broken {
            self.wake_from(seen, park);
        }
        broken
    }

    /// Breaks the barrier. Never blocks.
    pub(crate) fn abort<P: Park>(self, park: &P) {
        loop {
            let seen = self.load();
            if seen.is_broken() || self.break_off(seen, park) {
                return;
            }
        }
    }

    /// Makes it whole, without members; who waits is told that it was broken. Never blocks.
    pub(crate) fn reset<P: Park>(self, park: &P) {
        loop {
            // BA3 acquire: the word below is at least as far as whoever wrote this saw it.
            let order = if planted(Bug::EndUnordered) { Relaxed } else { Acquire };
            let written = self.end.load(order);
            let seen = self.load();
            if !planted(Bug::EndUnwritten) && !planted(Bug::EndWrittenLate) && !self.write_end(written, seen)
            {
                continue;
            }
            // BA2 release: who sees the new epoch sees what ended the old one.
            if self.exchange(seen, seen.reset(), Release) {
                if planted(Bug::EndWrittenLate) {
                    self.write_end(written, seen);
                }
                self.wake_from(seen, park);
                return;
            }
        }
    }

    /// Writes down that a reset is about to end the generation of `seen`. `false`: somebody else wrote since `written` was read.
    fn write_end(self, written: u64, seen: Word) -> bool {
        let order = if planted(Bug::EndUnordered) { Relaxed } else { Release }; // BA3 release
        self.end.compare_exchange(written, seen.ended().0, order, Relaxed).is_ok()
    }

    /// Why a party of that epoch did not cross.
    fn why(self, mine: Word) -> Broken {
        let cause = self.cause.load(Relaxed); // BA2 ordered it after the break
        if cause & NAMED != 0 && cause >> CAUSE_EPOCH_AT == mine.epoch() {
            Broken::Death { pid: cause as u32 }
        } else {
            Broken::Others
        }
    }

    /// Breaks the barrier because `pid` is dead, which was a member in the epoch of `seen`, if that lasts.
    fn break_for<P: Park>(self, pid: u32, seen: Word, park: &P) {
        loop {
            let cause = self.cause.load(Relaxed);
            let now = self.load();
            if now.epoch() != seen.epoch() || now.is_broken() {
                return;
            }
            // The first one counts: who is told reads it once, but all shall read the same.
            if cause & NAMED == 0 || cause >> CAUSE_EPOCH_AT != now.epoch() {
                let named = u64::from(pid) | NAMED | now.epoch() << CAUSE_EPOCH_AT;
                // Relaxed: `break_off` releases it, or whoever did so before had a cause as good.
                let _ = self.cause.compare_exchange(cause, named, Relaxed, Relaxed);
            }
            if self.break_off(now, park) {
                return;
            }
        }
    }

    /// A sleeper's look at the members, when it is its turn: one that died breaks the barrier.
    fn look<P: Park>(self, park: &P) {
        if planted(Bug::MemberOverlooked) || !park.is_due(self.due) {
            return;
        }
        let seen = self.load();
        let dead = self
            .members
            .iter()
            .filter(|(_, cell)| cell.first().is_some_and(|cell| cell.load(Relaxed) == seen.membership()))
            .find_map(|(seat, _)| park.death(seat)); // D1 acquire is not needed: its cell is all there is to see
        if let Some(pid) = dead {
            self.break_for(pid, seen, park);
        }
    }

    /// The process of `late` is no member any more; if it was, the barrier is broken.
    pub(super) fn bury<P: Park>(self, late: Late, park: &P) {
        let Some(cell) = self.members.word(late.slot) else { return };
        let seen = self.load();
        if cell.load(Relaxed) == seen.membership() && !planted(Bug::MemberBuried) {
            self.break_for(late.pid, seen, park);
        }
        cell.store(0, Relaxed); // the dead change nothing, and nobody else has the seat yet
    }

    fn wake_from<P: Park>(self, seen: Word, park: &P) {
        if seen.has_sleepers() {
            park.wake(self.word, u32::MAX);
        }
    }

    #[inline]
    pub(super) fn load(self) -> Word {
        // BA1 acquire, BA2 acquire: what the parties did before they arrived, and why it was broken or reset. No word comes back,
        // so who exchanges the one that was loaded here has it from the same store.
        Word(self.word.load(if planted(Bug::CrossedUnordered) { Relaxed } else { Acquire }))
    }

    #[inline]
    fn exchange(self, seen: Word, new: Word, order: Ordering) -> bool {
        // Relaxed on failure: a loser looks again.
        self.word.compare_exchange(seen.0, new.0, order, Relaxed).is_ok()
    }
}
