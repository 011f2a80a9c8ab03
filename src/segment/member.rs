//! This process as a participant: its seat, its generation, and what a fork does to them.
//!
//! ```text
//!   Outside ── join ──▶ Member(seat) ── fork, in the child ──▶ Member(another seat)
//!      │                                        └─ no seat, or the parent is closed ─▶ Excluded
//!      └─ (no arena yet)
//! ```
//!
//! All state here is private memory that fork copies, in plain atomics: the child overwrites it before anything else
//! runs, takes no lock and allocates nothing. An excluded process has its mapping forbidden: what it may not touch,
//! it can not.
//!
//! I1. `generation` is different in every participant that ever was, so a handle that fork merely copied is known by
//!     its generation.
//! I2. A handle's birth is the number of forks completed when it was made. Forks are made one at a time, so the n-th
//!     child can hold copies of exactly those handles with a birth below n, and perhaps of some made a moment later,
//!     whose birth is below n as well.
//!
//! | edge | release side           | acquire side        | publishes                                          |
//! |------|------------------------|---------------------|----------------------------------------------------|
//! | B1   | `before_fork`          | `limbo`             | the seat of the child that raised the mark         |
//! | B2   | `Latch::leave`         | `Latch::enter`      | what was done inside                               |

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use super::arena::{self, Arena, existing};
use super::epoch;
use super::error::AllocError;
use crate::algo::{Occupant, Owner, Park, Seat};
use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use crate::sys::{self, Deadline, Identity};

/// 0: outside; seat number plus one; or `EXCLUDED`.
static SEAT: AtomicU64 = AtomicU64::new(0);
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// Forks that this process completed.
static FORKS: AtomicU64 = AtomicU64::new(0);
/// Held while a thread of this process forks.
static FORKING: Latch = Latch::new();
/// Held while a thread of this process joins.
static JOINING: Latch = Latch::new();
/// The number of this process, for its child to compare.
static PID: AtomicU64 = AtomicU64::new(0);
/// No living child was born later than this: see `limbo`.
pub(super) static YOUNGEST: AtomicU64 = AtomicU64::new(0);
const EXCLUDED: u64 = u64::MAX;

thread_local! {
    /// The kernel's number of this thread; 0: not asked yet.
    static TID: Cell<u32> = const { Cell::new(0) };
    /// This thread, once it has taken a lock that stands in a block.
    static LOCKER: Cell<Option<Owner>> = const { Cell::new(None) };
    /// The seat kept for the child that this thread is forking.
    static EXPECTED: Cell<Option<Reservation>> = const { Cell::new(None) };
}

/// A seat kept for a child, and what the child registers with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reservation {
    pub(crate) seat: u16,
    word: u64,
    /// Kept by `expect_child`, not for a fork of the program's own.
    ours: bool,
}

/// Makes this process a participant of the arena, made if need be. Returns both.
pub(crate) fn join() -> Result<(&'static Arena, u16), AllocError> {
    if let Some(member) = membership() {
        return Ok(member);
    }
    if SEAT.load(Relaxed) == EXCLUDED {
        return Err(AllocError::Excluded);
    }
    sys::at_fork(before_fork, after_fork_in_parent, after_fork_in_child)?;
    JOINING.enter();
    let joined = match membership() {
        Some(member) => Ok(member), // by another thread, meanwhile
        None => arena::arena().and_then(|arena| sit(arena).map(|seat| (arena, seat))),
    };
    JOINING.leave();
    joined
}

/// Makes the arena as `config` says, and this process its first participant.
pub(super) fn found(config: super::builder::Config) -> Result<(), super::builder::BuildError> {
    sys::at_fork(before_fork, after_fork_in_parent, after_fork_in_child).map_err(AllocError::from)?;
    JOINING.enter();
    let founded = arena::build(config).and_then(|arena| Ok(sit(arena).map(drop)?));
    JOINING.leave();
    founded
}

