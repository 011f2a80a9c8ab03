//! What a worker's steps do.

use super::next::{Flags, Phase, Waking, Watch, Work};
use super::protocol::{Ends, LooksForMore, Protocol, Refills};
use super::{NOBODY, State, Wrong};

impl State {
    pub(super) fn work(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        let there = |h: u8| self.ring[usize::from(h % protocol.ring)].position == h;
        let index = |h: u8| self.ring[usize::from(h % protocol.ring)].index;
        let next = match self.workers[me].next {
            Work::Dead | Work::Stopped => return,
            Work::TakeHead => Work::TakeEntry { h: self.head },
            Work::TakeEntry { h } if !there(h) => Work::TakeAgain { h },
            Work::TakeEntry { h } if !protocol.claims_first => Work::Advance { h, won: Some(index(h)) },
            Work::TakeEntry { h } if protocol.lease_first => Work::Lease { h, i: index(h) },
            Work::TakeEntry { h } => Work::Claim { h, i: index(h) },
            Work::TakeAgain { h } if self.head != h => Work::TakeEntry { h: self.head },
            Work::TakeAgain { .. } => match self.has_slot(me) {
                true if self.workers[me].spun => Work::GiveBack { i: None },
                true => Work::Spin,
                false if self.workers[me].spun => Work::ReadCall,
                false => Work::TrySlot,
            },
            Work::GiveBack { i } => {
                after.spinners &= !(1 << me);
                match (protocol.looks_for_more, i) {
                    (LooksForMore::Nobody, Some(i)) => Work::Run { i },
                    (LooksForMore::Nobody, None) => Work::ReadCall,
                    _ => Work::MoreHead { i },
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
                    _ if !protocol.claims_first => Work::TakeHead,
                    won if protocol.refills == Refills::ComingBy => self.advanced(me, protocol, won),
                    won => Work::LookAsked { won, h: h + 1 },
                }
            }
            Work::LookAsked { won, h } if h >= self.wanted => {
                after.wanted = NOBODY;
                Work::RingAsked { won }
            }
            Work::LookAsked { won, .. } => self.advanced(me, protocol, won),
            Work::RingAsked { won } => {
                after.noticed.rung = true;
                if self.noticed.asleep { Work::KickAsked { won } } else { self.advanced(me, protocol, won) }
            }
            Work::KickAsked { won } => {
                after.wake_supervisor();
                self.advanced(me, protocol, won)
            }
            Work::MoreHead { i } => Work::MoreEntry { i, h: self.head },
            Work::MoreEntry { i, h } if there(h) => Work::MoreWake { i, at: Waking::Spin },
            Work::MoreEntry { i, h } => Work::MoreAgain { i, h },
            Work::MoreAgain { i, h } if self.head != h => Work::MoreEntry { i, h: self.head },
            Work::MoreAgain { i, .. } => Self::looked(i),
            Work::MoreWake { i, at } => {
                let looked = Self::looked(i);
                self.wake(at, protocol, |after, next| {
                    let next = next.map_or(looked, |at| Work::MoreWake { i, at });
                    after.works(me, next, to);
                });
                return;
            }
            Work::Run { i } if !protocol.commits_first && self.records[usize::from(i)].flags.noticed => {
                Work::PushLook { i }
            }
            Work::Run { i } => {
                if self.spinners.count_ones() < u32::from(protocol.slots) {
                    after.works(me, Work::EarlySlot { i }, to);
                }
                Work::End { i }
            }
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
                if flags.noticed && protocol.commits_first { Work::PushLook { i } } else { Work::ClearLease }
            }
            Work::PushLook { i } => Work::PushLink { i, seen: self.noticed },
            Work::PushLink { i, seen } => {
                after.records[usize::from(i)].next = seen.top;
                Work::Push { i, seen }
            }
            Work::Push { i, seen } if self.noticed != seen => Work::PushLook { i },
            Work::Push { i, seen } => {
                after.noticed.top = i + 1;
                after.noticed.asleep &= protocol.keeps_asleep;
                if seen.asleep { Work::KickSupervisor { i } } else { self.pushed(protocol, i) }
            }
            Work::KickSupervisor { i } => {
                after.wake_supervisor();
                self.pushed(protocol, i)
            }
            Work::ClearLease => {
                let worker = &mut after.workers[me];
                worker.lease = 0;
                (worker.runs, worker.seq) = (NOBODY, 0);
                Work::TakeHead
            }
            Work::TrySlot if self.spinners.count_ones() < u32::from(protocol.slots) => {
                after.spinners |= 1 << me;
                Work::Spin
            }
            Work::TrySlot => {
                after.workers[me].spun = true;
                Work::ReadCall
            }
            Work::Spin => {
                after.workers[me].spun = true;
                Work::TakeHead
            }
            Work::ReadCall => Work::SetIdle { v: self.workers[me].call },
            Work::SetIdle { v } => {
                after.workers[me].idle = true;
                if protocol.looks_again { Work::LastHead { v } } else { Work::Sleep { v } }
            }
            Work::LastHead { v } => Work::LastEntry { v, h: self.head },
            Work::LastEntry { h, .. } if there(h) => Work::ClearIdle,
            Work::LastEntry { v, h } => Work::LastAgain { v, h },
            Work::LastAgain { v, h } if self.head != h => Work::LastEntry { v, h: self.head },
            Work::LastAgain { v, .. } => Work::Sleep { v },
            Work::Sleep { v } if self.workers[me].call != v => Work::ClearIdle,
            Work::Sleep { v } => Work::Asleep { v },
            Work::Asleep { .. } if protocol.naps && self.deaths > 0 && self.is_work_queued() => {
                Work::ClearIdle
            }
            Work::Asleep { .. } => return,
            Work::ClearIdle => {
                let worker = &mut after.workers[me];
                (worker.idle, worker.idled, worker.spun) = (false, true, false);
                Work::TakeHead
            }
        };
        after.works(me, next, to);
    }

    fn works(mut self, me: usize, next: Work, to: &mut Vec<Self>) {
        self.workers[me].next = next;
        to.push(self);
    }

    pub(super) fn is_work_queued(&self) -> bool {
        self.records.iter().any(|record| record.phase == Phase::Queued)
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
            None if !protocol.claims_first => Work::TakeHead,
            Some(i) if !protocol.lease_first => Work::LateLease { h, i },
            won => Work::Advance { h, won },
        }
    }

    fn has_slot(&self, me: usize) -> bool {
        self.spinners & 1 << me != 0
    }

    /// What follows a move of `head`.
    fn advanced(&self, me: usize, protocol: Protocol, won: Option<u8>) -> Work {
        let looks = protocol.looks_for_more == LooksForMore::WhoIdled && self.workers[me].idled;
        match won {
            None => Work::TakeHead,
            i if self.has_slot(me) => Work::GiveBack { i },
            i if looks => Work::MoreHead { i },
            Some(i) => Work::Run { i },
        }
    }

    /// What follows the look for more.
    fn looked(i: Option<u8>) -> Work {
        i.map_or(Work::ReadCall, |i| Work::Run { i })
    }

    /// What follows the final state.
    fn ended_task(&mut self, me: usize, protocol: Protocol, i: u8, flags: Flags) -> Work {
        (self.workers[me].idled, self.workers[me].spun) = (false, false);
        if !protocol.keeps_lease {
            self.workers[me].lease = 0;
        }
        if flags.waited {
            Work::WakeWaiter { i, flags }
        } else if flags.noticed && protocol.commits_first {
            Work::PushLook { i }
        } else {
            Work::ClearLease
        }
    }

    fn pushed(&self, protocol: Protocol, i: u8) -> Work {
        if protocol.commits_first { Work::ClearLease } else { Work::End { i } }
    }

    fn wake_supervisor(&mut self) {
        if self.watch == Watch::Asleep {
            self.watch = Watch::Begin;
        }
    }
}
