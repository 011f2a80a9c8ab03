//! A condition variable: who waits takes a berth, who notifies grants berths, and a death forgets nobody.
//!
//! ```text
//!            take (mutex held)             notify                    leave (mutex held again)
//!    FREE ────────────────────▶ WAITING ───────────▶ GRANTED ──────────────────────────────▶ FREE
//!                                │   │                   │
//!         deadline, `give_up` ───┘   └── process dies ───┴─▶ FREE; was it GRANTED, everybody else is granted, too
//! ```
//!
//! A berth is a place for one waiting thread, two bits of a word; the cell of a process has two such words. A grant names the
//! berth, so it reaches a thread that waited when it was given, and no later one can take it away. A thread that leaves at its
//! deadline frees its berth, and nobody else notices.
//!
//! | bits   | field   | meaning                                                                         |
//! |--------|---------|---------------------------------------------------------------------------------|
//! | 0..26  | GRANTED | one bit for each berth; the kernel sees the low half as a futex                 |
//! | 31     | SLEEPS  | somebody may sleep on the word                                                  |
//! | 32..58 | TAKEN   | one bit for each berth: a thread waits there, or its wait was granted and is not over |
//! | 58..63 | from    | the berth behind the one granted last: who is next, so that all get their turn  |
//! | 63     | TOUCHED | in the first word: the process has waited or notified here                      |
//!
//! | word of the head | meaning                                                                            |
//! |------------------|------------------------------------------------------------------------------------|
//! | 0, `next`        | the word of all cells at which the next search begins                              |
//! | 1, `arrivals`    | how many waits there were                                                          |
//! | 2, `served`      | the first so many of them wait no more: a notification that finds no others is over at once |
//! | 3, `crowd`       | bit 0: threads wait for whom no berth was left; each notification calls all of them, and counts on |
//! | `due`, the lock's | when a sleeper last asked whether one of the others is dead                       |
//!
//! | edge | release side                        | acquire side                        | publishes                        |
//! |------|-------------------------------------|-------------------------------------|----------------------------------|
//! | CV1  | `take`, the count of arrivals       | `notify`, its look at the count     | the berths of those who are counted |
//!
//! Nothing else is published: a waiter takes the mutex again before it looks at any data. That a notifier who had the mutex after
//! the waiter sees its berth follows from the mutex's own edge, E1; so all accesses but CV1's are relaxed.
//!
//! Invariants:
//! - I1. A berth is taken before the mutex is released, and given up by the thread in it, or by its burial. Everybody may
//!   grant it, by an exchange, which fails if the thread gave it up meanwhile.
//! - I2. A granted berth is not granted again until it was given up: `n` grants reach `n` waiters.
//! - I3. Who sleeps set SLEEPS, or found it set, on the word that the kernel compared. A grant takes SLEEPS off and wakes all
//!   who sleep on the word: those not meant set it again.
//! - I4. `served` becomes a number of arrivals that was read before all berths were looked through, and none was left waiting.
//! - I5. Sleeps are bounded: who was granted by one that died before the wake finds it after a nap.
//!
//! | killed                     | what is left                            | who puts it right                                       |
//! |----------------------------|-----------------------------------------|---------------------------------------------------------|
//! | before `take` ends         | at most a berth, the mutex held         | the next one to lock; then as below                     |
//! | while it waits             | a TAKEN berth, which may yet be granted | `bury`: nothing is waiting there any more               |
//! | granted, before `leave`    | a grant that nobody used                | `bury`, `look`: everybody is granted, since nobody knows who would have been |
//! | anywhere else, and in `notify` | perhaps a change that nobody was told of | the same, if the process did not end in order        |
//! | in `bury`                  | the cell as it was, or without TAKEN bits that are not GRANTED | the next sweep repeats it; a grant stays until all are told |
//!
//! So a death may wake those who wait for nothing. It need not wait for the sweep: one of the sleepers looks now and then whether
//! a process that touched the condition variable is dead, and grants everybody. It does so again and again until the dead one is
//! swept: not being the sweep, it may not change the cell, which may be somebody else's by then. (A grant may hit somebody
//! else's cell; it is one to a waiter.)

