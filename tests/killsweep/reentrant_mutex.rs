//! The mutex that its holder may take again, killed at every instruction and at every depth.

use std::cell::RefCell;
use std::mem::forget;

use procshare::sync::{LockError, ReentrantMutex, ReentrantMutexGuard, TryLockError};

use crate::board::Board;
use crate::forked::take_turn;
use crate::judge::{self, Data, Judge, WHOLE};
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

struct Bench {
    board: &'static Board,
    mutex: Stages<ReentrantMutex<Data>>,
    judge: Judge,
}

type Guard<'a> = ReentrantMutexGuard<'a, Data>;

impl Bench {
    fn new(turn: &Turn) -> Self {
        let board = turn.board;
        let judge = Judge { board, panics: false, exact: true };
        Self { board, mutex: Stages::new(turn, || ReentrantMutex::new(WHOLE).expect("a mutex")), judge }
    }

    fn take(&self) -> Option<Guard<'_>> {
        self.mutex.lock().or_else(LockError::recover).ok()
    }

    /// In the victim: changes the data, by half at each depth, and gives the lock up again.
    fn change(&self, outer: Guard<'_>) {
        self.board.reach(Phase::Inside);
        outer.update(|[a, b, c, d]| [a + 1, b + 1, c, d]);
        if let Some(inner) = self.take() {
            inner.update(|[a, b, c, d]| [a, b, c + 1, d + 1]);
            drop(inner);
        }
        self.board.reach(Phase::Leaving);
        drop(outer);
        self.board.reach(Phase::Out);
    }

    fn lock(&self) {
        self.take().into_iter().for_each(|guard| self.change(guard));
    }

    /// Takes the lock twice and keeps it for good, the data half changed.
    fn hold(&self) {
        for guard in [self.take(), self.take()].into_iter().flatten() {
            guard.update(|mut data| {
                judge::break_in_two(&mut data);
                data
            });
            forget(guard);
        }
    }

    fn look(&self) -> Verdict {
        match self.mutex.lock() {
            Ok(guard) => self.judge.found(&guard.get(), None),
            Err(LockError::Poisoned(poisoned)) => {
                let cause = poisoned.cause();
                self.judge.found(&poisoned.into_inner().get(), Some(cause))
            }
            Err(error) => self.board.corrupt(&format!("lock: {error:?}")),
        }
    }

    fn barge(&self) -> Verdict {
        let found = |data: Data, cause| {
            self.board.found_in_gap(true);
            self.judge.found(&data, cause)
        };
        match self.mutex.try_lock() {
            Ok(guard) => found(guard.get(), None),
            Err(TryLockError::Poisoned(poisoned)) => {
                let cause = poisoned.cause();
                found(poisoned.into_inner().get(), Some(cause))
            }
            Err(_) => {
                self.board.found_in_gap(false);
                Verdict::default()
            }
        }
    }

    fn settle(&self) -> Verdict {
        let verdict = self.look();
        if let Some(guard) = self.take() {
            guard.set(WHOLE);
            self.mutex.clear_poison();
        }
        verdict
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_reentrant_mutex_is_poisoned_exactly_if_the_killed_one_had_it() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, barge) = (|| bench.lock(), || bench.settle(), || bench.barge());
    let mut scene = Scene::new(&turn, &operation, &settle).barger(&barge).kills(FEW);
    sweep("ReentrantMutex: lock, lock, unlock, unlock; barger", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_one_that_leaves_twice_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let guard = RefCell::new(None);
    let ready = || drop(guard.replace(bench.take()));
    let operation = || guard.take().into_iter().for_each(|guard| bench.change(guard));
    let (settle, look) = (|| bench.settle(), || bench.look());
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&look).kills(2 * FEW);
    sweep("ReentrantMutex: lock, unlock, unlock; sleeper", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_reentrant_mutex_of_the_dead_whose_taker_is_killed_too_is_taken_by_the_third() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, hold) = (|| bench.lock(), || bench.settle(), || bench.hold());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&hold).kills(FEW);
    sweep("ReentrantMutex: lock twice, from the dead", &turn, &mut scene).assert_clean();
}
