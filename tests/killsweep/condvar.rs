//! The condition variable, killed at every instruction: whoever waits for a change that was made hears of it.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

use procshare::arena;
use procshare::sync::{Condvar, LockError, Mutex, MutexGuard};

use crate::board::Board;
use crate::forked::take_turn;
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::table::leaves_long_paths_out;
use crate::turn::Turn;
use crate::witness::Verdict;

/// Kills of a sampled sweep.
const SOME: usize = 100;
/// The word of the board that counts the survivors who passed.
const PASSED: usize = 0;
/// How long a survivor may take to hear of a change that was made.
const SOON: Duration = Duration::from_secs(5);

/// Goods, produced and consumed: each count is changed by one store.
type Goods = [u64; 2];

fn stock(goods: &Goods) -> u64 {
    goods[0] - goods[1]
}

/// A stock of goods that all share, and what each of them does with it.
struct Bench {
    board: &'static Board,
    goods: Stages<Mutex<Goods>>,
    changed: Stages<Condvar>,
}

type Guard<'a> = MutexGuard<'a, Goods>;

impl Bench {
    fn new(turn: &Turn) -> Self {
        Self {
            board: turn.board,
            goods: Stages::new(turn, || Mutex::new([0; 2]).expect("a mutex")),
            changed: Stages::new(turn, || Condvar::new().expect("a condition variable")),
        }
    }

    /// One store at a time: who dies leaves nothing by half, and the poison is of no interest.
    fn whole<'a>(&self, locked: Result<Guard<'a>, LockError<Guard<'a>>>) -> Option<Guard<'a>> {
        locked.or_else(LockError::recover).ok()
    }

