//! What a parent keeps for one child until it is gone: the closure, the argument, the pidfd, and then the ending.
//!
//! ```text
//!   Running ── one thread ──▶ Settling ── all gone ──▶ Ended(ending) ── join ──▶ Taken
//!      ◀── the deadline came first ──┘
//! ```
//!
//! Settling, in this order:
//!  1. close the child's seat and wait until nobody below it lives: until then a grandchild could write what was lent;
//!  2. take the exit status;
//!  3. take over what the child committed as its result;
//!  4. drop the closure (users' destructors run here), catching blocks that came back as the result;
//!  5. drop the argument that the child never took over;
//!  6. sweep the seat, let the blocks go that waited for this child.
//!
//! If this process is killed on the way, it and the child are both dead, and their seats are swept like any others.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::failure::{Failure, Panic, SignalError, Worker};
use super::panics;
use crate::algo::{INLINE, Kin, Occupant, Outcome};
use crate::error::OsError;
use crate::message::{DecodeError, Message, parcel};
use crate::segment::container::{Container, Delivery};
use crate::segment::member::{self, Reservation};
use crate::segment::{AbortOnUnwind, Arena, settle_limbo, sweep};
use crate::shim::Ordering::Relaxed;
use crate::sys::{Deadline, ExitStatus, Identity, PidFd, SIGABRT, SIGKILL};

/// A closure that the child runs and the parent only keeps.
pub(super) type Closure = Box<dyn Kept>;

/// Anything that can be kept and dropped.
pub(super) trait Kept: Send {}
impl<T: Send> Kept for T {}

/// What is kept for one child.
pub(super) struct Custody {
    worker: Worker,
    pidfd: PidFd,
    reservation: Reservation,
    /// Nothing of the user's runs when the luggage is dropped.
    simple: bool,
    /// Of this process: a copy of the handle in a child knows by it that it is one.
    generation: u64,
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    Running(Box<Luggage>),
    Settling,
    Ended(Box<Ending>),
    Taken,
}

/// What the child was given.
pub(super) struct Luggage {
    pub(super) closure: Closure,
    pub(super) argument: Option<Box<Container>>,
}

/// How a child ended.
struct Ending {
    status: ExitStatus,
    outcome: Outcome,
    panic: Option<Panic>,
    result: Homecoming,
}

/// What it brought home.
enum Homecoming {
    Nothing,
    Small(Vec<u8>),
    Parcel(Delivery),
    Damaged,
}

/// Settles the seat of a child that is dead and reaped, and that no custody was made for.
pub(super) fn bury(reservation: Reservation, pid: i32) {
    let Some((arena, _)) = member::membership() else { return };
    let identity = || match arena.seats().seat(reservation.seat)?.occupant() {
        Occupant::Process(identity) if Identity::from_bits(identity).pid() == pid => {
            Some(Identity::from_bits(identity))
        }
        _ => None,
    };
    while let Some(identity) = identity() {
        if sweep::sweep_family(arena, reservation.seat, identity) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1)); // a descendant is still dying
    }
    member::cancel_child(reservation); // if it never registered
}

/// Drops what is the user's. A panicking destructor has spoken through the hook; nobody here can do more about it, and what
/// it panicked with may panic again.
fn drop_users(closure: Closure) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(closure))) {
        std::mem::forget(payload);
    }
}

/// Sweeps the seat of a child that is gone; on a thread of its own if somebody who sweeps is stopped: who joins has a deadline.
fn sweep_soon(arena: &Arena, seat: u16, identity: Identity) {
    if sweep::sweep_family_by(arena, seat, identity, Deadline::after(LOOK)).is_some() {
        return;
    }
    let sweep = move || {
        if let Some((arena, _)) = member::membership() {
            sweep::sweep_family(arena, seat, identity);
            settle_limbo(arena);
        }
    };
    let thread = std::thread::Builder::new().name(String::from("procshare-sweep"));
    if thread.spawn(sweep).is_err() {
        sweep::sweep_family(arena, seat, identity); // without a thread there is nobody else to do it
    }
}

/// How long one wait for a descendant lasts before the others are looked at again.
const LOOK: Duration = Duration::from_millis(20);

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.worker.name)
            .field("pid", &self.worker.pid)
            .finish_non_exhaustive()
    }
}

impl Custody {
    pub(super) fn new(
        worker: Worker,
        pidfd: PidFd,
        reservation: Reservation,
        luggage: Box<Luggage>,
        simple: bool,
    ) -> Self {
        Self {
            worker,
            pidfd,
            reservation,
            simple,
            generation: member::generation(),
            state: Mutex::new(State::Running(luggage)),
            changed: Condvar::new(),
        }
    }

    /// Whether settling runs no code of the user's.
    pub(super) fn is_simple(&self) -> bool {
        self.simple
    }

