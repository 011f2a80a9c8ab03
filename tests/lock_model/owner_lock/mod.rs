//! The owner lock, taken by processes that wait for it, that wait for a while, and that only try.
//!
//! Looked for: *overlap*, two of the living in the guarded section; nobody stuck, nothing hopeless.

mod claims;

use crate::graph::{Fault, Model};
use crate::locker::{Lock, Locked, Locking, OWNER_LOCK, Unlock, Unlocked, Who, Word};

/// How many processes a cast has at most.
const PROCESSES: usize = 4;

/// What a process does, how often.
#[derive(Clone, Copy, Debug)]
enum Part {
    Locks(u8),
    /// Gives up once it has slept.
    LocksInTime(u8),
    Tries(u8),
}

#[derive(Clone, Copy, Debug)]
struct Protocol {
    cast: &'static [Part],
    locking: Locking,
    /// Who slept looks again before it gives up.
    last_look: bool,
    /// The kernel marks the word of who dies owning it, and wakes a sleeper, as for a robust mutex.
    assisted: bool,
}

const THREE: &[Part] = &[Part::Locks(3), Part::Locks(3), Part::Locks(2)];

/// The protocol that ships.
const SHIPPED: Protocol = Protocol { cast: THREE, locking: OWNER_LOCK, last_look: true, assisted: false };

/// The next step of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    /// Starts a round, or is done.
    Begin,
    Lock(Lock),
    /// In the guarded section, until the step that frees the word.
    Unlock(Unlock),
    Done,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Process {
    next: Next,
    rounds: u8,
    /// Slept in this round: kept by who may give up.
    slept: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    word: Word,
    processes: [Process; PROCESSES],
    kills: u8,
}

impl Model for State {
    type Protocol = Protocol;

    fn start(protocol: Protocol) -> Self {
        let mut processes = [Process { next: Next::Done, rounds: 0, slept: false }; PROCESSES];
        for (process, part) in processes.iter_mut().zip(protocol.cast) {
            let (Part::Locks(rounds) | Part::LocksInTime(rounds) | Part::Tries(rounds)) = *part;
            *process = Process { next: Next::Begin, rounds, slept: false };
        }
        Self { word: Word::FREE, processes, kills: 0 }
    }

    fn fault(&self, _: Protocol) -> Option<Fault> {
        let inside = |process: &&Process| matches!(process.next, Next::Unlock(at) if at.holds());
        (self.processes.iter().filter(inside).count() > 1).then_some(Fault::Overlap)
    }

    fn settled(&self, _: Protocol) -> bool {
        self.processes.iter().all(|process| matches!(process.next, Next::Done | Next::Dead))
    }

    fn steps(&self, protocol: Protocol, to: &mut Vec<Self>) {
        (0..PROCESSES).for_each(|me| self.step(me, protocol, to));
    }

    fn events(&self, protocol: Protocol, kills: u8, to: &mut Vec<Self>) {
        if self.kills < kills {
            (0..PROCESSES).for_each(|me| self.kill(me, protocol, to));
        }
        if protocol.locking.evidence && self.owner_is_dead() {
            // `orphan`; its wake is one of the spurious ends of a bounded sleep.
            to.push(Self { word: self.word.orphaned(), ..*self });
        }
    }
}

impl State {
    fn owner_is_dead(&self) -> bool {
        self.word.has_owner() && self.processes[usize::from(self.word.slot())].next == Next::Dead
    }

    fn with(&self, me: usize, next: Next) -> Self {
        let mut after = *self;
        after.processes[me].next = next;
        after
    }

    /// Adds what a wake of one sleeper leads to, whichever it is; returns whether somebody slept.
    fn wake_one(&self, to: &mut Vec<Self>) -> bool {
        let before = to.len();
        for (sleeper, process) in self.processes.iter().enumerate() {
            if let Next::Lock(Lock::Asleep(word)) = process.next {
                to.push(self.with(sleeper, Next::Lock(Lock::Look(Some(word)))));
            }
        }
        to.len() > before
    }

    fn kill(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let killed = self.processes[me].next;
        if matches!(killed, Next::Done | Next::Dead) {
            return;
        }
        let mut after = self.with(me, Next::Dead);
        after.kills += 1;
        let mut wakes = false;
        if protocol.assisted && after.owner_is_dead() {
            after.word = self.word.orphaned();
            wakes = self.word.waiters;
        } else if protocol.assisted {
            wakes = killed != Next::Begin && self.word.low() == Word::FREE.low();
        }
        if !wakes || !after.wake_one(to) {
            to.push(after);
        }
    }

    /// Adds the states after process `me` took its next step.
    fn step(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        let next = match self.processes[me].next {
            Next::Begin => match self.processes[me].rounds.checked_sub(1) {
                None => Next::Done,
                Some(rounds) => {
                    after.processes[me] = Process { rounds, slept: false, ..self.processes[me] };
                    Next::Lock(if let Part::Tries(_) = protocol.cast[me] { Lock::Try } else { Lock::Fast })
                }
            },
            Next::Lock(at) => {
                if let Part::LocksInTime(_) = protocol.cast[me] {
                    match at {
                        Lock::Sleep(_) => after.processes[me].slept = true,
                        // Out of time, after a look at what it woke to.
                        Lock::Announce(_) if self.processes[me].slept => to.push(self.with(me, Next::Begin)),
                        Lock::Look(Some(_)) if !protocol.last_look => to.push(self.with(me, Next::Begin)),
                        _ => {}
                    }
                } else if matches!(at, Lock::Asleep(_)) && !protocol.locking.bounded {
                    return;
                }
                let who = Who { thread: me as u8, slot: me as u8 };
                let is_dead = |slot| self.processes[usize::from(slot)].next == Next::Dead;
                match after.word.lock(who, at, protocol.locking, is_dead) {
                    Locked::Not(at) => Next::Lock(at),
                    Locked::Clean | Locked::Recovered => Next::Unlock(Unlock::Look),
                    Locked::Refused => Next::Begin,
                }
            }
            Next::Unlock(at) => match after.word.unlock(at, protocol.locking) {
                Unlocked::Not(at) => Next::Unlock(at),
                Unlocked::Done => Next::Begin,
                Unlocked::WakesOneOr(otherwise) => {
                    if after.with(me, Next::Begin).wake_one(to) {
                        return;
                    }
                    otherwise.map_or(Next::Begin, Next::Unlock)
                }
            },
            Next::Done | Next::Dead => return,
        };
        to.push(after.with(me, next));
    }
}
