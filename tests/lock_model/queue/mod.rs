//! The bounded queue of many senders and many receivers: two sides, each an owner lock, a position, what is remembered of the
//! other side's position, and a bell with a word that says whether somebody waits for it.
//!
//! ```text
//! send     lock S. Closed, or no receiver left: unlock, end. Room by what is remembered of R's position, else look at it.
//!          None: unlock, wait at R, again. Copy in. S's position + n: the commit. S awaited: ring S.
//!          Unlock S. It was awaited: wake n at S; fewer slept: exchange what was seen in awaited for 0
//! receive  the same, sides swapped: lock R, copy out, R's position + n, R awaited, .. It is over once it was found over,
//!          and after that nothing was there
//! wait     lock the other side. Its position is not what it was: unlock, again. Read its bell; awaited is the bell's next
//!          stroke. Unlock. Closed, or nobody left: it is over. Sleep on the bell that was read, again
//! close    lock S, the flag, unlock; then ring the bell of each side, and wake all who sleep on it
//! leave    one's own mark off; the last of its side: the flag for that, ring and wake as above
//! ```
//!
//! What only the holder of a lock changes, it reads in the step before it is needed. Items bear their sender's number and count
//! up; the state knows how many were sent, by whom, and how many of those came out.
//!
//! Looked for: *overlap*, two of the living with one lock; *lost*, an item was committed, and is neither in the queue nor
//! received, or a receiver was told that it is over, and something came; *doubled*, an item is received twice, or one
//! that nobody sent; both also say that each sender's items come in its order; *illegal*, positions that enclose less than
//! nothing, or more than there is room for; *stuck* and *hopeless*, where one may sleep only if nobody leaves, nobody has closed,
//! and there is no item, or no room, for it.

mod claims;
mod exchange;
mod next;
mod protocol;
mod steps;
mod wait;

use self::next::Next;
use self::protocol::{Commits, Does, Protocol};
use crate::graph::{Fault, Model};
use crate::locker::Word;

