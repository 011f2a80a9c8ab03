//! What a worker's steps do.

use super::next::{Flags, Knell, Look, Phase, Waking, Watch, Work};
use super::protocol::{Ends, LooksForMore, Protocol, Refills};
use super::{NOBODY, State, Wrong};

impl State {
    pub(super) fn work(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        let next = match self.workers[me].next {
            Work::Dead | Work::Stopped => return,
            Work::Take(at) => match self.look(at, protocol) {
                Looked::Not(at) => Work::Take(at),
                Looked::There(h, i) if !protocol.claims_first => Work::Advance { h, won: Some(i) },
                Looked::There(h, i) if protocol.lease_first && !protocol.lives => Work::Lease { h, i },
                Looked::There(h, i) => Work::Claim { h, i },
                Looked::Nothing if self.workers[me].spun => after.stops_spinning(me, protocol, None),
                Looked::Nothing if self.has_slot(me) => Work::Spin,
                Looked::Nothing => Work::TrySlot,
            },
            Work::GiveBack { i } => {
                after.spinners &= !(1 << me);
                after.workers[me].was_idle = false;
                match protocol.looks_for_more {
                    LooksForMore::Nobody => Self::looked(i),
                    _ => Work::More { i, at: Look::Head },
                }
            }
            Work::Lease { h, i } => {
                after.workers[me].lease = i + 1;
                Work::Claim { h, i }
            }
            Work::Claim { h, i } => {
                let record = self.records[usize::from(i)];
                if record.phase != Phase::Queued {
                    self.claimed(protocol, h, None)
                } else if !protocol.claims_again {
                    Work::ClaimSeen { h, i, flags: record.flags }
                } else {
                    after.claim(me, i);
                    self.claimed(protocol, h, Some(i))
                }
            }
            Work::ClaimSeen { h, i, flags } => {
                let record = self.records[usize::from(i)];
                if record.phase == Phase::Queued && record.flags == flags {
                    after.claim(me, i);
                    self.claimed(protocol, h, Some(i))
                } else {
                    self.claimed(protocol, h, None)
                }
            }
            Work::LateLease { h, i } => {
                after.workers[me].lease = i + 1;
                Work::Advance { h, won: Some(i) }
            }
            Work::Advance { h, won } => {
                let moves = self.head == h;
                after.head += u8::from(moves);
                match won {
                    Some(i) if !protocol.claims_first && moves => Work::Lease { h: 0, i },
                    _ if !protocol.claims_first => Work::Take(Look::Head),
                    won if protocol.refills == Refills::ComingBy || protocol.never_asks() => {
                        after.advanced(me, protocol, won)
                    }
                    won => Work::LookAsked { won, h: h + 1 },
                }
            }
            Work::LookAsked { won, h } if h >= self.wanted => Work::TakeAsked { won, wanted: self.wanted },
            Work::LookAsked { won, .. } => after.advanced(me, protocol, won),
            Work::TakeAsked { won, wanted } if self.wanted == wanted => {
                after.wanted = NOBODY;
                Work::RingAsked { won }
            }
            Work::TakeAsked { won, .. } => after.advanced(me, protocol, won),
            Work::RingAsked { won } => {
                after.noticed.rung = true;
                if protocol.ring_wakes_always || self.noticed.asleep {
                    Work::KickAsked { won }
                } else {
                    after.advanced(me, protocol, won)
                }
            }
            Work::KickAsked { won } => {
                after.wake_supervisor();
                after.advanced(me, protocol, won)
            }
            Work::DropLease => {
                after.workers[me].lease = 0;
                Work::Take(Look::Head)
            }
            Work::More { i, at } => match self.look(at, protocol) {
                Looked::Not(at) => Work::More { i, at },
                Looked::There(..) => Work::MoreWake { i, at: Waking::Spin },
                Looked::Nothing => Self::looked(i),
            },
            Work::MoreWake { i, at } => {
                let looked = Self::looked(i);
                self.wake(at, protocol, |after, next| {
                    let next = next.map_or(looked, |at| Work::MoreWake { i, at });
                    after.works(me, next, to);
                });
                return;
            }
            Work::Run { .. } if self.workers[me].runs >= protocol.endless => return,
            Work::Run { i } if !protocol.commits_first && self.records[usize::from(i)].flags.noticed => {
                Work::PushLook { i }
            }
            // Before it ends the task, it looks for another one, and takes a slot if there is none.
            Work::Run { i } => match self.look(Look::Head, Protocol { looks_whole: true, ..protocol }) {
                Looked::There(..) => Work::End { i },
                _ => Work::EarlySlot { i },
            },
            Work::EarlySlot { i } => {
                if self.spinners.count_ones() < u32::from(protocol.slots) {
                    after.spinners |= 1 << me;
                }
                Work::End { i }
            }
            Work::End { i } if protocol.ends == Ends::Store => {
                let record = self.records[usize::from(i)];
                if record.phase == Phase::Condemned {
                    Work::Stopped
                } else {
                    Work::EndStore { i, flags: record.flags }
                }
            }
            Work::End { i } => {
                let record = &mut after.records[usize::from(i)];
                match record.phase {
                    Phase::Running => {
                        record.phase = Phase::Returned;
                        let flags = record.flags;
                        after.count_end(i);
                        after.ended_task(me, protocol, i, flags)
                    }
                    Phase::Condemned => Work::Stopped,
                    _ => {
                        after.wrong = Some(Wrong::Doubled);
                        Work::Stopped
                    }
                }
            }
            Work::EndStore { i, flags } => {
                let record = &mut after.records[usize::from(i)];
                record.phase = Phase::Returned;
                record.flags = flags;
                after.count_end(i);
                after.ended_task(me, protocol, i, flags)
            }
            Work::WakeWaiter { i, flags } => {
                after.wake_waiter(i);
                if flags.noticed && protocol.commits_first {
                    Work::PushLook { i }
                } else {
                    after.told(me, protocol)
                }
            }
            Work::PushLook { i } => Work::PushLink { i, seen: self.noticed },
            Work::PushLink { i, seen } => {
                after.records[usize::from(i)].next = seen.top;
                Work::Push { i, seen }
            }
            Work::Push { i, seen } if self.noticed != seen => Work::PushLink { i, seen: self.noticed },
            Work::Push { i, seen } => {
                after.noticed.top = i + 1;
                after.noticed.asleep = false;
                if seen.asleep { Work::KickSupervisor { i } } else { after.pushed(me, protocol, i) }
            }
            Work::KickSupervisor { i } => {
                after.wake_supervisor();
                after.pushed(me, protocol, i)
            }
            Work::ClearLease => after.begins_anew(me),
            Work::TrySlot => {
                let free = self.spinners.count_ones() < u32::from(protocol.slots);
                if free {
                    after.spinners |= 1 << me;
                    Work::Spin
                } else {
                    after.workers[me].spun = true;
                    Work::Take(Look::Head)
                }
            }
            Work::Spin => {
                after.workers[me].spun = true;
                Work::Take(Look::Head)
            }
            Work::ReadCall => Work::SetIdle { v: self.workers[me].call },
            Work::SetIdle { v } => {
                let worker = &mut after.workers[me];
                worker.idle = true;
                worker.was_idle |= protocol.looks_for_more == LooksForMore::WhoWasIdle;
                match protocol.looks_again {
                    true if protocol.ends() => Work::IsOver { v },
                    true => Work::Last { v, at: Look::Head },
                    false => Work::Sleep { v },
                }
            }
            Work::IsOver { .. } if self.over => Work::ClearIdle { ends: true },
            Work::IsOver { v } => Work::Last { v, at: Look::Head },
            Work::Last { v, at } => match self.look(at, protocol) {
                Looked::Not(at) => Work::Last { v, at },
                Looked::There(..) => Work::ClearIdle { ends: false },
                Looked::Nothing => Work::Sleep { v },
            },
            Work::Sleep { v } if self.workers[me].call != v => after.slept(me),
            Work::Sleep { v } => Work::Asleep { v },
            Work::Asleep { .. } if self.naps(me, protocol) => after.slept(me),
            Work::Asleep { .. } => return,
            Work::ClearIdle { ends } => {
                let worker = &mut after.workers[me];
                (worker.idle, worker.spun) = (false, false);
                if ends { Work::MayEnd } else { Work::Take(Look::Head) }
            }
            Work::MayEnd => {
                let there = |h: u8| self.ring[usize::from(h % protocol.ring)].position == h;
                if protocol.looks_at_the_end && there(self.head) {
                    Work::Take(Look::Head)
                } else {
                    after.is_gone(me);
                    Work::Dead
                }
            }
        };
        after.works(me, next, to);
    }

