//! Queues of tasks, killed while one is received and done: who joins learns that all is done, or that somebody died.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use procshare::Channel;
use procshare::queue::{JoinError, JoinableQueue};

use crate::board::Board;
use crate::forked::take_turn;
use crate::scene::{FEW, Scene};
use crate::stage::Phase;
use crate::sweep::sweep;
use crate::turn::Turn;
use crate::witness::Verdict;

const MINE: u64 = 7;
const OTHER: u64 = 9;
/// Where on the board stands what the keeper received.
const KEEPER: usize = 0;

/// A queue that the victim makes: the others find it in the mail, and it is another one for each victim.
struct Bench {
    board: &'static Board,
    mail: Channel<JoinableQueue<u64>>,
    queue: RefCell<Option<JoinableQueue<u64>>>,
}

impl Bench {
    fn new(turn: &Turn) -> Self {
        let mail = Channel::bounded(1024).expect("a channel");
        Self { board: turn.board, mail, queue: RefCell::default() }
    }

    /// In the victim, before it begins: a queue with an item, for it and for as many others.
    fn ready(&self, others: usize) {
        let queue = JoinableQueue::bounded(2).expect("a queue");
        queue.send(MINE).expect("room for an item");
        (0..others).for_each(|_| self.mail.send(queue.clone()).expect("room for a handle"));
        self.queue.replace(Some(queue));
    }

    /// In the victim: does what there is to do.
    fn work(&self) {
        let queue = self.queue.borrow();
        let queue = queue.as_ref().expect("a queue");
        if queue.recv().is_ok() {
            self.board.reach(Phase::Inside);
            let _ = queue.task_done();
        }
        self.board.reach(Phase::Out);
    }

    /// In the keeper: does what the victim, who is about to be killed, left to be done.
    fn finish(&self) -> Verdict {
        self.board.keep();
        self.board.await_doom();
        let Ok(queue) = self.mail.recv() else { return self.board.corrupt("no queue in the mail") };
        while !queue.is_empty() {
            if let Ok(item) = queue.recv_timeout(Duration::from_millis(1)) {
                self.board.words[KEEPER].fetch_add(item, Relaxed);
                if let Err(error) = queue.task_done() {
                    return self.board.corrupt(&format!("task_done: {error:?}"));
                }
            }
        }
        Verdict::default()
    }

    /// In the sleeper: what it is told is what happened.
    fn join(&self) -> Verdict {
        let Ok(queue) = self.mail.recv() else { return self.board.corrupt("no queue in the mail") };
        let joined = queue.join();
        let (phase, kept) = (self.board.phase(), self.board.words[KEEPER].load(Relaxed));
        let fits = match joined {
            Ok(()) => phase != Phase::Before || kept == MINE || !self.board.is_doomed(),
            Err(JoinError::WorkerDied { items: 1 }) => phase != Phase::Out,
            Err(_) => false,
        };
        if fits {
            Verdict::default()
        } else {
            self.board.corrupt(&format!("{joined:?}, {phase:?}, {kept} by another"))
        }
    }

    /// In the witness: the item was received once, or was in the victim's hands; and the queue works.
    fn settle(&self) -> Verdict {
        let Ok(queue) = self.mail.recv() else { return self.board.corrupt("no queue in the mail") };
        let (phase, kept) = (self.board.phase(), self.board.words[KEEPER].swap(0, Relaxed));
        let first = queue.join();
        let used = (queue.send(OTHER), queue.recv(), queue.task_done(), queue.join());
        let fits = match phase {
            Phase::Out => kept == 0 && first == Ok(()),
            Phase::Before => kept == 0 || kept == MINE,
            _ => kept == 0,
        };
        match used {
            (Ok(()), Ok(OTHER), Ok(()), Ok(())) if fits && queue.is_empty() => Verdict::default(),
            used => self.board.corrupt(&format!("{phase:?}, {kept} by another; {first:?}, then {used:?}")),
        }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn who_joins_a_queue_is_told_wherever_a_worker_is_killed() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let (ready, operation, settle) = (|| bench.ready(3), || bench.work(), || bench.settle());
    let (keep, join) = (|| bench.finish(), || bench.join());
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready).keeper(&keep).sleeper(&join);
    sweep("JoinableQueue: recv, task_done; join", &turn, &mut scene.kills(FEW)).assert_clean();
}
