//! What the submitting thread's steps do.

use super::next::{Phase, Post, Submit, Work};
use super::protocol::{Act, Protocol};
use super::{NO_FLAGS, RECORDS, State};

impl State {
    fn record_of(&self, task: u8) -> Option<u8> {
        (0..RECORDS as u8).find(|&i| self.records[usize::from(i)].task == task)
    }

    fn free_record(&self, protocol: Protocol) -> Option<u8> {
        (0..protocol.records).find(|&i| self.records[usize::from(i)].phase == Phase::Free)
    }

    /// Whether the submitting thread is done, or has no record to go on with.
    pub(super) fn is_submit_blocked(&self, protocol: Protocol) -> bool {
        match protocol.acts.get(usize::from(self.act)) {
            None => true,
            Some(act) => act.submits().is_some() && self.free_record(protocol).is_none(),
        }
    }

    fn submits(mut self, submit: Submit, to: &mut Vec<Self>) {
        if submit == Submit::Begin {
            self.act += 1;
        }
        self.submit = submit;
        to.push(self);
    }

    pub(super) fn submit(&self, protocol: Protocol, to: &mut Vec<Self>) {
        let mut after = *self;
        let next = match self.submit {
            Submit::Begin => {
                let Some(&act) = protocol.acts.get(usize::from(self.act)) else { return };
                match act {
                    Act::Submit(task) | Act::SubmitNoticed(task) => {
                        let Some(i) = self.free_record(protocol) else { return };
                        if self.locked {
                            return;
                        }
                        after.locked = true;
                        let record = &mut after.records[usize::from(i)];
                        record.task = task;
                        record.handle = matches!(act, Act::Submit(_));
                        record.delivered = false;
                        record.retried = false;
                        record.next = 0;
                        Submit::Queue { i }
                    }
                    Act::Notice(task) => {
                        let i = self.record_of(task).expect("a task with a handle");
                        after.records[usize::from(i)].flags.noticed = true;
                        if self.records[usize::from(i)].phase.is_final() {
                            // Nobody pushes it any more.
                            after.deliver(i, protocol);
                        }
                        Submit::Begin
                    }
                    Act::Wait(task) => {
                        Submit::Look { i: self.record_of(task).expect("a task with a handle") }
                    }
                    Act::Cancel(task) => {
                        // It may have been delivered, and its record be another's.
                        if let Some(i) = self.record_of(task)
                            && self.records[usize::from(i)].phase == Phase::Queued
                        {
                            after.records[usize::from(i)].phase = Phase::Cancelled;
                            after.count_end(i);
                            if self.records[usize::from(i)].flags.noticed {
                                after.deliver(i, protocol);
                            }
                        }
                        Submit::Begin
                    }
                    Act::Condemn(task) => match self.record_of(task) {
                        Some(i) if self.records[usize::from(i)].phase == Phase::Running => {
                            let record = &mut after.records[usize::from(i)];
                            record.phase = Phase::Condemned;
                            let generation = self.workers[usize::from(record.worker)].generation;
                            Submit::Kill { worker: record.worker, generation }
                        }
                        _ => Submit::Begin,
                    },
                }
            }
            Submit::Queue { i } => {
                let act = protocol.acts[usize::from(self.act)];
                let record = &mut after.records[usize::from(i)];
                record.seq += 1;
                record.phase = Phase::Queued;
                record.worker = 0;
                record.flags = NO_FLAGS;
                record.flags.noticed = matches!(act, Act::SubmitNoticed(_));
                after.put_off(i);
                Submit::Post(after.begins_to_post(protocol))
            }
            Submit::Post(at) => {
                self.post(at, protocol, |after, next: Option<Post>| {
                    after.submits(next.map_or(Submit::Begin, Submit::Post), to);
                });
                return;
            }
            Submit::Look { i } => {
                let record = &mut after.records[usize::from(i)];
                if record.phase.is_final() {
                    record.handle = false;
                    after.free(i, protocol);
                    Submit::Begin
                } else {
                    record.flags.waited = true;
                    Submit::Sleep { i, seen: record.low() }
                }
            }
            Submit::Sleep { i, seen } if self.records[usize::from(i)].low() != seen => Submit::Look { i },
            Submit::Sleep { i, .. } => Submit::Asleep { i },
            Submit::Asleep { i } if protocol.naps && self.deaths > 0 => Submit::Look { i },
            Submit::Asleep { .. } => return,
            Submit::Kill { worker, generation } => {
                let there = self.workers[usize::from(worker)];
                if there.generation == generation && there.next != Work::Dead {
                    after.kill(usize::from(worker), protocol);
                }
                Submit::Begin
            }
        };
        after.submits(next, to);
    }

    /// Wakes who waits for record `i`.
    pub(super) fn wake_waiter(&mut self, i: u8) {
        if self.submit == (Submit::Asleep { i }) {
            self.submit = Submit::Look { i };
        }
    }
}
