//! What the steps of a waiter do.

use super::State;
use super::next::{Next, Then};
use super::protocol::Protocol;
use crate::locker::{Lock, Unlock};

impl State {
    /// What a waiter's step does; `None` if it cannot be taken yet.
    pub(super) fn wait(&mut self, me: usize, at: Next, protocol: Protocol) -> Option<Next> {
        let does = protocol.cast[me].does;
        let other = 1 - does.side();
        Some(match at {
            Next::LookAgain
                if protocol.looks_again && self.sides[other].position != self.threads[me].waits_at =>
            {
                self.give_other_up(me, Then::Retry, protocol)
            }
            Next::LookAgain => Next::ReadBell,
            Next::ReadBell => Next::Announce { seen: self.sides[other].bell },
            Next::Announce { seen } => {
                if let Some(word) = Self::announcement(seen, protocol) {
                    self.sides[other].awaited = word;
                }
                let then =
                    if protocol.bell_read_first { Then::LookFlags { seen } } else { Then::Sleep { seen } };
                self.give_other_up(me, then, protocol)
            }
            Next::LookFlags { .. } if self.closed => self.learn_end(me, protocol),
            // The flag says that it is worth a look; who naps looks all the same, for the dead.
            Next::LookFlags { seen }
                if self.deserted[other] || protocol.leaves && protocol.locking.bounded =>
            {
                Next::LookGone { seen }
            }
            Next::LookGone { .. } if !self.is_anybody_left(other, protocol) => self.learn_end(me, protocol),
            Next::LookFlags { seen } | Next::LookGone { seen } => {
                seen.map_or(Self::begins_to_wait(protocol), |seen| Next::Sleep { seen })
            }
            Next::Sleep { seen } if self.sides[other].bell != seen && protocol.compared => {
                Next::Lock(Lock::Fast)
            }
            Next::Sleep { seen } => {
                self.threads[me].slept = does.in_time();
                self.threads[me].waits_at = 0;
                Next::Asleep { seen }
            }
            Next::Asleep { .. } if !protocol.locking.bounded && !does.in_time() => return None,
            Next::Asleep { .. } => Next::Lock(Lock::Fast),
            _ => unreachable!("no waiter's step"),
        })
    }

    pub(super) fn begins_to_wait(protocol: Protocol) -> Next {
        if protocol.waits_locked { Next::LockOther(Lock::Fast) } else { Next::LookAgain }
    }

    /// It is over.
    fn learn_end(&mut self, me: usize, protocol: Protocol) -> Next {
        let receives = protocol.cast[me].does.receives();
        let then = if receives && protocol.tries_again { Then::Retry } else { Then::End };
        self.threads[me].waits_at = 0;
        self.threads[me].over = then == Then::Retry;
        self.ended |= receives && then == Then::End;
        self.after(me, then, protocol)
    }

    fn give_other_up(&mut self, me: usize, then: Then, protocol: Protocol) -> Next {
        if protocol.waits_locked {
            Next::UnlockOther(Unlock::Look, then)
        } else {
            self.after(me, then, protocol)
        }
    }
}
