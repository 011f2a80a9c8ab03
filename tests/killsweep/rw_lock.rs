//! The reader-writer lock, killed at every instruction: readers, writers, those who wait for either, and what the dead held.

use std::cell::RefCell;
use std::mem::forget;
use std::thread::sleep;
use std::time::Duration;

use procshare::arena;
use procshare::sync::{LockError, RwLock, RwLockReadGuard, RwLockWriteGuard, TimedLockError, TryLockError};

use crate::board::Board;
use crate::forked::take_turn;
use crate::judge::{self, Data, Judge, WHOLE};
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::table::leaves_long_paths_out;
use crate::turn::Turn;
use crate::witness::Verdict;

/// Kills of a sampled sweep.
const SOME: usize = 100;

/// A lock that all share, and what each of them does with it.
struct Bench {
    board: &'static Board,
    lock: Stages<RwLock<Data>>,
    judge: Judge,
}

type Reading<'a> = RwLockReadGuard<'a, Data>;
type Writing<'a> = RwLockWriteGuard<'a, Data>;

impl Bench {
    fn new(turn: &Turn) -> Self {
        let board = turn.board;
        // A writer that waits for readers has the lock, and poisons nothing.
        let judge = Judge { board, panics: false, exact: false };
        Self { board, lock: Stages::new(turn, || RwLock::new(WHOLE).expect("a lock")), judge }
    }

