//! Nobody is waited for without end: a process that does not finish in time is killed.
//!
//! The tracer itself is watched by the same means. Where it hangs, nothing can be counted any more: the whole test
//! process says where it stood, and aborts.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::tracee;

/// How long the tracer may take for anything that it does itself.
const TRACER: Duration = Duration::from_secs(120);

#[derive(Debug)]
enum Watched {
    Nobody,
    Child(i32, Instant),
    Tracer(String, Instant),
    Over,
}

#[derive(Debug)]
struct Kennel {
    watched: Mutex<Watched>,
    changed: Condvar,
}

/// A thread that kills who is late.
#[derive(Debug)]
pub(crate) struct Watchdog {
    kennel: Arc<Kennel>,
}

impl Watchdog {
    pub(crate) fn start() -> Self {
        let kennel = Arc::new(Kennel { watched: Mutex::new(Watched::Nobody), changed: Condvar::new() });
        let watching = Arc::clone(&kennel);
        thread::spawn(move || watching.watch());
        Self { kennel }
    }

    /// Does `task`, which waits for the child `pid`; the child is killed if that takes longer than `patience`.
    ///
    /// Says beside the answer whether it was killed.
    pub(crate) fn over<T>(&self, pid: i32, patience: Duration, task: impl FnOnce() -> T) -> (T, bool) {
        self.kennel.set(Watched::Child(pid, Instant::now() + patience));
        let answer = task();
        let killed = matches!(*self.kennel.watched(), Watched::Nobody);
        self.kennel.set(Watched::Nobody);
        (answer, killed)
    }

    /// A watchdog over all that this thread does from now on, until it is dropped.
    pub(crate) fn over_all(place: &str, patience: Duration) -> Self {
        let dog = Self::start();
        dog.kennel.set(Watched::Tracer(place.to_owned(), Instant::now() + patience));
        dog
    }

    /// Does `task` in this process; the process is aborted, with `place` as its last words, if it hangs.
    pub(crate) fn over_tracer<T>(&self, place: &str, task: impl FnOnce() -> T) -> T {
        self.kennel.set(Watched::Tracer(place.to_owned(), Instant::now() + TRACER));
        let answer = task();
        self.kennel.set(Watched::Nobody);
        answer
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.kennel.set(Watched::Over);
    }
}

impl Kennel {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, watched: Watched) {
        *self.watched() = watched;
        self.changed.notify_one();
    }

    fn watch(&self) {
        let mut watched = self.watched();
        loop {
            let left = match &*watched {
                Watched::Over => return,
                Watched::Nobody => TRACER,
                Watched::Child(_, until) | Watched::Tracer(_, until) => {
                    until.saturating_duration_since(Instant::now())
                }
            };
            if left.is_zero() {
                match &*watched {
                    // Under the lock, so that whoever waits for the child cannot have reaped it yet.
                    Watched::Child(pid, _) => tracee::send_kill(*pid),
                    Watched::Tracer(place, _) => {
                        let _ = writeln!(std::io::stderr(), "killsweep: the tracer hangs: {place}");
                        std::process::abort();
                    }
                    Watched::Nobody | Watched::Over => {}
                }
                *watched = Watched::Nobody;
                continue;
            }
            watched = self.changed.wait_timeout(watched, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
