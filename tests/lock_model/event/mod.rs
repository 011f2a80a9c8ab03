//! The event: one word, SET | WAITERS | a count of sets, all three in the half that the kernel compares.
//!
//! ```text
//! set     SET already: done. Exchange: SET, count + 1; manual: WAITERS off. Had it WAITERS: wake all, or one (auto);
//!         auto, and nobody was asleep: exchange that very word for one without WAITERS
//! clear   exchange: SET off
//! wait    look, and remember the count. SET: manual: through; auto: exchange SET off, through.
//!         Manual, and the count has moved on: through, the event was set since, and cleared.
//!         Else exchange WAITERS on, sleep on that word, look again; whoever is out of time leaves after that look
//! ```
//!
//! Looked for: *unearned*, more let through than there were sets (auto) or no set since the call (manual); *stuck* and
//! *hopeless*, where a waiter may sleep only if nothing was set for it.

mod claims;
mod protocol;
mod steps;

use self::protocol::{Part, Protocol};
use crate::graph::{Fault, Model};

/// How many threads a cast has at most. Each is a process of its own: an event knows no owners.
const THREADS: usize = 4;

/// The event's word. The count wraps at 8, more than there are sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Word {
    set: bool,
    waiters: bool,
    count: u8,
}

/// The next step of a thread. `since` is the count when its call began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    Begin,
    /// `wait`: looks at the word.
    Look {
        since: Option<u8>,
        timed_out: bool,
    },
    /// Exchanges SET off.
    Consume {
        seen: Word,
        since: u8,
        timed_out: bool,
    },
    /// Exchanges WAITERS on.
    Announce {
        seen: Word,
        since: u8,
    },
    /// Enters the kernel.
    Sleep {
        seen: Word,
        since: u8,
    },
    Asleep {
        since: u8,
    },
    /// `set`: looks at the word.
    SetLook,
    Set(Word),
    /// Has set, and wakes.
    Wake(Word),
    /// Takes WAITERS off, nobody having been asleep.
    Tidy(Word),
    /// `clear`: looks at the word, and exchanges SET off.
    ClearLook,
    Clear(Word),
    Done,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Thread {
    next: Next,
    rounds: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    word: Word,
    threads: [Thread; THREADS],
    kills: u8,
    /// How many sets turned SET on, and how many were taken back by waiters.
    sets: u8,
    consumed: u8,
}

impl Model for State {
    type Protocol = Protocol;

    fn start(protocol: Protocol) -> Self {
        let mut threads = [Thread { next: Next::Done, rounds: 0 }; THREADS];
        for (thread, part) in threads.iter_mut().zip(protocol.cast) {
            let rounds = match *part {
                Part::Waits(rounds) | Part::Sets(rounds) | Part::Clears(rounds) => rounds,
                Part::WaitsInTime => 1,
            };
            *thread = Thread { next: Next::Begin, rounds };
        }
        let word = Word { set: false, waiters: false, count: 0 };
        Self { word, threads, kills: 0, sets: 0, consumed: 0 }
    }

    fn fault(&self, _: Protocol) -> Option<Fault> {
        (self.consumed > self.sets).then_some(Fault::Unearned)
    }

    fn settled(&self, protocol: Protocol) -> bool {
        self.threads.iter().all(|thread| match thread.next {
            Next::Done | Next::Dead => true,
            Next::Asleep { since } => !self.lets_through(since, protocol),
            _ => false,
        })
    }

    fn steps(&self, protocol: Protocol, to: &mut Vec<Self>) {
        (0..THREADS).for_each(|me| self.step(me, protocol, to));
    }

    fn events(&self, _: Protocol, kills: u8, to: &mut Vec<Self>) {
        if self.kills < kills {
            let living = |me: &usize| !matches!(self.threads[*me].next, Next::Done | Next::Dead);
            to.extend(
                (0..THREADS)
                    .filter(living)
                    .map(|me| Self { kills: self.kills + 1, ..self.with(me, Next::Dead) }),
            );
        }
    }
}
