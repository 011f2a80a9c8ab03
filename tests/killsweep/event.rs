//! Events, killed at every instruction: set or not, and whoever waits goes on.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

use procshare::sync::Event;

use crate::board::Board;
use crate::forked::take_turn;
use crate::scene::Scene;
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

/// Kills of a sampled sweep.
const SOME: usize = 100;
/// The word of the board that counts who passed.
const PASSED: usize = 0;
/// How long a sleeper may take to pass an event that is set.
const SOON: Duration = Duration::from_secs(5);

/// An event that all share, and what each of them does with it.
struct Bench {
    board: &'static Board,
    event: Stages<Event>,
}

impl Bench {
    fn new(turn: &Turn, make: fn() -> Event) -> Self {
        Self { board: turn.board, event: Stages::new(turn, make) }
    }

    /// In the victim.
    fn set(&self) {
        self.event.set();
        self.board.reach(Phase::Out);
    }

    /// In a survivor: waits, and says that it passed.
    fn wait(&self) -> Verdict {
        self.event.wait();
        self.board.words[PASSED].fetch_add(1, Relaxed);
        Verdict::default()
    }

    fn passed(&self) -> u64 {
        self.board.words[PASSED].load(Relaxed)
    }

    fn await_passed(&self, count: u64) -> bool {
        let until = Instant::now() + SOON;
        while self.passed() < count && Instant::now() < until {
            sleep(Duration::from_micros(50));
        }
        self.passed() >= count
    }

    /// In the keeper: when the victim is dead, sets the event until all `sleepers` have passed. If the victim had set it, so many
    /// as that lets pass need nobody else.
    fn set_for_the_rest(&self, by_victim: u64, sleepers: u64) -> Verdict {
        self.board.keep();
        self.board.await_doom();
        if self.board.phase() == Phase::Out && !self.await_passed(by_victim) {
            return Verdict { hung: true, ..self.board.corrupt("set, and nobody passes") };
        }
        for _ in 0..=sleepers {
            let passed = self.passed();
            if passed >= sleepers {
                break;
            }
            self.event.set();
            if !self.await_passed(passed + 1) {
                return Verdict { hung: true, ..self.board.corrupt("set once more, and nobody passes") };
            }
        }
        Verdict::default()
    }

    /// In the witness, last: the event works, and is left clear.
    fn settle(&self) -> Verdict {
        self.board.words[PASSED].store(0, Relaxed);
        let event = &self.event;
        event.set();
        let set = event.is_set() && event.wait_timeout(SOON);
        event.reset();
        if set && !event.is_set() && !event.try_wait() && !event.wait_timeout(Duration::from_micros(100)) {
            Verdict::default()
        } else {
            self.board.corrupt("an event that was set, or reset, is not")
        }
    }
}

fn manual() -> Event {
    Event::new().expect("an event")
}

fn auto() -> Event {
    Event::auto().expect("an event")
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn an_event_whose_setter_is_killed_is_set_or_not() {
    let turn = take_turn();
    for (name, make) in [("Event: set", manual as fn() -> Event), ("Event, auto: set", auto)] {
        let bench = Bench::new(&turn, make);
        let operation = || bench.set();
        let settle = || {
            let set = bench.event.is_set();
            let mut verdict = bench.settle();
            if bench.board.phase() == Phase::Out && !set {
                verdict |= bench.board.corrupt("set, and it is not");
            }
            verdict
        };
        sweep(name, &turn, &mut Scene::new(&turn, &operation, &settle)).assert_clean();
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn all_sleepers_go_on_wherever_the_setter_of_an_event_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn, manual);
    let (operation, settle, wait) = (|| bench.set(), || bench.settle(), || bench.wait());
    let keep = || bench.set_for_the_rest(2, 2);
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&wait).sleeper(&wait);
    sweep("Event: set; 2 sleep", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn one_sleeper_goes_on_wherever_the_setter_of_an_auto_event_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn, auto);
    let (operation, settle, wait) = (|| bench.set(), || bench.settle(), || bench.wait());
    let keep = || bench.set_for_the_rest(1, 2);
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&wait).sleeper(&wait);
    sweep("Event, auto: set; 2 sleep", &turn, &mut scene).assert_clean();
}

/// A waiter is killed; the keeper sets the event once while it sleeps, and then for who is left.
fn sweep_a_waiter(turn: &Turn, name: &str, make: fn() -> Event) {
    let bench = Bench::new(turn, make);
    let (operation, settle, wait) = (|| bench.event.wait(), || bench.settle(), || bench.wait());
    let keep = || {
        bench.board.keep();
        bench.board.await_sleep();
        bench.event.set();
        bench.set_for_the_rest(0, 1)
    };
    let mut scene = Scene::new(turn, &operation, &settle).keeper(&keep).sleeper(&wait).kills(SOME);
    // The keeper sets until the victim has passed as well, where it lives that long.
    sweep(name, turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_another_waiter_for_an_event_is_killed() {
    let turn = take_turn();
    sweep_a_waiter(&turn, "Event: wait; sleeper", manual);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_goes_on_wherever_one_that_waits_for_an_event_in_vain_is_killed() {
    let turn = take_turn();
    for (name, make) in [
        ("Event: wait_timeout; sleeper", manual as fn() -> Event),
        ("Event, auto: wait_timeout; sleeper", auto),
    ] {
        let bench = Bench::new(&turn, make);
        let operation = || {
            if bench.event.wait_timeout(Duration::from_micros(500)) {
                bench.board.remark("the victim passed an event that nobody had set");
            }
        };
        let (settle, wait, keep) = (|| bench.settle(), || bench.wait(), || bench.set_for_the_rest(0, 1));
        let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&wait).kills(SOME);
        sweep(name, &turn, &mut scene).assert_clean();
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn an_auto_event_whose_taker_is_killed_is_taken_or_not() {
    let turn = take_turn();
    let bench = Bench::new(&turn, auto);
    let operation = || {
        bench.event.set();
        bench.event.wait();
        bench.board.reach(Phase::Out);
        bench.event.set();
        bench.event.reset();
    };
    let settle = || bench.settle();
    sweep("Event, auto: set, wait, set, reset", &turn, &mut Scene::new(&turn, &operation, &settle))
        .assert_clean();
}
