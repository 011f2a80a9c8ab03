//! A queue with two ends, each under a lock of its own: many put items in, many take them out, in order.
//!
//! ```text
//!            head                          tail
//!   ──────────┬─────────────────────────────┬──────────▶ positions, which only grow
//!    taken    │ [head, tail): there to take │  free, up to head + capacity
//!             └─ receive side: lock 2       └─ send side: lock 1
//!
//!   send:     lock 1 ─ room? ─ write the item ─ tail = tail + n (commit) ─ unlock ─ wake who waits for items
//!   receive:  lock 2 ─ any?  ─ copy the item  ─ head = head + n (commit) ─ unlock ─ wake who waits for room
//!   wait:     lock of the *other* side ─ look again ─ say that somebody waits ─ unlock ─ sleep on its bell
//! ```
//!
//! What the positions count is the caller's: items of one size, or bytes. Where the items lie is the caller's, too.
//!
//! | edge | release side                   | acquire side                     | publishes                              |
//! |------|--------------------------------|----------------------------------|----------------------------------------|
//! | Q1   | `commit` of the tail           | `look` at the tail               | the items below it                     |
//! | Q2   | `commit` of the head           | `look` at the head               | that nobody reads below it any more    |
//! | Q3   | `ring_all`                     | `announce`, its look at the bell | why it rang: closed, or nobody is left |
//! | Q4   | `leave`, `bury`, `close`       | `flags`                          | what was sent before                   |
//! | Q5   | `leave`, `bury`, then `sum`    | the same of another one          | the last one to go sees that it is     |
//! | Q6   | `join`                         | `is_deserted`                    | that a place is counted elsewhere now  |
//!
//! What one holder of a side did is ordered before the next one by the lock (E1). So the cached position `seen`, `awaited`, and
//! whatever the caller keeps beside them are Relaxed.
//!
//! Invariants:
//! - I1. `head <= tail <= head + capacity`. Each is changed by the holder of its lock alone, by one store.
//! - I2. Nobody writes to what lies in `[head, tail)`: a sender looked at the head (Q2) before it wrote beyond the tail.
//! - I3. Whoever sleeps on a bell said so in `awaited`, under the lock of the side that rings it, after a look at its position. So
//!   either it sees the next commit, or that commit sees `awaited`, changes the bell, and wakes it: no fence is needed for that.
//! - I4. `awaited` names the bell that the sleeper saw. It goes by an exchange of that very value, by a ringer who found fewer
//!   sleepers than it had items for: nobody who came later is forgotten by that, since the bell had changed before.
//!
//! **Deaths.** Killed before the commit store: nothing was sent, or taken; what was written lies beyond the tail. After it: it was. A lock
//! that is taken from the dead needs no repair, since every state between two stores is a legal queue. Killed after the commit and
//! before the wake: who sleeps finds out after a nap. A sleeper that is killed leaves at most `awaited` behind, which costs the next
//! commit a system call; one that was woken and is killed may leave an item to others that sleep: they look after a nap.

use super::planted::{Bug, planted};
use super::spin::Spin;
use super::{LockError, Owner, Park, PoisonLock, Tally};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
};

/// One side: two cache lines.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Side {
    lock: PoisonLock,
    position: AtomicU64,
    /// The position of the other side, when somebody last looked.
    seen: AtomicU64,
    /// 0, or the bell that a sleeper saw, plus one.
    awaited: AtomicU64,
    /// Those who wait for this side to move sleep on it.
    bell: AtomicU64,
    /// Not 0: the last look at the other side found that it had moved, but hardly.
    crowded: AtomicU64,
    /// The caller's own, changed by who holds the side: where the items lie.
    place: [AtomicU64; PLACE],
}

/// Words that the caller has at each side.
pub(crate) const PLACE: usize = 7;

/// A look at the other side takes its cache line away from who is at work there. One that found less than so many positions was too early.
const FEW: u64 = 16;

/// Pauses before the next look then: about as long as the line is on its way. Two sides that work hand in
/// hand get twice as much done, and answers come no later.
const LINGER: u32 = if cfg!(all(test, loom)) { 0 } else { 4 };