    fn works(mut self, me: usize, next: Work, to: &mut Vec<Self>) {
        self.workers[me].next = next;
        to.push(self);
    }

    /// Takes a step of who looks at the ring.
    fn look(&self, at: Look, protocol: Protocol) -> Looked {
        let entry = |h: u8| self.ring[usize::from(h % protocol.ring)];
        match at {
            Look::Head if protocol.looks_whole => match entry(self.head) {
                entry if entry.position == self.head => Looked::There(self.head, entry.index),
                _ => Looked::Nothing,
            },
            Look::Head => Looked::Not(Look::Entry { h: self.head }),
            Look::Entry { h } if entry(h).position == h => Looked::There(h, entry(h).index),
            Look::Entry { h } => Looked::Not(Look::Again { h }),
            Look::Again { h } if self.head != h => Looked::Not(Look::Entry { h: self.head }),
            Look::Again { .. } => Looked::Nothing,
        }
    }

    pub(super) fn naps(&self, me: usize, protocol: Protocol) -> bool {
        protocol.naps && self.deaths > 0 && !self.workers[me].idle
    }

    /// What follows a sleep.
    pub(super) fn slept(&mut self, me: usize) -> Work {
        self.workers[me].was_idle = true;
        Work::ClearIdle { ends: false }
    }

