//! The participant table: who takes part, who descends from whom, and who may not begin any more.
//!
//! ```text
//!            reserve                    register
//!   Vacant ──────────▶ Reserved(by) ──────────────▶ Taken(identity) ── process dies, is swept ──▶ Vacant
//!      │                    └── the reserving one dies ──▶ Vacant            ▲
//!      └──────────────────────── claim ───────────────────────────────────────┘
//! ```
//!
//! One word per seat holds all of that, so no half-claimed seat exists. A seat keeps a dead participant's identity until
//! everything that names the seat was swept (quarantine): the seat number alone is then proof of who was meant.
//!
//! | edge | release side                    | acquire side                    | publishes                       |
//! |------|---------------------------------|---------------------------------|---------------------------------|
//! | P1   | `register`, `claim`             | `occupant`                      | the seat's parent and birth     |
//! | P2   | `register` + fence, sees `close`| `close` + fence, sees `register`| at least one sees the other     |
//! | P3   | `vacate`                        | `reserve`, `claim`              | nothing names the seat any more |
//!
//! I1. Killed before a compare-exchange: the seat is as it was. After it: the seat names the process (or the one who
//!     reserved), and its death vacates it.
//! I2. P2 is the store-buffer pattern: a process that registers and then finds its parent open is found by everyone who
//!     closed the parent and then scanned.

use super::outcome::OutcomeWord;
use super::planted::{Bug, planted};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    fence,
};

/// Bytes of a result that travels in the seat itself.
pub(crate) const INLINE: usize = 64;

/// One entry of the table, two cache lines: participants write their own without disturbing others.
#[repr(C, align(128))]
pub(crate) struct Seat {
    identity: AtomicU64,
    /// Seat number of the parent plus one; 0 for the first of a family.
    parent: AtomicU64,
    /// Not 0: no child of this participant may begin any more.
    closed: AtomicU64,
    /// How many forks the parent had done when it forked this one.
    birth: AtomicU64,
    /// Bytes admitted but not yet resident: other processes subtract them from what is available.
    pub(crate) pending: AtomicU64,
    /// Never less than the number of blocks it owns; 0 means that a sweep has nothing to look for.
    pub(crate) owned: AtomicU64,
    /// `STRAY` and `READY`.
    flags: AtomicU64,
    pub(crate) outcome: OutcomeWord,
    /// A small result, so that a child that returns one touches no other page.
    pub(crate) inline: [AtomicU64; INLINE / 8],
}

/// The layout that `docs/memory-layout.md` shows.
#[cfg(not(all(test, loom)))]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Seat>() == 128);
    assert!(offset_of!(Seat, identity) == 0 && offset_of!(Seat, parent) == 8);
    assert!(offset_of!(Seat, closed) == 16 && offset_of!(Seat, birth) == 24);
    assert!(offset_of!(Seat, pending) == 32 && offset_of!(Seat, owned) == 40);
    assert!(
        offset_of!(Seat, flags) == 48 && offset_of!(Seat, outcome) == 56 && offset_of!(Seat, inline) == 64
    );
};

/// What the identity word of a seat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occupant {
    Nobody,
    /// Kept by the participant in this seat for a child it is about to fork.
    Reserved {
        by: u16,
        word: u64,
    },
    /// A process, dead or alive.
    Process(u64),
}

/// It took locks that stand in blocks.
const LOCKS: u64 = 4;
/// Nobody of this crate waits for this process; whoever notices its death sweeps it.
const STRAY: u64 = 1;
/// The record beside the seat has memory.
const READY: u64 = 2;
/// Its parent waits for its end.
const AWAITED: u64 = 8;

/// Bit that no identity has together with a process id of 0.
const RESERVED: u64 = 1 << 41;

/// Which descendants are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kin {
    /// All of them.
    All,
    /// Those to whom this crate lent something: not forks of the program's own, nor who is below them.
    Spawned,
}

/// All seats.
#[derive(Clone, Copy)]
pub(crate) struct Participants<'a> {
    seats: &'a [Seat],
    /// No seat from this number on was ever taken: looking at all of them would cost more than a fork may.
    high: &'a AtomicU64,
}