/// The control words of a queue. Zeroed, they are an open queue without items.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct FifoWords {
    send: Side,
    receive: Side,
    flags: AtomicU64,
    /// When somebody last asked whether those at the other end are dead.
    pub(super) due: AtomicU64,
    /// Which queue it is: no two ever had the same number. A constant, as the next two.
    pub(crate) number: AtomicU64,
    /// How many positions it has room for; 0: as many as there is memory for.
    pub(crate) capacity: AtomicU64,
    /// Bytes of an item; 0: they differ.
    pub(crate) item: AtomicU64,
    /// The caller's own: the first place for items that there was.
    pub(crate) first: AtomicU64,
    /// Items that were in the hands of somebody killed, and that the queue knows of.
    pub(crate) lost: AtomicU64,
    /// For `tasks`.
    pub(super) done_bell: AtomicU64,
    pub(super) done_awaited: AtomicU64,
    /// How often somebody joined.
    joined: AtomicU64,
    rest: [AtomicU64; 6],
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Side>() == 128 && size_of::<FifoWords>() == 384);

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Where items are put in.
    Send,
    /// Where they are taken out.
    Receive,
}

impl End {
    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Send => Self::Receive,
            Self::Receive => Self::Send,
        }
    }

    /// One registration at this end, in a cell.
    const fn unit(self) -> u64 {
        match self {
            Self::Send => 1,
            Self::Receive => 1 << 32,
        }
    }

    /// How many registrations at this end a cell holds.
    const fn count(self, cell: u64) -> u64 {
        match self {
            Self::Send => cell & 0xffff_ffff,
            Self::Receive => cell >> 32,
        }
    }

    /// The flag that says that nobody may be left at this end.
    const fn deserted(self) -> u64 {
        match self {
            Self::Send => 2,
            Self::Receive => 4,
        }
    }
}

/// The flag that says that nothing is sent any more.
const CLOSED: u64 = 1;

/// The queue: its words, and who is registered at its ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fifo<'a> {
    words: &'a FifoWords,
    ends: Tally<'a>,
}

/// A side that is held. Dropping it releases it, and wakes those for whom something was committed.
#[derive(Debug)]
pub(crate) struct Held<'a, 'p, P: Park> {
    side: &'a Side,
    other: &'a Side,
    park: &'p P,
    me: Owner,
    committed: u64,
    /// What `awaited` said when something was committed; 0: nobody was waiting.
    awaited: u64,
}

impl FifoWords {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let side = || Side {
            lock: PoisonLock::new(),
            position: zero(),
            seen: zero(),
            awaited: zero(),
            bell: zero(),
            crowded: zero(),
            place: std::array::from_fn(|_| zero()),
        };
        Self {
            send: side(),
            receive: side(),
            flags: zero(),
            due: zero(),
            number: zero(),
            capacity: zero(),
            item: zero(),
            first: zero(),
            lost: zero(),
            done_bell: zero(),
            done_awaited: zero(),
            joined: zero(),
            rest: std::array::from_fn(|_| zero()),
        }
    }

    /// Which queue it is.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Relaxed)
    }

    /// Whether somebody who may be alive holds the side of `end`. If not, all is seen that the last one did there.
    pub(crate) fn is_held_by_living<P: Park>(&self, end: End, park: &P) -> bool {
        self.side(end).lock.owner_lock().is_held_by_living(park)
    }

    /// The caller's own words of the side of `end`. To be changed by who holds that side.
    pub(crate) const fn place(&self, end: End) -> &[AtomicU64; PLACE] {
        &self.side(end).place
    }

    /// How far `end` has come.
    #[inline]
    pub(crate) fn position(&self, end: End) -> u64 {
        // Q1, Q2 acquire: whoever goes by it without the lock of that side has seen what was committed.
        self.side(end).position.load(Acquire)
    }

    /// The lock of the send side, with which the block begins: the sweep frees it as it does that of any block.
    #[cfg(test)]
    pub(super) fn first_lock(&self) -> &PoisonLock {
        &self.send.lock
    }

    /// The side of `end`.
    const fn side(&self, end: End) -> &Side {
        match end {
            End::Send => &self.send,
            End::Receive => &self.receive,
        }
    }
}

impl<'a> Fifo<'a> {
    /// The queue of these words. A cell of `ends` begins with the word of its seat's registrations.
    #[inline]
    pub(crate) const fn of(words: &'a FifoWords, ends: Tally<'a>) -> Self {
        Self { words, ends }
    }