/// The arena and this process's seat, if it takes part.
#[inline]
pub(crate) fn membership() -> Option<(&'static Arena, u16)> {
    Some((existing()?, seat()?))
}

/// This process's seat.
#[inline]
pub(crate) fn seat() -> Option<u16> {
    // Relaxed: written once, by `sit`, before any handle exists in this process.
    match SEAT.load(Relaxed) {
        0 | EXCLUDED => None,
        seat => Some((seat - 1) as u16),
    }
}

/// The number that no other participant ever had.
#[inline]
pub(crate) fn generation() -> u64 {
    GENERATION.load(Relaxed) // as `seat`
}

/// The birth of a handle made now.
#[inline]
pub(super) fn births() -> u64 {
    FORKS.load(Relaxed) // too low a number only means a longer wait
}

/// A lock for moments that a fork must not meet half way. Not std's: a child must be able to reset it.
pub(crate) struct Latch(AtomicU64);

impl Latch {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Waits until nobody else is in. What is done inside takes a millisecond at most, or some tens for a fork with a large heap.
    pub(crate) fn enter(&self) {
        // B2 acquire.
        while self.0.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    pub(crate) fn leave(&self) {
        self.0.store(0, Release); // B2
    }
}

/// Takes a seat for this process, the first of its family.
fn sit(arena: &Arena) -> Result<u16, AllocError> {
    let identity = Identity::of_self()?.bits();
    let full = AllocError::ParticipantTableFull { seats: arena.layout().seats };
    let seat = arena.seats().claim(identity, None, 0).ok_or(full)?;
    settle(arena, seat);
    Ok(seat)
}

/// Writes down who this process is now.
fn settle(arena: &Arena, seat: u16) {
    let generation = arena.header().generation.0.fetch_add(1, Relaxed) + 1;
    GENERATION.store(generation, Relaxed);
    SEAT.store(u64::from(seat) + 1, Relaxed);
}

/// Keeps a seat for a child that this thread is about to fork, with its record ready to be written. Signals must be blocked
/// until the fork: a handler that forked would take the seat.
pub(crate) fn expect_child() -> Result<Reservation, AllocError> {
    let (arena, seat) = join()?;
    let reserved = reserve(arena, seat, true).or_else(|| {
        super::sweep::sweep_strays(arena);
        reserve(arena, seat, true)
    });
    let full = AllocError::ParticipantTableFull { seats: arena.layout().seats };
    let reservation = reserved.ok_or(full)?;
    let ready = arena.ready_record(reservation.seat);
    if let Some(child) = arena.seats().seat(reservation.seat) {
        child.outcome.reset();
    }
    EXPECTED.set(Some(reservation));
    match ready {
        Ok(()) => Ok(reservation),
        Err(error) => {
            cancel_child(reservation);
            Err(error)
        }
    }
}

/// Gives the seat of a child that was not forked, or never registered, back.
pub(crate) fn cancel_child(reservation: Reservation) {
    EXPECTED.set(None);
    if let Some((arena, _)) = membership() {
        if let Some(seat) = arena.seats().seat(reservation.seat) {
            seat.vacate(reservation.word);
        }
        super::limbo::settle(arena);
    }
}

fn reserve(arena: &Arena, seat: u16, ours: bool) -> Option<Reservation> {
    let nonce = arena.header().generation.0.fetch_add(1, Relaxed);
    let (child, word) = arena.seats().reserve(seat, nonce)?;
    Some(Reservation { seat: child, word, ours })
}

/// Runs in the parent before every fork of this program, whoever calls it.
extern "C" fn before_fork() {
    epoch::fork_begins();
    let Some((arena, seat)) = membership() else { return };
    FORKING.enter();
    PID.store(u64::from(sys::pid().cast_unsigned()), Relaxed);
    let reservation = EXPECTED.get().unwrap_or_else(|| {
        // A fork of the program's own. Without a seat the child will be excluded.
        let stray =
            reserve(arena, seat, false).unwrap_or(Reservation { seat: u16::MAX, word: 0, ours: false });
        if let Some(child) = arena.seats().seat(stray.seat) {
            child.mark_stray();
        }
        stray
    });
    let birth = FORKS.load(Relaxed) + 1;
    if let Some(child) = arena.seats().seat(reservation.seat) {
        child.set_birth(birth);
    }
    // B1 release, after the reservation: whoever lowers the mark scans first, and sees the seat or loses the race.
    YOUNGEST.fetch_max(birth, AcqRel);
    EXPECTED.set(Some(reservation));
}

/// Runs in the parent after every fork, also one that failed: no handler is told. A seat that was reserved for a stray and
/// never taken stays so until this process ends.
extern "C" fn after_fork_in_parent() {
    epoch::fork_ends();
    if EXPECTED.take().is_some() {
        FORKS.fetch_add(1, Relaxed); // B2 orders it
        FORKING.leave();
    }
}

/// What else runs in the child of every fork, before this process is a participant again.
static IN_CHILD: OnceLock<fn()> = OnceLock::new();

/// Has `run` called in the child of every fork of this program. It may take no lock and allocate nothing. The first
/// caller counts.
pub(crate) fn in_every_child(run: fn()) {
    IN_CHILD.get_or_init(|| run);
}

/// Runs in the child of every fork, before anything else.
extern "C" fn after_fork_in_child() {
    epoch::begin();
    sys::barrier::forget();
    TID.set(0);
    LOCKER.set(None);
    if let Some(run) = IN_CHILD.get() {
        run();
    }
    let expected = EXPECTED.take();
    FORKING.leave();
    JOINING.leave();
    let Some((arena, parent)) = membership() else { return };
    SEAT.store(EXCLUDED, Relaxed);
    GENERATION.store(0, Relaxed);
    FORKS.store(0, Relaxed);
    YOUNGEST.store(0, Relaxed);
    super::limbo::forget();
    super::admission::forget();
    match expected {
        // The rest is `begin`: the parent, if it is quicker, spares the child some system calls.
        Some(reservation) if reservation.ours => {}
        Some(reservation) if take_seat(arena, parent, reservation) => settle(arena, reservation.seat),
        _ => exclude(arena),
    }
}

/// Registers a child that this process has just forked, so that it need not do so itself. The child may be quicker.
pub(crate) fn register_child(reservation: Reservation, identity: Identity) {
    if let Some((arena, _)) = membership()
        && let Some(seat) = arena.seats().seat(reservation.seat)
    {
        seat.register(reservation.word, identity.bits());
    }
}

/// Makes this process, forked by the participant in `parent` with `reservation`, a participant. `false`: it may not begin,
/// since its parent is dead.
pub(crate) fn begin(parent: u16, reservation: Reservation) -> bool {
    let Some(arena) = existing() else { return false };
    let seated = take_seat(arena, parent, reservation);
    if seated {
        settle(arena, reservation.seat);
    }
    seated
}

/// Keeps a process out that may not take part: what it inherited it can not touch.
fn exclude(arena: &Arena) {
    if arena.mapping().forbid().is_err() {
        sys::exit_now(NOT_EXCLUDED);
    }
}

/// Exit code of a fork that may not take part, and could not be kept out otherwise.
const NOT_EXCLUDED: i32 = 70;

/// Sits down in the seat that the parent kept, and looks whether the parent may have children still (P2).
fn take_seat(arena: &Arena, parent: u16, reservation: Reservation) -> bool {
    let (Some(seat), Some(parent)) = (arena.seats().seat(reservation.seat), arena.seats().seat(parent))
    else {
        return false;
    };
    // In a PID namespace of its own a process has a number that means somebody else, or nobody, to its family.
    if sys::parent_pid() == 0 && PID.load(Relaxed) != 0 {
        return false;
    }
    let registered = match seat.occupant() {
        // A process of our number in the seat is this one: nobody else alive has the number.
        Occupant::Process(identity) => Identity::from_bits(identity).pid() == sys::pid(),
        _ => Identity::of_self().is_ok_and(|identity| seat.register(reservation.word, identity.bits())),
    };
    registered && parent.is_open()
}

/// The kernel's number of this thread.
#[inline]
fn tid() -> u32 {
    match TID.get() {
        0 => {
            let tid = sys::tid();
            TID.set(tid);
            tid
        }
        tid => tid,
    }
}

/// This thread, as the owner of locks in the arena.
#[inline]
pub(crate) fn owner() -> Owner {
    Owner::new(tid(), seat().unwrap_or(u16::MAX), generation())
}

/// This thread, as the owner of locks that stand in blocks. If this process dies, the sweep knows that there is something to look for.
#[inline]
pub(crate) fn locker() -> Owner {
    match LOCKER.get() {
        None => first_lock(),
        Some(owner) => owner,
    }
}

/// Whether `owner` is this thread: not so for what a fork copied.
#[inline]
pub(crate) fn is_locker(owner: Owner) -> bool {
    LOCKER.get() == Some(owner)
}

#[cold]
fn first_lock() -> Owner {
    let owner = owner();
    if let Some((arena, seat)) = membership()
        && let Some(seat) = arena.seats().seat(seat)
    {
        seat.mark_locks(); // before any lock is taken, so that the sweep of one who died with it looks
        LOCKER.set(Some(owner));
    }
    owner
}

/// Runs `section`, which takes locks that stand in blocks, as this thread.
#[inline]
pub(crate) fn locking<R>(section: impl FnOnce(Owner, &ArenaPark) -> R) -> R {
    section(locker(), &park())
}

/// Sleeping on words of the arena, with an optional deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArenaPark {
    deadline: Deadline,
    /// The sleeper holds no lock of the arena itself: it may sweep forks that nobody else does.
    patrols: bool,
    /// Pauses that it spins; `None`: as many as are worth a wake.
    patience: Option<u32>,
    /// The longest nap.
    longest: Duration,
}

