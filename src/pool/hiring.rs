//! Spawning workers for empty places, while the pool is at work.
//!
//! A fork waits for the locks of the standard streams, which any thread of the program may keep. So it is a thread of its own that forks, not the
//! supervisor. It waits until both streams are free, holding neither, then takes its turn, takes them, and forks. A thread that keeps a stream *and* waits for
//! a task that nobody is left to do would wait for ever: it takes the turn itself, since a lock that it has it can have once more.

use std::io::{StderrLock, StdoutLock};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::callbacks::Callbacks;
use super::office::{Office, lock};

/// Who is at it.
pub(super) struct Hiring {
    /// Since when the thread tries; `None`: it does not.
    since: Mutex<Option<Instant>>,
    /// Had by who takes the standard streams to fork.
    turn: Mutex<()>,
    thread: Callbacks,
}

impl Default for Hiring {
    fn default() -> Self {
        Self { since: Mutex::default(), turn: Mutex::default(), thread: Callbacks::new("procshare-hire") }
    }
}

/// The standard streams, locked by this thread: what a fork waits for, apart from which it is quick.
struct Streams {
    _out: StdoutLock<'static>,
    _err: StderrLock<'static>,
}

impl Streams {
    /// Blocks until nobody else has either of them, one after the other, and holds none meanwhile.
    fn await_free() {
        drop(std::io::stderr().lock());
        drop(std::io::stdout().lock());
    }

    /// Blocks until nobody else has them. A thread that has them has them once more.
    fn lock() -> Self {
        Self { _out: std::io::stdout().lock(), _err: std::io::stderr().lock() }
    }
}

/// Says that nobody tries to spawn workers any more, also if that panicked.
struct HiringDone<'a>(&'a Office);

impl Drop for HiringDone<'_> {
    fn drop(&mut self) {
        *lock(&self.0.hiring.since) = None;
        self.0.ring();
    }
}

/// Naps after which one who waits looks whether there is anybody to wait for.
const PATIENT: u32 = 3;
/// No fork waits so long for the streams, unless somebody keeps them.
const STUCK: Duration = Duration::from_millis(10);

impl Office {
    /// Sees to it that every place has a worker soon: on a thread of its own, since a fork waits for the standard streams' locks. That thread lives
    /// as long as the pool, since where there is no `/proc` a child dies with the thread that forked it.
    pub(super) fn hire_soon(self: &Arc<Self>) {
        if !self.crew().wants_to_hire() {
            return;
        }
        let mut hiring = lock(&self.hiring.since);
        if hiring.is_some() {
            return;
        }
        *hiring = Some(Instant::now());
        drop(hiring);
        let office = Arc::downgrade(self); // the pool may end meanwhile
        let hire = move || {
            Streams::await_free();
            if let Some(office) = office.upgrade() {
                let _done = HiringDone(&office);
                let _turn = lock(&office.hiring.turn);
                office.hire_now();
            }
        };
        if self.hiring.thread.try_run(Box::new(hire)).is_err() {
            self.crew().note_failure(String::from("the system refuses a thread that forks"));
            *lock(&self.hiring.since) = None;
        }
    }

    /// To be called by who has the turn.
    fn hire_now(&self) {
        let _streams = Streams::lock();
        let mut crew = self.crew();
        crew.hire(self);
    }

    /// For one who waits for a task, without a deadline, and has been waiting for a while: if nobody is left who could do it, and none can be had
    /// since somebody has kept the standard streams locked for as long, that is most likely this very thread, which then can fork.
    pub(super) fn help(&self, round: u32) {
        let is_stuck = || lock(&self.hiring.since).is_some_and(|since| since.elapsed() > STUCK);
        if round > PATIENT && is_stuck() && !self.crew().has_members() {
            // Not while the other one may have one of the streams and wait for the other.
            if let Ok(_turn) = self.hiring.turn.try_lock() {
                self.hire_now();
            }
        }
    }
}
