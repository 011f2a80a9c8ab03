//! What the dead held comes back: the sweep of one seat, and the search for seats that nobody else sweeps.
//!
//! ```text
//!   process dies ─▶ close(seat) ─▶ all its descendants gone? ─▶ walk the heap ─▶ orphan the locks ─▶ vacate(seat)
//!                                     no: the seat stays, and everything it owns (quarantine)
//! ```
//!
//! | what            | sweeping is one step each                                  | swept twice               |
//! |-----------------|------------------------------------------------------------|---------------------------|
//! | private run     | Private(dead) → Private(me), then freed like any other     | not the dead one's now    |
//! | private object  | likewise                                                   | likewise                  |
//! | hold            | seat + 1 → 0                                               | 0 already                 |
//! | lock it held    | exact word → ownerless, DIED                               | names another owner now   |
//! | seat            | identity → 0                                               | fails                     |
//!
//! I1. One sweeper at a time (the sweep lock), which looks at the seat's occupant again once it has the lock: so nobody
//!     sweeps a seat that was vacated and taken by somebody else meanwhile.
//! I2. A sweeper that is killed leaves what it had taken over as its own, to be swept with it.
//! I3. Lock order: sweep, shares, heap.

use std::time::Duration;

use super::arena::{Arena, MAPPING_NAME};
use super::bearing;
use super::error::AllocError;
use super::heap::{self, objects, with_heap};
use super::layout::UNITS;
use super::member::{self, death};
use super::queued::{self, QueueId};
use super::shares::{self, with_shares};
use crate::algo::{self, Kin, Kind, Late, Occupant, Outcome, OwnerLock, Seat, Word};
use crate::shim::Ordering::Acquire;
use crate::sys::{self, Deadline, Identity};

/// What one walk of the heap takes along, to be freed after the locks are released.
const BATCH: usize = 256;

/// Closes `seat` and every seat of the dead below it who is meant by `kin`, until nothing new turns up; returns the first
/// process below that is not certainly gone. `None`: nobody below lives, and nobody will.
///
/// `identity` must be dead, and nobody else may sweep its seat meanwhile.
pub(crate) fn living_below(arena: &Arena, seat: u16, identity: Identity, kin: Kin) -> Option<Identity> {
    let seats = arena.seats();
    if !seats.seat(seat).is_some_and(|seat| seat.occupant() == Occupant::Process(identity.bits())) {
        return None; // it never registered, so it never had children
    }
    let mut closed = vec![seat];
    close(arena, seat);
    loop {
        let before = closed.len();
        for (number, seat, identity) in seats.below(seat, kin) {
            let identity = Identity::from_bits(identity);
            if !is_out(seat, identity, kin) {
                return Some(identity);
            }
            if !closed.contains(&number) {
                closed.push(number);
                close(arena, number);
            }
        }
        if closed.len() == before {
            return None;
        }
    }
}

/// Whether a process can not reach the arena any more: it is gone, or it runs another program. A child of ours that does so is
/// still waited for by whoever means all kin, its parent, but holds nothing that it was lent.
fn is_out(seat: &Seat, identity: Identity, kin: Kin) -> bool {
    identity.is_gone() || (seat.is_stray() || kin == Kin::Spawned) && identity.runs_without(MAPPING_NAME)
}

/// Lets no child of the dead participant in `by` begin any more: those who register find it closed, those who have not find
/// their reservation gone.
fn close(arena: &Arena, by: u16) {
    if let Some(seat) = arena.seats().seat(by) {
        seat.close();
    }
    for (_, seat) in arena.seats().iter() {
        if let Occupant::Reserved { by: reserver, word } = seat.occupant()
            && reserver == by
        {
            seat.vacate(word);
        }
    }
}

/// Sweeps the seat of `identity`, which is dead, and everyone below it. `false`: a descendant lives still, or the seat is
/// somebody else's by now; nothing was given back.
pub(crate) fn sweep_family(arena: &Arena, seat: u16, identity: Identity) -> bool {
    // An error means that a signal handler interrupted a sweep on this thread: the next one goes on.
    sweep_family_by(arena, seat, identity, Deadline::never()) == Some(true)
}

/// As [`sweep_family`]; `None` if others swept until `deadline`, and nothing was done.
pub(crate) fn sweep_family_by(
    arena: &Arena,
    seat: u16,
    identity: Identity,
    deadline: Deadline,
) -> Option<bool> {
    let park = member::park_for(deadline);
    let sweep = || sweep_locked(arena, seat, identity);
    heap::locked_by(arena, &arena.header().sweep.0, &park, |_| (), sweep).ok()
}

