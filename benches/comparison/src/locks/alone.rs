//! One process, nobody else: what the verbs cost when nobody has to wait.

use super::Effort;
use super::ours;
use super::roles::{Lock, ReadLock};
use crate::peers::futex::FutexLock;
use crate::peers::pthread::{self, Kind};
use crate::peers::raw_sync;
use crate::peers::semaphore::Semaphore;
use crate::report::{Row, Table, Unit};
use crate::support::nanoseconds_each;

const TURNS: u32 = 200_000;

/// 64 bytes, as a small struct would be.
pub(super) type Line = [u64; 8];

pub(super) fn tables(effort: Effort) -> Vec<Table> {
    let turns = TURNS / effort.share;
    vec![
        Table::new("lock, += 1, unlock: nobody else", Unit::Nanoseconds, Some(0), words(turns)),
        Table::new("lock, change 64 bytes, unlock: nobody else", Unit::Nanoseconds, Some(0), lines(turns)),
        Table::new("lock to read, read, unlock: nobody else", Unit::Nanoseconds, Some(0), reads(turns)),
        Table::new("semaphore, acquire + release: nobody else", Unit::Nanoseconds, Some(0), permits(turns)),
    ]
}

fn words(turns: u32) -> Vec<Row> {
    vec![
        word("std::sync::Mutex (threads)", turns, std::sync::Mutex::new(0)),
        word("parking_lot::Mutex (threads)", turns, parking_lot::Mutex::new(0)),
        word("futex by hand, no recovery", turns, crate::shared::Shared::new(FutexLock::new(0))),
        word("pthread mutex, process-shared", turns, pthread::Mutex::shared(Kind::Plain, 0)),
        word("pthread mutex, process-shared, robust", turns, pthread::Mutex::shared(Kind::Robust, 0)),
        word("sem_t, process-shared", turns, Semaphore::shared(1, 0)),
        word("raw_sync::Mutex", turns, raw_sync::Mutex::new(0)),
        word("procshare::sync::Mutex", turns, ours::mutex(0)),
    ]
}

fn word(name: &'static str, turns: u32, lock: impl Lock<u64> + 'static) -> Row {
    Row::new(name, move || nanoseconds_each(turns, |_| lock.with(|count| *count += 1)))
}

fn lines(turns: u32) -> Vec<Row> {
    let zero: Line = [0; 8];
    vec![
        line("std::sync::Mutex (threads)", turns, std::sync::Mutex::new(zero)),
        line("parking_lot::Mutex (threads)", turns, parking_lot::Mutex::new(zero)),
        line("futex by hand, no recovery", turns, crate::shared::Shared::new(FutexLock::new(zero))),
        line("pthread mutex, process-shared, robust", turns, pthread::Mutex::shared(Kind::Robust, zero)),
        line("raw_sync::Mutex", turns, raw_sync::Mutex::new(zero)),
        line("procshare::sync::Mutex", turns, ours::mutex(zero)),
    ]
}

fn line(name: &'static str, turns: u32, lock: impl Lock<Line> + 'static) -> Row {
    Row::new(name, move || {
        nanoseconds_each(turns, |turn| lock.with(|line| *line = line.map(|word| word + u64::from(turn))))
    })
}

fn reads(turns: u32) -> Vec<Row> {
    vec![
        read("std::sync::RwLock (threads)", turns, std::sync::RwLock::new(0)),
        read("parking_lot::RwLock (threads)", turns, parking_lot::RwLock::new(0)),
        read("pthread rwlock, process-shared", turns, pthread::RwLock::shared(0)),
        read("raw_sync::RwLock", turns, raw_sync::RwLock::new(0)),
        read("procshare::sync::RwLock", turns, ours::rw_lock(0)),
    ]
}

fn read(name: &'static str, turns: u32, lock: impl ReadLock<u64> + 'static) -> Row {
    Row::new(name, move || nanoseconds_each(turns, |_| lock.with(|word| *word)))
}

fn permits(turns: u32) -> Vec<Row> {
    let posix = Semaphore::shared(2, ());
    vec![
        Row::new("sem_t, process-shared", move || {
            nanoseconds_each(turns, |_| {
                posix.acquire();
                posix.release();
            })
        }),
        ours::permits("procshare::sync::Semaphore", turns),
    ]
}
