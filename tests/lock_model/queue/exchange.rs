//! What the steps of a send or a receive do that finds what it needs.

use super::next::{Next, Then};
use super::protocol::{Announces, Clears, Commits, Protocol};
use super::{Item, NOTHING, ROOM, State, Wrong};
use crate::locker::{Lock, Unlock};

impl State {
    /// What follows a look at what is remembered of the other side's position.
    pub(super) fn decide(&self, me: usize, protocol: Protocol) -> Next {
        let does = protocol.cast[me].does;
        let own = self.sides[does.side()];
        match self.enough_beside(me, own.seen, protocol) {
            None => Next::Refresh,
            Some(of) if does.commits(protocol) == Commits::First => Next::Commit { from: own.position, of },
            Some(of) => Next::Copy { from: own.position, at: 0, of },
        }
    }

    /// What a step does; `None` if it has added all that comes after it.
    pub(super) fn exchange(
        &mut self,
        me: usize,
        at: Next,
        protocol: Protocol,
        to: &mut Vec<Self>,
    ) -> Option<Next> {
        let does = protocol.cast[me].does;
        let (own, other) = (does.side(), 1 - does.side());
        Some(match at {
            Next::Complete => {
                self.sides[own].position += 1;
                self.locked(me, protocol)
            }
            Next::CheckFlags if self.closed => Next::Unlock(Unlock::Look, Then::End),
            Next::CheckFlags if self.deserted[other] => Next::CheckGone,
            Next::CheckFlags => self.decide(me, protocol),
            Next::CheckGone if !self.is_anybody_left(other, protocol) => {
                Next::Unlock(Unlock::Look, Then::End)
            }
            Next::CheckGone => self.decide(me, protocol),
            Next::Refresh => {
                let there = self.sides[other].position;
                if protocol.refreshes {
                    self.sides[own].seen = there;
                }
                match self.decide(me, protocol) {
                    Next::Refresh if self.threads[me].over => {
                        self.ended |= does.receives();
                        Next::Unlock(Unlock::Look, Then::End)
                    }
                    Next::Refresh => {
                        if self.threads[me].slept {
                            to.push(self.with(me, Next::Unlock(Unlock::Look, Then::GiveUp)));
                        }
                        self.threads[me].waits_at = there;
                        Next::Unlock(Unlock::Look, Then::Wait)
                    }
                    next => next,
                }
            }
            Next::Copy { from, at, of } => {
                let first = does.commits(protocol) == Commits::First;
                let cell = &mut self.cells[usize::from((from + at) % protocol.capacity)];
                if does.sends() {
                    let before = if first { self.sent[me] - of } else { self.sent[me] };
                    *cell = Item { sender: me as u8, number: before + 1 + at };
                } else {
                    self.threads[me].hand[usize::from(at)] = *cell;
                }
                match does.commits(protocol) {
                    _ if at + 1 < of => Next::Copy { from, at: at + 1, of },
                    Commits::Last => Next::Commit { from, of },
                    Commits::Unlocked => Next::Unlock(Unlock::Look, Then::Commit { from, of }),
                    Commits::First => {
                        if does.receives() {
                            self.receive(me, of);
                        }
                        Next::LookAwaited { moved: of }
                    }
                }
            }
            Next::Commit { from, of } => {
                self.sides[own].position = from + of;
                self.threads[me].items -= of;
                if does.sends() {
                    self.sent[me] += of;
                }
                if does.commits(protocol) == Commits::First {
                    return Some(Next::Copy { from, at: 0, of });
                }
                if does.receives() {
                    self.receive(me, of);
                }
                Next::LookAwaited { moved: of }
            }
            Next::LookAwaited { moved } => {
                let unlocked = does.commits(protocol) == Commits::Unlocked;
                match self.sides[own].awaited {
                    0 if unlocked => Next::Begin,
                    0 => Next::Unlock(Unlock::Look, Then::Begin),
                    awaited if protocol.rings => Next::Ring { moved, awaited },
                    awaited if unlocked => Next::Wake { moved, awaited },
                    awaited => Next::Unlock(Unlock::Look, Then::Wake { moved, awaited }),
                }
            }
            Next::Ring { moved, awaited } => {
                self.sides[own].bell += 1;
                if does.commits(protocol) == Commits::Unlocked {
                    Next::Wake { moved, awaited }
                } else {
                    Next::Unlock(Unlock::Look, Then::Wake { moved, awaited })
                }
            }
            Next::Wake { .. } if !protocol.wakes => Next::Begin,
            Next::Wake { moved, awaited } => {
                let count = match moved {
                    _ if protocol.wakes_all => u32::MAX,
                    moved if protocol.wakes_as_many => u32::from(moved),
                    _ => 1,
                };
                self.wake_up_to(count, me, awaited, protocol, to);
                return None;
            }
            Next::Clear { awaited } => {
                let word = &mut self.sides[own].awaited;
                if *word == awaited || protocol.clears == Clears::StoreIfFewer {
                    *word = 0;
                }
                Next::Begin
            }
            _ => unreachable!("a waiter's step"),
        })
    }

    /// Judges what a receiver has in its hand now that it is its own.
    fn receive(&mut self, me: usize, of: u8) {
        for item in std::mem::replace(&mut self.threads[me].hand, [NOTHING; ROOM]).iter().take(of.into()) {
            let got = &mut self.got[usize::from(item.sender)];
            if item.number <= *got {
                self.wrong = Some(Wrong::Doubled);
            } else if item.number > *got + 1 {
                self.wrong = Some(Wrong::Lost);
            } else {
                *got += 1;
            }
        }
    }

    /// Adds what a wake of up to `count` sleepers on the bell of `me`'s side leads to, whichever they are.
    fn wake_up_to(&self, count: u32, me: usize, awaited: u8, protocol: Protocol, to: &mut Vec<Self>) {
        let own = protocol.cast[me].does.side();
        let sleeps = |one: &usize| {
            protocol.cast[*one].does.side() != own && matches!(self.threads[*one].next, Next::Asleep { .. })
        };
        let sleepers: Vec<usize> = (0..protocol.cast.len()).filter(sleeps).collect();
        let woken = count.min(sleepers.len() as u32);
        let clears = woken < count || protocol.clears == Clears::Exchange;
        let next = if clears { Next::Clear { awaited } } else { Next::Begin };
        for chosen in 0..1_u32 << sleepers.len() {
            if chosen.count_ones() == woken {
                let mut after = self.with(me, next);
                for (bit, &sleeper) in sleepers.iter().enumerate() {
                    if chosen & 1 << bit != 0 {
                        after.threads[sleeper].next = Next::Lock(Lock::Fast);
                    }
                }
                to.push(after);
            }
        }
    }

    /// What a waiter writes into the other side's word, the bell there being at `seen`.
    pub(super) fn announcement(seen: u8, protocol: Protocol) -> Option<u8> {
        match protocol.announces {
            Announces::Stroke => Some(seen + 1),
            Announces::Flag => Some(1),
            Announces::Not => None,
        }
    }
}
