//! A function over the chunks of an array: how the workers share the work, and what becomes of it when one of them dies.
//!
//! ```text
//!   job: [ ChunkWords | a word for each chunk ]      input ──┐
//!          ▲ claim, done                                     ├─ lent to the workers until every ticket has ended
//!   ticket 0, 1, … : ordinary tasks, one for each worker     │
//!          └────────────────────────────────────── output ───┘
//! ```
//!
//! A ticket claims chunks until none is left. Who called waits for the tickets, one after the other. A ticket that ends badly leaves at most
//! one chunk: that has failed (or is done again, if the pool retries), and another ticket takes over.
//!
//! I1. Nothing lent is given back before every ticket has ended: also when a callback of the caller's panics.
//! I2. A chunk's part of the output is one worker's: who claimed it.

#![allow(unsafe_code)] // lends memory to the workers, and takes it there

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::call;
use super::failure::{Rejection, TaskFailure};
use super::map_error::ChunkFailure;
use super::office::Office;
use super::task::Task;
use super::worker;
use crate::algo::{ChunkState, Chunks};
use crate::message::{DecodeError, Element, Measure, Message, Plain, Reader, Writer, plain};
use crate::segment::board::JobBlock;
use crate::segment::region::Region;
use crate::sys::Deadline;

/// What a ticket works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    /// Where the chunks' words are.
    job: u64,
    chunks: u32,
    /// Which ticket it is: no other one of the job has that number.
    ticket: u32,
    /// Elements of a chunk; the last one may have fewer.
    chunk: u64,
    input: Region,
    output: Region,
    /// Of all that: where a worker writes must not depend on a stray store.
    seal: u64,
}

impl Message for Order {
    fn measure(&self, measure: &mut Measure) {
        measure.bytes(size_of::<[u64; 8]>());
    }

    fn encode(self, to: &mut Writer<'_>) {
        let Self { job, chunks, ticket, chunk, input, output, seal } = self;
        let who = u64::from(chunks) << 32 | u64::from(ticket);
        to.plain(&[job, who, chunk, input.offset, input.len, output.offset, output.len, seal]);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [job, who, chunk, input_at, input_len, output_at, output_len, seal] = from.plain::<[u64; 8]>()?;
        Ok(Self {
            job,
            chunks: (who >> 32) as u32,
            ticket: who as u32,
            chunk,
            input: Region { offset: input_at, len: input_len },
            output: Region { offset: output_at, len: output_len },
            seal,
        })
    }
}

/// The elements of the chunk of that number.
fn range(chunk: usize, elements: u64, len: u64) -> Range<usize> {
    let first = (chunk as u64).saturating_mul(elements).min(len);
    first as usize..first.saturating_add(elements).min(len) as usize
}

impl Order {
    /// The order with its seal.
    fn sealed(self, key: u64) -> Self {
        let Self { job, chunks, ticket, chunk, input, output, .. } = self;
        let words =
            [job, chunks.into(), ticket.into(), chunk, input.offset, input.len, output.offset, output.len];
        Self { seal: words.into_iter().fold(0, |seal, word| call::seal(seal ^ word, key)), ..self }
    }

    /// Claims chunks and has `work` do them, until none is left.
    fn do_chunks(&self, len: u64, mut work: impl FnMut(usize, Range<usize>) -> Option<()>) {
        if self.sealed(worker::key()).seal != self.seal {
            return; // the order is damaged
        }
        let Some(chunks) = JobBlock::find(self.job, self.chunks) else { return };
        let mut walk = worker::walk();
        while let Some(chunk) = chunks.claim(self.ticket, &mut walk) {
            worker::time_begins();
            let range = range(chunk, self.chunk, len);
            let items = range.len() as u64;
            if work(chunk, range).is_none() {
                return; // what is read is damaged: the chunk has failed
            }
            worker::leave_if_forked();
            chunks.done(chunk, items);
        }
    }
}

/// The ticket of a map: each element of the output is what `f` makes of the one of the input.
pub(super) fn map<F, C, T, R>(f: F) -> impl Fn((Order, C)) + Copy
where
    F: Fn(&C, T) -> R + Copy,
    C: Message,
    T: Plain,
    R: Element,
{
    move |(order, context): (Order, C)| {
        order.do_chunks(order.output.len, |_, range| {
            // SAFETY: the caller of `run` lends the input until every ticket has ended (I1).
            let input = unsafe { order.input.lent::<T::Bits>(range.start, range.len()) }?;
            // SAFETY: as above, and this part to who claimed the chunk alone (I2).
            let output = unsafe { order.output.lent_mut::<R>(range.start, range.len()) }?;
            for (output, bits) in output.iter_mut().zip(input) {
                *output = f(&context, plain::checked(*bits)?);
            }
            Some(())
        });
    }
}

