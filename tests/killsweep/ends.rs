//! Handles that count, killed while they are dropped, or are on their way: those at the other end learn that nobody is left, and not sooner.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use procshare::queue::{Receiver, RecvError, SendError, Sender};
use procshare::{Channel, Process, Queue};

use crate::board::Board;
use crate::engine;
use crate::forked::take_turn;
use crate::scene::{FEW, Scene};
use crate::stage::{Phase, Stages};
use crate::sweep::sweep;
use crate::tracee;
use crate::turn::Turn;
use crate::witness::Verdict;

/// What the victim sends, and what others send.
const MINE: u64 = 7;
const OTHER: u64 = 9;
/// Where on the board stands what the sleeper received, all together.
const SLEEPER: usize = 0;

/// A queue whose ends are registered by whoever plays a part; used over and over again.
#[derive(Clone)]
struct Bench {
    board: &'static Board,
    queue: Stages<Queue<u64>>,
}

impl Bench {
    fn new(turn: &Turn) -> Self {
        let mail = Channel::bounded(256).expect("a channel");
        // Sent once, so that each has the record of its holders, which it keeps.
        let make = || {
            let queue = Queue::bounded(1).expect("a queue");
            mail.send(queue.clone()).expect("room for a handle");
            drop(mail.recv());
            queue
        };
        Self { board: turn.board, queue: Stages::new(turn, make) }
    }

    /// A registration of the caller's.
    fn sender(&self) -> Sender<u64> {
        Queue::clone(&self.queue).split().0
    }

    fn receiver(&self) -> Receiver<u64> {
        Queue::clone(&self.queue).split().1
    }

    /// In the witness: the queue is empty, nobody is left at either end, and it works.
    fn settle(&self) -> Verdict {
        // One after the other: each is gone before the next one is made.
        let received = self.receiver().recv();
        let sent = self.sender().send(OTHER);
        if received != Err(RecvError::Disconnected) || sent != Err(SendError::Disconnected(OTHER)) {
            return self.board.corrupt(&format!("recv, send, with nobody left: {received:?}, {sent:?}"));
        }
        match (self.queue.send(OTHER), self.queue.recv()) {
            (Ok(()), Ok(OTHER)) => Verdict::default(),
            found => self.board.corrupt(&format!("send, recv: {found:?}")),
        }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_receiver_is_told_wherever_the_last_sender_is_killed_while_it_is_dropped() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let end = RefCell::new(None);
    let ready = || drop(end.replace(Some(bench.sender())));
    let operation = || {
        drop(end.take());
        bench.board.reach(Phase::Out);
    };
    let receive = || match bench.receiver().recv() {
        Err(RecvError::Disconnected) => Verdict::default(),
        other => bench.board.corrupt(&format!("recv: {other:?}")),
    };
    let settle = || bench.settle();
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&receive);
    sweep("Sender: drop of the last; sleeping receiver", &turn, &mut scene.kills(FEW)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_sender_is_told_wherever_the_last_receiver_is_killed_while_it_is_dropped() {
    let turn = take_turn();
    let bench = Bench::new(&turn);
    let end = RefCell::new(None);
    let ready = || {
        bench.queue.send(MINE).expect("room for one");
        drop(end.replace(Some(bench.receiver())));
    };
    let operation = || {
        drop(end.take());
        bench.board.reach(Phase::Out);
    };
    let send = || match bench.sender().send(OTHER) {
        Err(SendError::Disconnected(OTHER)) => Verdict::default(),
        other => bench.board.corrupt(&format!("send: {other:?}")),
    };
    let settle = || match bench.queue.try_recv() {
        Ok(MINE) => bench.settle(),
        other => bench.board.corrupt(&format!("what was there: {other:?}")),
    };
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready).sleeper(&send);
    sweep("Receiver: drop of the last; sleeping sender", &turn, &mut scene.kills(FEW)).assert_clean();
}

/// A channel through which a sender goes, and a receiver that sleeps at the other end of the sender's queue.
#[derive(Clone)]
struct Courier {
    bench: Bench,
    channel: Stages<Channel<Sender<u64>>>,
    sender: RefCell<Option<Sender<u64>>>,
}

impl Courier {
    fn new(turn: &Turn) -> Self {
        let channel = Stages::new(turn, || Channel::bounded(256).expect("a channel"));
        Self { bench: Bench::new(turn), channel, sender: RefCell::default() }
    }

    fn post(&self) {
        let sender = self.sender.take().expect("a sender");
        if let Err(error) = self.channel.send(sender) {
            self.bench.board.remark(&format!("send: {error}"));
        }
    }

    /// In the victim: receives a sender, and uses it.
    fn use_received(&self) {
        if let Ok(sender) = self.channel.recv() {
            let _ = sender.send(MINE);
            drop(sender);
        }
        self.bench.board.reach(Phase::Out);
    }

