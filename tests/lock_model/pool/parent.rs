//! What the submitting thread's steps do.

use super::next::{Phase, Post, Submit, Watch, Work};
use super::protocol::{Act, Protocol};
use super::{NO_FLAGS, NOBODY, RECORDS, State};

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
            Some(Act::Submit(_)) => self.free_record(protocol).is_none(),
            Some(&Act::Poll(task)) => {
                self.record_of(task).is_some_and(|i| !self.records[usize::from(i)].phase.is_final())
            }
            Some(_) => false,
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
                    Act::Submit(task) => {
                        let Some(i) = self.free_record(protocol) else { return };
                        if self.locked {
                            return;
                        }
                        after.locked = true;
                        let record = &mut after.records[usize::from(i)];
                        (record.task, record.next) = (task, 0);
                        (record.handle, record.pending, record.retried) = (true, false, false);
                        record.seq += 1;
                        (record.phase, record.worker, record.flags) = (Phase::Queued, NOBODY, NO_FLAGS);
                        after.put_off(i);
                        Submit::Post(after.begins_to_post(protocol))
                    }
                    Act::Notice(task) => {
                        let i = self.record_of(task).expect("a task with a handle");
                        after.ask_notice(i);
                        Submit::Begin
                    }
                    Act::Release(task) => {
                        let i = self.record_of(task).expect("a task with a handle");
                        after.ask_notice(i);
                        after.records[usize::from(i)].handle = false;
                        after.free(i, protocol);
                        Submit::Begin
                    }
                    Act::Poll(task) => {
                        let i = self.record_of(task).expect("a task with a handle");
                        let record = &mut after.records[usize::from(i)];
                        if !record.phase.is_final() {
                            return;
                        }
                        record.handle = false;
                        after.free(i, protocol);
                        Submit::Begin
                    }
                    Act::Finish => {
                        after.ordered = true;
                        Submit::RingEnd
                    }
                    Act::Wait(task) => {
                        Submit::Look { i: self.record_of(task).expect("a task with a handle") }
                    }
                    Act::Cancel(task) => {
                        let i = self.record_of(task).expect("a task with a handle");
                        if self.records[usize::from(i)].phase == Phase::Queued {
                            after.records[usize::from(i)].phase = Phase::Cancelled;
                            after.count_end(i);
                            if self.records[usize::from(i)].flags.noticed {
                                after.deliver(i, None, protocol);
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
            Submit::Asleep { .. } => return,
            Submit::Kill { worker, generation } => {
                let there = self.workers[usize::from(worker)];
                if there.generation == generation && there.next != Work::Dead {
                    after.kill(usize::from(worker));
                }
                Submit::Begin
            }
            Submit::RingEnd => {
                after.noticed.rung = true;
                Submit::WakeEnd
            }
            Submit::WakeEnd => {
                after.wake_supervisor();
                Submit::AwaitEnd
            }
            Submit::AwaitEnd if self.watch == Watch::Over => Submit::Begin,
            Submit::AwaitEnd => return,
        };
        after.submits(next, to);
    }

    /// Its end is to be delivered, unless it has ended.
    fn ask_notice(&mut self, i: u8) {
        let record = &mut self.records[usize::from(i)];
        if !record.phase.is_final() {
            (record.flags.noticed, record.pending) = (true, true);
        }
    }

    /// Wakes who waits for record `i`.
    pub(super) fn wake_waiter(&mut self, i: u8) {
        if self.submit == (Submit::Asleep { i }) {
            self.submit = Submit::Look { i };
        }
    }
}
