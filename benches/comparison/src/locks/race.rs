//! Two workers that want the same lock all the time, on a CPU each: how many turns both get together.
//!
//! Locks that know threads only are raced by two threads, all others by two processes.

use std::hint;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread;
use std::time::{Duration, Instant};

use super::Effort;
use super::ours;
use super::roles::{Lock, ReadLock};
use crate::peers::futex::FutexLock;
use crate::peers::pthread::{self, Kind};
use crate::peers::{raw_sync, semaphore};
use crate::report::{Row, Table, Unit};
use crate::shared::Shared;
use crate::support::pin;

const SPAN: Duration = Duration::from_millis(100);

/// Turns between two looks whether the race is over.
const BATCH: u64 = 64;

/// Who races.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Threads,
    Processes,
}

pub(super) fn tables(effort: Effort) -> Vec<Table> {
    let span = SPAN / effort.share;
    vec![
        Table::new("lock, += 1, unlock: two workers", Unit::MillionsPerSecond, None, locks(span)),
        Table::new("lock to read, read, unlock: two workers", Unit::MillionsPerSecond, None, reads(span)),
    ]
}

fn locks(span: Duration) -> Vec<Row> {
    use By::{Processes, Threads};
    vec![
        lock("std::sync::Mutex (threads)", Threads, span, std::sync::Mutex::new(0)),
        lock("parking_lot::Mutex (threads)", Threads, span, parking_lot::Mutex::new(0)),
        lock("futex by hand, no recovery", Processes, span, Shared::new(FutexLock::new(0))),
        lock("pthread mutex, process-shared", Processes, span, pthread::Mutex::shared(Kind::Plain, 0)),
        lock(
            "pthread mutex, process-shared, robust",
            Processes,
            span,
            pthread::Mutex::shared(Kind::Robust, 0),
        ),
        lock("sem_t, process-shared", Processes, span, semaphore::Semaphore::shared(1, 0)),
        lock("raw_sync::Mutex", Processes, span, raw_sync::Mutex::new(0)),
        lock("procshare::sync::Mutex", Processes, span, ours::mutex(0)),
    ]
}

fn lock(name: &'static str, by: By, span: Duration, lock: impl Lock<u64> + Sync + 'static) -> Row {
    Row::new(name, move || race(by, span, || lock.with(|count| *count += 1)))
}

fn reads(span: Duration) -> Vec<Row> {
    use By::{Processes, Threads};
    vec![
        read("std::sync::RwLock (threads)", Threads, span, std::sync::RwLock::new(0)),
        read("parking_lot::RwLock (threads)", Threads, span, parking_lot::RwLock::new(0)),
        read("pthread rwlock, process-shared", Processes, span, pthread::RwLock::shared(0)),
        read("raw_sync::RwLock", Processes, span, raw_sync::RwLock::new(0)),
        read("procshare::sync::RwLock", Processes, span, ours::rw_lock(0)),
    ]
}

fn read(name: &'static str, by: By, span: Duration, lock: impl ReadLock<u64> + Sync + 'static) -> Row {
    Row::new(name, move || {
        race(by, span, || {
            hint::black_box(lock.with(|word| *word));
        })
    })
}

/// Where the racers and the referee meet. A line each, so that counting disturbs nobody.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Lane(AtomicU64);

#[derive(Debug, Default)]
struct Track {
    ready: Lane,
    go: Lane,
    over: Lane,
    turns: [Lane; 2],
}

impl Track {
    fn run(&self, number: usize, turn: impl Fn()) {
        pin(number);
        self.ready.0.fetch_add(1, Release);
        while self.go.0.load(Acquire) == 0 {
            hint::spin_loop();
        }
        let mut turns = 0;
        while self.over.0.load(Relaxed) == 0 {
            (0..BATCH).for_each(|_| turn());
            turns += BATCH;
        }
        self.turns[number].0.store(turns, Relaxed);
    }

    /// Lets them run for `span`, and gives the time they had.
    fn referee(&self, span: Duration) -> Duration {
        while self.ready.0.load(Acquire) < 2 {
            thread::yield_now();
        }
        let began = Instant::now();
        self.go.0.store(1, Release);
        thread::sleep(span);
        self.over.0.store(1, Relaxed);
        began.elapsed()
    }
}

/// Million turns a second that two workers had together.
pub(super) fn race(by: By, span: Duration, turn: impl Fn() + Sync) -> f64 {
    let track = Shared::new(Track::default());
    let time = match by {
        By::Threads => thread::scope(|scope| {
            for number in 0..2 {
                let (track, turn) = (&*track, &turn);
                scope.spawn(move || track.run(number, turn));
            }
            track.referee(span)
        }),
        By::Processes => procshare::scope(|scope| {
            for number in 0..2 {
                let (track, turn) = (&*track, &turn);
                scope.spawn(move || track.run(number, turn)).expect("a process");
            }
            track.referee(span)
        })
        .expect("both racers end well"),
    };
    let turns: u64 = track.turns.iter().map(|lane| lane.0.load(Relaxed)).sum();
    turns as f64 / time.as_secs_f64() / 1e6
}
