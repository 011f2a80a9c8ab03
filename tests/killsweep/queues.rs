//! Queues, killed at every instruction of sending and receiving: nothing is lost, doubled, or waited for in vain.

use std::sync::atomic::Ordering::Relaxed;

use procshare::Queue;

use crate::board::Board;
use crate::forked::take_turn;
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

/// What the victim sends, what somebody else sends, and what was there before.
const MINE: u64 = 7;
const OTHER: u64 = 9;
const THERE: [u64; 3] = [1, 2, 3];

/// Where on the board stands what a sleeper received, and from where on what a keeper did.
const SLEEPER: usize = 0;
const KEEPER: usize = 1;
/// How many words these are.
const TAKEN: usize = 4;

/// A queue that all share, and what each of them does with it.
struct Bench {
    board: &'static Board,
    queue: Stages<Queue<u64>>,
}

impl Bench {
    fn bounded(turn: &Turn, capacity: usize) -> Self {
        Self { board: turn.board, queue: Stages::new(turn, || Queue::bounded(capacity).expect("a queue")) }
    }

    fn unbounded(turn: &Turn) -> Self {
        // Used once, so that each has the memory that it keeps.
        let make = || {
            let queue = Queue::unbounded().expect("a queue");
            queue.send(0).expect("memory for an item");
            queue.recv().expect("the item");
            queue
        };
        Self { board: turn.board, queue: Stages::new(turn, make) }
    }

    /// In the victim, when it has done what it was to do.
    fn out<R>(&self, _: R) {
        self.board.reach(Phase::Out);
    }

    fn fill(&self) {
        self.queue.send_slice(&THERE).expect("room for three");
    }

