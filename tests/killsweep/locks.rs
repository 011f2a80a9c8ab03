//! The mutex, killed at every instruction: taken and given up, with sleepers and bargers, and taken from the dead.

use std::cell::RefCell;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::sleep;
use std::time::Duration;

use procshare::sync::{LockError, Mutex, MutexGuard, TimedLockError, TryLockError};
use procshare::{Process, arena};

use crate::board::Board;
use crate::engine;
use crate::forked::take_turn;
use crate::judge::{self, Data, Judge, WHOLE};
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::table::leaves_long_paths_out;
use crate::tracee;
use crate::turn::Turn;
use crate::witness::Verdict;

/// A mutex that all share, and what each of them does with it.
#[derive(Clone)]
struct Bench {
    board: &'static Board,
    mutex: Stages<Mutex<Data>>,
    judge: Judge,
}

impl Bench {
    fn new(turn: &Turn) -> Self {
        let board = turn.board;
        let judge = Judge { board, panics: false, exact: true };
        Self { board, mutex: Stages::new(turn, || Mutex::new(WHOLE).expect("a mutex")), judge }
    }

    /// In the victim: has the lock, changes the data word by word, gives the lock up.
    fn change(&self, mut guard: MutexGuard<'_, Data>) {
        self.board.reach(Phase::Inside);
        judge::change(&mut guard);
        self.board.reach(Phase::Leaving);
        drop(guard);
        self.board.reach(Phase::Out);
    }