use super::planted::{Bug, planted};
use super::spin::Spin;
use super::{Head, Late, Owner, Park, Tally};
use crate::shim::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Who waits for a condition variable: a view of its words. Zeroed words are one for which nobody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Berths<'a> {
    next: &'a AtomicU64,
    arrivals: &'a AtomicU64,
    served: &'a AtomicU64,
    crowd: &'a AtomicU64,
    due: &'a AtomicU64,
    cells: Tally<'a>,
}

/// What a thread holds from before it releases the mutex until it has it again.
#[derive(Debug)]
pub(crate) struct Berth<'a>(Place<'a>);

#[derive(Debug)]
enum Place<'a> {
    /// A berth of that number in that word.
    Berth(&'a AtomicU64, u32),
    /// None was left. The low half of `crowd`, until all in the crowd are called.
    Crowd(u32),
    /// Given up.
    Nowhere,
}

/// A value of a cell's word: the only place that packs and unpacks it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    /// Berths of a word.
    const BERTHS: u32 = 26;
    const ALL: u32 = (1 << Self::BERTHS) - 1;
    const SLEEPS: u64 = 1 << 31;
    const FROM_AT: u32 = 58;
    const FROM: u64 = 31 << Self::FROM_AT;
    const TOUCHED: u64 = 1 << 63;

    fn granted(self) -> u32 {
        self.0 as u32 & Self::ALL
    }

    fn taken(self) -> u32 {
        (self.0 >> 32) as u32 & Self::ALL
    }

    fn waiting(self) -> u32 {
        self.taken() & !self.granted()
    }

    fn has_sleepers(self) -> bool {
        self.0 & Self::SLEEPS != 0
    }

    /// What the kernel compares.
    fn low(self) -> u32 {
        self.0 as u32
    }

    /// A berth that nobody has.
    fn vacancy(self) -> Option<u32> {
        let free = !(self.taken() | self.granted()) & Self::ALL;
        (free != 0).then(|| free.trailing_zeros())
    }

    /// Both bits of a berth.
    const fn berth(number: u32) -> u64 {
        1 << number | 1 << (32 + number)
    }

    fn with(self, number: u32) -> Self {
        Self(self.0 | 1 << (32 + number))
    }

    fn without(self, number: u32) -> Self {
        Self(self.0 & !Self::berth(number))
    }

    /// Whether the wait in a berth is over: it was granted, or it is not taken any more, which only damage explains.
    fn is_over(self, number: u32) -> bool {
        self.waiting() & 1 << number == 0
    }

    fn with_sleeper(self) -> Self {
        Self(self.0 | Self::SLEEPS)
    }

    /// Up to `count` more berths granted, beginning behind the one that was granted last; nobody sleeps any more.
    fn granting(self, count: u32) -> Self {
        let mut word = self.0 & !Self::SLEEPS;
        for _ in 0..count {
            let waiting = Self(word).waiting();
            let behind = waiting & u32::MAX << ((word & Self::FROM) >> Self::FROM_AT);
            let from = if behind == 0 { waiting } else { behind };
            if from == 0 {
                break;
            }
            let number = from.trailing_zeros();
            word = word & !Self::FROM | 1 << number | u64::from(number + 1) << Self::FROM_AT;
        }
        Self(word)
    }

    /// Without those who wait.
    fn without_waiting(self) -> Self {
        Self(self.0 & !(u64::from(self.waiting()) << 32))
    }
}

/// In `crowd`: somebody waits there. The other bits of the low half count calls.
const CROWD: u64 = 1;

impl<'a> Berths<'a> {
    /// Those in `head` and `cells`, of [`super::Form::Condvar`].
    #[inline]
    pub(crate) fn of(head: &'a Head, cells: Tally<'a>) -> Self {
        let [next, arrivals, served, crowd] = &head.words;
        Self { next, arrivals, served, crowd, due: head.lock.due(), cells }
    }

