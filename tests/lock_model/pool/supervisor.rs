//! What the supervisor's steps do.

use super::next::{Phase, Post, Waking, Watch};
use super::protocol::Protocol;
use super::{EMPTY, State, Worker};

impl State {
    pub(super) fn watch(&self, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        let next = match self.watch {
            Watch::Begin => {
                after.noticed.rung &= protocol.rung_with_list;
                Watch::Hear
            }
            Watch::Hear => {
                after.heard = self.unburied;
                Watch::Take
            }
            Watch::Take => {
                after.noticed = EMPTY;
                after.noticed.rung = self.noticed.rung && !protocol.rung_with_list;
                Watch::Walk { at: self.noticed.top }
            }
            Watch::Walk { at: 0 } => {
                if !protocol.takes_between {
                    after.heard = self.unburied;
                }
                after.next_burial(0)
            }
            Watch::Walk { at } => {
                let below = self.records[usize::from(at - 1)].next;
                after.deliver(at - 1, protocol);
                Watch::Walk { at: below }
            }
            Watch::ClearSlot { w } => {
                after.spinners &= !(1 << w);
                Watch::ClearBit { w }
            }
            Watch::ClearBit { w } => {
                after.workers[usize::from(w)].idle = false;
                Watch::Lease { w }
            }
            Watch::Lease { w } => match self.workers[usize::from(w)].lease {
                0 => after.next_burial(w + 1),
                lease => Watch::State { w, i: lease - 1 },
            },
            Watch::State { w, i } => {
                let record = &mut after.records[usize::from(i)];
                let its = record.worker == w;
                match record.phase {
                    Phase::Running if its && protocol.retries && !record.retried => {
                        if self.locked {
                            return;
                        }
                        // Before the others that wait.
                        record.retried = true;
                        record.seq += 1;
                        record.phase = Phase::Queued;
                        record.worker = 0;
                        after.put_off(i);
                        after.backlog[..usize::from(after.backlog_len)].rotate_right(1);
                        after.next_burial(w + 1)
                    }
                    Phase::Running | Phase::Condemned if its => {
                        let died = record.phase == Phase::Running;
                        record.phase = if died { Phase::Died } else { Phase::TimedOut };
                        let flags = record.flags;
                        after.count_end(i);
                        if flags.noticed {
                            after.deliver(i, protocol);
                        }
                        if flags.waited { Watch::WakeWaiter { w, i } } else { after.next_burial(w + 1) }
                    }
                    phase if phase.is_final() && (its || !protocol.compares_worker) => {
                        let flags = record.flags;
                        if flags.noticed {
                            after.deliver(i, protocol);
                        }
                        if flags.waited && protocol.wakes_for_the_dead {
                            Watch::WakeWaiter { w, i }
                        } else {
                            after.next_burial(w + 1)
                        }
                    }
                    _ => after.next_burial(w + 1),
                }
            }
            Watch::WakeWaiter { w, i } => {
                after.wake_waiter(i);
                after.next_burial(w + 1)
            }
            Watch::Refill if self.backlog_len == 0 && self.heard == 0 => Watch::Rest,
            Watch::Refill if self.backlog_len == 0 => self.summons(protocol),
            Watch::Refill if self.locked => return,
            Watch::Refill => {
                after.locked = true;
                Watch::Post(Post::Room)
            }
            Watch::Post(at) => {
                self.post(at, protocol, |mut after, next| {
                    after.watch = match next {
                        Some(Post::Wake(Waking::Spin)) => self.summons(protocol),
                        next => next.map_or(Watch::Hire, Watch::Post),
                    };
                    to.push(after);
                });
                return;
            }
            Watch::Hire if self.heard == 0 => Watch::Rest,
            Watch::Hire => {
                let worker = &mut after.workers[self.heard.trailing_zeros() as usize];
                *worker = Worker::new(worker.generation + 1, worker.call);
                after.heard &= self.heard - 1;
                after.unburied &= !(self.heard ^ after.heard);
                Watch::Hire
            }
            Watch::Rest if self.noticed == EMPTY => {
                after.noticed.asleep = true;
                Watch::Sleep
            }
            Watch::Rest => Watch::Begin,
            Watch::Sleep => {
                let asleep = self.noticed.asleep && !self.noticed.rung && self.noticed.top == 0;
                if asleep { Watch::Asleep } else { Watch::Begin }
            }
            Watch::Asleep if protocol.naps && self.deaths > 0 && self.noticed.top != 0 => Watch::Begin,
            Watch::Asleep => return,
        };
        after.watch = next;
        to.push(after);
    }

    /// The burial of the next of those who were heard of.
    fn next_burial(&self, from: u8) -> Watch {
        let left = self.heard >> from << from;
        if left == 0 { Watch::Refill } else { Watch::ClearSlot { w: left.trailing_zeros() as u8 } }
    }

    /// Whom the supervisor wakes when it has refilled, or buried somebody.
    fn summons(&self, protocol: Protocol) -> Watch {
        match self.heard {
            0 => Watch::Post(Post::Wake(Waking::Spin)),
            _ if protocol.wakes_all => Watch::Post(Post::Wake(Waking::AllCall(0))),
            _ if protocol.burial_looks => Watch::Post(Post::Wake(Waking::Spin)),
            _ => Watch::Hire,
        }
    }
}