    pub(super) fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Whether this process spawned it; if not, nothing else here may be touched, since a lock may be held for ever.
    pub(super) fn is_mine(&self) -> bool {
        self.generation == member::generation()
    }

    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process has not ended. `false` is final.
    pub(super) fn is_alive(&self) -> bool {
        self.is_mine() && !matches!(self.pidfd.wait_gone(Some(Duration::ZERO)), Ok(true))
    }

    pub(super) fn signal(&self, signal: i32) -> Result<(), SignalError> {
        if !self.is_mine() {
            return Err(SignalError::NotMyChild);
        }
        if !self.is_alive() {
            return Err(SignalError::Ended); // as a zombie it would still take the signal
        }
        match self.pidfd.send_signal(signal) {
            Err(_) if !self.is_alive() => Err(SignalError::Ended),
            sent => Ok(sent?),
        }
    }

    /// Waits until the child and all below it are gone, and settles what it leaves. `false`: the deadline came first.
    ///
    /// Safe to call from several threads; one of them settles, the others wait for it.
    pub(super) fn settle(&self, deadline: Deadline) -> Result<bool, OsError> {
        let mut state = self.state();
        loop {
            match std::mem::replace(&mut *state, State::Settling) {
                State::Running(luggage) => {
                    drop(state);
                    let settled = self.settle_alone(luggage, deadline);
                    let (next, result) = match settled {
                        Ok(ending) => (State::Ended(Box::new(ending)), Ok(true)),
                        Err((luggage, result)) => (State::Running(luggage), result.map_or(Ok(false), Err)),
                    };
                    *self.state() = next;
                    self.changed.notify_all();
                    return result;
                }
                State::Settling => {
                    let nap = deadline.remaining_up_to(Duration::from_secs(1));
                    if nap.is_zero() {
                        return Ok(false);
                    }
                    state = self.changed.wait_timeout(state, nap).unwrap_or_else(PoisonError::into_inner).0;
                }
                ended => {
                    *state = ended;
                    return Ok(true);
                }
            }
        }
    }

    /// Settles, as the only thread that does. The luggage comes back if the deadline came first, or the wait failed.
    fn settle_alone(
        &self,
        luggage: Box<Luggage>,
        deadline: Deadline,
    ) -> Result<Ending, (Box<Luggage>, Option<OsError>)> {
        match self.pidfd.wait_gone(deadline.remaining()) {
            Ok(true) => {}
            Ok(false) => return Err((luggage, None)),
            Err(error) => return Err((luggage, Some(error))),
        }
        let Some((arena, _)) = member::membership() else { return Err((luggage, None)) };
        if !self.await_descendants(arena, deadline) {
            return Err((luggage, None));
        }
        // Half settled, a child could neither be joined nor lent memory be given back: nothing may unwind from here.
        let bomb = AbortOnUnwind;
        let ending = self.reap(arena, *luggage);
        std::mem::forget(bomb);
        Ok(ending)
    }

    /// The child as the table knows it. `None`: it died before it could register.
    fn identity(&self, arena: &Arena) -> Option<Identity> {
        match arena.seats().seat(self.reservation.seat)?.occupant() {
            Occupant::Process(identity) => Some(Identity::from_bits(identity)),
            _ => None,
        }
        .filter(|identity| identity.pid().cast_unsigned() == self.worker.pid)
    }