    /// Takes the lock whatever its state, which must not fail.
    fn take(&self) -> Option<MutexGuard<'_, Data>> {
        self.mutex.lock().or_else(LockError::recover).ok()
    }

    fn lock(&self) {
        if let Some(guard) = self.take() {
            self.change(guard);
        }
    }

    /// Takes the lock and keeps it for good, the data half changed.
    fn hold(&self) {
        if let Some(mut guard) = self.take() {
            judge::break_in_two(&mut guard);
            forget(guard);
        }
    }

    /// In the victim: gives up the lock that it [holds](Self::hold).
    fn let_go(&self, guard: &RefCell<Option<MutexGuard<'_, Data>>>) {
        if let Some(guard) = guard.take() {
            self.change(guard);
        }
    }

    /// In a survivor: takes the lock, says what it found, and leaves it as it was.
    fn look(&self) -> Verdict {
        let (guard, cause) = match self.mutex.lock() {
            Ok(guard) => (guard, None),
            Err(LockError::Poisoned(poisoned)) => {
                let cause = poisoned.cause();
                (poisoned.into_inner(), Some(cause))
            }
            Err(error) => return self.board.corrupt(&format!("lock: {error:?}")),
        };
        self.judge.found(&guard, cause)
    }

    /// In the barger: takes the lock if it is free, for a moment.
    fn barge(&self) -> Verdict {
        for _ in 0..3 {
            let (guard, cause) = match self.mutex.try_lock() {
                Ok(guard) => (guard, None),
                Err(TryLockError::Poisoned(poisoned)) => {
                    let cause = poisoned.cause();
                    (poisoned.into_inner(), Some(cause))
                }
                Err(TryLockError::WouldBlock) => {
                    sleep(Duration::from_micros(300)); // a sleeper may have it for a moment
                    continue;
                }
                Err(error) => return self.board.corrupt(&format!("try_lock: {error:?}")),
            };
            self.board.found_in_gap(true);
            if self.board.phase() == Phase::Inside && !self.board.is_doomed() {
                return self.board.corrupt("the barger is inside together with the victim");
            }
            return self.judge.found(&guard, cause);
        }
        self.board.found_in_gap(false);
        Verdict::default()
    }

    /// In the witness, last: looks, and puts all in order.
    fn settle(&self) -> Verdict {
        let verdict = self.look();
        if let Some(mut guard) = self.take() {
            *guard = WHOLE;
            self.mutex.clear_poison();
        }
        verdict
    }

    /// Has the lock until the victim sleeps, or does not come to it any more.
    fn keep_until_the_victim_sleeps(&self) -> Verdict {
        let guard = self.take();
        self.board.keep();
        self.board.await_sleep();
        drop(guard);
        Verdict::default()
    }

    /// Has the lock until the victim is dead.
    fn keep_until_the_end(&self) -> Verdict {
        let guard = self.take();
        self.board.keep();
        self.board.await_doom();
        drop(guard);
        Verdict::default()
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_whose_taker_is_killed_is_taken_by_the_next() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    sweep("Mutex: lock, unlock", &turn, &mut Scene::new(&turn, &|| bench.lock(), &|| bench.settle()))
        .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_is_poisoned_exactly_if_the_killed_one_had_it() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, barge) = (|| bench.lock(), || bench.settle(), || bench.barge());
    sweep(
        "Mutex: lock, unlock; barger",
        &turn,
        &mut Scene::new(&turn, &operation, &settle).barger(&barge).kills(FEW),
    )
    .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_whose_trier_is_killed_is_taken_by_the_next() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        if let Ok(guard) = bench.mutex.try_lock().or_else(TryLockError::recover) {
            bench.change(guard);
        }
    };
    let (settle, barge) = (|| bench.settle(), || bench.barge());
    sweep(
        "Mutex: try_lock, unlock; barger",
        &turn,
        &mut Scene::new(&turn, &operation, &settle).barger(&barge).kills(FEW),
    )
    .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_the_unlocker_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let guard = RefCell::new(None);
    let (ready, operation) = (|| drop(guard.replace(bench.take())), || bench.let_go(&guard));
    let (settle, look) = (|| bench.settle(), || bench.look());
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&look);
    sweep("Mutex: unlock; sleeper", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_though_a_barger_takes_the_lock_in_the_gap() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let guard = RefCell::new(None);
    let (ready, operation) = (|| drop(guard.replace(bench.take())), || bench.let_go(&guard));
    let (settle, look, barge) = (|| bench.settle(), || bench.look(), || bench.barge());
    let mut scene =
        Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&look).barger(&barge).kills(FEW);
    sweep("Mutex: unlock; sleeper, barger", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_an_awakened_one_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, look) = (|| bench.lock(), || bench.settle(), || bench.look());
    let keep = || bench.keep_until_the_victim_sleeps();
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&look);
    sweep("Mutex: lock of a held one; sleeper", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_one_that_gives_up_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || match bench.mutex.lock_timeout(Duration::from_micros(500)) {
        Err(TimedLockError::TimedOut) => {}
        _ => bench.board.remark("the victim has what another one keeps"),
    };
    let (settle, look, keep) = (|| bench.settle(), || bench.look(), || bench.keep_until_the_end());
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&look);
    sweep("Mutex: lock_timeout, in vain; sleeper", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_of_the_dead_whose_taker_is_killed_too_is_taken_by_the_third() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, hold) = (|| bench.lock(), || bench.settle(), || bench.hold());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&hold).kills(FEW);
    sweep("Mutex: lock, from the dead", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_one_that_takes_from_the_dead_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, hold) = (|| bench.lock(), || bench.settle(), || bench.hold());
    let look = || bench.look();
    let scene = Scene::new(&turn, &operation, &settle).late(&hold).sleeper(&look);
    sweep("Mutex: lock, from the dead; sleeper", &turn, &mut scene.while_the_sleeper_naps().kills(FEW))
        .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_of_the_dead_whose_trier_is_killed_too_is_taken_by_the_third() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        for _ in 0..200 {
            match bench.mutex.try_lock().or_else(TryLockError::recover) {
                Ok(guard) => return bench.change(guard),
                Err(_) => sleep(Duration::from_millis(1)), // asked for already within the last 50 ms
            }
        }
    };
    let (settle, hold) = (|| bench.settle(), || bench.hold());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&hold).kills(FEW);
    sweep("Mutex: try_lock, from the dead", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_whose_mender_is_killed_is_never_whole_before_it_is_mended() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        if let Some(mut guard) = bench.take() {
            bench.board.reach(Phase::Inside);
            *guard = std::hint::black_box([9; 4]);
            bench.mutex.clear_poison();
            bench.board.reach(Phase::Leaving);
            drop(guard);
            bench.board.reach(Phase::Out);
        }
    };
    let (settle, hold) = (|| bench.settle(), || bench.hold());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&hold).kills(FEW);
    sweep("Mutex: lock, clear_poison, unlock", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_a_sweeper_of_the_dead_holder_is_killed() {
    if leaves_long_paths_out() {
        return; // hundreds of thousands of instructions: the sweep looks at every block
    }
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = arena::trim;
    let (settle, hold, look) = (|| bench.settle(), || bench.hold(), || bench.look());
    let scene = Scene::new(&turn, &operation, &settle).late(&hold).sleeper(&look);
    sweep("Mutex: sweep of a dead holder; sleeper", &turn, &mut scene.while_the_sleeper_naps().kills(FEW))
        .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_a_child_of_the_crate_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let spawn = || {
        let bench = bench.clone();
        let body = move || {
            tracee::trace_me();
            let guard = bench.take();
            engine::mark_start();
            guard.into_iter().for_each(|guard| bench.change(guard));
            engine::mark_end();
        };
        Process::spawn(body).expect("a child")
    };
    let (settle, look) = (|| bench.settle(), || bench.look());
    let mut scene = Scene::new(&turn, &|| (), &settle).spawned_by(&spawn).sleeper(&look);
    sweep("Mutex: unlock, by a child; sleeper", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_of_a_dead_child_whose_parent_is_killed_is_taken_by_the_next() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let child = RefCell::new(None);
    let ready = || {
        let its = bench.clone();
        let body = move || {
            its.hold();
            its.board.keep();
            sleep(Duration::from_secs(3600));
        };
        let holder = Process::spawn(body).expect("a child");
        bench.board.await_keeper();
        bench.board.note_late(holder.pid());
        holder.kill().expect("kill the child");
        child.replace(Some(holder));
    };
    let operation = || drop(child.take().map(Process::<()>::join));
    let settle = || bench.settle();
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready);
    sweep("Mutex: join of a killed holder", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_whose_panicking_holder_is_killed_is_poisoned_all_the_same() {
    let turn = take_turn();
    let mut bench = Bench::new(&turn);
    bench.judge.panics = true;
    let operation = || {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = bench.take();
            bench.board.reach(Phase::Inside);
            resume_unwind(Box::new(())); // says nothing
        }));
        drop(panicked);
    };
    let settle = || bench.settle();
    sweep("Mutex: unlock by a panic", &turn, &mut Scene::new(&turn, &operation, &settle)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_mutex_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    let turn = take_turn();
    let keep = Mutex::new([0_u64; 4]).expect("a mutex");
    let operation = || {
        if let Ok(mutex) = Mutex::new(std::hint::black_box([1_u64; 4])) {
            drop(mutex.lock().map(|mut guard| guard[0] += 1));
            drop(mutex.clone());
        }
    };
    operation();
    sweep(
        "Mutex: new, lock, unlock, clone, drop",
        &turn,
        &mut Scene::new(&turn, &operation, &Verdict::default),
    )
    .assert_clean();
    drop(keep);
}