    /// Takes a berth for `me`: the wait begins. The caller holds the mutex, and releases it next.
    pub(crate) fn take(self, me: Owner) -> Berth<'a> {
        if planted(Bug::ArrivalEarly) {
            self.arrivals.fetch_add(1, Release);
        }
        self.touch(me);
        let Some((word, number)) = self.find(me) else {
            let called = self.crowd.fetch_or(CROWD, Relaxed) | CROWD;
            return Berth(Place::Crowd(called as u32));
        };
        if !planted(Bug::ArrivalEarly) {
            // CV1 release: who sees the count sees the berth.
            self.arrivals.fetch_add(1, if planted(Bug::ArrivalUnordered) { Relaxed } else { Release });
        }
        Berth(Place::Berth(word, number))
    }

    /// Takes a berth of `me`'s process, where the fewest are taken: a wake is for all who sleep on the word.
    fn find(self, me: Owner) -> Option<(&'a AtomicU64, u32)> {
        let cell = self.cells.cell(me.slot())?;
        let word = cell.iter().min_by_key(|word| load(word).taken().count_ones())?;
        loop {
            let seen = load(word);
            let number = seen.vacancy()?;
            if exchange(word, seen, seen.with(number)) {
                return Some((word, number));
            }
        }
    }

    /// Waits as `park` says. `false`: the deadline passed before anybody notified; the berth is given up.
    pub(crate) fn wait<P: Park>(self, berth: &mut Berth<'_>, park: &P) -> bool {
        let notified = match berth.0 {
            Place::Berth(word, number) => self.wait_in(word, number, park),
            Place::Crowd(called) => self.wait_in_crowd(called, park),
            Place::Nowhere => true,
        };
        if !notified {
            berth.0 = Place::Nowhere;
        }
        notified
    }

    fn wait_in<P: Park>(self, word: &AtomicU64, number: u32, park: &P) -> bool {
        let mut spin = Spin::new();
        let mut rounds = 0_u32;
        loop {
            let seen = load(word);
            if seen.is_over(number) {
                return true;
            }
            if spin.pause(park) {
                continue;
            }
            let asleep = if planted(Bug::SleeperUnsaid) { seen } else { seen.with_sleeper() };
            if seen != asleep && !exchange(word, seen, asleep) {
                continue;
            }
            if !park.sleep(word, asleep.low(), rounds) {
                return !Self::give_up(word, number);
            }
            rounds = rounds.saturating_add(1);
            self.look(park);
        }
    }

    /// Frees the berth of a thread that is out of time. `false`: it was granted, and that counts.
    fn give_up(word: &AtomicU64, number: u32) -> bool {
        loop {
            let seen = load(word);
            if planted(Bug::BerthKept) {
                return !seen.is_over(number);
            }
            if seen.is_over(number) && !planted(Bug::GrantDropped) {
                return false;
            }
            if exchange(word, seen, seen.without(number)) {
                return true;
            }
        }
    }

    fn wait_in_crowd<P: Park>(self, called: u32, park: &P) -> bool {
        let is_called = || self.crowd.load(Relaxed) as u32 != called;
        let mut rounds = 0_u32;
        while !is_called() {
            if !park.sleep(self.crowd, called, rounds) {
                return is_called();
            }
            rounds = rounds.saturating_add(1);
            self.look(park);
        }
        true
    }

    /// Ends the wait. The caller holds the mutex again.
    pub(crate) fn leave(self, berth: Berth<'_>) {
        if let Place::Berth(word, number) = berth.0 {
            word.fetch_and(!Word::berth(number), Relaxed); // I1: nobody else frees it, nor takes it before
        }
    }

    /// Notifies up to `count` of those who wait, in the name of `me`. Never blocks.
    pub(crate) fn notify<P: Park>(self, me: Owner, count: u32, park: &P) {
        self.touch(me);
        if count == 0 {
            return;
        }
        self.call_crowd(park);
        // CV1 acquire: the berths of those who are counted are seen below.
        let order = if planted(Bug::ArrivalUnordered) { Relaxed } else { Acquire };
        let arrivals = self.arrivals.load(order);
        // Relaxed: an old number is another one, and then all berths are looked through for nothing.
        if self.served.load(Relaxed) == arrivals {
            return;
        }
        if self.grant(count, park) {
            self.served.store(arrivals, Relaxed); // I4
        }
    }

    /// Grants up to `count` berths. Returns whether nobody else is left waiting.
    fn grant<P: Park>(self, count: u32, park: &P) -> bool {
        let words = || self.cells.iter().flat_map(|(_, cell)| cell).enumerate();
        // Relaxed: any start will do.
        let start = self.next.load(Relaxed) as usize;
        let mut left = count;
        for (at, word) in words().skip(start).chain(words().take(start)) {
            let most = if planted(Bug::CountIgnored) { u32::MAX } else { left };
            left = left.saturating_sub(Self::grant_in(word, most, park));
            if left == 0 && !planted(Bug::CountIgnored) {
                self.next.store(at as u64 + 1, Relaxed);
                return false;
            }
        }
        true
    }

    /// Grants up to `count` berths of a word, and returns how many.
    fn grant_in<P: Park>(word: &AtomicU64, count: u32, park: &P) -> u32 {
        loop {
            let seen = load(word);
            if seen.waiting() == 0 {
                return 0;
            }
            let after = seen.granting(count);
            if planted(Bug::GrantByStore) {
                word.store(after.0, Relaxed);
            } else if !exchange(word, seen, after) {
                continue;
            }
            if seen.has_sleepers() && !planted(Bug::GrantUnheard) {
                park.wake(word, u32::MAX);
            }
            return seen.waiting().count_ones() - after.waiting().count_ones();
        }
    }

    /// Calls those for whom no berth was left.
    fn call_crowd<P: Park>(self, park: &P) {
        let seen = self.crowd.load(Relaxed);
        if seen & CROWD == 0 || planted(Bug::CrowdUncalled) {
            return;
        }
        // Another low half, so that nobody falls asleep who was called. An exchange that fails was preceded by another call.
        let called = seen & !0xffff_ffff | u64::from(seen as u32 & !1).wrapping_add(2) & 0xffff_ffff;
        if self.crowd.compare_exchange(seen, called, Relaxed, Relaxed).is_ok() {
            park.wake(self.crowd, u32::MAX);
        }
    }

    /// Notifies everybody, and wakes those, too, whom somebody granted and then did not wake.
    fn grant_everybody<P: Park>(self, park: &P) {
        self.call_crowd(park);
        for word in self.cells.iter().flat_map(|(_, cell)| cell) {
            Self::grant_in(word, u32::MAX, park);
            if load(word).taken() != 0 {
                park.wake(word, u32::MAX);
            }
        }
    }

    /// A sleeper's look at the others, when it is its turn: if one of them is dead, everybody is notified.
    fn look<P: Park>(self, park: &P) {
        if planted(Bug::DeathOverlooked) || !park.is_due(self.due) {
            return;
        }
        let touched =
            |cell: &[AtomicU64]| cell.first().is_some_and(|word| word.load(Relaxed) & Word::TOUCHED != 0);
        // D1 acquire was made by `death`, and is not needed: the data is behind the mutex.
        if self.cells.iter().any(|(seat, cell)| touched(cell) && park.death(seat).is_some()) {
            self.grant_everybody(park);
        }
    }

    /// Says that the process of `me` takes part.
    fn touch(self, me: Owner) {
        if let Some(word) = self.cells.word(me.slot())
            && word.load(Relaxed) & Word::TOUCHED == 0
        {
            word.fetch_or(Word::TOUCHED, Relaxed); // read after its death
        }
    }

    /// The process of `late` waits no more. If it left something undone, that it was notified included, everybody is notified.
    ///
    /// It may have left a change undone without ever having come here before: so each death out of order counts.
    pub(super) fn bury<P: Park>(self, late: Late, park: &P) {
        let Some(cell) = self.cells.cell(late.slot) else { return };
        if planted(Bug::BuriedFirst) {
            let granted = cell.iter().any(|word| load(word).granted() != 0);
            cell.iter().for_each(|word| word.store(0, Relaxed));
            if granted || !late.returned {
                self.grant_everybody(park);
            }
            return;
        }
        // First nobody waits there, so that no grant is lost from here on.
        let granted = cell.iter().any(|word| Self::close(word).granted() != 0);
        let undone = granted && !planted(Bug::GrantsBuried) || !late.returned && !planted(Bug::DeathUnheard);
        if undone {
            self.grant_everybody(park);
        }
        for word in cell {
            word.store(0, Relaxed);
        }
    }

    /// Takes the waiting, not the granted, out of a word of the dead.
    fn close(word: &AtomicU64) -> Word {
        loop {
            let seen = load(word);
            let closed = seen.without_waiting();
            if exchange(word, seen, closed) {
                return closed;
            }
        }
    }
}

/// Relaxed: a guess, which the exchange that acts on it confirms, or a grant, which publishes nothing.
#[inline]
fn load(word: &AtomicU64) -> Word {
    Word(word.load(Relaxed))
}

#[inline]
fn exchange(word: &AtomicU64, seen: Word, new: Word) -> bool {
    // Relaxed: no data is behind it (see the edges).
    word.compare_exchange(seen.0, new.0, Relaxed, Relaxed).is_ok()
}
