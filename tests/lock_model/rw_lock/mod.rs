//! The readers-writer lock: an owner lock, a cell for each process that counts its readers, WRITING, and poison.
//!
//! ```text
//! read    cell + 1. Word free, whoever waits: in; had it slept: wake all sleepers of the word.
//!         Else cell - 1, as below, and wait as a locker does: look, WAITERS, sleep, and then ask for the owner's death.
//!         Word free and clean: again from the beginning.
//!         DIED, or a dead owner: take the lock, note the death, unlock, again from the beginning
//! leave   cell - 1; the last one, and the cell is marked: exchange the mark off, wake the writer that sleeps on it
//! write   lock; note the death, if the lock was recovered. For each cell until its count is 0: mark it, sleep on it,
//!         look again; it stayed the same: ask for the death of its process, and pass over the dead. WRITING on
//! unlock  WRITING off; unlock.   downgrade: cell + 1, WRITING off, unlock
//! note    WRITING on? Poison, then WRITING off
//! try     as read, but the lock is only tried instead of waited for; as write, but a reader that lives ends it
//! ```
//!
//! Looked for: *overlap*, a writer together with anybody; *poison missed*, somebody is in after a writer was killed
//! writing, and there is no poison; *poison uncaused*; *stuck* and *hopeless*.

mod claims;
mod protocol;
mod reader;
mod steps;
mod writer;

use self::protocol::Protocol;
use crate::graph::{Fault, Model};
use crate::locker::{Lock, Unlock, Word};

/// How many threads a cast has at most.
const THREADS: usize = 4;
/// How many processes.
const SLOTS: usize = 3;

/// What a process's readers are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    count: u8,
    /// A writer sleeps on the cell.
    mark: bool,
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    Begin,
    /// Takes a seat, which raises the mark.
    Join,
    /// A reader counts itself.
    Count,
    /// Looks at the word.
    Check,
    /// Takes its count back.
    BackOut,
    /// Takes the mark off the thread's own cell, if there still is no reader.
    ClearMark(Then),
    /// Wakes the writer that sleeps on the thread's own cell.
    WakeWriter(Then),
    /// A reader waits as a locker does.
    Wait(Lock),
    /// Wakes all who sleep on the word.
    WakeOthers,
    Reading,
    /// A writer takes the owner lock.
    Lock(Lock),
    /// Looks at WRITING, the last owner having died.
    Note,
    Poison,
    /// Takes WRITING off, the poison having been stored.
    Forgive,
    /// Reads how many cells there are.
    ReadHigh,
    /// Looks whether the cell's count is 0, having slept on what it remembers.
    Drain {
        cell: u8,
        slept_on: Option<Cell>,
    },
    /// Marks the cell that it saw.
    Mark {
        cell: u8,
        seen: Cell,
    },
    SleepOn {
        cell: u8,
        seen: Cell,
    },
    AsleepOn {
        cell: u8,
        seen: Cell,
    },
    /// Asks whether its process is dead.
    AskFor {
        cell: u8,
        seen: Cell,
    },
    SetWriting,
    Writing,
    /// Downgrades: counts itself, still the owner.
    Keep,
    EndWriting(Then),
    Unlock(Unlock, Then),
    Done,
    Dead,
}

/// What comes after a step that several do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Then {
    /// The next round.
    Begin,
    /// The beginning of this round.
    Again,
    Wait,
    Try,
    Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Thread {
    next: Next,
    rounds: u8,
    /// Slept since it began to wait for the lock; or tried, if it only tries.
    slept: bool,
    /// The control that notes a death late: has still to.
    owes_note: bool,
    /// How many cells the writer looks at.
    high: u8,
}

const IDLE: Thread = Thread { next: Next::Done, rounds: 0, slept: false, owes_note: false, high: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    word: Word,
    cells: [Cell; SLOTS],
    high: u8,
    writing: bool,
    poison: bool,
    threads: [Thread; THREADS],
    kills: u8,
    /// A writer was killed writing: what the data knows, and nobody can read off.
    torn: bool,
}

impl Model for State {
    type Protocol = Protocol;

    fn start(protocol: Protocol) -> Self {
        let mut threads = [IDLE; THREADS];
        for (thread, part) in threads.iter_mut().zip(protocol.cast) {
            *thread = Thread { next: Next::Begin, rounds: part.rounds, ..IDLE };
        }
        let cells = [Cell { count: 0, mark: false }; SLOTS];
        let (high, word) = (protocol.high, Word::FREE);
        Self { word, cells, high, writing: false, poison: false, threads, kills: 0, torn: false }
    }

    fn fault(&self, _: Protocol) -> Option<Fault> {
        let reads = |thread: &&Thread| {
            matches!(thread.next, Next::WakeOthers | Next::Reading | Next::Unlock(_, Then::Reading))
        };
        let writes =
            |thread: &&Thread| matches!(thread.next, Next::Writing | Next::Keep | Next::EndWriting(_));
        let readers = self.threads.iter().filter(reads).count();
        let writers = self.threads.iter().filter(writes).count();
        if writers > 1 || writers == 1 && readers > 0 {
            Some(Fault::Overlap)
        } else if self.torn && !self.poison && readers + writers > 0 {
            Some(Fault::PoisonMissed)
        } else {
            (self.poison && !self.torn).then_some(Fault::PoisonUncaused)
        }
    }

    fn settled(&self, _: Protocol) -> bool {
        self.threads.iter().all(|thread| matches!(thread.next, Next::Done | Next::Dead))
    }

    fn steps(&self, protocol: Protocol, to: &mut Vec<Self>) {
        (0..protocol.cast.len()).for_each(|me| self.step(me, protocol, to));
    }

    fn events(&self, protocol: Protocol, kills: u8, to: &mut Vec<Self>) {
        for slot in 0..self.high {
            if self.is_dead(slot, protocol) {
                to.push(self.buried(slot, protocol));
            } else if self.kills < kills && self.lives(slot, protocol) {
                to.push(self.killed(slot, protocol));
            }
        }
    }
}

impl State {
    fn of_slot(slot: u8, protocol: Protocol) -> impl Iterator<Item = usize> {
        (0..protocol.cast.len()).filter(move |&thread| protocol.cast[thread].slot == slot)
    }

    fn is_dead(&self, slot: u8, protocol: Protocol) -> bool {
        Self::of_slot(slot, protocol).any(|thread| self.threads[thread].next == Next::Dead)
    }

    fn lives(&self, slot: u8, protocol: Protocol) -> bool {
        Self::of_slot(slot, protocol).any(|thread| self.threads[thread].next != Next::Done)
    }

    /// A process dies with all of its threads.
    fn killed(&self, slot: u8, protocol: Protocol) -> Self {
        let mut after = Self { kills: self.kills + 1, ..*self };
        for thread in Self::of_slot(slot, protocol) {
            after.torn |=
                matches!(self.threads[thread].next, Next::Writing | Next::Keep | Next::EndWriting(_));
            after.threads[thread].next = Next::Dead;
        }
        after
    }

    /// The sweep: frees the lock from the dead, and their cell. Its wakes are spurious ends of bounded sleeps.
    fn buried(&self, slot: u8, protocol: Protocol) -> Self {
        let mut after = *self;
        if protocol.locking.evidence && self.word.has_owner() && self.word.slot() == slot {
            after.word = self.word.orphaned();
        }
        if protocol.passes_dead {
            after.cells[usize::from(slot)] = Cell { count: 0, mark: false };
        }
        after
    }
}