/// Sleeps as long as it takes, in bounded naps.
#[inline]
pub(crate) const fn park() -> ArenaPark {
    park_for(Deadline::never())
}

/// Sleeps until `deadline` at most. For locks of the arena itself.
#[inline]
pub(crate) const fn park_for(deadline: Deadline) -> ArenaPark {
    ArenaPark { deadline, patrols: false, patience: None, longest: NAP }
}

/// Sleeps until `deadline` at most. For locks of the program's own. Without a deadline it patrols as well: sweeping may have to wait
/// for somebody who is stopped.
#[inline]
pub(crate) const fn park_until(deadline: Deadline) -> ArenaPark {
    ArenaPark { deadline, patrols: deadline.is_never(), patience: None, longest: NAP }
}

/// As [`park`], for one that waits for a call, not for anybody who may die: its naps grow to `longest`. `patience`: pauses that it spins before it
/// sleeps; `None`: as many as are worth a wake.
pub(crate) const fn idle_park(longest: Duration, patience: Option<u32>) -> ArenaPark {
    ArenaPark { patience, longest, ..park_for(Deadline::never()) }
}

/// As [`park_until`], for one that sleeps at once.
pub(crate) const fn sleepy_park_until(deadline: Deadline) -> ArenaPark {
    ArenaPark { patience: Some(0), ..park_until(deadline) }
}