    /// In the victim, before it begins.
    fn ready(&self) {
        self.sender.replace(Some(self.bench.sender()));
    }

    /// In the keeper: takes the sender out of the channel, if the victim left it there, and uses it.
    fn fetch(&self) -> Verdict {
        let board = self.bench.board;
        board.keep();
        board.await_doom();
        while !self.channel.is_empty() {
            // Others may not know yet that the victim, which is about to be killed, has the end.
            if let Ok(sender) = self.channel.recv_timeout(Duration::from_millis(1))
                && let Err(error) = sender.send(OTHER)
            {
                return board.corrupt(&format!("send by what was received: {error:?}"));
            }
        }
        Verdict::default()
    }

    /// In the sleeper: receives until nobody is left.
    fn listen(&self) -> Verdict {
        let (board, receiver) = (self.bench.board, self.bench.receiver());
        loop {
            match receiver.recv() {
                Ok(item) => _ = board.words[SLEEPER].fetch_add(item, Relaxed),
                Err(RecvError::Disconnected) => return Verdict::default(),
                Err(error) => return board.corrupt(&format!("recv: {error:?}")),
            }
        }
    }

    /// In the witness: what the sleeper received is what was sent by the sender, if it was not in the victim's hands.
    fn settle(&self, after: u64, allowed: &[u64]) -> Verdict {
        let board = self.bench.board;
        let received = board.words[SLEEPER].swap(0, Relaxed);
        let done = board.phase() == Phase::Out;
        let mut verdict = self.bench.settle();
        if received != after && (done || !allowed.contains(&received)) {
            verdict |= board.corrupt(&format!("{received} was received, done: {done}"));
        }
        if let Ok(sender) = self.channel.try_recv() {
            verdict |= board.corrupt(&format!("still there: {sender:?}"));
        }
        // The next sender frees what the dead one gave to the channel and did not send.
        let more = (self.channel.send(self.bench.sender()), self.channel.recv());
        if !matches!(more, (Ok(()), Ok(_))) {
            verdict |= board.corrupt(&format!("send, recv: {more:?}"));
        }
        verdict
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sender_that_is_sent_counts_until_it_is_dropped_or_dead() {
    let turn = take_turn();
    let courier = Courier::new(&turn);
    let (ready, keep, listen) = (|| courier.ready(), || courier.fetch(), || courier.listen());
    let operation = || {
        courier.post();
        courier.bench.board.reach(Phase::Out);
    };
    let settle = || courier.settle(OTHER, &[0]);
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready).keeper(&keep).sleeper(&listen);
    sweep("Channel: send a Sender; sleeping receiver", &turn, &mut scene.kills(FEW)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sender_that_is_received_counts_until_it_is_dropped_or_dead() {
    let turn = take_turn();
    let courier = Courier::new(&turn);
    let (keep, listen) = (|| courier.fetch(), || courier.listen());
    let ready = || {
        courier.ready();
        courier.post();
    };
    let operation = || {
        courier.use_received();
    };
    let settle = || courier.settle(MINE, &[0, OTHER]);
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready).keeper(&keep).sleeper(&listen);
    sweep("Channel: recv a Sender; sleeping receiver", &turn, &mut scene.kills(FEW)).assert_clean();
}

/// What the victim does is done by a child whose parent joins it only when the receiver was told.
#[track_caller]
fn sweep_child(name: &str, turn: &Turn, courier: &Courier, work: fn(&Courier), settle: &dyn Fn() -> Verdict) {
    let spawn = || {
        let courier = courier.clone();
        let body = move || {
            tracee::trace_me();
            courier.ready();
            work(&courier);
            engine::mark_end();
        };
        Process::spawn(body).expect("a child")
    };
    let (keep, listen) = (|| courier.fetch(), || courier.listen());
    let scene = Scene::new(turn, &|| (), settle).spawned_by(&spawn).joined_late();
    sweep(name, turn, &mut scene.keeper(&keep).sleeper(&listen).kills(FEW)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sender_in_the_hands_of_a_killed_child_does_not_count_though_nobody_joins_it() {
    let turn = take_turn();
    let courier = Courier::new(&turn);
    let send = |courier: &Courier| {
        engine::mark_start();
        courier.post();
        courier.bench.board.reach(Phase::Out);
    };
    let settle = || courier.settle(OTHER, &[0]);
    sweep_child("Channel: send a Sender, by a child not joined", &turn, &courier, send, &settle);
    let receive = |courier: &Courier| {
        courier.post();
        engine::mark_start();
        courier.use_received();
    };
    let settle = || courier.settle(MINE, &[0, OTHER]);
    sweep_child("Channel: recv a Sender, by a child not joined", &turn, &courier, receive, &settle);
}