/// The ticket of work on each chunk of an array.
pub(super) fn each_chunk<F, C, T>(f: F) -> impl Fn((Order, C)) + Copy
where
    F: Fn(&C, usize, &mut [T]) + Copy,
    C: Message,
    T: Element,
{
    move |(order, context): (Order, C)| {
        order.do_chunks(order.output.len, |chunk, range| {
            // SAFETY: the caller of `run` lends the array until every ticket has ended (I1), this part to who claimed the chunk alone (I2).
            let output = unsafe { order.output.lent_mut::<T>(range.start, range.len()) }?;
            f(&context, chunk, output);
            Some(())
        });
    }
}

/// The ticket of a fold: an element of the output for each chunk of the input.
pub(super) fn fold<I, F, C, T, S>(identity: I, f: F) -> impl Fn((Order, C)) + Copy
where
    I: Fn() -> S + Copy,
    F: Fn(&C, S, T) -> S + Copy,
    C: Message,
    T: Plain,
    S: Element,
{
    move |(order, context): (Order, C)| {
        order.do_chunks(order.input.len, |chunk, range| {
            // SAFETY: as in `map`.
            let input = unsafe { order.input.lent::<T::Bits>(range.start, range.len()) }?;
            let mut sum = identity();
            for bits in input {
                sum = f(&context, sum, plain::checked(*bits)?);
            }
            // SAFETY: as in `map`: the element of this chunk.
            let output = unsafe { order.output.lent_mut::<S>(chunk, 1) }?;
            output.copy_from_slice(&[sum]);
            Some(())
        });
    }
}

/// How a job is to be done.
pub(super) struct Plan<'a, C> {
    pub(super) context: C,
    /// Elements of a chunk, at least 1.
    pub(super) chunk: usize,
    /// Elements that the chunks are of.
    pub(super) len: usize,
    pub(super) input: Region,
    pub(super) output: Region,
    /// Told now and then how many elements are done.
    pub(super) watch: &'a mut dyn FnMut(u64),
}

const DAMAGED: TaskFailure = TaskFailure::Rejected { rejection: Rejection::Damaged };

/// How often the caller of a map is told how far it is, and looks after tickets that ended badly.
const LOOK: Duration = Duration::from_millis(20);
/// The same, once something failed: the next failure should not keep a worker idle for long.
const QUICK_LOOK: Duration = Duration::from_millis(1);

/// Has the workers do a job; what is lent stays so until it is done.
///
/// # Safety
/// - The input is lent to all workers during the call, the output to them alone.
pub(super) unsafe fn run<F, C>(
    office: &Arc<Office>,
    ticket: F,
    plan: Plan<'_, C>,
) -> Result<Vec<ChunkFailure>, Rejection>
where
    F: Fn((Order, C)) + Copy,
    C: Message + Clone,
{
    let Plan { context, chunk, len, input, output, watch } = plan;
    let count = len.div_ceil(chunk);
    let chunks = u32::try_from(count).map_err(|_| Rejection::TooManyTasks { most: u32::MAX as usize })?;
    if chunks == 0 {
        office.may_submit()?;
        watch(0);
        return Ok(Vec::new());
    }
    let block = JobBlock::allocate(chunks)?;
    let order = Order { job: block.unit(), chunks, ticket: 0, chunk: chunk as u64, input, output, seal: 0 };
    let mut job = Job {
        office,
        chunks: block.chunks().ok_or(Rejection::Damaged)?,
        order,
        tickets: Vec::new(),
        issued: 0,
        failed: Vec::new(),
        interrupted: Vec::new(),
        fruitless: 0,
        stopped_by: None,
    };
    for _ in 0..count.min(usize::from(office.terms.workers)) {
        job.issue(ticket, &context);
    }
    // One is woken, and wakes the next: by then this thread sleeps, and there is a processor for that one.
    office.summon();
    if job.tickets.is_empty()
        && let Some(TaskFailure::Rejected { rejection }) = job.stopped_by.take()
    {
        return Err(rejection);
    }
    while !job.tickets.is_empty() {
        job.await_ticket(ticket, &context);
        watch(job.chunks.progress());
        if !office.is_mine() {
            return Err(Rejection::NotMyPool); // `watch` forked, and came back here as well
        }
    }
    Ok(job.into_failures(len))
}

/// A job under way. Dropping it stops it, and waits until nobody works on it any more (I1).
struct Job<'a> {
    office: &'a Arc<Office>,
    chunks: Chunks<'a>,
    order: Order,
    /// Those that have not ended, and their numbers.
    tickets: Vec<(u32, Task<()>)>,
    issued: u32,
    failed: Vec<(usize, TaskFailure)>,
    /// Chunks that deaths interrupted and that were reopened, once for each time.
    interrupted: Vec<usize>,
    /// Tickets in a row that died before they had a chunk.
    fruitless: u32,
    /// Why the rest is not done.
    stopped_by: Option<TaskFailure>,
}

/// So many tickets that die before they have a chunk are not by chance.
const FRUITLESS: u32 = 16;

