//! The condition variable: berths, two bits each of a process's word (TAKEN and GRANTED), and a crowd for whom none is left.
//!
//! ```text
//! wait        with the mutex: take a berth, arrivals + 1; unlock. Look: granted. Else SLEEPS on, sleep on the grants, look
//!             again. Lock the mutex, free the berth. No berth left: CROWD on, sleep until the crowd is called
//! out of time granted: as above. Else free the berth, then lock the mutex
//! notify      CROWD on: off, a call more, wake the crowd. Arrivals all served: done. Word by word from somewhere: grant whose
//!             turn it is, SLEEPS off, wake the word; until so many are granted. All words seen, and still some to grant:
//!             the arrivals that were read before are served
//! look        a sleeper finds a dead process that waited or notified here: grant everybody
//! bury        one at a time: who waits in the dead one's word does not any more; grant everybody, unless it died in order
//!             and was not granted; empty the word
//! ```
//!
//! The mutex is one step here: the owner lock's own model is another. So is an exchange that is repeated until it succeeds.
//!
//! Looked for: *unearned*, more wakes than grants while all live; *passed by*, a notify that grants nobody anything though
//! somebody waited all along; *stuck* and *hopeless*, where one may sleep only if no grant and no item is left for it.

mod claims;
mod next;
mod notify;
mod protocol;
mod steps;
mod wait;

use self::next::{Next, Place};
use self::protocol::{Does, Protocol};
use crate::graph::{Fault, Model};

/// How many threads a cast has at most.
const THREADS: usize = 4;
/// How many processes, each with one word of berths.
const SLOTS: u8 = 3;
/// How often somebody looks for the dead: each time may wake everybody for nothing.
const LOOKS: u8 = 1;

/// A word of berths, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Word {
    taken: u8,
    granted: u8,
    /// The berth behind the one granted last.
    from: u8,
    sleeps: bool,
}

/// Those for whom no berth was left, since the last call. Nobody gets as far as to wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Crowd {
    some: bool,
    calls: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Thread {
    next: Next,
    rounds: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    /// Who has the mutex: a thread.
    mutex: Option<u8>,
    words: [Word; SLOTS as usize],
    arrivals: u8,
    served: u8,
    crowd: Crowd,
    items: u8,
    threads: [Thread; THREADS],
    kills: u8,
    looks: u8,
    /// Who has the sweep's lock, and which slots have been swept, a bit each.
    sweeper: Option<u8>,
    swept: u8,
    /// Which slots have waited or notified, a bit each.
    touched: u8,
    /// How many berths notifies have granted, and in how many of them somebody went on.
    given: u8,
    finished: u8,
    passed_by: bool,
}

impl Model for State {
    type Protocol = Protocol;

    fn start(protocol: Protocol) -> Self {
        let mut threads = [Thread { next: Next::Done, rounds: 0 }; THREADS];
        for (thread, part) in threads.iter_mut().zip(protocol.cast) {
            let rounds =
                if let Does::Notify(rounds) | Does::Produce(rounds) = part.does { rounds } else { 1 };
            *thread = Thread { next: Next::Begin, rounds };
        }
        Self {
            mutex: None,
            words: [Word { taken: 0, granted: 0, from: 0, sleeps: false }; SLOTS as usize],
            arrivals: 0,
            served: 0,
            crowd: Crowd { some: false, calls: 0 },
            items: 0,
            threads,
            kills: 0,
            looks: 0,
            sweeper: None,
            swept: 0,
            touched: 0,
            given: 0,
            finished: 0,
            passed_by: false,
        }
    }

    fn fault(&self, _: Protocol) -> Option<Fault> {
        let unearned = self.finished > self.given && self.kills == 0;
        if unearned { Some(Fault::Unearned) } else { self.passed_by.then_some(Fault::PassedBy) }
    }

    fn settled(&self, protocol: Protocol) -> bool {
        let mut threads = self.threads.iter().zip(protocol.cast);
        threads.all(|(thread, part)| match thread.next {
            Next::Done | Next::Dead => true,
            Next::Asleep(place) => {
                let left =
                    if part.does.waits_for_anything() { self.finished < self.given } else { self.items > 0 };
                !self.is_over(part.slot, place) && !left
            }
            _ => false,
        })
    }

    fn steps(&self, protocol: Protocol, to: &mut Vec<Self>) {
        (0..protocol.cast.len()).for_each(|me| self.step(me, protocol, to));
    }

    fn events(&self, protocol: Protocol, kills: u8, to: &mut Vec<Self>) {
        for slot in 0..SLOTS {
            let mut threads = self.of_slot(slot, protocol);
            if self.kills < kills && threads.any(|next| !matches!(next, Next::Done | Next::Dead)) {
                to.push(self.killed(slot, protocol));
            }
        }
    }
}

impl State {
    fn of_slot(&self, slot: u8, protocol: Protocol) -> impl Iterator<Item = Next> {
        let threads = self.threads.iter().zip(protocol.cast);
        threads.filter(move |(_, part)| part.slot == slot).map(|(thread, _)| thread.next)
    }

    fn is_dead(&self, slot: u8, protocol: Protocol) -> bool {
        self.of_slot(slot, protocol).any(|next| next == Next::Dead)
    }

    /// A process dies with all of its threads.
    fn killed(&self, slot: u8, protocol: Protocol) -> Self {
        let mut after = Self { kills: self.kills + 1, ..*self };
        for (thread, part) in after.threads.iter_mut().zip(protocol.cast) {
            if part.slot == slot {
                thread.next = Next::Dead;
            }
        }
        let dead = |thread: &u8| after.threads[usize::from(*thread)].next == Next::Dead;
        // Both locks recover from their owners' deaths.
        (after.mutex, after.sweeper) =
            (self.mutex.filter(|it| !dead(it)), self.sweeper.filter(|it| !dead(it)));
        after
    }

    /// Whether a wait is over, there.
    fn is_over(&self, slot: u8, place: Place) -> bool {
        match place {
            Place::Berth(berth) => self.words[usize::from(slot)].waiting() & 1 << berth == 0,
            Place::Crowd(joined) => self.crowd != joined,
        }
    }

    /// Which threads wait, whatever for, and have not been notified; a bit each.
    fn waiting(&self, protocol: Protocol) -> u8 {
        let mut bits = 0;
        for (me, (thread, part)) in self.threads.iter().zip(protocol.cast).enumerate() {
            let place = match thread.next {
                Next::Part(Some(place)) | Next::Look(place) | Next::Asleep(place) => place,
                Next::Sleep(place, _) | Next::GiveUp(place) => place,
                Next::SaySleeps(berth, _) => Place::Berth(berth),
                _ => continue,
            };
            if part.does.waits_for_anything() && !self.is_over(part.slot, place) {
                bits |= 1 << me;
            }
        }
        bits
    }
}

impl Word {
    fn waiting(self) -> u8 {
        self.taken & !self.granted
    }

    /// With up to `count` more granted, and nobody asleep any more.
    fn granting(mut self, count: u32) -> Self {
        self.sleeps = false;
        for _ in 0..count {
            let behind = self.waiting() & (u8::MAX << self.from);
            let one_of = if behind == 0 { self.waiting() } else { behind };
            if one_of == 0 {
                break;
            }
            self.granted |= 1 << one_of.trailing_zeros();
            self.from = one_of.trailing_zeros() as u8 + 1;
        }
        self
    }
}
