//! Blocks that several processes hold: a record of the holders, and the end of the last one.
//!
//! ```text
//!   Private(p) ── share ──▶ Shared(record) ── last hold released ──▶ Private(me) ─▶ free
//!
//!   record  [ block + 1 | next record | hold | hold | 0 | hold | …30 ]       hold = seat + 1, or the unit of a message in a queue
//! ```
//!
//! A hold is one word of the record; a participant may have several. What is true is the set of holds of live
//! participants; there is no count that a death could falsify. All changes are made under the shares lock.
//!
//! | operation | commit store                        | killed before                              | killed after |
//! |-----------|-------------------------------------|--------------------------------------------|--------------|
//! | share     | block word: Private → Shared        | a record nobody names: swept               | the holds of the dead one are swept |
//! | add       | the hold                            | nothing happened                           | likewise |
//! | hand over | the hold: one holder → another      | still held by the first                    | held by the second |
//! | release   | the hold: seat + 1 → 0              | still held by the dead one: swept          | if it was the last: found without holds, freed by the sweep |
//!
//! I1. A record's own claim is `Shared` naming itself, so no sweep takes it for a block of the dead.
//! I2. A record that is not reached from the block it names is nobody's and is freed by the sweep.

use super::arena::Arena;
use super::error::AllocError;
use super::heap::{self, Taken};
use super::layout::UNITS;
use super::{chain, container, member, queued};
use crate::algo::{Kind, Word};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// Bytes of a record, and units.
pub(super) const RECORD: usize = 256;
const UNITS_OF_RECORD: u64 = 4;
const BLOCK: usize = 0;
const NEXT: usize = 1;
const HOLDS: usize = 2;

/// Who holds a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder(u64);

/// Holds from here on are of messages.
const MESSAGE: u64 = 1 << 63;

impl Holder {
    /// The participant in a seat.
    pub(super) const fn seat(seat: u16) -> Self {
        Self(seat as u64 + 1)
    }

    /// The container at a unit, which is in a queue, or on its way.
    pub(super) const fn message(unit: u64) -> Self {
        Self(unit | MESSAGE)
    }

    /// Counts, or (with -1) discounts, the hold with the participant that has it. Who owns a message is counted for it.
    fn count(self, arena: &Arena, change: i64) {
        if self.0 & MESSAGE == 0 {
            member::count_owned(arena, (self.0 - 1) as u16, change);
        }
    }
}

/// The words of a record. Relaxed throughout: the shares lock orders its holders one after the other.
type Words = [AtomicU64; RECORD / 8];

/// Loads the word of the block at `unit`, head or claim.
pub(super) fn load(arena: &Arena, unit: u64) -> Word {
    match arena.runs().slab_around(unit as usize / UNITS) {
        Some(_) => arena.claims().load(unit as usize),
        None => arena.runs().load(unit as usize / UNITS),
    }
}

/// Changes the word of the block at `unit` if it still is `from`.
pub(super) fn exchange(arena: &Arena, unit: u64, from: Word, to: Word) -> bool {
    match arena.runs().slab_around(unit as usize / UNITS) {
        Some(_) => arena.claims().exchange(unit as usize, from, to),
        None => arena.runs().exchange(unit as usize / UNITS, from, to),
    }
}

/// Makes the block at `unit` ours: its word becomes `mine` if it still is `from`. Counted before, so that the count is never too low.
pub(super) fn take_over(arena: &Arena, me: u16, unit: u64, from: Word, mine: Word) -> Option<Word> {
    member::count_owned(arena, me, 1);
    if exchange(arena, unit, from, mine) {
        Some(mine)
    } else {
        member::count_owned(arena, me, -1);
        None
    }
}

/// Runs `section` under the shares lock. Nothing needs repair after a dead holder: the sweep of it does.
pub(super) fn with_shares<R>(arena: &Arena, section: impl FnOnce() -> R) -> Result<R, AllocError> {
    heap::locked(arena, &arena.header().shares.0, |_| (), section)
}

fn words(arena: &Arena, record: u32) -> Option<&Words> {
    arena.share_words(u64::from(record) * UNITS_OF_RECORD)
}

/// The records of a chain. Ends after as many as a damaged chain could have at most.
fn records(arena: &Arena, first: u32) -> impl Iterator<Item = (u32, &Words)> {
    let mut next = Some(first);
    std::iter::from_fn(move || {
        let record = next?;
        let words = words(arena, record)?;
        next = words[NEXT].load(Relaxed).checked_sub(1).map(|record| record as u32);
        Some((record, words))
    })
    .take(usize::from(u16::MAX))
}

fn holds(arena: &Arena, first: u32) -> impl Iterator<Item = &AtomicU64> {
    records(arena, first).flat_map(|(_, words)| &words[HOLDS..])
}

