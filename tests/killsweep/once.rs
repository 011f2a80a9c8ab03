//! What is done once, killed at every instruction: done, not begun, or known to have failed; and nobody waits for the dead.

use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;

use procshare::sync::{Once, OnceError, OnceValue};

use crate::board::Board;
use crate::engine;
use crate::forked::take_turn;
use crate::judge::{self, Data, WHOLE};
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

/// Kills of a sampled sweep.
const SOME: usize = 100;

/// Some work that is done once, and what it changes: words of the board, which a death leaves half changed.
struct Bench {
    board: &'static Board,
    once: Stages<Once>,
}

/// The words that the work changes.
const CHANGED: std::ops::Range<usize> = 0..4;

impl Bench {
    fn new(turn: &Turn) -> Self {
        Self { board: turn.board, once: Stages::fresh(turn, || Once::new().expect("a once")) }
    }

    /// In the victim: the work.
    fn work(&self) {
        self.board.reach(Phase::Inside);
        self.change();
        self.board.reach(Phase::Leaving);
    }

    fn change(&self) {
        for word in &self.board.words[CHANGED] {
            word.fetch_add(1, Relaxed);
        }
    }

    /// How often the work was done; `None`: by half.
    fn times(&self) -> Option<u64> {
        let all: Vec<u64> = self.board.words[CHANGED].iter().map(|word| word.load(Relaxed)).collect();
        all.iter().all(|word| *word == all[0]).then_some(all[0])
    }

    /// In a survivor: asks for the work, which must then be done, or known to have failed.
    fn ask(&self) -> Verdict {
        let ran = Cell::new(false);
        let found = self.times();
        let asked = self.once.call_once(|| {
            ran.set(true);
            self.change();
        });
        self.judge(asked, ran.get(), found)
    }

    /// In a survivor: waits for the work.
    fn wait(&self) -> Verdict {
        let found = self.times();
        self.judge(self.once.wait(), false, found)
    }

    /// Whether what became of the work fits with how far the victim came.
    fn judge(&self, asked: Result<(), OnceError>, ran: bool, found: Option<u64>) -> Verdict {
        let (board, phase) = (self.board, self.board.phase());
        let (victim, late, times) = (board.victim(), board.late(), self.times());
        let bad = |what: &str| {
            let says = format!("{phase:?}, {asked:?}, ran {ran}, done {found:?} then {times:?}");
            board.corrupt(&format!("{what}: {says}, victim {victim}, late {late}"))
        };
        match asked {
            Err(OnceError::Poisoned(cause)) => {
                let by_victim = cause.pid == victim;
                if !by_victim && cause.pid != late {
                    return bad("somebody else failed");
                }
                if by_victim && (phase == Phase::Out || !board.is_doomed()) {
                    return bad("the victim did not fail");
                }
                Verdict { recovered: by_victim, ..Verdict::default() }
            }
            Err(_) => bad("an error that may not be"),
            // Somebody asked for it by force, where somebody had failed.
            Ok(()) if late != 0 => Verdict::default(),
            Ok(()) if ran && phase > Phase::Before => bad("run twice"),
            Ok(()) if phase == Phase::Inside && board.is_doomed() => bad("half done, and passes for done"),
            Ok(()) if times != Some(1) => bad("not done once"),
            Ok(()) => Verdict::default(),
        }
    }

    /// In the witness, last: asks, and asks by force where somebody failed. Then it must be done.
    fn settle(&self) -> Verdict {
        let mut verdict = self.ask();
        let (forced, again) = (self.once.call_once_force(|_| ()), Cell::new(false));
        if forced.is_err() || !self.once.is_completed() {
            verdict |= self.board.corrupt(&format!("asked by force, and not done: {forced:?}"));
        }
        if self.once.call_once(|| again.set(true)).is_err() || self.once.wait().is_err() || again.get() {
            verdict |= self.board.corrupt("done, and not for good");
        }
        self.board.words[CHANGED].iter().for_each(|word| word.store(0, Relaxed));
        verdict
    }

