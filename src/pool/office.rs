//! The submitting process's side of a pool: what a [`Pool`](super::Pool), its tasks and its supervisor share.
//!
//! ```text
//!   submit ─▶ desk: a record ─▶ board: queued ─▶ … worker … ─▶ final ─▶ take: the result ─▶ desk: free
//!                                                              └─ noticed ─▶ supervisor ─▶ those who are told
//! ```

use std::alloc::Layout;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Instant;

use super::account::Account;
use super::call::{self, Place, Written};
use super::callbacks::Callbacks;
use super::crew::{Crew, Terms};
use super::desk::{Desk, Notice, Told};
use super::ended::Ended;
use super::failure::{PoolError, Rejection, SubmitError, TaskFailure};
use super::hiring::Hiring;
use super::shutdown::Shutdown;
use crate::algo::{ARGUMENT, Form, Phase, Records, Seen, TaskWords};
use crate::message::parcel::{self, PackError};
use crate::message::posted::Packed;
use crate::message::{DecodeError, Message};
use crate::process::{Panic, Worker};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::board::Board;
use crate::segment::envelope::Envelope;
use crate::segment::member;
use crate::segment::queued::QueueId;
use crate::shim::Ordering::Relaxed;
use crate::sys::{Deadline, Loaded};

/// See the module.
pub(super) struct Office {
    pub(super) board: Arc<Board>,
    pub(super) terms: Terms,
    /// What large results belong to: it frees those that nobody takes when the office ends.
    _results: Bearing,
    results_id: QueueId,
    key: u64,
    loaded: Loaded,
    /// Of the process that this is.
    generation: u64,
    pub(super) submitter: u16,
    desk: Mutex<Desk>,
    pub(super) crew: Mutex<Crew>,
    pub(super) callbacks: Callbacks,
    /// Apart from the callbacks, any of which may wait for a future.
    wakers: Callbacks,
    /// The supervisor's thread.
    pub(super) supervisor: OnceLock<ThreadId>,
    orders: Mutex<Orders>,
    pub(super) hiring: Hiring,
    pub(super) ended: Arc<Ended>,
}

/// What the supervisor is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orders {
    /// How it is to end, and by when; `None`: not at all.
    pub(super) end: Option<(Shutdown, Option<Instant>)>,
}

