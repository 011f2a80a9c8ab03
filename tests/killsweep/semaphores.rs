//! The semaphores, killed at every instruction: all permits are there again, none twice, and nobody waits for the dead.

use std::cell::RefCell;
use std::mem::forget;
use std::time::Duration;

use procshare::sync::{BoundedSemaphore, Permit, Semaphore, TimedAcquireError, TryAcquireError};
use procshare::{Process, arena};

use crate::board::Board;
use crate::engine;
use crate::forked::take_turn;
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::table::leaves_long_paths_out;
use crate::tracee;
use crate::turn::Turn;
use crate::witness::Verdict;

/// Kills of a sampled sweep.
const SOME: usize = 100;
/// Permits of a semaphore at rest.
const ALL: u32 = 3;

/// A semaphore that all share, and what each of them does with it.
#[derive(Clone)]
struct Bench {
    board: &'static Board,
    semaphore: Stages<Semaphore>,
}

impl Bench {
    fn new(turn: &Turn) -> Self {
        Self { board: turn.board, semaphore: Stages::new(turn, || Semaphore::new(ALL).expect("a semaphore")) }
    }

    /// In the victim: has some permits, and gives them back.
    fn use_up(&self, permit: Permit<'_>) {
        self.board.reach(Phase::Inside);
        self.board.reach(Phase::Leaving);
        drop(permit);
        self.board.reach(Phase::Out);
    }

    fn acquire(&self, count: u32) {
        self.semaphore.acquire_many(count).into_iter().for_each(|permit| self.use_up(permit));
    }

    /// Holds some permits for good.
    fn hold(&self, count: u32) {
        forget(self.semaphore.acquire_many(count));
    }

    /// In a survivor: takes some permits and gives them back.
    fn pass(&self, count: u32) -> Verdict {
        match self.semaphore.acquire_many(count) {
            Ok(permit) => drop(permit),
            Err(error) => return self.board.corrupt(&format!("acquire: {error:?}")),
        }
        Verdict::default()
    }

    /// In the witness, last: all permits can be taken, and not one more.
    fn settle(&self) -> Verdict {
        self.settle_with(ALL, ALL)
    }

    /// The same, where there may be so few, or so many; it makes them [`ALL`] again.
    fn settle_with(&self, least: u32, most: u32) -> Verdict {
        let semaphore = &self.semaphore;
        let mut permits = match semaphore.acquire_many(least) {
            Ok(permit) => vec![permit],
            Err(error) => return self.board.corrupt(&format!("acquire_many({least}): {error:?}")),
        };
        let mut verdict = Verdict::default();
        let one_more = || semaphore.acquire_timeout(Duration::from_millis(u64::from(least < most))).ok();
        permits.extend(std::iter::from_fn(one_more).take(8));
        let mut count: u32 = permits.iter().map(Permit::count).sum();
        if !(least..=most).contains(&count) || semaphore.available_permits() != 0 {
            verdict = self.board.corrupt(&format!(
                "{count} permits taken of {least} to {most}, and {} left",
                semaphore.available_permits()
            ));
        }
        while count > ALL {
            let permit = permits.pop().expect("more than are meant to be");
            count -= permit.count();
            permit.forget();
        }
        drop(permits);
        if count < ALL {
            let _ = semaphore.release(ALL - count);
        }
        if semaphore.available_permits() != ALL {
            verdict |= self.board.corrupt(&format!("{} permits in the end", semaphore.available_permits()));
        }
        verdict
    }

    /// In the barger: counts what is free just now, while the victim has `held` or has not.
    fn count_in_gap(&self, held: u32) -> Verdict {
        let mut permits = Vec::new();
        for _ in 0..=ALL {
            match self.semaphore.try_acquire() {
                Ok(permit) => permits.push(permit),
                Err(TryAcquireError::NoPermits) => break,
                Err(error) => return self.board.corrupt(&format!("try_acquire: {error:?}")),
            }
        }
        let (free, phase) = (permits.len() as u32, self.board.phase());
        let fits = match phase {
            Phase::Inside => free == ALL - held,
            Phase::Out => free == ALL,
            // In the middle of a change nobody gets any.
            _ => free == ALL || free == ALL - held || free == 0,
        };
        if fits { Verdict::default() } else { self.board.corrupt(&format!("{phase:?}, and {free} are free")) }
    }