/// The longest nap. After each the sleeper looks whether the one it waits for is alive.
const NAP: Duration = Duration::from_millis(50);

/// How often those who share a word ask for deaths, all of them together. Shorter than a nap, so that one alone asks after each.
const TURN: Duration = Duration::from_millis(40);

impl ArenaPark {
    /// As [`Park::sleep`], on several words at once.
    pub(crate) fn sleep_any(&self, words: &[(&AtomicU64, u32)], round: u32) -> bool {
        if self.deadline.expired() {
            return false;
        }
        let nap = Duration::from_millis(1 << round.min(10)).min(self.longest);
        let slept = sys::wait_any(words, self.deadline.remaining_up_to(nap));
        if self.patrols
            && slept == sys::futex::Wait::TimedOut
            && nap >= NAP
            && let Some(arena) = existing()
        {
            super::sweep::sweep_strays_now_and_then(arena);
        }
        true
    }
}

impl Park for ArenaPark {
    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
        self.sleep_any(&[(word, expected)], round)
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        sys::release_and_wake(word)
    }

    fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
        sys::wake(word, count)
    }

    fn death(&self, slot: u16) -> Option<u32> {
        death(existing()?, slot)
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        let arena = existing()?;
        let pid = death(arena, slot)?;
        super::sweep::is_extinct(arena, slot).then_some(pid)
    }

    fn is_due(&self, word: &AtomicU64) -> bool {
        is_due(word, TURN)
    }

    fn relax(&self) {
        sys::relax();
    }

    fn offer(&self) {
        std::thread::yield_now();
    }

    fn patience(&self) -> u32 {
        self.patience.unwrap_or_else(super::patience::pauses)
    }

    #[inline]
    fn light_fence(&self) {
        sys::barrier::light();
    }

    fn heavy_fence(&self) {
        sys::barrier::heavy();
    }
}