/// Adds a hold to the block at `unit`, which becomes shared if it was private.
pub(super) fn share(arena: &Arena, holder: Holder, unit: u64) -> Result<(), AllocError> {
    let me = member::seat().ok_or(AllocError::Excluded)?;
    // Taken before the lock, so that no allocation happens under it; given back if it is not needed.
    let spare = heap::take(arena, me, RECORD, 8)?;
    holder.count(arena, 1);
    let used = with_shares(arena, || add_hold(arena, holder, unit, spare));
    if used != Ok(Some(true)) {
        heap::release(arena, me, spare.unit, spare.word);
    }
    let shared = match used {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(AllocError::Corrupt { page: unit as usize / UNITS }),
        Err(error) => Err(error),
    };
    shared.inspect_err(|_| holder.count(arena, -1))
}

/// Shares lock held. Whether the spare record was used; `None`: the block is none that can be shared.
fn add_hold(arena: &Arena, holder: Holder, unit: u64, spare: Taken) -> Option<bool> {
    let Holder(hold) = holder;
    let block = load(arena, unit);
    match block.kind() {
        Kind::Private if block.owner() != Word::QUEUE => {
            let owner = Holder::seat(block.owner());
            let record = keep_record(arena, unit, spare, [owner.0, hold], 0)?;
            let shared = Word::shared(block.extent(), record, block.bears_lock());
            exchange(arena, unit, block, shared).then_some(true) // share: the commit
        }
        Kind::Shared => {
            if let Some(free) = holds(arena, block.record()).find(|hold| hold.load(Relaxed) == 0) {
                free.store(hold, Relaxed); // add: the commit
                return Some(false);
            }
            let first = words(arena, block.record())?;
            let next = first[NEXT].load(Relaxed);
            let record = keep_record(arena, unit, spare, [hold, 0], next)?;
            first[NEXT].store(u64::from(record) + 1, Relaxed); // add: the commit
            Some(true)
        }
        _ => None,
    }
}

/// Gives a hold of `from` on the block at `unit` to `to`. `false`: there is none.
pub(super) fn hand_over(arena: &Arena, unit: u64, from: Holder, to: Holder) -> Result<bool, AllocError> {
    to.count(arena, 1);
    let handed = with_shares(arena, || {
        let block = load(arena, unit);
        if block.kind() != Kind::Shared {
            return false;
        }
        let hold = holds(arena, block.record()).find(|hold| hold.load(Relaxed) == from.0);
        if let Some(hold) = hold {
            hold.store(to.0, Relaxed); // hand over: the commit
        }
        hold.is_some()
    });
    match handed {
        Ok(true) => from.count(arena, -1),
        _ => to.count(arena, -1),
    }
    handed
}

/// The messages that hold the block at `unit`. Shares lock held.
pub(super) fn messages(arena: &Arena, unit: u64) -> impl Iterator<Item = u64> {
    let block = load(arena, unit);
    let record = (block.kind() == Kind::Shared).then(|| block.record());
    record.into_iter().flat_map(move |record| holds(arena, record)).filter_map(|hold| {
        let hold = hold.load(Relaxed);
        (hold & MESSAGE != 0).then_some(hold & !MESSAGE)
    })
}

/// Writes a record into the spare object and keeps it.
fn keep_record(arena: &Arena, unit: u64, spare: Taken, first: [u64; 2], next: u64) -> Option<u32> {
    let record = u32::try_from(spare.unit / UNITS_OF_RECORD).ok()?;
    let words = words(arena, record)?;
    words[BLOCK].store(unit + 1, Relaxed);
    words[NEXT].store(next, Relaxed);
    for (word, value) in words[HOLDS..].iter().zip(first.into_iter().chain(std::iter::repeat(0))) {
        word.store(value, Relaxed);
    }
    let itself = Word::shared(spare.word.extent(), record, false);
    member::count_owned(arena, member::seat()?, -1);
    exchange(arena, spare.unit, spare.word, itself).then_some(record)
}

/// A block whose last hold was taken off: where it is, what its word said before, and that it is ours now, to be freed.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    unit: u64,
    block: Word,
    mine: Word,
    /// Its records, ours as well.
    records: Vec<(u64, Word)>,
}

/// Takes one hold off the block at `unit`; frees the block if that was the last, and whatever ends by that.
pub(super) fn unshare(arena: &Arena, holder: Holder, unit: u64) -> Result<(), AllocError> {
    let mut ended = Vec::new();
    let done = let_go(arena, holder, unit, &mut ended);
    free_ended(arena, ended);
    done
}

