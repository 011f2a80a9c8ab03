//! The dispatch of a pool: records, a ring of entries, `head`, a lease for each worker, idle bits, spinners, and a list of
//! records whose end is to be delivered.
//!
//! The parent has four threads: the submitting one, the supervisor, one that hires, and one that rings for a death. What only
//! the parent reads and writes, they do in the step beside. A task runs as long as it likes. A killed worker is buried, and
//! another one hired for its place.
//!
//! Looked for: *doubled*, a task that runs twice, has two ends, or is delivered twice; *unearned*, the delivery of a task
//! that has not ended; *illegal*, a list that leads in a circle, a record used again while it is on the list, or about to be
//! pushed, or while somebody runs it; *passed by*, nobody takes a step but who runs a task, and there is work, and
//! a living worker asleep, or a worker asleep whom nobody will call any more, or a waiter asleep whose task has ended, or a
//! supervisor asleep over a list; *stuck* and *hopeless*, where everybody may sleep only when every task has ended and every end
//! was delivered, or the pool has ended.
//!
//! No sleep ends by itself but for two: of a worker whose idle bit was taken, when somebody has died, who may have taken it and called
//! nobody; and of the supervisor while it waits for the last task before the end.
//!
//! Some things make large casts smaller, and leave out nothing. *A look at the ring as one step*: what it shows was so at one moment
//! of its three accesses, since `head` only grows and an entry is not written over before `head` has passed. *Workers alike*:
//! states that differ only in the workers' numbers are one, where no step asks for the lower number: without kills, or with
//! one, and without an end of the pool. *Leases and wishes for more* are not written where nobody ever looks at them.

mod alike;
mod claims;
mod next;
mod parent;
mod protocol;
mod supervisor;
mod waking;
mod worker;

use self::next::{Flags, Hirer, Knell, Look, Low, Noticed, Phase, Submit, Watch, Work};
use self::protocol::{Act, From, Protocol};
use crate::graph::{Fault, Model};

const WORKERS: usize = 3;
const RECORDS: usize = 3;
const TASKS: usize = 3;
/// The most room that there is in the ring.
const RING: usize = 4;

