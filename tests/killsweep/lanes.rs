//! Lanes, killed at every instruction of every operation: nothing is lost or doubled, and the next one goes on where the dead one stopped.

use std::cell::RefCell;
use std::thread::sleep;
use std::time::{Duration, Instant};

use procshare::spsc::{ClaimError, Consumer, Producer, Ring};

use crate::board::Board;
use crate::forked::take_turn;
use crate::scene::Scene;
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

/// What the victim sends, and what was there before.
const MINE: [u64; 2] = [7, 8];
const THERE: [u64; 3] = [1, 2, 3];
/// Kills of a sampled sweep.
const SOME: usize = 60;
/// How long the end of a dead process may stay its.
const SOON: Duration = Duration::from_secs(5);

/// A lane that all share, and what each of them does with it.
struct Bench {
    board: &'static Board,
    ring: Stages<Ring<u64>>,
    sending: RefCell<Option<Producer<u64>>>,
    receiving: RefCell<Option<Consumer<u64>>>,
}

/// Claims an end, once it is known that its owner is dead.
fn claimed<E>(claim: impl Fn() -> Result<E, ClaimError>) -> Result<E, String> {
    let until = Instant::now() + SOON;
    loop {
        match claim() {
            Ok(end) => return Ok(end),
            Err(error) if Instant::now() >= until => return Err(error.to_string()),
            Err(_) => sleep(Duration::from_micros(200)),
        }
    }
}

impl Bench {
    fn new(turn: &Turn) -> Self {
        // A fresh one each time: an end that somebody dropped tells the other one that nobody is there.
        let ring = Stages::fresh(turn, || Ring::new(4).expect("a lane"));
        Self { board: turn.board, ring, sending: RefCell::default(), receiving: RefCell::default() }
    }

    /// In the victim, before it begins: sends what is to be there.
    fn fill(&self) {
        let mut producer = claimed(|| self.ring.producer()).expect("the end that sends");
        assert_eq!(producer.push_slice(&THERE), 3, "room for three");
    }

    fn ready_to_send(&self) {
        self.sending.replace(claimed(|| self.ring.producer()).ok());
    }

    fn ready_to_receive(&self) {
        self.fill();
        self.receiving.replace(claimed(|| self.ring.consumer()).ok());
    }

    /// In the victim: sends, by whatever verb.
    fn send<R>(&self, verb: impl FnOnce(&mut Producer<u64>) -> R) {
        if let Some(producer) = self.sending.borrow_mut().as_mut() {
            verb(producer);
            self.board.reach(Phase::Out);
        }
    }

    /// In the victim: receives, by whatever verb.
    fn receive<R>(&self, verb: impl FnOnce(&mut Consumer<u64>) -> R) {
        if let Some(consumer) = self.receiving.borrow_mut().as_mut() {
            verb(consumer);
            self.board.reach(Phase::Out);
        }
    }

    /// What is left in the lane, both ends of which are taken over from the dead, and which must work.
    fn drain(&self) -> Result<Vec<u64>, String> {
        let mut consumer = claimed(|| self.ring.consumer())?;
        let mut producer = claimed(|| self.ring.producer())?;
        let mut left = Vec::new();
        while let Ok(item) = consumer.try_recv() {
            left.push(item);
        }
        producer.send(9).map_err(|error| format!("send to an empty lane: {error:?}"))?;
        match consumer.recv() {
            Ok(9) if consumer.is_empty() => Ok(left),
            other => Err(format!("the lane gave {other:?} and has {}", consumer.len())),
        }
    }

    /// In the witness, last: what is left must be what was there before the operation, or, and surely if the victim was through, what
    /// is there after it.
    fn settle(&self, before: &[u64], after: &[u64]) -> Verdict {
        let done = self.board.phase() == Phase::Out;
        match self.drain() {
            Ok(left) if left == after || !done && left == before => Verdict::default(),
            Ok(left) => self.board.corrupt(&format!("{left:?} is left, done: {done}")),
            Err(what) => self.board.corrupt(&what),
        }
    }
}

/// Sweeps an operation on an end of an empty lane.
#[track_caller]
fn sending(name: &str, turn: &Turn, bench: &Bench, verb: &dyn Fn(&mut Producer<u64>), after: &[u64]) {
    let (operation, ready) = (|| bench.send(verb), || bench.ready_to_send());
    let settle = || bench.settle(&[], after);
    sweep(name, turn, &mut Scene::new(turn, &operation, &settle).ready(&ready).on_fresh_stages())
        .assert_clean();
}

/// Sweeps an operation on an end of a lane that is filled with [`THERE`].
#[track_caller]
fn receiving(name: &str, turn: &Turn, bench: &Bench, verb: &dyn Fn(&mut Consumer<u64>), after: &[u64]) {
    let (operation, ready) = (|| bench.receive(verb), || bench.ready_to_receive());
    let settle = || bench.settle(&THERE, after);
    sweep(name, turn, &mut Scene::new(turn, &operation, &settle).ready(&ready).on_fresh_stages())
        .assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn what_a_killed_producer_sent_is_there_or_not() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    sending("lane: send", &turn, &bench, &|end| _ = end.send(MINE[0]), &MINE[..1]);
    sending("lane: push_slice", &turn, &bench, &|end| _ = end.push_slice(&MINE), &MINE);
    let in_place = |end: &mut Producer<u64>| {
        if let Some(mut reserved) = end.reserve(2) {
            reserved.copy_from_slice(&MINE);
            reserved.commit();
        }
    };
    sending("lane: reserve, commit", &turn, &bench, &in_place, &MINE);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn what_a_killed_consumer_did_not_receive_is_there() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    receiving("lane: recv", &turn, &bench, &|end| _ = end.recv(), &THERE[1..]);
    receiving("lane: pop_into", &turn, &bench, &|end| _ = end.pop_into(&mut [0; 2]), &THERE[2..]);
    // One only: on the way round the ring two may not follow each other.
    let in_place = |end: &mut Consumer<u64>| end.peek(1).into_iter().for_each(|seen| seen.release());
    receiving("lane: peek, release", &turn, &bench, &in_place, &THERE[1..]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn an_end_whose_claimer_is_killed_is_claimed_by_the_next() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let operation = || {
        drop(bench.ring.producer());
        drop(bench.ring.consumer());
        bench.board.reach(Phase::Out);
    };
    let (settle, fill) = (|| bench.settle(&THERE, &THERE), || bench.fill());
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&fill).on_fresh_stages().kills(SOME);
    sweep("lane: claim, drop", &turn, &mut scene).assert_clean();
}