/// Frees blocks, and whatever ends by that.
pub(super) fn free_ended(arena: &Arena, mut ended: Vec<Ended>) {
    let (Some(me), false) = (member::seat(), ended.is_empty()) else { return };
    member::count_owned(arena, me, 1); // one more, so that a sweep has something to find until the last record is free
    while let Some(Ended { unit, block, mine, records }) = ended.pop() {
        if block.bears_lock() {
            chain::empty(arena, unit, block, &mut ended);
        }
        for (unit, mine) in std::iter::once((unit, mine)).chain(records) {
            heap::release(arena, me, unit, mine);
        }
    }
    member::count_owned(arena, me, -1);
}

/// Takes one hold off the block at `unit`, which is left in `ended` if that was the last.
pub(super) fn let_go(
    arena: &Arena,
    holder: Holder,
    unit: u64,
    ended: &mut Vec<Ended>,
) -> Result<(), AllocError> {
    let me = member::seat().ok_or(AllocError::Excluded)?;
    let mut released = false;
    let last = with_shares(arena, || {
        let block = load(arena, unit);
        if block.kind() != Kind::Shared {
            return None;
        }
        let mine = holds(arena, block.record()).find(|hold| hold.load(Relaxed) == holder.0)?;
        mine.store(0, Relaxed); // release: the commit
        released = true;
        let ended = if block.bears_lock() {
            // Under the heap lock, under which a burial looks at blocks that bear locks. An error leaves it to the sweep.
            heap::with_heap(arena, || end_if_unheld(arena, me, unit, block)).ok().flatten()
        } else {
            end_if_unheld(arena, me, unit, block)
        };
        ended.map(|mine| Ended { unit, block, mine, records: take_records(arena, me, block) })
    })?;
    ended.extend(last);
    if released {
        holder.count(arena, -1); // an ended block was counted as ours before
    }
    Ok(())
}

/// Makes a shared block that nobody holds private to `me`, and returns its word. Shares lock held.
fn end_if_unheld(arena: &Arena, me: u16, unit: u64, block: Word) -> Option<Word> {
    if holds(arena, block.record()).any(|hold| hold.load(Relaxed) != 0) {
        return None;
    }
    take_over(arena, me, unit, block, Word::private(block.extent(), me, 0, false))
}

/// Takes a record that no block names any more, to be freed. Shares lock held: without it somebody else could have freed it, and it
/// could be the record of another block by now.
fn take_record(arena: &Arena, me: u16, record: u32) -> Option<(u64, Word)> {
    let unit = u64::from(record) * UNITS_OF_RECORD;
    let itself = load(arena, unit);
    if itself.kind() != Kind::Shared || itself.record() != record {
        return None;
    }
    let mine = take_over(arena, me, unit, itself, Word::private(itself.extent(), me, 0, false))?;
    Some((unit, mine))
}

/// Takes the records of a block that was made ours, to be freed with it. Shares lock held.
fn take_records(arena: &Arena, me: u16, block: Word) -> Vec<(u64, Word)> {
    let records: Vec<u32> = records(arena, block.record()).map(|(record, _)| record).collect();
    records.into_iter().filter_map(|record| take_record(arena, me, record)).collect()
}

/// Takes every hold of `dead`, and of messages that are no more, off the shared block at `unit`. What is nobody's then, the block with its
/// records, or a record that no block names, is made ours and put with what the sweep has `found`. Returns whether the block was.
/// Shares lock and heap lock held.
pub(super) fn sweep(
    arena: &Arena,
    me: u16,
    dead: u16,
    (unit, block): (u64, Word),
    found: &mut Vec<(u64, Word)>,
) -> bool {
    if u64::from(block.record()) * UNITS_OF_RECORD == unit {
        let named = words(arena, block.record()).and_then(|words| words[BLOCK].load(Relaxed).checked_sub(1));
        let reached = named.is_some_and(|named| {
            let word = load(arena, named);
            word.kind() == Kind::Shared
                && records(arena, word.record()).any(|(record, _)| record == block.record())
        });
        if !reached {
            found.extend(take_record(arena, me, block.record()));
        }
        return false;
    }
    for word in holds(arena, block.record()) {
        let hold = word.load(Relaxed);
        let gone = if hold & MESSAGE != 0 {
            let message = hold & !MESSAGE;
            // What the dead one had packed and not sent, or taken and not unpacked, is nobody's.
            queued::word_of(arena, message).owner() == dead
                || found.iter().any(|(at, _)| *at == message)
                || !container::carries(arena, message, unit)
        } else {
            Holder(hold) == Holder::seat(dead)
        };
        if gone {
            word.store(0, Relaxed);
        }
    }
    let Some(mine) = end_if_unheld(arena, me, unit, block) else { return false };
    found.push((unit, mine));
    found.extend(take_records(arena, me, block));
    true
}