/// Sweep lock held: nobody else vacates a seat of a dead process now.
fn sweep_locked(arena: &Arena, seat: u16, identity: Identity) -> bool {
    let seats = arena.seats();
    let is_there = || {
        let process = Occupant::Process(identity.bits());
        seats.seat(seat).is_some_and(|seat| seat.occupant() == process && is_out(seat, identity, Kin::All))
    };
    if !is_there() || member::seat() == Some(seat) || living_below(arena, seat, identity, Kin::All).is_some()
    {
        return false; // I1
    }
    let below: Vec<(u16, u64)> =
        seats.below(seat, Kin::All).map(|(number, _, identity)| (number, identity)).collect();
    below
        .into_iter()
        .chain([(seat, identity.bits())])
        .all(|(number, identity)| sweep(arena, number, identity))
}

/// Sweeps those dead whom no parent of ours waits for: forks that programs made by themselves, and families whose parent
/// is dead too. Returns whether a seat became free.
pub(crate) fn sweep_strays(arena: &Arena) -> bool {
    let seats = arena.seats();
    let mut freed = false;
    for (number, seat) in seats.iter() {
        let Occupant::Process(identity) = seat.occupant() else { continue };
        let awaited = !seat.is_stray() && seat.parent().is_some_and(|parent| death(arena, parent).is_none());
        let identity = Identity::from_bits(identity);
        freed |= !awaited && is_out(seat, identity, Kin::All) && sweep_family(arena, number, identity);
    }
    super::limbo::settle(arena);
    freed
}

/// Sweeps one seat of the dead. Sweep lock held. `false`: something of it is left.
fn sweep(arena: &Arena, dead: u16, identity: u64) -> bool {
    let Some(seat) = arena.seats().seat(dead) else { return false };
    let header = arena.header();
    let late = late(dead, seat, Identity::from_bits(identity));
    for lock in [&header.heap.0, &header.shares.0, &header.sweep.0] {
        orphan(lock, late);
    }
    if !bury(arena, seat, late) {
        return false;
    }
    if seat.owned.load(Acquire) != 0 {
        // D1: the dead one's last count is the truth, or too high
        loop {
            match sweep_batch(arena, dead) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return false,
            }
        }
        heap::dissolve_empty_slabs(arena);
    }
    seat.vacate(identity)
}

/// Takes over, or frees, up to `BATCH` blocks of the dead. Returns whether there may be more.
fn sweep_batch(arena: &Arena, dead: u16) -> Result<bool, AllocError> {
    let me = member::seat().ok_or(AllocError::Excluded)?;
    let mut found = Vec::with_capacity(BATCH);
    let more = with_shares(arena, || with_heap(arena, || walk(arena, me, dead, &mut found)))??;
    member::count_owned(arena, me, 1); // one more, so that our own sweep has something to find until the last record is free
    for (unit, mine) in found {
        heap::release(arena, me, unit, mine);
    }
    member::count_owned(arena, me, -1);
    Ok(more)
}

/// Walks the heap for what `dead` held, and for what belonged to queues that are no more. Shares lock and heap lock held. Returns
/// whether to walk again: there was too much, or what was found held other things.
fn walk(arena: &Arena, me: u16, dead: u16, found: &mut Vec<(u64, Word)>) -> bool {
    let mut again = false;
    for (unit, word) in blocks(arena) {
        again |= look(arena, me, dead, unit, word, found);
        if found.len() >= BATCH {
            return true;
        }
    }
    again
}

/// Everything in the heap with a word of its own, runs and objects of slabs: where it begins, and the word. Heap lock held.
fn blocks(arena: &Arena) -> impl Iterator<Item = (u64, Word)> {
    arena.runs().walk(0).map_while(Result::ok).flat_map(move |(page, head)| {
        let is_slab = head.kind() == Kind::Slab;
        let run = (!is_slab).then_some(((page * UNITS) as u64, head));
        let units = is_slab.then(|| objects(page, head)).into_iter().flatten();
        run.into_iter().chain(units.map(|unit| (unit as u64, arena.claims().load(unit))))
    })
}

/// Looks at one block. Returns whether it may have held something that the walk has passed.
fn look(arena: &Arena, me: u16, dead: u16, unit: u64, word: Word, found: &mut Vec<(u64, Word)>) -> bool {
    match word.kind() {
        Kind::Private if word.owner() == Word::QUEUE => {
            let stray = queued::is_stray(arena, unit);
            if stray {
                found.extend(queued::take(arena, me, unit, word).map(|mine| (unit, mine)));
            }
            stray
        }
        Kind::Private if word.owner() == dead => {
            let mine = Word::private(word.extent(), me, word.tag(), false);
            found.extend(shares::take_over(arena, me, unit, word, mine).map(|mine| (unit, mine)));
            word.bears_lock() // a queue, perhaps; a message of the dead one holds nothing wherever the walk is
        }
        Kind::Shared => shares::sweep(arena, me, dead, (unit, word), found) && word.bears_lock(),
        _ => false,
    }
}

/// The blocks that belong to `queue`, wherever they are.
pub(super) fn belonging_to(arena: &Arena, queue: QueueId) -> Vec<u64> {
    let belongs = |(unit, _): &(u64, Word)| queued::belonging(arena, *unit, queue).is_some();
    // An error leaves them to the next sweep.
    with_heap(arena, || blocks(arena).filter(belongs).map(|(unit, _)| unit).collect()).unwrap_or_default()
}

