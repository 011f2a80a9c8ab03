//! The crate's own children, killed at every instruction of what it does for them: results, arguments, handles.

use std::time::Duration;

use procshare::message::{Measure, Reader, Writer};
use procshare::{Array, DecodeError, Failure, Frozen, Message, Process, Value};

use crate::board::Board;
use crate::engine::{self, Victim};
use crate::forked::{earn_credit, open_slabs, take_turn};
use crate::heap::{FILL, Heap, THREE_PAGES};
use crate::sweep::{Subject, sweep};
use crate::table::Tally;
use crate::tracee;
use crate::turn::Turn;
use crate::witness::Verdict;

/// How long `join` may take for a child that is dead.
const JOIN: Duration = Duration::from_secs(20);

/// Children of `spawn`, each with the whole result or killed.
struct Children<'a, R> {
    board: &'static Board,
    heap: Heap,
    running: Option<Process<R>>,
    /// Counts the children, so that no two results are alike: what one left must not pass for another's.
    run: u64,
    spawn: &'a dyn Fn(u64) -> Process<R>,
    whole: &'a dyn Fn(u64, R) -> bool,
}

impl<R: Message> Subject for Children<'_, R> {
    fn launch(&mut self) -> Victim {
        self.run += 1;
        let child = (self.spawn)(self.run);
        let pid = child.pid().cast_signed();
        self.running = Some(child);
        Victim::at_start(pid).expect("the child reaches its start mark")
    }

    fn bury(&mut self, _: Victim) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(mut child) = self.running.take() else { return verdict };
        match child.join_timeout(JOIN) {
            Ok(result) => verdict.torn = !(self.whole)(self.run, result),
            Err(Failure::Signaled { signal: libc::SIGKILL, .. }) => {}
            Err(failure) => {
                self.board.remark(&format!("join: {failure}"));
                verdict.hung = matches!(failure, Failure::TimedOut { .. });
                verdict.corrupt = !verdict.hung;
            }
        }
        verdict
    }

    fn rest(&self) {
        self.heap.rest();
    }

    fn examine(&self) -> Verdict {
        self.heap.examine()
    }
}

fn sweep_children<R: Message>(
    turn: &Turn,
    name: &str,
    spawn: &dyn Fn(u64) -> Process<R>,
    whole: &dyn Fn(u64, R) -> bool,
) -> Tally {
    let board = turn.board;
    sweep(name, turn, &mut Children { board, heap: Heap::new(board), running: None, run: 0, spawn, whole })
}

/// A child that makes its result, and is under the tracer's hand from there to its end.
fn child<R: Message + 'static>(result: impl FnOnce() -> R + Send + 'static) -> Process<R> {
    let traced = move || {
        tracee::trace_me();
        earn_credit();
        let result = result();
        engine::mark_start();
        result
    };
    Process::spawn(traced).expect("a child")
}

/// An argument whose arrival is the start mark: what stands behind it in a tuple is adopted under the tracer.
struct Gate;

impl Message for Gate {
    fn measure(&self, _: &mut Measure) {}

    fn encode(self, _: &mut Writer<'_>) {}

    fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        tracee::trace_me();
        engine::mark_start();
        Ok(Self)
    }
}

#[test]
fn a_child_killed_about_its_small_result_gives_all_of_it_or_its_death() {
    let (turn, _slabs) = (take_turn(), open_slabs());
    let words = |run: u64| [run, !run, FILL ^ run, run << 32];
    let spawn = |run| child(move || words(run));
    sweep_children(&turn, "result of 32 bytes", &spawn, &|run, result| result == words(run)).assert_clean();
}

#[test]
fn a_child_killed_about_its_vec_gives_all_of_it_or_its_death() {
    let (turn, _slabs) = (take_turn(), open_slabs());
    let words = |run: u64| (0..1000).map(|at| FILL ^ run << 32 ^ at).collect::<Vec<u64>>();
    let spawn = |run| child(move || words(run));
    sweep_children(&turn, "result Vec<u64> of 8000 bytes", &spawn, &|run, result| result == words(run))
        .assert_clean();
}

#[test]
fn a_child_killed_about_its_array_gives_all_of_it_or_its_death() {
    let (turn, _slabs) = (take_turn(), open_slabs());
    let spawn = |run: u64| {
        child(move || {
            let mut array = Array::<u64>::zeroed(THREE_PAGES).map_err(|error| error.to_string())?;
            array.fill(FILL ^ run);
            Ok::<_, String>(array)
        })
    };
    let whole = |run: u64, result: Result<Array<u64>, String>| {
        result.is_ok_and(|array| array.len() == THREE_PAGES && array.iter().all(|word| *word == FILL ^ run))
    };
    sweep_children(&turn, "result Array<u64> of 12 KiB", &spawn, &whole).assert_clean();
}

#[test]
fn an_array_whose_receiver_is_killed_adopting_it_comes_back() {
    let (turn, _slabs) = (take_turn(), open_slabs());
    let spawn = |_| {
        let array = Array::from_slice(&[FILL; THREE_PAGES]).expect("an array");
        let body = |(Gate, array): (Gate, Array<u64>)| {
            drop(array);
            engine::mark_end();
        };
        Process::spawn_with((Gate, array), body).ok().expect("a child")
    };
    sweep_children(&turn, "spawn_with: adopt an Array, drop it", &spawn, &|_, ()| true).assert_clean();
}

#[test]
fn a_shared_array_whose_holder_is_killed_stays_with_the_others() {
    let (turn, _slabs) = (take_turn(), open_slabs());
    let frozen = Array::from_slice(&[FILL; 64]).expect("an array").freeze();
    let spawn = |_| {
        let body = |(Gate, shared): (Gate, Frozen<u64>)| {
            let again = shared.clone();
            drop(shared);
            drop(again);
            engine::mark_end();
        };
        assert!(frozen.iter().all(|word| *word == FILL), "the parent's own copy changed");
        Process::spawn_with((Gate, frozen.clone()), body).ok().expect("a child")
    };
    sweep_children(&turn, "spawn_with: adopt a Frozen, clone, drop", &spawn, &|_, ()| true).assert_clean();
}

#[test]
fn a_shared_value_whose_holder_is_killed_stays_with_the_others() {
    let (turn, _slabs) = (take_turn(), open_slabs());
    let value = Value::new([FILL; 4]).expect("a value");
    let spawn = |_| {
        let body = |(Gate, shared): (Gate, Value<[u64; 4]>)| {
            shared.set([FILL; 4]);
            drop(shared);
            engine::mark_end();
        };
        assert_eq!(value.get(), [FILL; 4], "the parent's own handle reads something else");
        Process::spawn_with((Gate, value.clone()), body).ok().expect("a child")
    };
    sweep_children(&turn, "spawn_with: adopt a Value, set, drop", &spawn, &|_, ()| true).assert_clean();
}