    /// Takes the side of `end` for `me`, waiting as `park` says.
    ///
    /// # Errors
    /// Those of [`PoisonLock::lock`].
    #[inline]
    pub(crate) fn hold<'p, P: Park>(
        &self,
        end: End,
        me: Owner,
        park: &'p P,
    ) -> Result<Held<'a, 'p, P>, LockError> {
        match self.hold_free(end, me, park) {
            Some(held) => Ok(held),
            None => self.hold_slow(end, me, park),
        }
    }

    /// As [`Fifo::hold`], if nobody else wants the side. For the common case; `None` says nothing.
    #[inline]
    pub(crate) fn hold_free<'p, P: Park>(&self, end: End, me: Owner, park: &'p P) -> Option<Held<'a, 'p, P>> {
        self.words.side(end).lock.lock_free(me).then(|| self.held(end, me, park))
    }

    #[inline]
    fn held<'p, P: Park>(&self, end: End, me: Owner, park: &'p P) -> Held<'a, 'p, P> {
        let (side, other) = (self.words.side(end), self.words.side(end.other()));
        Held { side, other, park, me, committed: 0, awaited: 0 }
    }

    #[cold]
    #[inline(never)]
    fn hold_slow<'p, P: Park>(&self, end: End, me: Owner, park: &'p P) -> Result<Held<'a, 'p, P>, LockError> {
        // Deaths need no repair: the cause is of no interest.
        self.words.side(end).lock.lock(me, park)?;
        Ok(self.held(end, me, park))
    }

    /// Its words.
    pub(crate) const fn words(&self) -> &'a FifoWords {
        self.words
    }

    /// How far `end` has come. True for a moment, unless the caller holds the side.
    #[inline]
    pub(crate) fn position(&self, end: End) -> u64 {
        self.words.position(end)
    }

    /// Waits, as `park` says, until the side of `end` has moved on from `position`, or its bell rings for another reason. Spins for a
    /// while, then sleeps. `is_over` is asked after the bell was looked at: whether there is a reason not to sleep.
    ///
    /// One nap at most: the caller looks again, and says how often it did (`round`). `Ok(false)`: the deadline passed.
    ///
    /// # Errors
    /// Those of [`Fifo::hold`].
    pub(crate) fn wait<P: Park>(
        &self,
        end: End,
        position: u64,
        me: Owner,
        park: &P,
        round: u32,
        is_over: impl Fn() -> bool,
    ) -> Result<bool, LockError> {
        let side = self.words.side(end);
        let mut spin = Spin::for_others();
        while spin.pause(park) {
            // Relaxed: a hint, after which the caller takes a lock and looks.
            if side.position.load(Relaxed) != position {
                return Ok(true);
            }
        }
        let mut asked = planted(Bug::ReasonsFirst).then(&is_over);
        let Some(bell) = self.announce(end, position, me, park)? else { return Ok(true) };
        if *asked.get_or_insert_with(is_over) {
            return Ok(true);
        }
        Ok(park.sleep(bell.0, bell.1, round))
    }

    /// Says that somebody waits for the side of `end` to move on from `position`; returns the bell to sleep on, and what it says: the
    /// caller looks for reasons not to sleep first. `None`: the side has moved on.
    ///
    /// # Errors
    /// Those of [`Fifo::hold`].
    pub(crate) fn announce<P: Park>(
        &self,
        end: End,
        position: u64,
        me: Owner,
        park: &P,
    ) -> Result<Option<(&'a AtomicU64, u32)>, LockError> {
        let side = self.words.side(end);
        let _held = if planted(Bug::AwaitedUnlocked) { None } else { Some(self.hold(end, me, park)?) };
        // Relaxed: the lock orders it (I3).
        if side.position.load(Relaxed) != position && !planted(Bug::NoSecondLook) {
            return Ok(None);
        }
        // Q3 acquire: the reasons for which it rang up to now are seen by who looks for them next.
        let bell = side.bell.load(if planted(Bug::BellLooksRelaxed) { Relaxed } else { Acquire });
        // An exchange, as the one in `ring` that may come between: the model checker orders two of these, but not one and a store.
        side.awaited.swap((bell & LOW) + 1, Relaxed);
        Ok(Some((&side.bell, bell as u32)))
    }

    /// Wakes everybody who waits at either side: something else than a position has changed.
    pub(crate) fn ring_all<P: Park>(&self, park: &P) {
        for side in [&self.words.send, &self.words.receive] {
            // Q3 release: who sees the bell sees why it rang.
            side.bell.fetch_add(1, Release);
            park.wake(&side.bell, u32::MAX);
        }
    }

    /// Lets nothing more be sent; returns whether that is new.
    ///
    /// Blocks while somebody sends. What was committed before stays to be taken.
    ///
    /// # Errors
    /// Those of [`Fifo::hold`].
    pub(crate) fn close<P: Park>(&self, me: Owner, park: &P) -> Result<bool, LockError> {
        let held = self.hold(End::Send, me, park)?;
        // Q4 release: who finds it closed finds what was sent before. Under the lock: nobody sends after it.
        let was = self.words.flags.fetch_or(CLOSED, Release);
        drop(held);
        self.ring_all(park);
        Ok(was & CLOSED == 0)
    }

    #[inline]
    fn flags(&self) -> u64 {
        // Q4 acquire: who finds that nobody will send any more then looks at the tail.
        let order = if planted(Bug::ClosedUnordered) { Relaxed } else { Acquire };
        self.words.flags.load(order)
    }

    /// Whether it was closed.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.flags() & CLOSED != 0
    }

    /// Whether nobody may be left at `end`: a reason to look closer.
    pub(crate) fn seems_deserted(&self, end: End) -> bool {
        self.flags() & end.deserted() != 0
    }

    /// Whether it was closed, or nobody may be left at `end`: a reason to look closer.
    #[inline]
    pub(crate) fn may_be_over(&self, end: End) -> bool {
        self.flags() & (CLOSED | end.deserted()) != 0
    }

    /// Registers the participant in `seat` at `end`, once more.
    pub(crate) fn join(&self, end: End, seat: u16) {
        if let Some(cell) = self.ends.word(seat) {
            cell.fetch_add(end.unit(), AcqRel); // Q4: before the flag goes
            self.words.joined.fetch_add(1, AcqRel); // Q6 release: before whoever hands its place on leaves
        }
        self.words.flags.fetch_and(!end.deserted(), AcqRel); // as above; a hint, which `is_deserted` may belie
    }

    /// Takes one registration of the participant in `seat` at `end` back, and wakes who waits for those who are gone.
    pub(crate) fn leave<P: Park>(&self, end: End, seat: u16, park: &P) {
        let Some(cell) = self.ends.word(seat) else { return };
        // Q4 release: who finds it gone finds what it sent. Q5: before the look at the others.
        let was_last_here = end.count(cell.fetch_sub(end.unit(), SeqCst)) == 1;
        // Others may be dead, and nobody has noticed: what sends without waiting would never ask.
        if was_last_here && (self.sum(end) == 0 || self.is_deserted(end, true, park)) {
            self.desert(end, park);
        }
    }

    /// Says that nobody may be left at `end`.
    pub(crate) fn desert<P: Park>(&self, end: End, park: &P) {
        self.words.flags.fetch_or(end.deserted(), AcqRel); // Q4 release
        self.ring_all(park);
    }

    /// Registrations at `end`, of the living and of the dead that nobody has noticed.
    fn sum(&self, end: End) -> u64 {
        // Q4 acquire, Q5.
        self.ends.iter().map(|(_, cell)| cell.first().map_or(0, |word| end.count(word.load(SeqCst)))).sum()
    }

    /// How often somebody joined. If that is the same before and after a look at all places where a registration may be, none was moved
    /// from where the look had yet to come to where it had been.
    pub(crate) fn joins(&self) -> u64 {
        self.words.joined.load(Acquire) // Q6
    }

    /// Whether nobody living is registered at `end`. Asks for deaths only when it is the caller's turn, or `urgent`: what was there
    /// a moment ago is taken to be there still.
    pub(crate) fn is_deserted<P: Park>(&self, end: End, urgent: bool, park: &P) -> bool {
        let asks = urgent || park.is_due(&self.words.due);
        // Q6 acquire: a place that is handed on while the cells are looked at, one after the other, may be in none of them.
        let joined = self.joins();
        let empty = self.ends.iter().all(|(seat, cell)| {
            // Q4 acquire: what it sent before it left is there for who looks after this.
            let registered = cell.first().is_some_and(|word| end.count(word.load(Acquire)) != 0);
            !registered || asks && park.family_death(seat).is_some()
        });
        // Relaxed: who was seen to leave had seen those join to whom it handed on (Q4).
        empty && (planted(Bug::HandedOnUnseen) || self.words.joined.load(Relaxed) == joined)
    }

    /// Takes what the dead participant in `seat` held from it, and wakes who waits for it.
    pub(crate) fn bury<P: Park>(&self, seat: u16, pid: u32, park: &P) {
        if self.words.receive.lock.owner_lock().orphan(seat, pid) {
            park.wake(self.words.receive.lock.owner_lock().futex_word(), u32::MAX);
        }
        let Some(cell) = self.ends.word(seat) else { return };
        let had = cell.swap(0, SeqCst); // Q4 release: hands on what D1 told the sweeper. Q5
        // Relaxed: what the dead one did is known (D1). A queue that nobody ever joined is deserted by nobody.
        let registers = self.words.joined.load(Relaxed) != 0;
        for end in [End::Send, End::Receive] {
            // Repeated by the next sweeper if this one is killed: then `had` is 0, and the sum says the same.
            let unsaid = had != 0 || registers && self.words.flags.load(Relaxed) & end.deserted() == 0;
            if self.sum(end) == 0 && unsaid {
                self.desert(end, park);
            }
        }
    }
}