/// How many threads a cast has at most. Each is a process of its own.
const THREADS: usize = 4;
/// The most that there is room for.
const ROOM: usize = 2;
/// The side of the senders, whose position is the end of the queue; and that of the receivers, whose position is its beginning.
const SEND: usize = 0;
const RECEIVE: usize = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Side {
    lock: Word,
    position: u8,
    /// The other side's position, when it was last looked at.
    seen: u8,
    awaited: u8,
    bell: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Item {
    sender: u8,
    /// Counts from 1; 0 is what nobody sent.
    number: u8,
}

const NOTHING: Item = Item { sender: 0, number: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Thread {
    next: Next,
    /// How many items it is still to move.
    items: u8,
    /// The other side's position when it decided to wait.
    waits_at: u8,
    /// Slept since it began to wait: kept by who may run out of time.
    slept: bool,
    /// Found that it is over.
    over: bool,
    /// What a receiver has copied out.
    hand: [Item; ROOM],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    sides: [Side; 2],
    cells: [Item; ROOM],
    closed: bool,
    /// Nobody may be left at that side.
    deserted: [bool; 2],
    /// Who has not given its end of the queue up, a bit each.
    registered: u8,
    threads: [Thread; THREADS],
    kills: u8,
    /// How many items of each thread were committed, and how many of them received.
    sent: [u8; THREADS],
    got: [u8; THREADS],
    /// A receiver was told that it is over.
    ended: bool,
    /// What somebody did wrong.
    wrong: Option<Wrong>,
}

/// What is seen in a step only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wrong {
    Lost,
    Doubled,
}

impl Model for State {
    type Protocol = Protocol;

    fn start(protocol: Protocol) -> Self {
        let idle = Thread::idle(Next::Done);
        let mut threads = [idle; THREADS];
        let mut registered = 0;
        for (me, part) in protocol.cast.iter().enumerate() {
            threads[me] = Thread { next: Next::Begin, items: part.items, ..idle };
            registered |= u8::from(part.does != Does::Close) << me;
        }
        Self {
            sides: [Side { lock: Word::FREE, position: 0, seen: 0, awaited: 0, bell: 0 }; 2],
            cells: [NOTHING; ROOM],
            closed: false,
            deserted: [false; 2],
            registered,
            threads,
            kills: 0,
            sent: [0; THREADS],
            got: [0; THREADS],
            ended: false,
            wrong: None,
        }
    }

    fn fault(&self, protocol: Protocol) -> Option<Fault> {
        let [tail, head] = self.sides.map(|side| i16::from(side.position));
        let sum = |counts: [u8; THREADS]| counts.into_iter().map(i16::from).sum::<i16>();
        let left = sum(self.sent) - sum(self.got);
        let there = tail - head + self.owed(protocol);
        if [SEND, RECEIVE].into_iter().any(|side| self.inside(side, protocol) > 1) {
            Some(Fault::Overlap)
        } else if let Some(wrong) = self.wrong {
            Some(if wrong == Wrong::Lost { Fault::Lost } else { Fault::Doubled })
        } else if left > there || self.ended && tail > head {
            Some(Fault::Lost)
        } else if left < there {
            Some(Fault::Doubled)
        } else {
            (head > tail || tail > head + i16::from(protocol.capacity)).then_some(Fault::Illegal)
        }
    }

    fn settled(&self, protocol: Protocol) -> bool {
        self.threads.iter().enumerate().all(|(me, thread)| match thread.next {
            Next::Done | Next::Dead => true,
            Next::Asleep { .. } => !protocol.leaves && !self.closed && self.enough(me, protocol).is_none(),
            _ => false,
        })
    }

    fn steps(&self, protocol: Protocol, to: &mut Vec<Self>) {
        (0..protocol.cast.len()).for_each(|me| self.step(me, protocol, to));
    }

    fn events(&self, protocol: Protocol, kills: u8, to: &mut Vec<Self>) {
        for me in 0..protocol.cast.len() {
            if self.kills < kills && !matches!(self.threads[me].next, Next::Done | Next::Dead) {
                let mut after = Self { kills: self.kills + 1, ..*self };
                after.threads[me] = Thread::idle(Next::Dead);
                to.push(after);
            }
        }
        for (place, side) in self.sides.iter().enumerate() {
            if protocol.locking.evidence && side.lock.has_owner() && self.is_dead(side.lock.slot()) {
                // The sweep; its wakes are among the ends of bounded sleeps.
                let mut after = *self;
                after.sides[place].lock = side.lock.orphaned();
                to.push(after);
            }
        }
    }
}

impl Thread {
    const fn idle(next: Next) -> Self {
        Self { next, items: 0, waits_at: 0, slept: false, over: false, hand: [NOTHING; ROOM] }
    }
}

impl State {
    fn is_dead(&self, thread: u8) -> bool {
        self.threads[usize::from(thread)].next == Next::Dead
    }

    /// How many of the living have the lock of `side`.
    fn inside(&self, side: usize, protocol: Protocol) -> usize {
        let threads = self.threads.iter().zip(protocol.cast);
        threads
            .filter(|(thread, part)| {
                if part.does.side() == side {
                    let says = part.does == Does::Close && thread.next == Next::Say && protocol.closes_locked;
                    says || thread.next.holds_own(part.does.commits(protocol))
                } else {
                    protocol.waits_locked && thread.next.holds_other()
                }
            })
            .count()
    }

    /// How many items were taken off the queue by who still copies them out: in the control that commits first.
    fn owed(&self, protocol: Protocol) -> i16 {
        let owes = |(thread, part): (&Thread, &protocol::Part)| match thread.next {
            Next::Copy { of, .. } if part.does.receives() && protocol.receive_commits == Commits::First => {
                i16::from(of)
            }
            _ => 0,
        };
        self.threads.iter().zip(protocol.cast).map(owes).sum()
    }

    /// Whether a living thread of `side` has not given its end of the queue up.
    fn is_anybody_left(&self, side: usize, protocol: Protocol) -> bool {
        protocol.cast.iter().enumerate().any(|(one, part)| {
            let registered = self.registered & 1 << one != 0;
            registered && part.does.side() == side && !self.is_dead(one as u8)
        })
    }

    /// How many items there really are for `me` to move, or how much room; `None` if it has to wait.
    fn enough(&self, me: usize, protocol: Protocol) -> Option<u8> {
        let other = self.sides[1 - protocol.cast[me].does.side()].position;
        self.enough_beside(me, other, protocol)
    }

    /// The same, if the other side's position were `other`.
    fn enough_beside(&self, me: usize, other: u8, protocol: Protocol) -> Option<u8> {
        let does = protocol.cast[me].does;
        let own = self.sides[does.side()].position;
        let there = if does.sends() {
            protocol.capacity.saturating_sub(own.wrapping_sub(other))
        } else {
            other.wrapping_sub(own)
        };
        let wanted = does.at_once().min(self.threads[me].items);
        let least = if does == Does::SendPairs { wanted } else { 1 };
        (there >= least).then_some(wanted.min(there))
    }
}