const NOBODY: u8 = u8::MAX;
const NO_FLAGS: Flags = Flags { waited: false, noticed: false };
const EMPTY: Noticed = Noticed { top: 0, rung: false, asleep: false };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Record {
    seq: u8,
    worker: u8,
    flags: Flags,
    phase: Phase,
    /// Index + 1 of what is below it on the list.
    next: u8,
    /// What the parent keeps for itself: which task it is, whether its end is to be delivered, whether somebody still has a handle.
    task: u8,
    pending: bool,
    handle: bool,
    retried: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    position: u8,
    index: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Worker {
    next: Work,
    lease: u8,
    call: u8,
    idle: bool,
    generation: u8,
    /// Had nothing to do, and has not looked since whether there is more than it found; looks for the second time.
    was_idle: bool,
    spun: bool,
    /// The task that it runs, and which time: the model's knowledge.
    runs: u8,
    seq: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    records: [Record; RECORDS],
    ring: [Entry; RING],
    head: u8,
    tail: u8,
    /// Where `head` has to come for the supervisor to be rung.
    wanted: u8,
    workers: [Worker; WORKERS],
    /// Who spins, a bit each, no more than there are slots.
    spinners: u8,
    noticed: Noticed,
    // What only the parent knows.
    locked: bool,
    backlog: [u8; TASKS],
    backlog_len: u8,
    submit: Submit,
    act: u8,
    watch: Watch,
    /// The dead that the supervisor has not heard of, that it has not buried, and whose places are empty.
    gone: u8,
    heard: u8,
    empty: u8,
    /// What the supervisor has done since it looked around.
    buries: bool,
    refilled: bool,
    /// The pool is to end; nobody is hired any more; there is nothing more to come.
    ordered: bool,
    closes: bool,
    over: bool,
    hirer: Hirer,
    knell: Knell,
    // What the model counts.
    kills: u8,
    deaths: u8,
    started: [u8; TASKS],
    ended: [u8; TASKS],
    wrong: Option<Wrong>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wrong {
    Doubled,
    Unearned,
    Illegal,
}

impl Model for State {
    type Protocol = Protocol;

    fn start(protocol: Protocol) -> Self {
        let record = Record {
            seq: 0,
            worker: NOBODY,
            flags: NO_FLAGS,
            phase: Phase::Free,
            next: 0,
            task: NOBODY,
            pending: false,
            handle: false,
            retried: false,
        };
        let mut workers = [Worker::new(0, 0); WORKERS];
        let mut spinners = 0;
        for (me, from) in protocol.workers.iter().enumerate() {
            let worker = &mut workers[me];
            match from {
                From::Spinning => {
                    (worker.next, worker.was_idle) = (Work::Spin, false);
                    spinners |= 1 << me;
                }
                From::Asleep => {
                    (worker.next, worker.idle, worker.was_idle) = (Work::Asleep { v: 0 }, true, false)
                }
            }
        }
        Self {
            records: [record; RECORDS],
            ring: [Entry { position: NOBODY, index: 0 }; RING],
            head: 0,
            tail: 0,
            wanted: NOBODY,
            workers,
            spinners,
            noticed: Noticed { asleep: true, ..EMPTY },
            locked: false,
            backlog: [NOBODY; TASKS],
            backlog_len: 0,
            submit: Submit::Begin,
            act: 0,
            watch: Watch::Asleep,
            gone: 0,
            heard: 0,
            empty: 0,
            buries: false,
            refilled: false,
            ordered: false,
            closes: false,
            over: false,
            hirer: Hirer::No,
            knell: Knell::No,
            kills: 0,
            deaths: 0,
            started: [0; TASKS],
            ended: [0; TASKS],
            wrong: None,
        }
    }

    fn fault(&self, protocol: Protocol) -> Option<Fault> {
        match self.wrong {
            Some(Wrong::Doubled) => Some(Fault::Doubled),
            Some(Wrong::Unearned) => Some(Fault::Unearned),
            Some(Wrong::Illegal) => Some(Fault::Illegal),
            None if !self.list_is_sound() || !self.ends_are_sound(protocol) => Some(Fault::Illegal),
            None if self.passes_by(protocol) => Some(Fault::PassedBy),
            None => None,
        }
    }

    fn settled(&self, protocol: Protocol) -> bool {
        let workers = &self.workers[..protocol.workers.len()];
        let mut submitted = protocol.acts.iter().filter_map(|act| match act {
            Act::Submit(task) => Some(*task),
            _ => None,
        });
        let rests = |worker: &Worker| match worker.next {
            Work::Asleep { v } => v == worker.call,
            next => matches!(next, Work::Run { .. }) && worker.runs >= protocol.endless,
        };
        let at_rest = self.watch == Watch::Asleep && workers.iter().all(rests) && !self.is_parent_busy();
        self.submit == Submit::Begin
            && usize::from(self.act) == protocol.acts.len()
            && self.noticed.top == 0
            && (at_rest || self.is_deserted(protocol))
            && submitted.all(|task| self.ended[usize::from(task)] == u8::from(task < protocol.endless))
            && self.records.iter().all(|record| match record.phase {
                Phase::Running => record.task >= protocol.endless,
                phase => phase == Phase::Free,
            })
    }

    fn steps(&self, protocol: Protocol, to: &mut Vec<Self>) {
        (0..protocol.workers.len()).for_each(|me| self.work(me, protocol, to));
        self.submit(protocol, to);
        self.watch(protocol, to);
        self.hire(protocol, to);
        self.ring(protocol, to);
        if protocol.alike {
            to.iter_mut().for_each(|after| *after = after.in_order(protocol));
        }
    }

    fn events(&self, protocol: Protocol, kills: u8, to: &mut Vec<Self>) {
        if self.kills < kills {
            for me in 0..protocol.workers.len() {
                if self.workers[me].next != Work::Dead {
                    let mut after = *self;
                    after.kills += 1;
                    after.kill(me);
                    to.push(if protocol.alike { after.in_order(protocol) } else { after });
                }
            }
        }
    }
}

impl Protocol {
    /// Whether the pool is to end.
    fn ends(&self) -> bool {
        self.acts.contains(&Act::Finish)
    }

    /// Whether there is room in the ring for all tasks together.
    fn never_asks(&self) -> bool {
        let tasks = self.acts.iter().filter(|act| matches!(act, Act::Submit(_))).count();
        tasks <= usize::from(self.ring) && !self.retries
    }
}

impl Worker {
    const fn new(generation: u8, call: u8) -> Self {
        Self {
            next: Work::Take(Look::Head),
            lease: 0,
            call,
            idle: false,
            generation,
            was_idle: true,
            spun: false,
            runs: NOBODY,
            seq: 0,
        }
    }
}

impl Record {
    fn low(&self) -> Low {
        Low { worker: self.worker, flags: self.flags, phase: self.phase }
    }
}

impl State {
    fn kill(&mut self, me: usize) {
        self.deaths = self.deaths.saturating_add(1);
        self.is_gone(me);
    }

    /// The list ends, and every record on it has ended.
    fn list_is_sound(&self) -> bool {
        let walked = if let Watch::Walk { at } = self.watch { at } else { 0 };
        let mut met = 0_u8;
        for mut at in [self.noticed.top, walked] {
            while at != 0 {
                let record = &self.records[usize::from(at - 1)];
                if met & 1 << at != 0 || !record.phase.is_final() {
                    return false;
                }
                met |= 1 << at;
                at = record.next;
            }
        }
        true
    }

    /// What somebody runs, or has ended and is about to push, is what its record is still used for.
    fn ends_are_sound(&self, protocol: Protocol) -> bool {
        self.workers.iter().enumerate().all(|(me, worker)| {
            let pushes = |i: u8| {
                let record = &self.records[usize::from(i)];
                let final_first = !protocol.commits_first || record.phase.is_final();
                record.task == worker.runs && record.seq == worker.seq && final_first
            };
            match worker.next {
                Work::PushLook { i } | Work::PushLink { i, .. } | Work::Push { i, .. } => pushes(i),
                Work::Run { i } | Work::EarlySlot { i } | Work::End { i } => {
                    let record = &self.records[usize::from(i)];
                    record.task == worker.runs
                        && record.seq == worker.seq
                        && usize::from(record.worker) == me
                        && (!protocol.commits_first
                            || matches!(record.phase, Phase::Running | Phase::Condemned))
                }
                _ => true,
            }
        })
    }

    /// Whether nobody will do anything before a task ends, though somebody should.
    fn passes_by(&self, protocol: Protocol) -> bool {
        let workers = &self.workers[..protocol.workers.len()];
        let asleep = |worker: &Worker| matches!(worker.next, Work::Asleep { .. });
        let quiet = |me: usize| match workers[me].next {
            Work::Asleep { .. } => !self.naps(me, protocol),
            next => matches!(next, Work::Run { .. } | Work::Stopped | Work::Dead),
        };
        let submits = match self.submit {
            Submit::Asleep { .. } | Submit::AwaitEnd => false,
            Submit::Begin => !self.is_submit_blocked(protocol),
            _ => true,
        };
        if submits || self.is_parent_busy() || !(0..workers.len()).all(quiet) {
            return false;
        }
        // Nobody calls who has no bit.
        let forgotten =
            |worker: &Worker| asleep(worker) && !worker.idle && !(protocol.naps && self.deaths > 0);
        let queued = self.records.iter().any(|record| record.phase == Phase::Queued);
        let ended = |i: u8| self.records[usize::from(i)].phase.is_final();
        queued && workers.iter().any(asleep)
            || workers.iter().any(forgotten)
            || matches!(self.submit, Submit::Asleep { i } if ended(i))
            || self.noticed.top != 0
    }

    /// A task has ended: the model counts.
    fn count_end(&mut self, i: u8) {
        let task = usize::from(self.records[usize::from(i)].task);
        if task >= TASKS {
            self.wrong = Some(Wrong::Illegal);
            return;
        }
        self.ended[task] += 1;
        if self.ended[task] > 1 {
            self.wrong = Some(Wrong::Doubled);
        }
    }

    /// The parent delivers the end of what is in record `i`: of the use `seq`, if that is given.
    fn deliver(&mut self, i: u8, seq: Option<u8>, protocol: Protocol) {
        let record = &mut self.records[usize::from(i)];
        let is_other = seq.is_some_and(|seq| seq != record.seq && protocol.compares_use);
        if is_other || seq.is_some() && !record.phase.is_final() {
            return;
        }
        if !record.phase.is_final() {
            self.wrong = Some(Wrong::Unearned);
        } else if record.pending {
            record.pending = false;
            self.free(i, protocol);
        } else if record.flags.noticed && !protocol.marks {
            self.wrong = Some(Wrong::Doubled);
        }
    }

    /// Frees record `i` if nobody wants it any more.
    fn free(&mut self, i: u8, protocol: Protocol) {
        let record = &mut self.records[usize::from(i)];
        let due = record.pending && protocol.frees_late;
        if record.phase.is_final() && !record.handle && !due {
            // The words stay as they are, but for the phase; the worker's name is of no more use.
            record.phase = Phase::Free;
            record.flags = NO_FLAGS;
            record.worker = NOBODY;
            record.task = NOBODY;
        }
    }
}