/// What of a bell the kernel compares.
const LOW: u64 = 0xffff_ffff;

impl<P: Park> Held<'_, '_, P> {
    /// How far this side has come.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.side.position.load(Relaxed) // the lock orders it
    }

    /// How far the other side had come, when somebody last looked.
    #[inline]
    pub(crate) fn seen(&self) -> u64 {
        self.side.seen.load(Relaxed) // the lock orders it, and the look that it stems from
    }

    /// Looks how far the other side has come. `lingers`: not at once, if the last look came too early.
    #[inline]
    pub(crate) fn look(&self, lingers: bool) -> u64 {
        // Relaxed: the lock orders what is of this side.
        if lingers && self.side.crowded.load(Relaxed) != 0 {
            (0..LINGER).for_each(|_| self.park.relax());
        }
        // Q1, Q2 acquire: the items below it are whole; what lies below it is read by nobody.
        let order = if planted(Bug::LookUnordered) { Relaxed } else { Acquire };
        let position = self.other.position.load(order);
        let moved = position.wrapping_sub(self.side.seen.load(Relaxed));
        self.side.crowded.store(u64::from(moved != 0 && moved < FEW), Relaxed);
        self.side.seen.store(position, Relaxed); // for who holds the side next
        position
    }

    /// The caller's own words of this side.
    #[inline]
    pub(crate) fn place(&self) -> &[AtomicU64; PLACE] {
        &self.side.place
    }

    /// Moves this side on to `position`: the commit. What is there to be sent is written by now, what was to be taken is copied.
    /// `count` who wait for it will be woken.
    #[inline]
    pub(crate) fn commit(&mut self, position: u64, count: u64) {
        // Q1, Q2 release.
        let order = if planted(Bug::PositionUnordered) { Relaxed } else { Release };
        self.side.position.store(position, order);
        self.committed = self.committed.saturating_add(count);
        let awaited = self.side.awaited.load(Relaxed); // I3: the lock orders it
        if awaited != 0 && self.awaited == 0 {
            self.awaited = awaited;
            // Relaxed: whoever is about to sleep on the old one does not; what it says is said by the lock.
            if !planted(Bug::BellUnchanged) {
                self.side.bell.fetch_add(1, Relaxed);
            }
        }
    }

    /// Wakes those for whom something was committed.
    #[cold]
    #[inline(never)]
    fn ring(&self) {
        let count = u32::try_from(self.committed).unwrap_or(u32::MAX);
        if planted(Bug::RungForNobody) {
            return;
        }
        if self.park.wake(&self.side.bell, count) < count {
            if planted(Bug::AwaitedErased) {
                self.side.awaited.store(0, Relaxed);
            }
            // I4. Relaxed: it carries no data.
            let _ = self.side.awaited.compare_exchange(self.awaited, 0, Relaxed, Relaxed);
        }
    }
}

impl<P: Park> Drop for Held<'_, '_, P> {
    #[inline]
    fn drop(&mut self) {
        if !self.side.lock.unlock_free(self.me) {
            self.side.lock.unlock(self.park);
        }
        if self.awaited != 0 {
            self.ring();
        }
    }
}