    fn lock(&self) -> Option<Guard<'_>> {
        self.whole(self.goods.lock())
    }

    /// Makes one more, and tells one of those who wait, or all.
    fn produce(&self, tell_all: bool) {
        if let Some(mut goods) = self.lock() {
            goods[0] += 1;
            drop(goods);
            if tell_all { self.changed.notify_all() } else { self.changed.notify_one() }
        }
    }

    /// Waits until there is something.
    fn await_goods(&self) -> Option<Guard<'_>> {
        let mut goods = self.lock()?;
        while stock(&goods) == 0 {
            goods = self.whole(self.changed.wait(goods))?;
        }
        Some(goods)
    }

    /// Waits for one and takes it.
    fn consume(&self) {
        if let Some(mut goods) = self.await_goods() {
            goods[1] += 1;
        }
    }

    /// In a survivor: waits for one and takes it, or looks only.
    fn pass(&self, consume: bool) -> Verdict {
        match self.await_goods() {
            Some(mut goods) => {
                goods[1] += u64::from(consume);
                self.board.words[PASSED].fetch_add(1, Relaxed);
                Verdict::default()
            }
            None => self.board.corrupt("the mutex can not be locked"),
        }
    }

    fn passed(&self) -> u64 {
        self.board.words[PASSED].load(Relaxed)
    }

    /// In the keeper: whether so many survivors passed soon.
    fn await_passed(&self, count: u64) -> bool {
        let until = Instant::now() + SOON;
        while self.passed() < count && Instant::now() < until {
            sleep(Duration::from_micros(50));
        }
        self.passed() >= count
    }

    /// In the keeper, when the victim is dead: whoever may pass by what there is must do so without anything more; for the others
    /// there is produced one by one, and told one.
    fn produce_for_the_rest(&self, sleepers: u64, consume: bool) -> Verdict {
        self.board.await_doom();
        loop {
            let passed = self.passed();
            let Some(goods) = self.lock() else { return self.board.corrupt("the mutex can not be locked") };
            let (there, says) = (stock(&goods), format!("goods {:?}, {passed} passed", *goods));
            drop(goods);
            let now = self.passed();
            if now >= sleepers {
                return Verdict::default();
            }
            if now != passed {
                continue; // the stock may be older than that
            }
            let next = match (there, consume) {
                (0, _) => {
                    self.produce(false);
                    passed + 1
                }
                (_, true) => passed + 1,
                (_, false) => sleepers,
            };
            if !self.await_passed(next) {
                let says = format!("{says}, {:?}: nobody hears of it", self.board.phase());
                return Verdict { hung: true, ..self.board.corrupt(&says) };
            }
        }
    }

    /// In the witness, last: nothing keeps it from waiting in vain, nor from the mutex.
    fn settle(&self) -> Verdict {
        self.board.words[PASSED].store(0, Relaxed);
        let Some(mut goods) = self.lock() else { return self.board.corrupt("the mutex can not be locked") };
        *goods = [0; 2];
        self.goods.clear_poison();
        // A death may wake it for nothing.
        let waited = self.changed.wait_timeout(goods, Duration::from_micros(100));
        if waited.is_ok() { Verdict::default() } else { self.board.corrupt("a wait poisoned the mutex") }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_hears_of_a_change_wherever_the_one_that_made_it_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        bench.produce(false);
        bench.board.reach(Phase::Out);
    };
    let (settle, pass) = (|| bench.settle(), || bench.pass(true));
    let keep = || {
        bench.board.keep();
        bench.produce_for_the_rest(2, true)
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&pass).sleeper(&pass);
    sweep("Condvar: lock, unlock, notify_one; 2 sleep", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn all_sleepers_hear_of_a_change_wherever_the_one_that_made_it_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        bench.produce(true);
        bench.board.reach(Phase::Out);
    };
    let (settle, look) = (|| bench.settle(), || bench.pass(false));
    let keep = || {
        bench.board.keep();
        bench.board.await_doom();
        let Some(goods) = bench.lock() else { return bench.board.corrupt("the mutex can not be locked") };
        let there = stock(&goods);
        drop(goods);
        if there == 0 {
            bench.produce(true);
        }
        let all = bench.await_passed(2);
        Verdict { hung: !all, ..Verdict::default() }
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&look).sleeper(&look);
    sweep("Condvar: lock, unlock, notify_all; 2 sleep", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_hears_of_what_was_told_to_one_that_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        bench.consume();
        bench.board.reach(Phase::Out);
    };
    let (settle, pass) = (|| bench.settle(), || bench.pass(true));
    let keep = || {
        bench.board.keep();
        bench.board.await_sleep();
        // Until the victim has had one, or is dead: it may be the sleeper that hears of the first.
        while !bench.board.is_doomed() && bench.board.phase() != Phase::Out {
            if bench.passed() > 0 || bench.lock().is_some_and(|goods| goods[0] == 0) {
                bench.produce(false);
            }
            sleep(Duration::from_millis(2));
        }
        bench.produce_for_the_rest(1, true)
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&pass);
    sweep("Condvar: wait; sleeper", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_hears_of_a_change_wherever_one_that_gives_up_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        if let Some(goods) = bench.lock() {
            drop(bench.changed.wait_timeout(goods, Duration::from_micros(500)));
        }
    };
    let (settle, pass) = (|| bench.settle(), || bench.pass(true));
    let keep = || {
        bench.board.keep();
        bench.produce_for_the_rest(1, true)
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&pass);
    sweep("Condvar: wait_timeout, in vain; sleeper", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_condition_variable_where_nobody_waits_is_as_it_was_wherever_a_notifier_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        bench.changed.notify_one();
        bench.changed.notify_all();
    };
    let settle = || bench.settle();
    let mut scene = Scene::new(&turn, &operation, &settle).kills(SOME);
    sweep("Condvar: notify_one, notify_all", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_hears_of_a_change_though_a_dead_one_waits_beside_it() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let in_vain = || {
        if let Some(goods) = bench.lock() {
            drop(bench.changed.wait_timeout(goods, Duration::from_micros(500)));
        }
    };
    let operation = || {
        bench.produce(false);
        bench.board.reach(Phase::Out);
    };
    let (settle, pass) = (|| bench.settle(), || bench.pass(true));
    let keep = || {
        bench.board.keep();
        bench.produce_for_the_rest(1, true)
    };
    let scene = Scene::new(&turn, &operation, &settle).kills(FEW).after_a_death_in(&in_vain);
    sweep("Condvar: notify_one, past the dead; sleeper", &turn, &mut scene.keeper(&keep).sleeper(&pass))
        .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_hears_of_what_a_dead_one_did_not_say_wherever_its_sweeper_is_killed() {
    if leaves_long_paths_out() {
        return; // hundreds of thousands of instructions: the sweep looks at every block
    }
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = arena::trim;
    let touch = || bench.changed.notify_one();
    let change = || {
        if let Some(mut goods) = bench.lock() {
            goods[0] += 1;
        }
    };
    let (settle, pass) = (|| bench.settle(), || bench.pass(true));
    let keep = || {
        bench.board.keep();
        bench.produce_for_the_rest(1, true)
    };
    let scene = Scene::new(&turn, &operation, &settle).late(&touch).while_the_sleeper_naps_and(&change);
    sweep(
        "Condvar: sweep of a silent one; sleeper",
        &turn,
        &mut scene.keeper(&keep).sleeper(&pass).kills(FEW),
    )
    .assert_clean();
}
