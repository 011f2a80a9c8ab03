//! The barrier, killed at every instruction: all cross, or all who are left hear that it is broken.

use std::thread;
use std::time::Duration;

use procshare::sync::{Barrier, BarrierError, BarrierWaitResult};

use crate::board::Board;
use crate::forked::take_turn;
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

/// Kills of a sampled sweep.
const SOME: usize = 100;
/// How long a survivor may take to cross, or to hear that it can not.
const SOON: Duration = Duration::from_secs(5);

/// A barrier of three: the victim, the sleeper, and the keeper.
struct Bench {
    board: &'static Board,
    barrier: Stages<Barrier>,
}

type Crossed = Result<BarrierWaitResult, BarrierError>;

impl Bench {
    fn new(turn: &Turn) -> Self {
        Self { board: turn.board, barrier: Stages::new(turn, || Barrier::new(3).expect("a barrier")) }
    }

    /// In the victim.
    fn wait(&self) {
        if self.barrier.wait().is_ok() {
            self.board.reach(Phase::Out);
        }
    }

    /// In the keeper: lets the victim cross a first time, which makes it a member.
    fn cross_with_the_victim(&self) {
        self.board.keep();
        thread::scope(|s| {
            s.spawn(|| self.barrier.wait());
            let _ = self.barrier.wait();
        });
    }

    /// In a survivor: whether what it hears fits. The victim is a member: its death is heard of, unless all crossed before it.
    fn heard(&self, crossed: Crossed) -> Verdict {
        let (phase, victim) = (self.board.phase(), self.board.victim());
        let says = || format!("{crossed:?}, {phase:?}, victim {victim}");
        match crossed {
            Ok(_) => Verdict::default(),
            Err(BarrierError::PartyDied { pid }) if pid == victim && phase != Phase::Out => {
                if self.board.is_doomed() {
                    Verdict { recovered: true, ..Verdict::default() }
                } else {
                    self.board.corrupt(&format!("the victim is alive: {}", says()))
                }
            }
            Err(BarrierError::TimedOut) => Verdict { hung: true, ..self.board.corrupt(&says()) },
            Err(_) => self.board.corrupt(&says()),
        }
    }

    fn pass(&self) -> Verdict {
        self.heard(self.barrier.wait_timeout(SOON))
    }

    /// In a survivor: the barrier breaks, by whomever.
    fn hear_that_it_broke(&self) -> Verdict {
        match self.barrier.wait_timeout(SOON) {
            Err(BarrierError::Broken | BarrierError::PartyDied { .. }) => Verdict::default(),
            other => self.board.corrupt(&format!("{other:?}, where nobody may cross")),
        }
    }

    /// In the witness, last: who comes now hears of the death of a member; after a reset it is as new.
    fn settle(&self, died_as_a_member: bool) -> Verdict {
        let mut verdict = Verdict::default();
        if died_as_a_member {
            let comes = self.barrier.wait_timeout(SOON);
            if comes != Err(BarrierError::PartyDied { pid: self.board.victim() }) {
                verdict = self.board.corrupt(&format!("{comes:?} after a member's death"));
            }
        }
        self.barrier.reset();
        if self.barrier.is_broken() || self.barrier.waiting() != 0 {
            verdict |= self.board.corrupt("broken, or awaited, after a reset");
        }
        if self.barrier.wait_timeout(Duration::from_micros(100)) != Err(BarrierError::TimedOut) {
            verdict |= self.board.corrupt("one of three crossed, or was not let in");
        }
        self.barrier.reset();
        verdict
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn all_cross_or_hear_of_the_death_of_the_last_to_come() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (ready, operation) = (|| drop(bench.barrier.wait()), || bench.wait());
    let (settle, pass) = (|| bench.settle(true), || bench.pass());
    let keep = || {
        bench.cross_with_the_victim();
        bench.pass()
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).ready(&ready).sleeper(&pass);
    sweep("Barrier: wait, the last; 2 sleep", &turn, &mut scene.kills(FEW)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn all_cross_or_hear_of_the_death_of_one_that_waits() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (ready, operation) = (|| drop(bench.barrier.wait()), || bench.wait());
    let (settle, pass) = (|| bench.settle(true), || bench.pass());
    let keep = || {
        bench.cross_with_the_victim();
        bench.board.await_sleep();
        bench.pass()
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).ready(&ready).sleeper(&pass);
    sweep("Barrier: wait, not the last; sleeper", &turn, &mut scene.kills(FEW)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_hear_that_it_broke_wherever_one_that_gives_up_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || drop(bench.barrier.wait_timeout(Duration::from_micros(500)));
    let (settle, broke) = (|| bench.settle(false), || bench.hear_that_it_broke());
    let keep = || {
        bench.board.keep();
        bench.board.await_doom();
        bench.barrier.abort(); // where the victim never came
        Verdict::default()
    };
    let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&broke);
    sweep("Barrier: wait_timeout, in vain; sleeper", &turn, &mut scene.kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn sleepers_hear_that_it_broke_wherever_one_that_aborts_or_resets_is_killed() {
    let turn = take_turn();
    for (name, break_it) in [
        ("Barrier: abort; 2 sleep", Barrier::abort as fn(&Barrier)),
        ("Barrier: reset; 2 sleep", Barrier::reset),
    ] {
        let bench = Bench::new(&turn);
        let operation = || break_it(&bench.barrier);
        let (settle, broke) = (|| bench.settle(false), || bench.hear_that_it_broke());
        let keep = || {
            bench.board.keep();
            bench.board.await_doom();
            break_it(&bench.barrier);
            Verdict::default()
        };
        let scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&broke).sleeper(&broke);
        sweep(name, &turn, &mut scene.kills(SOME)).assert_clean();
    }
}