impl Job<'_> {
    /// Submits another ticket.
    fn issue<F, C>(&mut self, _: F, context: &C)
    where
        F: Fn((Order, C)) + Copy,
        C: Message + Clone,
    {
        let order = Order { ticket: self.issued, ..self.order }.sealed(self.office.key());
        match self.office.submit_quietly::<F, (Order, C), ()>((order, context.clone()), false) {
            Ok(index) => {
                self.tickets.push((self.issued, Task::new(Arc::clone(self.office), index)));
                self.issued += 1;
            }
            Err(refused) => self.stop(TaskFailure::Rejected { rejection: refused.error }),
        }
    }

    /// Nothing more is begun.
    fn stop(&mut self, failure: TaskFailure) {
        self.chunks.stop();
        self.stopped_by.get_or_insert(failure);
    }

    /// Waits for a ticket for a moment, and sees to those that have ended.
    fn await_ticket<F, C>(&mut self, ticket: F, context: &C)
    where
        F: Fn((Order, C)) + Copy,
        C: Message + Clone,
    {
        if let Some((_, first)) = self.tickets.first() {
            let failing = !(self.failed.is_empty() && self.interrupted.is_empty());
            first.wait_asleep(Deadline::after(if failing { QUICK_LOOK } else { LOOK }));
        }
        let (ended, running): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.tickets).into_iter().partition(|(_, task)| task.is_ready());
        self.tickets = running;
        for (number, task) in ended {
            match task.get() {
                // Nothing is left to begin: those that have not begun need not.
                Ok(()) => self.tickets.retain(|(_, task)| !task.cancel()),
                Err(failure) => self.look_after(number, &failure),
            }
        }
        let work_left = || !self.chunks.is_stopped() && self.chunks.first_open().is_some();
        if self.tickets.is_empty() && work_left() {
            // Seldom more than once: somebody died in between. If nobody gets anything done, something is damaged.
            self.fruitless += 1;
            if self.fruitless >= FRUITLESS {
                return self.stop(DAMAGED);
            }
            self.issue(ticket, context);
            self.office.summon();
        } else if self.is_short_of_tickets() && work_left() {
            self.issue(ticket, context);
            self.office.summon();
        }
    }

    /// Whether fewer tickets are under way than there were at first, since some ended badly.
    fn is_short_of_tickets(&self) -> bool {
        let wanted = usize::from(self.office.terms.workers).min(self.order.chunks as usize);
        self.tickets.len() < wanted && !(self.failed.is_empty() && self.interrupted.is_empty())
    }

    /// A ticket ended badly: so has the chunk that it had.
    fn look_after(&mut self, number: u32, failure: &TaskFailure) {
        let goes_on = matches!(
            failure,
            TaskFailure::Panicked { .. } | TaskFailure::WorkerDied { .. } | TaskFailure::TimedOut { .. }
        );
        let Some(chunk) = self.chunks.taken_by(number) else {
            self.fruitless += 1;
            if !goes_on || self.fruitless >= FRUITLESS {
                self.stop(failure.clone());
            }
            return;
        };
        self.fruitless = 0;
        if !goes_on {
            self.stop(failure.clone());
        }
        let times = self.interrupted.iter().filter(|interrupted| **interrupted == chunk).count();
        let again = matches!(failure, TaskFailure::WorkerDied { .. })
            && (times as u32) < self.office.terms.retries
            && !self.chunks.is_stopped();
        if again && self.chunks.reopen(chunk) {
            self.interrupted.push(chunk);
        } else if self.chunks.fail(chunk) {
            self.failed.push((chunk, failure.clone()));
        }
    }

    /// What failed, in order; neighbours for the same reason are one.
    fn into_failures(mut self, len: usize) -> Vec<ChunkFailure> {
        let mut failed = std::mem::take(&mut self.failed);
        let rest = self.stopped_by.take().unwrap_or(TaskFailure::Cancelled);
        let mut known: Vec<usize> = failed.iter().map(|(chunk, _)| *chunk).collect();
        known.sort_unstable();
        for chunk in 0..self.order.chunks as usize {
            match self.chunks.state(chunk) {
                ChunkState::Done => {}
                ChunkState::Open => failed.push((chunk, rest.clone())), // it was stopped: nobody came for it
                _ if known.binary_search(&chunk).is_ok() => {}
                _ => failed.push((chunk, DAMAGED)),
            }
        }
        failed.sort_by_key(|(chunk, _)| *chunk);
        let mut failures: Vec<ChunkFailure> = Vec::new();
        for (chunk, failure) in failed {
            let range = range(chunk, self.order.chunk, len as u64);
            match failures.last_mut() {
                Some(last) if last.range.end == range.start && last.failure == failure => {
                    last.range.end = range.end;
                }
                _ => failures.push(ChunkFailure { range, failure }),
            }
        }
        failures
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        self.chunks.stop();
        for (_, task) in &self.tickets {
            task.cancel();
        }
        for (_, task) in self.tickets.drain(..) {
            while self.office.is_mine() && !task.wait(Duration::from_secs(1)) {}
        }
    }
}
