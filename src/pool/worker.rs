//! A worker's side: set up, take a task, run it, say how it ended, over and over.

#![allow(unsafe_code)] // a pointer to this worker's words

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::call::{Order, position, unsealed};
use super::knell::Knell;
use crate::algo::{Hand, Phase, Records, Walk, WorkerWords};
use crate::message::DecodeError;
use crate::process::panics;
use crate::segment::board::Board;
use crate::segment::member;
use crate::segment::queued::QueueId;
use crate::shim::{
    AtomicPtr, AtomicU64,
    Ordering::{Relaxed, Release},
};
use crate::sys;

/// What is run in each worker before its first task.
pub(super) type Initializer = Arc<dyn Fn() + Send + Sync>;

/// How long an idle worker sleeps at most. It is called when there is work, also by whoever buries one that was killed before it called.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// What a worker needs to know. It reaches it by the fork.
#[derive(Clone)]
pub(super) struct Contract {
    pub(super) board: Arc<Board>,
    pub(super) initializer: Option<Initializer>,
    pub(super) number: u16,
    /// The seat of who submits.
    pub(super) submitter: u16,
    pub(super) results: QueueId,
    pub(super) key: u64,
    /// Tasks after which it makes way for a new one; 0: never.
    pub(super) tasks: u64,
    pub(super) may_repeat: bool,
    /// Pauses for which it spins before it sleeps; `None`: as many as are worth a wake.
    pub(super) patience: Option<u32>,
}

impl Contract {
    /// Works until there is nothing more to come. `knell` is told of the end, in the process that keeps it.
    pub(super) fn work(&self, _knell: &Knell) {
        if let Some(initialize) = &self.initializer {
            initialize();
        }
        let Some(words) = self.board.workers().get(usize::from(self.number)) else { return };
        words.ready.store(1, Relaxed); // read after the death, or as a guess
        // Relaxed: before any thread of a task.
        AT_WORK.store(ptr::from_ref(words).cast_mut(), Relaxed);
        GENERATION.store(member::generation(), Relaxed);
        KEY.store(self.key, Relaxed);
        PLACE.store(u64::from(self.number) << 32 | self.board.workers().len() as u64, Relaxed);
        let dispatch = self.board.dispatch();
        let park = member::idle_park(LONGEST_NAP, self.patience);
        let mut hand = Hand::new(self.number);
        let mut done = 0;
        while let Some(index) = dispatch.next(&mut hand, &park) {
            let phase = self.run(index);
            // Before the end is told: what is read of the next task is then either nothing, or that one's.
            words.began.store(0, Relaxed);
            if dispatch.finish(&mut hand, index, phase, &park).is_err() {
                loop {
                    std::thread::sleep(Duration::from_secs(1)); // it was condemned; the kill is under way
                }
            }
            done += 1;
            if done == self.tasks {
                break;
            }
        }
        dispatch.leave(&mut hand, &park);
    }

    fn run(&self, index: u32) -> Phase {
        let Some(task) = self.board.record(index) else { return Phase::Failed };
        time_begins();
        let order = Order {
            task,
            position: position(index, task.state.look().sequence()),
            submitter: self.submitter,
            results: self.results,
            may_repeat: self.may_repeat,
        };
        let Some(run) = unsealed(task, self.key) else {
            return order
                .fail(Account::bad_argument(&DecodeError::Foreign("the task's function is damaged")));
        };
        match catch_unwind(AssertUnwindSafe(|| run(&order))) {
            Ok(phase) => phase,
            Err(payload) => {
                leave_if_forked();
                let phase = order.fail(Account::panicked(panicked(&*payload)));
                std::mem::forget(payload); // its destructor might panic again
                phase
            }
        }
    }
}

/// The words of the worker that this process is; null: it is none.
static AT_WORK: AtomicPtr<WorkerWords> = AtomicPtr::new(ptr::null_mut());
/// Which process that is: not one that a task forked.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The pool's.
static KEY: AtomicU64 = AtomicU64::new(0);

/// The key under which what this worker is told is sealed.
pub(super) fn key() -> u64 {
    KEY.load(Relaxed)
}

/// This worker's number, and how many there are: the upper and the lower half.
static PLACE: AtomicU64 = AtomicU64::new(1);

/// The way of this worker through the chunks of a job.
pub(super) fn walk() -> Walk {
    let place = PLACE.load(Relaxed);
    Walk::new((place >> 32) as usize, place as u32 as usize)
}

/// The time of what runs here begins: of a task, or of another chunk of it.
pub(super) fn time_begins() {
    // SAFETY: null, or the words of this worker in the board, which `work` keeps, in a frame that is never left but by the end of the process.
    if let Some(words) = unsafe { AT_WORK.load(Relaxed).as_ref() } {
        words.began.store(sys::milliseconds(), Release); // T9
    }
}

/// Ends this process if it is not a worker, but one that a task forked and that came back from it as well.
#[inline]
pub(super) fn leave_if_forked() {
    if member::generation() != GENERATION.load(Relaxed) {
        sys::exit_now(0);
    }
}

/// What the panic of this thread said that ended with `payload`.
fn panicked(payload: &(dyn Any + Send)) -> crate::process::Panic {
    match member::membership() {
        Some((arena, seat)) => panics::take(arena, seat, payload),
        None => crate::process::Panic::new(panics::message_of(payload).to_owned(), None),
    }
}