impl Seat {
    #[cfg(test)]
    pub(crate) fn vacant() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            identity: zero(),
            parent: zero(),
            closed: zero(),
            birth: zero(),
            pending: zero(),
            owned: zero(),
            flags: zero(),
            outcome: OutcomeWord::unsaid(),
            inline: std::array::from_fn(|_| zero()),
        }
    }

    pub(crate) fn occupant(&self) -> Occupant {
        // P1 acquire: parent and birth belong to the occupant that is returned.
        match self.identity.load(Acquire) {
            0 => Occupant::Nobody,
            word if word >> 42 == 0 => Occupant::Reserved { by: word as u16, word },
            word => Occupant::Process(word),
        }
    }

    /// The parent's seat.
    pub(crate) fn parent(&self) -> Option<u16> {
        // Relaxed: read after `occupant`, which acquired it.
        self.parent.load(Relaxed).checked_sub(1).map(|seat| seat as u16)
    }

    /// How many forks the parent had done at this one's birth.
    pub(crate) fn birth(&self) -> u64 {
        self.birth.load(Relaxed) // as `parent`
    }

    /// Makes the words beside the identity those of a new occupant.
    fn settle(&self, parent: Option<u16>, birth: u64) {
        // Relaxed: `register` or `claim` releases them (P1).
        self.parent.store(parent.map_or(0, |seat| u64::from(seat) + 1), Relaxed);
        self.birth.store(birth, Relaxed);
        self.closed.store(0, Relaxed);
        self.pending.store(0, Relaxed);
        self.owned.store(0, Relaxed);
        self.flags.store(self.flags.load(Relaxed) & READY, Relaxed);
    }

    /// Says which fork of the parent's it is for which the seat was reserved. By the parent, before that fork.
    pub(crate) fn set_birth(&self, birth: u64) {
        self.birth.store(birth, Relaxed); // P1 releases it
    }

    /// Turns the reservation `word` into an occupation by `identity`. Parent and child may both try; the first wins.
    pub(crate) fn register(&self, word: u64, identity: u64) -> bool {
        // P1, P2 release.
        match self.identity.compare_exchange(word, identity, AcqRel, Acquire) {
            Ok(_) => true,
            Err(found) => found == identity,
        }
    }

    /// Says that nobody of this crate waits for this process: a fork that the program did by itself.
    pub(crate) fn mark_stray(&self) {
        self.flags.store(self.flags.load(Relaxed) | STRAY, Relaxed); // by who reserved it; read after its death
    }

    /// Whether whoever notices the death of this process should sweep it.
    pub(crate) fn is_stray(&self) -> bool {
        self.flags.load(Relaxed) & STRAY != 0
    }

    /// Says that this participant takes locks that stand in blocks: its sweep has something to look for.
    pub(crate) fn mark_locks(&self) {
        self.flags.fetch_or(LOCKS, Relaxed); // by itself; read after its death
    }

    /// Says that nothing is left of the locks that the dead participant took.
    pub(crate) fn unmark_locks(&self) {
        self.flags.fetch_and(!LOCKS, Relaxed); // under the sweep lock
    }

    /// Says whether its parent waits for its end.
    pub(crate) fn set_awaited(&self, awaited: bool) {
        // Relaxed: for a warning only.
        if awaited {
            self.flags.fetch_or(AWAITED, Relaxed);
        } else {
            self.flags.fetch_and(!AWAITED, Relaxed);
        }
    }

    /// Whether its parent waits for its end, at the moment.
    pub(crate) fn is_awaited(&self) -> bool {
        self.flags.load(Relaxed) & AWAITED != 0
    }

    /// Whether it took locks that stand in blocks.
    pub(crate) fn has_locks(&self) -> bool {
        self.flags.load(Relaxed) & LOCKS != 0
    }

    /// Whether the record beside this seat has memory: once for all occupants, since it is never given back.
    pub(crate) fn has_record(&self) -> bool {
        self.flags.load(Relaxed) & READY != 0 // set by an earlier reserver, ordered by P3
    }

    /// Says that the record beside this seat has memory. By who reserved the seat.
    pub(crate) fn set_has_record(&self) {
        self.flags.store(self.flags.load(Relaxed) | READY, Relaxed);
    }

    /// Says that no child of this participant may begin any more.
    pub(crate) fn close(&self) {
        self.closed.store(1, Relaxed);
        if !planted(Bug::CloseUnfenced) {
            fence(SeqCst); // P2: the scan that follows comes after the store
        }
    }

    /// Whether children of this participant may still begin. Ask after `register`.
    pub(crate) fn is_open(&self) -> bool {
        fence(SeqCst); // P2: the load comes after the registration
        self.closed.load(Relaxed) == 0
    }

    /// Frees the seat of `occupant`, of whom nothing is left. `false`: somebody else did.
    pub(crate) fn vacate(&self, occupant: u64) -> bool {
        // P3 release: every sweep of what named the seat comes before its next use.
        self.identity.compare_exchange(occupant, 0, Release, Relaxed).is_ok()
    }
}