    /// Has all permits until the victim sleeps, or does not come to it any more; or until the end.
    fn keep(&self, until_it_sleeps: bool) -> Verdict {
        let permit = self.semaphore.acquire_many(ALL);
        self.board.keep();
        if until_it_sleeps {
            self.board.await_sleep()
        } else {
            self.board.await_doom()
        }
        drop(permit);
        Verdict::default()
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn permits_come_back_wherever_their_holder_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle) = (|| bench.acquire(2), || bench.settle());
    let mut scene = Scene::new(&turn, &operation, &settle).kills(SOME);
    sweep("Semaphore: acquire_many, give back", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn permits_of_one_who_stands_still_are_not_given_to_others() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, count) = (|| bench.acquire(2), || bench.settle(), || bench.count_in_gap(2));
    let mut scene = Scene::new(&turn, &operation, &settle).barger(&count).kills(FEW);
    sweep("Semaphore: acquire_many, give back; barger", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn permits_come_back_wherever_a_trier_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || bench.semaphore.try_acquire().into_iter().for_each(|permit| bench.use_up(permit));
    let settle = || bench.settle();
    let mut scene = Scene::new(&turn, &operation, &settle).kills(SOME);
    sweep("Semaphore: try_acquire, give back", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_get_permits_wherever_the_one_that_gives_back_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let permit = RefCell::new(None);
    let ready = || drop(permit.replace(bench.semaphore.acquire_many(ALL).ok()));
    let operation = || permit.take().into_iter().for_each(|permit| bench.use_up(permit));
    let (settle, one, two) = (|| bench.settle(), || bench.pass(1), || bench.pass(2));
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&one).sleeper(&two);
    sweep("Semaphore: give back; 2 sleep", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_get_permits_wherever_an_awakened_one_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle) = (|| bench.acquire(2), || bench.settle());
    let (one, two, keep) = (|| bench.pass(1), || bench.pass(2), || bench.keep(true));
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&one).sleeper(&two);
    sweep("Semaphore: acquire_many, waiting; 2 sleep", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_get_permits_wherever_one_that_gives_up_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || match bench.semaphore.acquire_timeout(Duration::from_micros(500)) {
        Err(TimedAcquireError::TimedOut) => {}
        _ => bench.board.remark("the victim has what another one keeps"),
    };
    let (settle, one, keep) = (|| bench.settle(), || bench.pass(1), || bench.keep(false));
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&one);
    sweep("Semaphore: acquire_timeout, in vain; sleeper", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn added_permits_are_all_there_or_none_wherever_the_adder_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        let _ = bench.semaphore.release(2);
        bench.board.reach(Phase::Out);
    };
    let settle = || match bench.board.phase() {
        Phase::Out => bench.settle_with(ALL + 2, ALL + 2),
        _ => bench.settle_with(ALL, ALL + 2),
    };
    let mut scene = Scene::new(&turn, &operation, &settle).kills(SOME);
    sweep("Semaphore: release", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn forgotten_permits_are_gone_or_back_wherever_the_forgetter_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        bench.semaphore.acquire().into_iter().for_each(Permit::forget);
        bench.board.reach(Phase::Out);
    };
    let settle = || match bench.board.phase() {
        Phase::Out => bench.settle_with(ALL - 1, ALL - 1),
        _ => bench.settle_with(ALL - 1, ALL),
    };
    let mut scene = Scene::new(&turn, &operation, &settle).kills(SOME);
    sweep("Semaphore: acquire, forget", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn permits_of_the_dead_come_back_though_the_one_that_finds_them_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle, hold) = (|| bench.acquire(2), || bench.settle(), || bench.hold(2));
    let mut scene = Scene::new(&turn, &operation, &settle).late(&hold).kills(FEW);
    sweep("Semaphore: acquire_many, past the dead", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn permits_are_recounted_though_the_one_that_recounts_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (operation, settle) = (|| bench.acquire(2), || bench.settle());
    let mut scene = Scene::new(&turn, &operation, &settle).kills(FEW).after_a_death_in(&operation);
    sweep("Semaphore: acquire_many, after a death in it", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_get_permits_wherever_a_sweeper_of_the_dead_holder_is_killed() {
    if leaves_long_paths_out() {
        return; // hundreds of thousands of instructions: the sweep looks at every block
    }
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = arena::trim;
    let (settle, hold, two) = (|| bench.settle(), || bench.hold(2), || bench.pass(2));
    let scene = Scene::new(&turn, &operation, &settle).late(&hold).sleeper(&two);
    sweep(
        "Semaphore: sweep of a dead holder; sleeper",
        &turn,
        &mut scene.while_the_sleeper_naps().kills(FEW),
    )
    .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_get_permits_wherever_a_child_of_the_crate_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let spawn = || {
        let bench = bench.clone();
        let body = move || {
            tracee::trace_me();
            let permit = bench.semaphore.acquire_many(ALL);
            engine::mark_start();
            permit.into_iter().for_each(|permit| bench.use_up(permit));
            engine::mark_end();
        };
        Process::spawn(body).expect("a child")
    };
    let (settle, two) = (|| bench.settle(), || bench.pass(2));
    let mut scene = Scene::new(&turn, &|| (), &settle).spawned_by(&spawn).sleeper(&two).kills(SOME);
    sweep("Semaphore: give back, by a child; sleeper", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_bounded_semaphore_never_passes_its_bound() {
    let turn = take_turn();
    let board = turn.board;
    let semaphore = Stages::new(&turn, || BoundedSemaphore::new(ALL).expect("a semaphore"));
    let operation = || {
        if let Ok(permit) = semaphore.acquire() {
            permit.forget();
            let _ = semaphore.release(1);
        }
        let _ = semaphore.release(1); // too many
    };
    let settle = || {
        while semaphore.release(1).is_ok() {}
        let all = semaphore.acquire_many(ALL);
        let more = semaphore.try_acquire();
        match (all, more) {
            (Ok(_), Err(TryAcquireError::NoPermits)) => Verdict::default(),
            found => board.corrupt(&format!("{found:?}")),
        }
    };
    let mut scene = Scene::new(&turn, &operation, &settle).kills(SOME);
    sweep("BoundedSemaphore: acquire, forget, release", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_semaphore_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    let turn = take_turn();
    let operation = || {
        if let Ok(semaphore) = Semaphore::new(2) {
            drop(semaphore.acquire());
        }
    };
    operation();
    let mut scene = Scene::new(&turn, &operation, &Verdict::default).kills(SOME);
    sweep("Semaphore: new, acquire, give back, drop", &turn, &mut scene).assert_clean();
}