    /// Begins the work, and stands in the midst of it for good.
    fn stand_still(&self) {
        let _ = self.once.call_once_force(|_| {
            loop {
                self.board.words[CHANGED.start].store(1, Relaxed);
                engine::mark_start();
            }
        });
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn work_whose_doer_is_killed_is_done_or_known_to_have_failed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        let _ = bench.once.call_once(|| bench.work());
        bench.board.reach(Phase::Out);
    };
    let settle = || bench.settle();
    let mut scene = Scene::new(&turn, &operation, &settle).on_fresh_stages().kills(SOME);
    sweep("Once: call_once", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn who_waits_for_work_goes_on_wherever_its_doer_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        let _ = bench.once.call_once(|| {
            engine::mark_start();
            bench.work();
        });
        bench.board.reach(Phase::Out);
    };
    let (settle, ask, wait) = (|| bench.settle(), || bench.ask(), || bench.wait());
    let scene = Scene::new(&turn, &operation, &settle).in_the_midst().on_fresh_stages();
    sweep(
        "Once: call_once, from its midst; 2 sleep",
        &turn,
        &mut scene.sleeper(&ask).sleeper(&wait).kills(SOME),
    )
    .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn work_that_failed_and_whose_next_doer_is_killed_is_done_by_the_third() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        let _ = bench.once.call_once_force(|_| bench.work());
        bench.board.reach(Phase::Out);
    };
    let (settle, late) = (|| bench.settle(), || bench.stand_still());
    let mut scene = Scene::new(&turn, &operation, &settle).late(&late).on_fresh_stages().kills(FEW);
    sweep("Once: call_once_force, after a death", &turn, &mut scene).assert_clean();
}

/// A value that is set once.
struct Cups {
    board: &'static Board,
    value: Stages<OnceValue<Data>>,
}

/// What the victim sets, and what the survivors do.
const VICTIMS: Data = [0x1111, 0x2222, 0x3333, 0x4444];
const THEIRS: Data = [!0x1111, !0x2222, !0x3333, !0x4444];

impl Cups {
    fn new(turn: &Turn) -> Self {
        Self { board: turn.board, value: Stages::fresh(turn, || OnceValue::new().expect("a once value")) }
    }

    /// In the victim: makes its value, with a change of its own on the way.
    fn make(&self) -> Data {
        self.board.reach(Phase::Inside);
        let mut made = WHOLE;
        judge::change(&mut made);
        self.board.reach(Phase::Leaving);
        std::hint::black_box(VICTIMS)
    }

    /// In a survivor: gets the value, whoever made it.
    fn get(&self) -> Verdict {
        match self.value.get_or_init(|| THEIRS) {
            Ok(value) => self.judge(value),
            Err(error) => self.board.corrupt(&format!("get_or_init: {error:?}")),
        }
    }

    /// In the witness, which is the last: the value must be there for good.
    fn settle(&self) -> Verdict {
        let mut verdict = self.get();
        let there = self.value.get();
        if there.is_none() || self.value.set(THEIRS) != Err(THEIRS) || self.value.get() != there {
            verdict |= self.board.corrupt("the value is not there for good");
        }
        verdict |= there.map_or(Verdict::default(), |value| self.judge(value));
        verdict
    }

    fn judge(&self, value: Data) -> Verdict {
        let phase = self.board.phase();
        let fits = match phase {
            Phase::Before | Phase::Inside => value == THEIRS || phase == Phase::Before && value == VICTIMS,
            Phase::Leaving => value == THEIRS || value == VICTIMS,
            Phase::Out => value == VICTIMS,
        };
        let bad = || self.board.corrupt(&format!("{phase:?}, and the value is {value:x?}"));
        if fits { Verdict::default() } else { Verdict { torn: true, ..bad() } }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_value_whose_maker_is_killed_is_made_by_the_next() {
    let turn = take_turn();
    let cups = Cups::new(&turn);
    let operation = || {
        let _ = cups.value.get_or_init(|| cups.make());
        cups.board.reach(Phase::Out);
    };
    let settle = || cups.settle();
    let mut scene = Scene::new(&turn, &operation, &settle).on_fresh_stages().kills(SOME);
    sweep("OnceValue: get_or_init", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn who_waits_for_a_value_gets_one_wherever_its_maker_is_killed() {
    let turn = take_turn();
    let cups = Cups::new(&turn);
    let operation = || {
        let _ = cups.value.get_or_init(|| {
            engine::mark_start();
            cups.make()
        });
        cups.board.reach(Phase::Out);
    };
    let (settle, get) = (|| cups.settle(), || cups.get());
    let wait = || match cups.value.wait() {
        Ok(value) => cups.judge(value),
        Err(error) => cups.board.corrupt(&format!("wait: {error:?}")),
    };
    let scene = Scene::new(&turn, &operation, &settle).in_the_midst().on_fresh_stages();
    sweep(
        "OnceValue: get_or_init, from its midst; 2 sleep",
        &turn,
        &mut scene.sleeper(&get).sleeper(&wait).kills(SOME),
    )
    .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_value_whose_setter_is_killed_is_whole_or_not_there() {
    let turn = take_turn();
    let cups = Cups::new(&turn);
    let operation = || {
        let _ = cups.value.set(VICTIMS);
        cups.board.reach(Phase::Out);
    };
    let settle = || cups.settle();
    let mut scene = Scene::new(&turn, &operation, &settle).on_fresh_stages().kills(SOME);
    sweep("OnceValue: set", &turn, &mut scene).assert_clean();
}
