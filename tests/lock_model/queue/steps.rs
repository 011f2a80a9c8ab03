//! Which step a thread takes, and those of its locks and of its end.

use super::next::{Next, Then};
use super::protocol::{Commits, Does, Ends, Protocol};
use super::{RECEIVE, SEND, State};
use crate::locker::{Lock, Locked, Unlock, Unlocked, Who};

impl Does {
    pub(super) fn side(self) -> usize {
        if self.receives() { RECEIVE } else { SEND }
    }

    /// When its side commits.
    pub(super) fn commits(self, protocol: Protocol) -> Commits {
        if self.sends() { protocol.send_commits } else { protocol.receive_commits }
    }
}

impl State {
    pub(super) fn with(&self, me: usize, next: Next) -> Self {
        let mut after = *self;
        after.threads[me].next = next;
        after
    }

    /// Adds the states after thread `me` took its next step.
    pub(super) fn step(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        let own = protocol.cast[me].does.side();
        let next = match self.threads[me].next {
            Next::Done | Next::Dead => return,
            Next::Begin => after.begin(me, protocol),
            Next::Lock(at) => {
                if at == Lock::Fast && self.threads[me].slept && !protocol.last_look {
                    to.push(after.given_up(me));
                }
                let Some(next) = after.lock(me, own, at, protocol) else { return };
                next
            }
            Next::LockOther(at) => {
                let Some(next) = after.lock(me, 1 - own, at, protocol) else { return };
                next
            }
            Next::Unlock(at, then) => {
                let Some(next) = after.unlock(me, own, at, then, protocol, to) else { return };
                next
            }
            Next::UnlockOther(at, then) => {
                let Some(next) = after.unlock(me, 1 - own, at, then, protocol, to) else { return };
                next
            }
            at @ (Next::Say | Next::LookLast | Next::Desert | Next::RingEnd(_) | Next::WakeEnd(_)) => {
                after.end(me, at, protocol)
            }
            at @ (Next::LookAgain
            | Next::ReadBell
            | Next::Announce { .. }
            | Next::LookFlags { .. }
            | Next::LookGone { .. }
            | Next::Sleep { .. }
            | Next::Asleep { .. }) => {
                let Some(next) = after.wait(me, at, protocol) else { return };
                next
            }
            at => {
                let Some(next) = after.exchange(me, at, protocol, to) else { return };
                next
            }
        };
        to.push(after.with(me, next));
    }

    fn begin(&mut self, me: usize, protocol: Protocol) -> Next {
        let thread = &mut self.threads[me];
        (thread.slept, thread.over, thread.waits_at) = (false, false, 0);
        let goes = protocol.cast[me].does == Does::Close || protocol.leaves;
        match (thread.items, goes, protocol.ends) {
            (1.., ..) => Next::Lock(Lock::Fast),
            (0, false, _) => Next::Done,
            (0, true, Ends::RingsThenSays) => Next::RingEnd(0),
            (0, true, _) => self.say(me, protocol),
        }
    }

    /// Takes a step of who takes the lock of `side`; `None` if it cannot be taken yet.
    fn lock(&mut self, me: usize, side: usize, at: Lock, protocol: Protocol) -> Option<Next> {
        if matches!(at, Lock::Asleep(_)) && !protocol.locking.bounded {
            return None;
        }
        let before = *self;
        let does = protocol.cast[me].does;
        let own = does.side() == side;
        let who = Who { thread: me as u8, slot: me as u8 };
        let locked = self.sides[side].lock.lock(who, at, protocol.locking, |slot| before.is_dead(slot));
        Some(match locked {
            Locked::Not(at) if own => Next::Lock(at),
            Locked::Not(at) => Next::LockOther(at),
            Locked::Recovered if own && protocol.completes => Next::Complete,
            _ if !own => Next::LookAgain,
            _ => self.locked(me, protocol),
        })
    }

    /// What follows who has taken the lock of its own side.
    pub(super) fn locked(&self, me: usize, protocol: Protocol) -> Next {
        match protocol.cast[me].does {
            Does::Close => Next::Say,
            does if does.sends() => Next::CheckFlags,
            _ => self.decide(me, protocol),
        }
    }