/// Whether it is this thread's turn to do what is to be done every `interval`, by one of all who ask `word`.
pub(super) fn is_due(word: &AtomicU64, interval: Duration) -> bool {
    let (now, last) = (sys::milliseconds(), word.load(Relaxed));
    // Relaxed: whoever loses the exchange leaves it to the winner.
    u128::from(now.wrapping_sub(last)) > interval.as_millis()
        && word.compare_exchange(last, now, Relaxed, Relaxed).is_ok()
}

/// The process id of the participant in `seat` if it is certainly dead. D1: all it did happened before.
pub(crate) fn death(arena: &Arena, number: u16) -> Option<u32> {
    if seat() == Some(number) {
        return None;
    }
    match arena.seats().seat(number).map(|seat| seat.occupant()) {
        Some(Occupant::Process(identity)) => {
            let identity = Identity::from_bits(identity);
            identity.is_gone().then(|| identity.pid().cast_unsigned())
        }
        Some(Occupant::Reserved { .. }) => None,
        Some(Occupant::Nobody) => Some(0),
        // No seat has this number: the word is damaged, and waiting for it would be for ever.
        None => Some(0),
    }
}

/// Whether this process's parent waits for it to end, at the moment.
pub(crate) fn is_awaited() -> bool {
    membership().and_then(|(arena, seat)| arena.seats().seat(seat)).is_some_and(Seat::is_awaited)
}

/// Takes what they held from the dead whom nobody awaits, once in a while for the whole family.
pub(crate) fn sweep_now_and_then() {
    if let Some(arena) = existing() {
        super::sweep::sweep_strays_now_and_then(arena);
    }
}

/// The process id of the participant in `number`; 0: nobody knows.
pub(crate) fn pid_of(number: u16) -> u32 {
    let occupant = || Some(existing()?.seats().seat(number)?.occupant());
    match occupant() {
        Some(Occupant::Process(identity)) => Identity::from_bits(identity).pid().cast_unsigned(),
        _ => 0,
    }
}

/// Counts a block more (or, with -1, less) that this participant owns. Up before the block is taken, down after it was
/// given back, so that the count is never too low.
#[inline]
pub(crate) fn count_owned(arena: &Arena, seat: u16, change: i64) {
    if let Some(seat) = arena.seats().seat(seat) {
        seat.owned.fetch_add(change as u64, Relaxed); // read after the death
    }
}
