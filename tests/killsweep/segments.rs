//! Queues without bounds, killed where they take memory and give it back: nothing is lost, and all of it comes back with the queue.

use std::cell::RefCell;

use procshare::{Channel, Queue, arena};

use crate::board::Board;
use crate::forked::take_turn;
use crate::scene::Scene;
use crate::stage::Phase;
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

const OTHER: u64 = u64::MAX;
/// Kills of a sampled sweep.
const SOME: usize = 80;

/// A queue that the victim makes: the witness finds it in the mail, and is the last to have it.
struct Bench {
    board: &'static Board,
    mail: Channel<Queue<u64>>,
    queue: RefCell<Option<Queue<u64>>>,
    /// Items in the first segment.
    border: u64,
}

/// How many items go into the first segment.
fn border() -> u64 {
    let queue = Queue::unbounded().expect("a queue");
    let used_with_one_more = |item| {
        queue.send(item).expect("memory for an item");
        arena::stats().used
    };
    let first = used_with_one_more(0);
    (1..100_000).find(|item| used_with_one_more(*item) != first).expect("a second segment")
}

impl Bench {
    fn new(turn: &Turn) -> Self {
        let mail = Channel::bounded(256).expect("a channel");
        let border = border();
        assert!(border > 8, "a segment for {border} items");
        Self { board: turn.board, mail, queue: RefCell::default(), border }
    }

    /// In the victim, before it begins: makes a queue into which so many items went, of which so many were taken.
    fn make(&self, sent: u64, taken: u64) -> Queue<u64> {
        let queue = Queue::unbounded().expect("a queue");
        (0..sent).for_each(|item| queue.send(item).expect("memory for an item"));
        (0..taken).for_each(|item| assert_eq!(queue.recv(), Ok(item)));
        queue
    }

    /// The same, where the witness is to have it too.
    fn ready(&self, sent: u64, taken: u64) {
        let queue = self.make(sent, taken);
        self.mail.send(queue.clone()).expect("room for a handle");
        self.queue.replace(Some(queue));
    }

    /// In the victim: does something with it.
    fn work<R>(&self, operation: impl FnOnce(&Queue<u64>) -> R) {
        let queue = self.queue.borrow();
        operation(queue.as_ref().expect("a queue"));
        self.board.reach(Phase::Out);
    }

    /// In the witness: what is left is the items up to `before`, from `first` on, or, and surely if the victim was through, what is
    /// there after the operation. Then the queue goes on across its borders, and is dropped.
    fn settle(&self, before: (u64, u64), after: (u64, u64)) -> Verdict {
        let Ok(queue) = self.mail.recv() else { return self.board.corrupt("no queue in the mail") };
        let done = self.board.phase() == Phase::Out;
        let left: Vec<u64> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
        let is = |(first, end): (u64, u64)| left.iter().copied().eq(first..end);
        if !is(after) && (done || !is(before)) {
            let ends = (left.first(), left.last());
            return self.board.corrupt(&format!("{} are left, {ends:?}, done: {done}", left.len()));
        }
        let more = 2 * self.border;
        for item in (OTHER - more)..OTHER {
            if let Err(error) = queue.send(item) {
                return self.board.corrupt(&format!("send: {error:?}"));
            }
        }
        match ((OTHER - more)..OTHER).find(|item| queue.try_recv() != Ok(*item)) {
            None if queue.is_empty() => Verdict::default(),
            missing => self.board.corrupt(&format!("{missing:?} is missing, or {} too many", queue.len())),
        }
    }
}

/// Sweeps an operation on a queue into which `sent` items went, of which `taken` were taken; `after`: what is left then.
#[track_caller]
fn sweep_with(
    name: &str,
    turn: &Turn,
    bench: &Bench,
    (sent, taken): (u64, u64),
    operation: &dyn Fn(&Queue<u64>),
    after: (u64, u64),
) {
    let (ready, work) = (|| bench.ready(sent, taken), || bench.work(operation));
    let settle = || bench.settle((taken, sent), after);
    sweep(name, turn, &mut Scene::new(turn, &work, &settle).ready(&ready).kills(SOME)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_queue_is_whole_wherever_a_sender_that_needs_a_segment_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let send = |queue: &Queue<u64>| drop(queue.send(bench.border));
    let first = |queue: &Queue<u64>| drop(queue.send(0));
    sweep_with("Queue: send, the first segment", &turn, &bench, (0, 0), &first, (0, 1));
    let border = bench.border;
    sweep_with("Queue: send, the next segment", &turn, &bench, (border, 0), &send, (0, border + 1));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_queue_is_whole_wherever_a_receiver_that_frees_a_segment_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let border = bench.border;
    let receive = |queue: &Queue<u64>| drop(queue.recv());
    let there = (border + 2, border);
    sweep_with("Queue: recv, a segment read", &turn, &bench, there, &receive, (border + 1, border + 2));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn the_segments_of_a_queue_come_back_wherever_its_last_user_is_killed_while_it_is_dropped() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let ready = || drop(bench.queue.replace(Some(bench.make(2 * bench.border, 1))));
    let operation = || drop(bench.queue.take());
    let mut scene = Scene::new(&turn, &operation, &Verdict::default).ready(&ready).kills(SOME);
    sweep("Queue: drop of one with two segments", &turn, &mut scene).assert_clean();
}