    /// What is left in the queue, which is empty then and must work.
    fn drain(&self) -> Result<Vec<u64>, String> {
        let mut left = Vec::new();
        while let Ok(item) = self.queue.try_recv() {
            left.push(item);
        }
        self.queue.send(OTHER).map_err(|error| format!("send to an empty queue: {error:?}"))?;
        match self.queue.recv() {
            Ok(OTHER) if self.queue.is_empty() => Ok(left),
            other => Err(format!("the queue gave {other:?} and has {}", self.queue.len())),
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

    /// The same where several took out: all together, in whatever order.
    fn settle_with(&self, before: &[u64], after: &[u64]) -> Verdict {
        let done = self.board.phase() == Phase::Out;
        let taken: [u64; TAKEN] = std::array::from_fn(|word| self.board.words[word].swap(0, Relaxed));
        match self.drain() {
            Ok(mut all) => {
                all.extend(taken.iter().filter(|item| **item != 0));
                all.sort_unstable();
                if all == after || !done && all == before {
                    return Verdict::default();
                }
                self.board.corrupt(&format!("{all:?} are there, {taken:?} of them taken, done: {done}"))
            }
            Err(what) => self.board.corrupt(&what),
        }
    }

    /// In a survivor: receives, and says what.
    fn receive_as(&self, word: usize) -> Verdict {
        match self.queue.recv() {
            Ok(item) => {
                self.board.words[word].store(item, Relaxed);
                Verdict::default()
            }
            Err(error) => self.board.corrupt(&format!("recv: {error:?}")),
        }
    }

    fn send_other(&self) -> Verdict {
        match self.queue.send(OTHER) {
            Ok(()) => Verdict::default(),
            Err(error) => self.board.corrupt(&format!("send: {error:?}")),
        }
    }
}

/// Sweeps an operation on a queue that is filled with [`THERE`] if there is something to take.
#[track_caller]
fn alone(name: &str, turn: &Turn, bench: &Bench, operation: &dyn Fn(), full: bool, after: &[u64]) {
    let before: &[u64] = if full { &THERE } else { &[] };
    let (settle, fill) = (|| bench.settle(before, after), || bench.fill());
    let mut scene = Scene::new(turn, operation, &settle);
    if full {
        scene = scene.ready(&fill);
    }
    sweep(name, turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn what_a_killed_sender_sent_is_there_or_not() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn, 8);
    alone("Queue: send", &turn, &bench, &|| bench.out(bench.queue.send(MINE)), false, &[MINE]);
    alone("Queue: try_send", &turn, &bench, &|| bench.out(bench.queue.try_send(MINE)), false, &[MINE]);
    let slice = || bench.out(bench.queue.send_slice(&[4, 5, 6]));
    alone("Queue: send_slice", &turn, &bench, &slice, false, &[4, 5, 6]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn what_a_killed_receiver_did_not_take_is_there() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn, 8);
    alone("Queue: recv", &turn, &bench, &|| bench.out(bench.queue.recv()), true, &THERE[1..]);
    alone("Queue: try_recv", &turn, &bench, &|| bench.out(bench.queue.try_recv()), true, &THERE[1..]);
    let some = || bench.out(bench.queue.recv_into(&mut [0; 2]));
    alone("Queue: recv_into", &turn, &bench, &some, true, &THERE[2..]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn an_unbounded_queue_whose_user_is_killed_is_whole() {
    let turn = take_turn();
    let bench = Bench::unbounded(&turn);
    alone("Queue: send, unbounded", &turn, &bench, &|| bench.out(bench.queue.send(MINE)), false, &[MINE]);
    alone("Queue: recv, unbounded", &turn, &bench, &|| bench.out(bench.queue.recv()), true, &THERE[1..]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_receiver_goes_on_wherever_a_sender_is_killed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn, 8);
    let operation = || bench.out(bench.queue.send(MINE));
    let settle = || bench.settle_with(&[OTHER], &[MINE, OTHER]);
    let receive = || bench.receive_as(SLEEPER);
    let keep = || {
        bench.board.keep();
        bench.board.await_doom();
        bench.send_other()
    };
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&receive).kills(FEW);
    sweep("Queue: send; sleeping receiver", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_sender_goes_on_wherever_a_receiver_is_killed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn, 3);
    // The keeper fills it, so that the sleeper finds no room; and takes one in the end, whatever the victim did.
    let keep = || {
        bench.fill();
        bench.board.keep();
        bench.board.await_doom();
        bench.receive_as(KEEPER)
    };
    let operation = || bench.out(bench.queue.recv());
    let settle = || bench.settle_with(&[1, 2, 3, OTHER], &[2, 3, OTHER]);
    let send = || bench.send_other();
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&send).kills(FEW);
    sweep("Queue: recv; sleeping sender", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_receiver_goes_on_wherever_another_one_is_killed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn, 8);
    // Both sleep; the keeper sends two when the victim sleeps, or is dead.
    let keep = || {
        bench.board.keep();
        bench.board.await_sleep();
        let mut verdict = bench.send_other();
        verdict |= bench.send_other();
        verdict
    };
    let operation = || bench.out(bench.queue.recv());
    let settle = || bench.settle_with(&[OTHER, OTHER], &[OTHER]);
    let receive = || bench.receive_as(SLEEPER);
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&receive).kills(FEW);
    sweep("Queue: recv of an empty one; sleeping receiver", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_sender_goes_on_wherever_another_one_is_killed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn, 3);
    // Both sleep on a full queue; the keeper takes all that was in it when the victim sleeps, or is dead.
    let keep = || {
        bench.fill();
        bench.board.keep();
        bench.board.await_sleep();
        (KEEPER..TAKEN).fold(Verdict::default(), |mut verdict, word| {
            verdict |= bench.receive_as(word);
            verdict
        })
    };
    let operation = || bench.out(bench.queue.send(MINE));
    let settle = || bench.settle_with(&[1, 2, 3, OTHER], &[1, 2, 3, MINE, OTHER]);
    let send = || bench.send_other();
    let mut scene = Scene::new(&turn, &operation, &settle).keeper(&keep).sleeper(&send).kills(FEW);
    sweep("Queue: send to a full one; sleeping sender", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeper_learns_that_it_is_over_wherever_the_closer_is_killed() {
    let turn = take_turn();
    let board = turn.board;
    let queue = Stages::fresh(&turn, || Queue::<u64>::bounded(1).expect("a queue"));
    let operation = || {
        queue.close();
        board.reach(Phase::Out);
    };
    let keep = || {
        board.keep();
        board.await_doom();
        queue.close();
        Verdict::default()
    };
    let receive = || match queue.recv() {
        Err(procshare::queue::RecvError::Closed) => Verdict::default(),
        other => board.corrupt(&format!("recv: {other:?}")),
    };
    let settle = || match (queue.is_closed(), queue.send(MINE)) {
        (true, Err(procshare::queue::SendError::Closed(MINE))) => Verdict::default(),
        other => board.corrupt(&format!("closed, send: {other:?}")),
    };
    let scene = Scene::new(&turn, &operation, &settle).on_fresh_stages().keeper(&keep);
    sweep("Queue: close; sleeping receiver", &turn, &mut scene.sleeper(&receive).kills(FEW)).assert_clean();
}
