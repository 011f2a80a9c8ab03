//! What the supervisor's steps do, and those of the threads that hire and that ring for a death.

use super::next::{Hirer, Knell, Phase, Post, Waking, Watch, Work};
use super::protocol::Protocol;
use super::{EMPTY, NOBODY, State, Worker};

impl State {
    pub(super) fn watch(&self, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        let next = match self.watch {
            Watch::Answer => {
                after.noticed.rung &= protocol.rung_with_list;
                Watch::Hear
            }
            Watch::Hear => {
                after.hear();
                Watch::Take
            }
            Watch::Take => {
                after.noticed = EMPTY;
                after.noticed.rung = self.noticed.rung && !protocol.rung_with_list;
                Watch::Walk { at: self.noticed.top }
            }
            Watch::Walk { at: 0 } => {
                if !protocol.takes_between {
                    after.hear();
                }
                after.next_burial()
            }
            Watch::Walk { at } => {
                let below = self.records[usize::from(at - 1)].next;
                after.deliver(at - 1, None, protocol);
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
                0 => after.buried(w),
                lease => Watch::Record { w, i: lease - 1 },
            },
            Watch::Record { w, i } => {
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
                        record.worker = NOBODY;
                        after.put_off(i);
                        after.backlog[..usize::from(after.backlog_len)].rotate_right(1);
                        after.buried(w)
                    }
                    Phase::Running | Phase::Condemned if its => {
                        let died = record.phase == Phase::Running;
                        record.phase = if died { Phase::Died } else { Phase::TimedOut };
                        let flags = record.flags;
                        after.count_end(i);
                        if flags.noticed {
                            after.deliver(i, None, protocol);
                        }
                        if flags.waited { Watch::WakeWaiter { w, i } } else { after.buried(w) }
                    }
                    Phase::Returned if its || !protocol.compares_worker => {
                        let seq = record.seq;
                        if protocol.wakes_for_the_dead {
                            Watch::Ended { w, i, seq }
                        } else {
                            Watch::Deliver { w, i, seq }
                        }
                    }
                    _ => after.buried(w),
                }
            }
            Watch::Ended { w, i, seq } => {
                after.wake_waiter(i);
                Watch::Deliver { w, i, seq }
            }
            Watch::Deliver { w, i, seq } => {
                after.deliver(i, Some(seq), protocol);
                after.buried(w)
            }
            Watch::WakeWaiter { w, i } => {
                after.wake_waiter(i);
                after.buried(w)
            }
            Watch::Refill if self.backlog_len == 0 => after.looks_on(protocol, false),
            Watch::Refill if self.locked => return,
            Watch::Refill => {
                after.locked = true;
                Watch::Post(Post::Room)
            }
            Watch::Post(at) => {
                self.post(at, protocol, |mut after, next| {
                    after.refilled |= at == Post::Entry;
                    after.watch = match next {
                        Some(Post::Wake(Waking::Spin)) if !matches!(at, Post::Wake(_)) => {
                            let refilled = std::mem::replace(&mut after.refilled, false);
                            after.looks_on(protocol, refilled)
                        }
                        Some(next) => Watch::Post(next),
                        None => after.may_end(protocol),
                    };
                    to.push(after);
                });
                return;
            }
            Watch::IsDrained if self.locked => return,
            Watch::IsDrained if self.backlog_len == 0 && self.head == self.tail => Watch::IsLeased { w: 0 },
            Watch::IsDrained => Watch::HireSoon,
            Watch::IsLeased { w } if usize::from(w) == protocol.workers.len() => Watch::SayOver,
            Watch::IsLeased { w } if self.workers[usize::from(w)].lease != 0 => Watch::HireSoon,
            Watch::IsLeased { w } => Watch::IsLeased { w: w + 1 },
            Watch::SayOver if !protocol.over_first && self.closes => {
                after.over = true;
                Watch::HireSoon
            }
            Watch::SayOver => {
                after.closes = true;
                after.over = protocol.over_first;
                Watch::EndCall { w: 0 }
            }
            Watch::EndCall { w } if usize::from(w) == protocol.workers.len() => match self.over {
                true => Watch::HireSoon,
                false => Watch::SayOver,
            },
            Watch::EndCall { w } => {
                after.count_call(w);
                Watch::EndKick { w }
            }
            Watch::EndKick { w } => {
                after.kick(w);
                Watch::EndCall { w: w + 1 }
            }
            Watch::HireSoon => {
                let everybody = (1 << protocol.workers.len()) - 1;
                let wants = self.empty != 0 && !self.closes;
                if wants && self.hirer == Hirer::No {
                    after.hirer = Hirer::Hires;
                }
                if self.closes && self.empty == everybody { Watch::Over } else { Watch::Rest }
            }
            Watch::Rest if self.noticed == EMPTY => {
                after.noticed.asleep = true;
                Watch::Sleep
            }
            Watch::Rest => Watch::Answer,
            Watch::Sleep if self.noticed.rung || self.noticed.top != 0 => Watch::Woken,
            Watch::Sleep => Watch::Asleep,
            // Nobody rings when the last task has ended.
            Watch::Asleep if self.ordered && !self.closes => Watch::Woken,
            Watch::Asleep | Watch::Over => return,
            Watch::Woken => {
                after.noticed.asleep = false;
                Watch::Answer
            }
        };
        after.watch = next;
        to.push(after);
    }

    /// Takes those that are gone off their places.
    fn hear(&mut self) {
        self.heard |= self.gone;
        self.empty |= self.gone;
        self.gone = 0;
    }

    /// What follows the burial of `w`.
    fn buried(&mut self, w: u8) -> Watch {
        self.heard &= !(1 << w);
        self.buries = true;
        self.next_burial()
    }

    /// The burial of the next of those who were heard of.
    fn next_burial(&self) -> Watch {
        match self.heard {
            0 => Watch::Refill,
            left => Watch::ClearSlot { w: left.trailing_zeros() as u8 },
        }
    }

    /// Whom the supervisor wakes when it has refilled, or buried somebody.
    fn looks_on(&mut self, protocol: Protocol, refilled: bool) -> Watch {
        let buried = std::mem::replace(&mut self.buries, false);
        match refilled || buried {
            true => Watch::Post(Post::Wake(Waking::Spin)),
            false => self.may_end(protocol),
        }
    }

    fn may_end(&self, protocol: Protocol) -> Watch {
        let may = protocol.ends() && self.ordered && !self.closes;
        if may { Watch::IsDrained } else { Watch::HireSoon }
    }

    pub(super) fn hire(&self, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        match self.hirer {
            Hirer::No => return,
            // With the crew's lock, in which nobody is taken off his place.
            Hirer::Hires => {
                let unburied = if protocol.buries_first { self.heard } else { 0 };
                let hired = if self.closes { 0 } else { self.empty & !unburied };
                for w in (0..protocol.workers.len()).filter(|w| hired & 1 << w != 0) {
                    let worker = &mut after.workers[w];
                    *worker = Worker { idle: worker.idle, ..Worker::new(worker.generation + 1, worker.call) };
                }
                after.empty &= !hired;
                after.hirer = Hirer::Hired;
            }
            Hirer::Hired => {
                after.hirer = Hirer::No;
                after.knell = Knell::Rings;
            }
        }
        to.push(after);
    }

    pub(super) fn ring(&self, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        match self.knell {
            Knell::No => return,
            Knell::Rings => {
                after.noticed.rung = true;
                let wakes = protocol.ring_wakes_always || self.noticed.asleep;
                after.knell = if wakes { Knell::Wakes } else { Knell::No };
            }
            Knell::Wakes => {
                after.wake_supervisor();
                after.knell = Knell::No;
            }
        }
        to.push(after);
    }

    /// Whether one who sleeps may still be woken by somebody who is not a worker.
    pub(super) fn is_parent_busy(&self) -> bool {
        !matches!(self.watch, Watch::Asleep | Watch::Over)
            || self.watch == Watch::Asleep && self.ordered && !self.closes
            || self.knell != Knell::No
            || self.hirer != Hirer::No
            || self.gone != 0
            || self.heard != 0
    }

    /// Whether everybody is off his place.
    pub(super) fn is_deserted(&self, protocol: Protocol) -> bool {
        self.watch == Watch::Over
            && self.workers[..protocol.workers.len()].iter().all(|worker| worker.next == Work::Dead)
    }
}