    /// A worker's process has ended, or is killed.
    pub(super) fn is_gone(&mut self, me: usize) {
        let worker = &mut self.workers[me];
        (worker.next, worker.was_idle, worker.spun) = (Work::Dead, true, false);
        (worker.runs, worker.seq) = (NOBODY, 0);
        self.gone |= 1 << me;
        self.knell = Knell::Rings;
    }

    fn claim(&mut self, me: usize, i: u8) {
        let record = &mut self.records[usize::from(i)];
        record.phase = Phase::Running;
        record.worker = me as u8;
        let (task, seq, retried) = (record.task, record.seq, record.retried);
        (self.workers[me].runs, self.workers[me].seq) = (task, seq);
        let started = &mut self.started[usize::from(task)];
        *started += 1;
        if *started > 1 + u8::from(retried) {
            self.wrong = Some(Wrong::Doubled);
        }
    }

    /// What follows an attempt to claim.
    fn claimed(&self, protocol: Protocol, h: u8, won: Option<u8>) -> Work {
        match won {
            Some(i) if !protocol.claims_first => Work::Run { i },
            None if !protocol.claims_first => Work::Take(Look::Head),
            Some(i) if !protocol.lease_first => Work::LateLease { h, i },
            won => Work::Advance { h, won },
        }
    }

    fn has_slot(&self, me: usize) -> bool {
        self.spinners & 1 << me != 0
    }

    /// What follows a move of `head`, and a ring.
    fn advanced(&mut self, me: usize, protocol: Protocol, won: Option<u8>) -> Work {
        match won {
            None if protocol.lives => Work::Take(Look::Head),
            None => Work::DropLease,
            won => self.stops_spinning(me, protocol, won),
        }
    }

    /// What follows two looks in vain, or a task that was claimed.
    fn stops_spinning(&mut self, me: usize, protocol: Protocol, i: Option<u8>) -> Work {
        if self.has_slot(me) {
            return Work::GiveBack { i };
        }
        let was_idle = std::mem::replace(&mut self.workers[me].was_idle, false);
        match protocol.looks_for_more {
            LooksForMore::WhoSlept | LooksForMore::WhoWasIdle if was_idle => Work::More { i, at: Look::Head },
            _ => Self::looked(i),
        }
    }

    /// What follows the look for more.
    fn looked(i: Option<u8>) -> Work {
        i.map_or(Work::ReadCall, |i| Work::Run { i })
    }

    /// What follows the final state.
    fn ended_task(&mut self, me: usize, protocol: Protocol, i: u8, flags: Flags) -> Work {
        if !protocol.keeps_lease {
            self.workers[me].lease = 0;
        }
        if flags.waited {
            Work::WakeWaiter { i, flags }
        } else if flags.noticed && protocol.commits_first {
            Work::PushLook { i }
        } else {
            self.told(me, protocol)
        }
    }

    fn pushed(&mut self, me: usize, protocol: Protocol, i: u8) -> Work {
        if protocol.commits_first { self.told(me, protocol) } else { Work::End { i } }
    }

    /// What follows when everybody was told.
    fn told(&mut self, me: usize, protocol: Protocol) -> Work {
        if protocol.lives { self.begins_anew(me) } else { Work::ClearLease }
    }

    fn begins_anew(&mut self, me: usize) -> Work {
        let worker = &mut self.workers[me];
        (worker.lease, worker.runs, worker.seq, worker.spun) = (0, NOBODY, 0, false);
        Work::Take(Look::Head)
    }

    pub(super) fn wake_supervisor(&mut self) {
        if self.watch == Watch::Asleep {
            self.watch = Watch::Woken;
        }
    }
}

/// What one step of a look shows.
enum Looked {
    /// Nothing yet.
    Not(Look),
    There(u8, u8),
    Nothing,
}