/// Whether the process in `seat`, dead, and all it spawned are gone: nobody writes any more what it may have lent. Forks of the
/// program's own were lent nothing, and nothing kills them: whoever waited for them might wait for itself.
pub(crate) fn is_extinct(arena: &Arena, seat: u16) -> bool {
    let occupant = || arena.seats().seat(seat).map(Seat::occupant);
    let extinct = || match occupant() {
        Some(Occupant::Process(identity)) => {
            let identity = Identity::from_bits(identity);
            identity.is_gone() && living_below(arena, seat, identity, Kin::Spawned).is_none()
        }
        Some(Occupant::Reserved { .. }) => false, // a new life already
        Some(Occupant::Nobody) | None => true,
    };
    // Whoever asks waits for something else, perhaps with a deadline: a sweeper that is stopped must not hold it up. Not knowing
    // means alive.
    let park = member::park_for(Deadline::after(Duration::from_millis(1)));
    heap::locked_by(arena, &arena.header().sweep.0, &park, |_| (), extinct) == Ok(true)
}

/// Takes what the dead participant in `seat` held of locks in blocks from it, and wakes those who wait for it, if all it spawned
/// are gone. To be done as soon as that may be so: what else there is to settle may take long.
pub(crate) fn release_locks(arena: &Arena, seat: u16, identity: Identity) {
    let release = || {
        let Some(found) = arena.seats().seat(seat) else { return };
        let is_there = found.occupant() == Occupant::Process(identity.bits());
        if !is_there || living_below(arena, seat, identity, Kin::Spawned).is_some() {
            return;
        }
        for (number, seat, identity) in arena.seats().below(seat, Kin::Spawned) {
            bury(arena, seat, late(number, seat, Identity::from_bits(identity)));
        }
        bury(arena, found, late(seat, found, identity));
    };
    // A child that took no lock is joined without one. Who was forked by it and lives may yet take one, but then it is too early.
    let has_locks = |number| arena.seats().seat(number).is_some_and(Seat::has_locks);
    if !has_locks(seat) && !arena.seats().below(seat, Kin::Spawned).any(|(number, ..)| has_locks(number)) {
        return;
    }
    // Whoever asks may have a deadline: a sweeper that is stopped must not hold it up for long. The sweep of the seat repeats this.
    let park = member::park_for(Deadline::after(Duration::from_millis(20)));
    let _ = heap::locked_by(arena, &arena.header().sweep.0, &park, |_| (), release);
}

/// The dead participant in `number`, as the machines know it.
fn late(number: u16, seat: &Seat, identity: Identity) -> Late {
    let returned = !matches!(seat.outcome.read(), Outcome::Unsaid | Outcome::Panicked);
    Late { slot: number, pid: identity.pid().cast_unsigned(), returned }
}

/// Sweep lock held: nobody vacates the seat, and no survivor takes it for that of somebody new. `false`: something is left.
fn bury(arena: &Arena, seat: &Seat, late: Late) -> bool {
    if !seat.has_locks() {
        return true;
    }
    let walked = with_heap(arena, || {
        for (unit, word) in blocks(arena) {
            bury_in_block(arena, late, unit, word);
        }
    });
    if walked.is_ok() {
        seat.unmark_locks(); // it takes no more
    }
    walked.is_ok()
}

/// Puts the lock in a block in order, if the block bears one. The wakes are made under the heap lock: the block must not become
/// somebody else's meanwhile.
fn bury_in_block(arena: &Arena, late: Late, unit: u64, word: Word) {
    if !word.bears_lock() || !matches!(word.kind(), Kind::Private | Kind::Shared) {
        return;
    }
    let (lock, more) = bearing::swept(arena, unit, heap::room(arena, unit, word));
    if let Some((form, borne)) = more {
        algo::bury(form, borne, late, &member::park());
    }
    orphan(lock.owner_lock(), late);
}

fn orphan(lock: &OwnerLock, late: Late) {
    if lock.orphan(late.slot, late.pid) {
        sys::wake(lock.futex_word(), u32::MAX);
    }
}

/// As [`sweep_strays`], once in a while for the whole family: it asks the kernel about everybody.
pub(crate) fn sweep_strays_now_and_then(arena: &Arena) {
    if member::is_due(&arena.header().patrol, Duration::from_millis(100)) {
        release_all_locks(arena);
        sweep_strays(arena);
    }
}

/// Takes their locks from all the dead who have parents that are to sweep them, but may be stopped.
fn release_all_locks(arena: &Arena) {
    for (number, seat) in arena.seats().iter().filter(|(_, seat)| seat.has_locks()) {
        let Occupant::Process(identity) = seat.occupant() else { continue };
        let identity = Identity::from_bits(identity);
        if member::seat() != Some(number) && identity.is_gone() {
            release_locks(arena, number, identity);
        }
    }
}