    fn for_writing(&self) -> Option<Writing<'_>> {
        self.lock.write().or_else(LockError::recover).ok()
    }

    fn for_reading(&self) -> Option<Reading<'_>> {
        self.lock.read().or_else(LockError::recover).ok()
    }

    /// In the victim: writes, and gives the lock up.
    fn change(&self, mut guard: Writing<'_>) {
        self.board.reach(Phase::Inside);
        judge::change(&mut guard);
        self.board.reach(Phase::Leaving);
        drop(guard);
        self.board.reach(Phase::Out);
    }

    /// In the victim: writes, and goes on as a reader.
    fn change_and_downgrade(&self, mut guard: Writing<'_>) {
        self.board.reach(Phase::Inside);
        judge::change(&mut guard);
        self.board.reach(Phase::Leaving);
        let guard = RwLockWriteGuard::downgrade(guard);
        self.board.reach(Phase::Out);
        drop(guard);
    }

    fn write(&self) {
        self.for_writing().into_iter().for_each(|guard| self.change(guard));
    }

    fn read(&self) {
        drop(std::hint::black_box(self.for_reading()));
    }

    /// Writes by half, and keeps the lock for good.
    fn hold(&self) {
        if let Some(mut guard) = self.for_writing() {
            judge::break_in_two(&mut guard);
            forget(guard);
        }
    }

    /// Reads, for good.
    fn go_on_reading(&self) {
        forget(self.for_reading());
    }

    /// In a survivor: writes, and leaves things as they were.
    fn look_as_writer(&self) -> Verdict {
        match self.lock.write() {
            Ok(guard) => self.judge.found(&guard, None),
            Err(LockError::Poisoned(poisoned)) => {
                let cause = poisoned.cause();
                self.judge.found(&poisoned.into_inner(), Some(cause))
            }
            Err(error) => self.board.corrupt(&format!("write: {error:?}")),
        }
    }

    /// In a survivor: reads.
    fn look_as_reader(&self) -> Verdict {
        match self.lock.read() {
            Ok(guard) => self.judge.found(&guard, None),
            Err(LockError::Poisoned(poisoned)) => {
                let cause = poisoned.cause();
                self.judge.found(&poisoned.into_inner(), Some(cause))
            }
            Err(error) => self.board.corrupt(&format!("read: {error:?}")),
        }
    }

    /// In the witness, last: reads, writes, and puts all in order.
    fn settle(&self) -> Verdict {
        let mut verdict = self.look_as_reader();
        verdict |= self.look_as_writer();
        if let Some(mut guard) = self.for_writing() {
            *guard = WHOLE;
            self.lock.clear_poison();
        }
        verdict
    }

    /// In the barger: reads and writes if that is possible just now, and says whether it could write.
    fn barge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let mut found = |data: &Data, cause| {
            if self.board.phase() == Phase::Inside && !self.board.is_doomed() {
                verdict |= self.board.corrupt("the barger is inside together with the victim");
            }
            verdict |= self.judge.found(data, cause);
        };
        match self.lock.try_read() {
            Ok(guard) => found(&guard, None),
            Err(TryLockError::Poisoned(poisoned)) => {
                let cause = poisoned.cause();
                found(&poisoned.into_inner(), Some(cause));
            }
            Err(_) => {}
        }
        for _ in 0..3 {
            match self.lock.try_write() {
                Ok(guard) => found(&guard, None),
                Err(TryLockError::Poisoned(poisoned)) => {
                    let cause = poisoned.cause();
                    found(&poisoned.into_inner(), Some(cause));
                }
                Err(_) => {
                    sleep(Duration::from_micros(300)); // a sleeper may have it for a moment
                    continue;
                }
            }
            self.board.found_in_gap(true);
            return verdict;
        }
        self.board.found_in_gap(false);
        verdict
    }

    /// Has what `guard` stands for until the victim sleeps, or does not come to it any more.
    fn keep_until_the_victim_sleeps<G>(&self, guard: G) -> Verdict {
        self.board.keep();
        self.board.await_sleep();
        drop(guard);
        Verdict::default()
    }

    /// Has it until the victim is dead.
    fn keep_until_the_end<G>(&self, guard: G) -> Verdict {
        self.board.keep();
        self.board.await_doom();
        drop(guard);
        Verdict::default()
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_whose_reader_is_killed_is_written_by_the_next() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, barge) = (|| bench.read(), || bench.settle(), || bench.barge());
    let mut scene = Scene::new(&turn, &operation, &settle).barger(&barge).kills(FEW);
    sweep("RwLock: read, unlock; barger", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_whose_writer_is_killed_is_poisoned_if_it_wrote() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle) = (|| bench.write(), || bench.settle());
    sweep("RwLock: write, unlock", &turn, &mut Scene::new(&turn, &operation, &settle)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_whose_writer_stands_still_lets_nobody_in() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, barge) = (|| bench.write(), || bench.settle(), || bench.barge());
    let mut scene = Scene::new(&turn, &operation, &settle).barger(&barge).kills(FEW);
    sweep("RwLock: write, unlock; barger", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_whose_triers_are_killed_is_taken_by_the_next() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        drop(bench.lock.try_read());
        if let Ok(guard) = bench.lock.try_write().or_else(TryLockError::recover) {
            bench.change(guard);
        }
    };
    let settle = || bench.settle();
    let mut scene = Scene::new(&turn, &operation, &settle).kills(SOME);
    sweep("RwLock: try_read, try_write", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_writer_goes_on_wherever_the_last_reader_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let guard = RefCell::new(None);
    let (ready, operation) = (|| drop(guard.replace(bench.for_reading())), || drop(guard.take()));
    let (settle, look, read) = (|| bench.settle(), || bench.look_as_writer(), || bench.look_as_reader());
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&look).sleeper(&read);
    sweep("RwLock: unlock a reader; writer, reader sleep", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleeping_readers_and_writers_go_on_wherever_the_writer_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let guard = RefCell::new(None);
    let ready = || drop(guard.replace(bench.for_writing()));
    let operation = || guard.take().into_iter().for_each(|guard| bench.change(guard));
    let (settle, look, read) = (|| bench.settle(), || bench.look_as_writer(), || bench.look_as_reader());
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready);
    let mut scene = scene.sleeper(&read).sleeper(&look).sleeper(&read);
    sweep("RwLock: unlock a writer; 3 sleep", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleeping_readers_and_writers_go_on_wherever_one_that_downgrades_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let guard = RefCell::new(None);
    let ready = || drop(guard.replace(bench.for_writing()));
    let operation = || guard.take().into_iter().for_each(|guard| bench.change_and_downgrade(guard));
    let (settle, look, read) = (|| bench.settle(), || bench.look_as_writer(), || bench.look_as_reader());
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&read).sleeper(&look);
    sweep("RwLock: downgrade, unlock; writer, reader sleep", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_go_on_wherever_a_reader_that_waited_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, read) = (|| bench.read(), || bench.settle(), || bench.look_as_reader());
    let look = || bench.look_as_writer();
    let keep = || bench.keep_until_the_victim_sleeps(bench.for_writing());
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&read).sleeper(&look);
    sweep("RwLock: read behind a writer; 2 sleep", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_go_on_wherever_a_writer_that_waited_for_readers_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle) = (|| bench.write(), || bench.settle());
    let keep = || bench.keep_until_the_victim_sleeps(bench.for_reading());
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).kills(SOME);
    sweep("RwLock: write behind a reader", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn readers_get_in_wherever_a_writer_that_gives_up_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || match bench.lock.write_timeout(Duration::from_micros(500)) {
        Err(TimedLockError::TimedOut) => {}
        _ => bench.board.remark("the victim writes while another one reads"),
    };
    let settle = || bench.settle();
    let keep = || bench.keep_until_the_end(bench.for_reading());
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).kills(SOME);
    sweep("RwLock: write_timeout, in vain", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_go_on_wherever_a_reader_that_gives_up_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || match bench.lock.read_timeout(Duration::from_micros(500)) {
        Err(TimedLockError::TimedOut) => {}
        _ => bench.board.remark("the victim reads while another one writes"),
    };
    let (settle, look, read) = (|| bench.settle(), || bench.look_as_writer(), || bench.look_as_reader());
    let keep = || bench.keep_until_the_end(bench.for_writing());
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&look).sleeper(&read);
    sweep("RwLock: read_timeout, in vain; 2 sleep", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_of_a_dead_writer_whose_next_writer_is_killed_is_written_by_the_third() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, hold) = (|| bench.write(), || bench.settle(), || bench.hold());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&hold).kills(FEW);
    sweep("RwLock: write, from a dead writer", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_of_a_dead_writer_whose_next_reader_is_killed_stays_poisoned() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, hold) = (|| bench.read(), || bench.settle(), || bench.hold());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&hold).kills(FEW);
    sweep("RwLock: read, from a dead writer", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_of_a_dead_reader_whose_next_writer_is_killed_is_written_by_the_third() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, late) = (|| bench.write(), || bench.settle(), || bench.go_on_reading());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&late).kills(FEW);
    sweep("RwLock: write, past a dead reader", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_writer_goes_on_wherever_a_sweeper_of_a_dead_reader_is_killed() {
    if leaves_long_paths_out() {
        return; // hundreds of thousands of instructions: the sweep looks at every block
    }
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = arena::trim;
    let (settle, late, look) = (|| bench.settle(), || bench.go_on_reading(), || bench.look_as_writer());
    let scene = Scene::new(&turn, &operation, &settle).late(&late).sleeper(&look);
    sweep(
        "RwLock: sweep of a dead reader; writer sleeps",
        &turn,
        &mut scene.while_the_sleeper_naps().kills(FEW),
    )
    .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_lock_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    let turn = take_turn();
    let operation = || {
        if let Ok(lock) = RwLock::new(std::hint::black_box([1_u64; 4])) {
            drop(lock.write().map(|mut guard| guard[0] += 1));
            drop(lock.read());
        }
    };
    operation();
    sweep(
        "RwLock: new, write, read, drop",
        &turn,
        &mut Scene::new(&turn, &operation, &Verdict::default).kills(SOME),
    )
    .assert_clean();
}