    /// Takes a step of who gives the lock of `side` up; `None` if it has added all that comes after it.
    fn unlock(
        &mut self,
        me: usize,
        side: usize,
        at: Unlock,
        then: Then,
        protocol: Protocol,
        to: &mut Vec<Self>,
    ) -> Option<Next> {
        let own = protocol.cast[me].does.side() == side;
        let next = |at| if own { Next::Unlock(at, then) } else { Next::UnlockOther(at, then) };
        match self.sides[side].lock.unlock(at, protocol.locking) {
            Unlocked::Not(at) => Some(next(at)),
            Unlocked::Done => Some(self.after(me, then, protocol)),
            Unlocked::WakesOneOr(otherwise) => {
                let mut gone = *self;
                let after = gone.after(me, then, protocol);
                if gone.with(me, after).wake_locker(side, protocol, to) {
                    return None;
                }
                Some(match otherwise {
                    Some(at) => next(at),
                    None => self.after(me, then, protocol),
                })
            }
        }
    }

    /// Adds what a wake of one sleeper on the lock of `side` leads to, whichever it is; returns whether somebody slept.
    fn wake_locker(&self, side: usize, protocol: Protocol, to: &mut Vec<Self>) -> bool {
        let before = to.len();
        for (sleeper, part) in protocol.cast.iter().enumerate() {
            let own = part.does.side() == side;
            match self.threads[sleeper].next {
                Next::Lock(Lock::Asleep(seen)) if own => {
                    to.push(self.with(sleeper, Next::Lock(Lock::Look(Some(seen)))));
                }
                Next::LockOther(Lock::Asleep(seen)) if !own => {
                    to.push(self.with(sleeper, Next::LockOther(Lock::Look(Some(seen)))));
                }
                _ => {}
            }
        }
        to.len() > before
    }

    /// What follows a lock that was given up.
    pub(super) fn after(&mut self, me: usize, then: Then, protocol: Protocol) -> Next {
        match then {
            Then::Begin => Next::Begin,
            Then::Wake { moved, awaited } => Next::Wake { moved, awaited },
            Then::Commit { from, of } => Next::Commit { from, of },
            Then::Wait if protocol.bell_read_first => Self::begins_to_wait(protocol),
            Then::Wait => Next::LookFlags { seen: None },
            Then::LookFlags { seen } => Next::LookFlags { seen: Some(seen) },
            Then::Sleep { seen } => Next::Sleep { seen },
            Then::Retry => Next::Lock(Lock::Fast),
            Then::GiveUp => {
                self.threads[me].items -= 1;
                Next::Begin
            }
            Then::End => {
                self.threads[me].items = 0;
                Next::Begin
            }
            Then::Tell => match protocol.ends {
                Ends::RingsThenSays => Next::Done,
                Ends::Silent => Next::WakeEnd(0),
                _ => Next::RingEnd(0),
            },
        }
    }

    fn given_up(&self, me: usize) -> Self {
        let mut after = self.with(me, Next::Begin);
        after.threads[me].items -= 1;
        after
    }

    /// How who closes, or goes, begins to say so.
    fn say(&self, me: usize, protocol: Protocol) -> Next {
        let locked = protocol.cast[me].does == Does::Close && protocol.closes_locked;
        if locked { Next::Lock(Lock::Fast) } else { Next::Say }
    }

    /// What the steps of who closes, or goes, do.
    fn end(&mut self, me: usize, at: Next, protocol: Protocol) -> Next {
        let does = protocol.cast[me].does;
        match at {
            Next::Say => {
                if does != Does::Close {
                    self.registered &= !(1 << me);
                    return Next::LookLast;
                }
                self.closed = true;
                if protocol.closes_locked {
                    Next::Unlock(Unlock::Look, Then::Tell)
                } else {
                    self.after(me, Then::Tell, protocol)
                }
            }
            Next::LookLast if self.is_anybody_left(does.side(), protocol) => Next::Done,
            Next::LookLast => Next::Desert,
            Next::Desert => {
                self.deserted[does.side()] = true;
                self.after(me, Then::Tell, protocol)
            }
            Next::RingEnd(side) => {
                self.sides[usize::from(side)].bell += 1;
                Next::WakeEnd(side)
            }
            Next::WakeEnd(side) => {
                let mut one = protocol.ends != Ends::WakesOne;
                for (sleeper, part) in protocol.cast.iter().enumerate() {
                    let sleeps = matches!(self.threads[sleeper].next, Next::Asleep { .. });
                    if sleeps
                        && part.does.side() != usize::from(side)
                        && (one || protocol.ends != Ends::WakesOne)
                    {
                        self.threads[sleeper].next = Next::Lock(Lock::Fast);
                        one = false;
                    }
                }
                match (side, protocol.ends) {
                    (0, Ends::Silent) => Next::WakeEnd(1),
                    (0, Ends::RingsOnce) => Next::Done,
                    (0, _) => Next::RingEnd(1),
                    (_, Ends::RingsThenSays) => self.say(me, protocol),
                    _ => Next::Done,
                }
            }
            _ => unreachable!("no step of who goes"),
        }
    }
}