/// What is behind `mutex`, whoever panicked with it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Office {
    pub(super) fn new(board: Arc<Board>, terms: Terms, key: u64) -> Result<Self, PoolError> {
        let (results, results_id) = Bearing::queue(Form::Queue, Layout::new::<()>())?;
        let submitter = member::seat().ok_or(AllocError::Excluded)?;
        Ok(Self {
            board,
            terms,
            _results: results,
            results_id,
            key,
            loaded: Loaded::now(),
            generation: member::generation(),
            submitter,
            desk: Mutex::new(Desk::new()),
            crew: Mutex::default(),
            callbacks: Callbacks::new("procshare-callbacks"),
            wakers: Callbacks::new("procshare-wakers"),
            supervisor: OnceLock::new(),
            orders: Mutex::new(Orders { end: None }),
            hiring: Hiring::default(),
            ended: Arc::default(),
        })
    }

    pub(super) fn results(&self) -> QueueId {
        self.results_id
    }

    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// Whether this process made it; if not, no lock here may be touched, since it may be held for ever.
    #[inline]
    pub(super) fn is_mine(&self) -> bool {
        self.generation == member::generation()
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    pub(super) fn crew(&self) -> MutexGuard<'_, Crew> {
        lock(&self.crew)
    }

    pub(super) fn orders(&self) -> MutexGuard<'_, Orders> {
        lock(&self.orders)
    }

    /// Has the supervisor look around.
    pub(super) fn ring(&self) {
        self.board.dispatch().ring(&member::park());
    }

    /// Waits until nobody works here any more. The supervisor does not wait for itself.
    pub(super) fn await_end(&self) {
        if self.supervisor.get() != Some(&std::thread::current().id()) {
            self.ended.wait(|round| self.help(round));
        }
    }

    // ---- workers

    /// Waits for the end of the task. `false`: the deadline came first.
    #[inline]
    pub(super) fn await_task(&self, task: &TaskWords, deadline: Deadline) -> bool {
        let helps = deadline.is_never();
        task.state.wait(&member::park_until(deadline), |round| {
            if helps {
                self.help(round);
            }
        })
    }

    /// As [`await_task`](Self::await_task), asleep from the beginning: a processor for those who do the work.
    pub(super) fn await_task_asleep(&self, index: u32, deadline: Deadline) -> bool {
        let park = member::sleepy_park_until(deadline);
        self.task(index).is_none_or(|task| task.state.wait(&park, |round| self.help(round)))
    }

    // ---- submitting

    /// Submits a call of `F` with `arg`; returns the number of its record. `repeats`: it may be run again if a death interrupts it.
    #[inline]
    pub(super) fn submit<F, A, R>(&self, arg: A, repeats: bool) -> Result<u32, SubmitError<A>>
    where
        F: Fn(A) -> R + Copy,
        A: Message,
        R: Message,
    {
        let index = self.submit_quietly::<F, A, R>(arg, repeats)?;
        self.summon();
        Ok(index)
    }

    /// Sees to it that somebody comes for what was submitted; if that was idle, it sees to the rest.
    #[inline]
    pub(super) fn summon(&self) {
        self.board.dispatch().summon(&member::park());
    }

    /// As [`submit`](Self::submit), but nobody is woken for it: [`summon`](Self::summon) does that, for many at once.
    #[inline]
    pub(super) fn submit_quietly<F, A, R>(&self, arg: A, repeats: bool) -> Result<u32, SubmitError<A>>
    where
        F: Fn(A) -> R + Copy,
        A: Message,
        R: Message,
    {
        let number = call::number::<F, A, R>();
        if let Err(error) = self.may_call(number) {
            return Err(SubmitError { error, arg: Some(arg) });
        }
        let argument = write(arg)?;
        match self.queue(number, argument, repeats) {
            Ok(index) => Ok(index),
            Err(Refused(refused)) => Err(SubmitError { error: refused.0, arg: refused.1.take_back() }),
        }
    }

    #[inline]
    fn queue(&self, number: u64, argument: Written, repeats: bool) -> Result<u32, Refused> {
        let mut desk = self.desk();
        if let Some(closed) = &desk.closed {
            return Err(Refused::new(closed.clone(), argument));
        }
        let index = match desk.take_record(&self.board) {
            Ok(index) => index,
            Err(error) => return Err(Refused::new(error, argument)),
        };
        let Some(task) = self.board.record(index) else {
            return Err(Refused::new(Rejection::Damaged, argument));
        };
        // Relaxed: `queue` releases them (T1).
        task.function.store(number, Relaxed);
        task.seal.store(call::seal(number, self.key), Relaxed);
        Place::Nowhere.store(&task.result);
        desk.queue(&self.board, index, task, argument, repeats);
        Ok(index)
    }

    /// Whether such a function may be called here.
    #[inline]
    fn may_call(&self, number: u64) -> Result<(), Rejection> {
        if !self.is_mine() {
            return Err(Rejection::NotMyPool);
        }
        if !self.loaded.still(number as usize) {
            return Err(Rejection::LoadedLater);
        }
        Ok(())
    }

    /// Whether tasks are taken.
    pub(super) fn may_submit(&self) -> Result<(), Rejection> {
        if !self.is_mine() {
            return Err(Rejection::NotMyPool);
        }
        self.desk().closed.clone().map_or(Ok(()), Err)
    }

    // ---- results

    /// The record of a task, which has one.
    #[inline]
    pub(super) fn task(&self, index: u32) -> Option<&TaskWords> {
        self.board.record(index)
    }

    /// Takes what came of a task that has ended, and frees it.
    #[inline]
    pub(super) fn take<R: Message>(&self, index: u32) -> Result<R, TaskFailure> {
        let Some(task) = self.task(index) else { return Err(TaskFailure::AlreadyTaken) };
        let seen = task.state.look();
        let _freed = Freed { office: self, task, index }; // also if the result's type panics
        match seen.phase() {
            Phase::Returned => self.take_result(task, index, seen),
            _ => Err(self.failure(task, index, seen)),
        }
    }

    #[inline]
    fn free(&self, task: &TaskWords, index: u32) {
        let argument = self.desk().free(task, index);
        drop(argument);
    }

    #[inline]
    fn take_result<R: Message>(&self, task: &TaskWords, index: u32, seen: Seen) -> Result<R, TaskFailure> {
        let undecodable = |error| TaskFailure::Undecodable { error };
        match Place::load(&task.result) {
            Place::Small(bytes) => {
                call::unpack_small(call::small_result(task, bytes), bytes).map_err(undecodable)
            }
            Place::Block(unit) => self.take_block(unit, index, seen).map_err(undecodable),
            _ => Err(undecodable(DecodeError::Foreign("the task's record is damaged"))),
        }
    }

    fn envelope(&self, unit: u64, index: u32, seen: Seen) -> Option<Envelope> {
        let position = call::position(index, seen.sequence());
        Envelope::claim(unit, self.results_id, |stands| stands == position)
    }

    fn take_block<M: Message>(&self, unit: u64, index: u32, seen: Seen) -> Result<M, DecodeError> {
        let envelope = self.envelope(unit, index, seen);
        let envelope = envelope.ok_or(DecodeError::Foreign("the result's block is damaged"))?;
        Packed::Large(envelope).unpack()
    }

    /// Drops the result of a task that has ended and that nobody will take, or that died while it was written.
    pub(super) fn discard_result(&self, task: &TaskWords, index: u32, seen: Seen) {
        if let Place::Block(unit) = Place::load(&task.result) {
            drop(self.envelope(unit, index, seen));
        }
        Place::Nowhere.store(&task.result);
    }

    #[cold]
    fn failure(&self, task: &TaskWords, index: u32, seen: Seen) -> TaskFailure {
        let [who, how] = &task.small_result;
        let worker = || self.terms.worker(seen.worker(), who.load(Relaxed) as u32);
        match seen.phase() {
            Phase::Failed => match Place::load(&task.result) {
                Place::Block(unit) => match self.take_block::<Account>(unit, index, seen) {
                    Ok(account) => account.into_failure(worker()),
                    Err(error) => TaskFailure::Undecodable { error },
                },
                Place::NoMemory(requested) => TaskFailure::OutOfMemory { worker: worker(), requested },
                // There was no memory even for the account.
                _ => TaskFailure::Panicked { worker: worker(), panic: Panic::unknown() },
            },
            Phase::Died => {
                let (signal, code) = unpack_end(how.load(Relaxed));
                TaskFailure::WorkerDied { worker: worker(), signal, code }
            }
            Phase::TimedOut => {
                TaskFailure::TimedOut { worker: worker(), limit: self.terms.limit.unwrap_or_default() }
            }
            Phase::Unstaffed => match &self.desk().closed {
                Some(Rejection::NoWorkers { reason }) => TaskFailure::NoWorkers { reason: reason.clone() },
                _ => TaskFailure::Cancelled,
            },
            Phase::Cancelled => TaskFailure::Cancelled,
            _ => TaskFailure::Unfinished,
        }
    }

    // ---- ends that no worker says

    /// Ends a queued task. `false`: it is not queued any more.
    pub(super) fn withdraw(&self, index: u32, to: Phase) -> bool {
        self.task(index).is_some_and(|task| self.conclude(task, index, Phase::Queued, to))
    }

    /// Ends a task that was run by `number`, a worker that is dead: it had that process id, and ended so.
    pub(super) fn conclude_for(
        &self,
        (number, pid, how): (u16, u32, u64),
        index: u32,
        from: Phase,
        to: Phase,
    ) -> bool {
        let Some(task) = self.task(index) else { return false };
        let seen = task.state.look();
        if seen.phase() != from || seen.worker() != number {
            return false;
        }
        self.discard_result(task, index, seen);
        // Nobody else writes to it any more. Relaxed: the state releases them (T2).
        task.small_result[0].store(u64::from(pid), Relaxed);
        task.small_result[1].store(how, Relaxed);
        self.conclude(task, index, from, to)
    }

    fn conclude(&self, task: &TaskWords, index: u32, from: Phase, to: Phase) -> bool {
        let Some(before) = task.state.settle(from, to) else { return false };
        if before.is_waited() {
            task.state.wake(&member::park());
        }
        if before.is_noticed() {
            self.notice(index, None);
        }
        true
    }

    /// Has `told` be told of the end of the task. `Err`: it has ended.
    pub(super) fn tell(&self, index: u32, told: Told) -> Result<(), Told> {
        let Some(task) = self.task(index) else { return Err(told) };
        let replaced = self.desk().tell(task, index, told)?;
        drop(replaced);
        Ok(())
    }

    /// Tells those of the task's end who want to know.
    pub(super) fn notice(&self, index: u32, sequence: Option<u32>) {
        let Some(task) = self.task(index) else { return };
        let Notice { told, is_released, argument } = self.desk().notice(task, index, sequence);
        drop(argument);
        if is_released {
            self.discard_result(task, index, task.state.look());
            self.free(task, index);
        }
        for told in told {
            match told {
                // The executor's code: it may drop the future, which may have the pool.
                Told::Wake(waker) => self.wakers.run(Box::new(|| waker.wake())),
                Told::Tell(gathering, which) => gathering.arrive(which),
                Told::Call(call) => self.callbacks.run(call),
            }
        }
    }

    /// Lets go of a task whose handle is dropped.
    pub(super) fn release(&self, index: u32) {
        let Some(task) = self.task(index) else { return };
        let has_ended = self.desk().release(task, index);
        if has_ended {
            self.discard_result(task, index, task.state.look());
            self.free(task, index);
        }
    }
}