    /// Step 1. `false`: the deadline came first.
    fn await_descendants(&self, arena: &Arena, deadline: Deadline) -> bool {
        loop {
            let Some(identity) = self.identity(arena) else { return true };
            sweep::release_locks(arena, self.reservation.seat, identity);
            let Some(living) = sweep::living_below(arena, self.reservation.seat, identity, Kin::All) else {
                return true;
            };
            if deadline.expired() {
                return false;
            }
            // Its parent's death kills it; if it can not be waited for, look again a little later.
            let nap = deadline.remaining_up_to(LOOK);
            if PidFd::open(living.pid()).and_then(|pidfd| pidfd.wait_gone(Some(nap))).is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Kills those below the child, which is dead: as many as are found one after the other at once. Those that begin meanwhile end by
    /// themselves, since the child's seat is closed.
    pub(super) fn kill_descendants(&self) {
        let Some((arena, _)) = member::membership() else { return };
        let Some(identity) = self.identity(arena) else { return };
        let mut killed = None;
        while let Some(living) = sweep::living_below(arena, self.reservation.seat, identity, Kin::All) {
            if killed == Some(living) {
                return; // it is dying; the next look finds the others
            }
            // An error means that it is gone, or is not ours to kill: it is waited for.
            let _ = PidFd::open(living.pid()).and_then(|pidfd| pidfd.send_signal(SIGKILL));
            killed = Some(living);
        }
    }

    /// Tells the child whether its parent waits for its end, so that it can say why neither goes on.
    pub(super) fn set_awaited(&self, awaited: bool) {
        if let Some((arena, _)) = member::membership()
            && let Some(identity) = self.identity(arena)
            && let Some(seat) = arena.seats().seat(self.reservation.seat)
            && seat.occupant() == Occupant::Process(identity.bits())
        {
            seat.set_awaited(awaited);
        }
    }

    /// Steps 2 to 6. The process and everyone below it are gone.
    fn reap(&self, arena: &Arena, luggage: Luggage) -> Ending {
        let number = self.reservation.seat;
        let identity = self.identity(arena);
        let status = self.pidfd.reap().unwrap_or(ExitStatus::Lost);
        let seat = arena.seats().seat(number).filter(|_| identity.is_some());
        let outcome = seat.map_or(Outcome::Unsaid, |seat| seat.outcome.read());
        let panic = seat.and_then(|_| panics::recorded(arena, number));
        let mut result = self.take_over(arena, outcome);
        let Luggage { closure, argument } = luggage;
        let drop_luggage = || {
            drop_users(closure);
            drop(argument);
        };
        match &mut result {
            Homecoming::Parcel(delivery) => delivery.catch_from(drop_luggage),
            _ => drop_luggage(),
        }
        match identity {
            Some(identity) => sweep_soon(arena, number, identity),
            None => member::cancel_child(self.reservation),
        }
        settle_limbo(arena);
        Ending { status, outcome, panic, result }
    }

    /// Step 3.
    fn take_over(&self, arena: &Arena, outcome: Outcome) -> Homecoming {
        let seat = self.reservation.seat;
        match outcome {
            Outcome::ReturnedInline { bytes } => {
                let words = arena.seats().seat(seat).map_or(&[][..], |seat| &seat.inline[..]);
                let mut copy: Vec<u8> = words
                    .iter()
                    .take(bytes.min(INLINE).div_ceil(8))
                    .flat_map(|word| word.load(Relaxed).to_ne_bytes()) // O1, by `read`
                    .collect();
                copy.truncate(bytes);
                Homecoming::Small(copy)
            }
            Outcome::Returned { unit } => match Delivery::adopt(unit, seat, true) {
                Ok(delivery) => Homecoming::Parcel(delivery),
                Err(_) => Homecoming::Damaged,
            },
            _ => Homecoming::Nothing,
        }
    }

    /// Takes the result of a child that has ended.
    pub(super) fn take<R: Message>(&self) -> Result<R, Failure> {
        let worker = || self.worker.clone();
        let state = std::mem::replace(&mut *self.state(), State::Taken);
        let ending = match state {
            State::Ended(ending) => *ending,
            State::Taken => return Err(Failure::AlreadyJoined { worker: worker() }),
            running => {
                *self.state() = running;
                return Err(Failure::TimedOut { worker: worker() });
            }
        };
        let undecodable = |error| Failure::Undecodable { worker: worker(), error };
        match ending.result {
            Homecoming::Small(mut bytes) => parcel::unpack_inline(&mut bytes).map_err(undecodable),
            Homecoming::Parcel(delivery) => parcel::unpack(delivery).map_err(undecodable),
            Homecoming::Damaged => {
                Err(undecodable(DecodeError::Foreign("the result's container is damaged")))
            }
            Homecoming::Nothing => Err(self.failure(ending.status, ending.outcome, ending.panic)),
        }
    }

    /// Whether it is gone, and somebody has what it left.
    pub(super) fn is_taken(&self) -> bool {
        matches!(*self.state(), State::Taken)
    }

    /// What failed, if the child ended without a result and nobody took notice yet.
    pub(super) fn unnoticed_failure(&self) -> Option<Failure> {
        match &*self.state() {
            State::Ended(ending) => match ending.result {
                Homecoming::Nothing => {
                    Some(self.failure(ending.status, ending.outcome, ending.panic.clone()))
                }
                Homecoming::Damaged => Some(self.damaged()),
                Homecoming::Small(_) | Homecoming::Parcel(_) => None,
            },
            _ => None,
        }
    }

    fn damaged(&self) -> Failure {
        let error = DecodeError::Foreign("the result's container is damaged");
        Failure::Undecodable { worker: self.worker.clone(), error }
    }

    fn failure(&self, status: ExitStatus, outcome: Outcome, panic: Option<Panic>) -> Failure {
        let worker = self.worker.clone();
        match (outcome, status) {
            (Outcome::Panicked, _) => {
                Failure::Panicked { worker, panic: panic.unwrap_or_else(Panic::unknown) }
            }
            (Outcome::OutOfMemory { bytes }, _) => Failure::OutOfMemory { worker, requested: bytes },
            (_, ExitStatus::Signaled { signal, core_dumped }) => {
                // Of a panic that the body caught, no other signal is the consequence.
                let panic = panic.filter(|_| signal == SIGABRT);
                Failure::Signaled { worker, signal, core_dumped, panic }
            }
            (_, ExitStatus::Exited(code)) => Failure::Exited { worker, code },
            (_, ExitStatus::Lost) => Failure::StatusLost { worker },
        }
    }
}