impl<'a> Participants<'a> {
    pub(crate) fn new(seats: &'a [Seat], high: &'a AtomicU64) -> Self {
        Self { seats, high }
    }

    pub(crate) fn seat(self, number: u16) -> Option<&'a Seat> {
        self.seats.get(usize::from(number))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = (u16, &'a Seat)> {
        // Relaxed: raised before a seat is taken, so whoever is ordered after the taking sees it.
        let high = self.high.load(Relaxed) as usize;
        (0..).zip(self.seats).take(high)
    }

    /// Counts the seats up to `count` as taken once.
    fn raise(self, count: u64) {
        // SeqCst: who counts what all processes hold, having told them to stop, must not miss one that was seated and took
        // hold before (`Tally::iter`).
        let mut high = self.high.load(SeqCst);
        while high < count {
            match self.high.compare_exchange(high, count, SeqCst, SeqCst) {
                Ok(_) => return,
                Err(found) => high = found,
            }
        }
    }

    /// Finds a vacant seat and puts `word` there.
    fn occupy(self, word: u64) -> Option<(u16, &'a Seat)> {
        (0..)
            .zip(self.seats)
            .find(|(number, seat)| {
                // Relaxed: a look before the exchange, which decides.
                if seat.identity.load(Relaxed) != 0 {
                    return false;
                }
                self.raise(number + 1);
                // P3 acquire: the seat's former life is over.
                seat.identity.compare_exchange(0, word, AcqRel, Relaxed).is_ok()
            })
            .map(|(number, seat): (u64, _)| (number as u16, seat))
    }

    /// Keeps a seat for a child that the participant `by` is about to fork. `nonce` tells this reservation from all others.
    /// Returns the seat and the word with which the child registers; `None`: the table is full.
    pub(crate) fn reserve(self, by: u16, nonce: u64) -> Option<(u16, u64)> {
        let word = RESERVED | (nonce & 0x1ff_ffff) << 16 | u64::from(by);
        let (number, seat) = self.occupy(word)?;
        seat.settle(Some(by), u64::MAX);
        Some((number, word))
    }

    /// Takes a seat at once, for a process that nobody reserved one for.
    pub(crate) fn claim(self, identity: u64, parent: Option<u16>, birth: u64) -> Option<u16> {
        // Reserved first, so that parent and birth stand before the identity does (P1). If it dies here, a seat is lost for
        // good: this is for the first of a family, which takes the whole table along.
        let word = RESERVED | parent.map_or(0xffff, u64::from);
        let (number, seat) = self.occupy(word)?;
        seat.settle(parent, birth);
        seat.register(word, identity).then_some(number)
    }

    /// The latest birth among the children of `parent`; 0: it has none. A child about to be forked counts as the `next`, a
    /// dead one until it is swept.
    pub(crate) fn youngest_child(self, parent: u16, next: u64) -> u64 {
        let births = self.iter().filter_map(|(_, seat)| match seat.occupant() {
            Occupant::Reserved { by, .. } if by == parent => Some(next),
            Occupant::Process(_) if seat.parent() == Some(parent) => Some(seat.birth()),
            _ => None,
        });
        births.max().unwrap_or(0)
    }

    /// Whether `seat` descends from `ancestor`, strays and those below them included if `kin` says so. Follows at most as many links
    /// as there are seats.
    pub(crate) fn descends(self, seat: u16, ancestor: u16, kin: Kin) -> bool {
        let mut at = seat;
        for _ in 0..self.seats.len() {
            let Some(child) = self.seat(at) else { return false };
            match child.parent() {
                _ if kin == Kin::Spawned && child.is_stray() => return false,
                Some(parent) if parent == ancestor => return true,
                Some(parent) => at = parent,
                None => return false,
            }
        }
        false
    }

    /// The processes in seats below `ancestor`, dead or alive. Sees everyone who may still begin, if `ancestor` was
    /// closed before (P2).
    pub(crate) fn below(self, ancestor: u16, kin: Kin) -> impl Iterator<Item = (u16, &'a Seat, u64)> {
        self.iter().filter_map(move |(number, seat)| match seat.occupant() {
            Occupant::Process(identity) if number != ancestor && self.descends(number, ancestor, kin) => {
                Some((number, seat, identity))
            }
            _ => None,
        })
    }
}