/// Frees a task whose result is being taken.
struct Freed<'a> {
    office: &'a Office,
    task: &'a TaskWords,
    index: u32,
}

impl Drop for Freed<'_> {
    #[inline]
    fn drop(&mut self) {
        Place::Nowhere.store(&self.task.result); // it is gone
        self.office.free(self.task, self.index);
    }
}

/// Why a task was not queued, and its argument.
struct Refused(Box<(Rejection, Written)>);

impl Refused {
    #[cold]
    fn new(error: Rejection, argument: Written) -> Self {
        Self(Box::new((error, argument)))
    }
}

/// How a worker ended, in one word.
pub(super) const fn pack_end(signal: Option<i32>, code: Option<i32>) -> u64 {
    match (signal, code) {
        (Some(signal), _) => 1 << 32 | signal as u32 as u64,
        (_, Some(code)) => 2 << 32 | code as u32 as u64,
        _ => 0,
    }
}

/// The signal, or the code.
const fn unpack_end(word: u64) -> (Option<i32>, Option<i32>) {
    match word >> 32 {
        1 => (Some(word as u32 as i32), None),
        2 => (None, Some(word as u32 as i32)),
        _ => (None, None),
    }
}

/// Writes an argument.
#[inline]
fn write<A: Message>(arg: A) -> Result<Written, SubmitError<A>> {
    let mut words = [0; ARGUMENT];
    let small = call::pack_small(arg, &mut words, call::SMALL_ARGUMENT);
    let arg = match small {
        Ok(Ok(bytes)) => return Ok(Written::Small(words, bytes)),
        Ok(Err(_)) => return Err(SubmitError { error: Rejection::Mismeasured, arg: None }),
        Err(arg) => arg,
    };
    match parcel::pack(arg) {
        Ok(container) => Ok(Written::Apart(Box::new(container))),
        Err(PackError::Refused { error, message }) => Err(SubmitError { error: error.into(), arg: message }),
        Err(PackError::Mismeasured(_)) => Err(SubmitError { error: Rejection::Mismeasured, arg: None }),
    }
}

impl Terms {
    /// The worker of that number, which had that process id.
    pub(super) fn worker(&self, number: u16, pid: u32) -> Worker {
        Worker::new(self.name_of(number), pid)
    }
}
