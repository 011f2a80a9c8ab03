//! Channels, killed at every instruction of sending and receiving: messages come whole, once, and what is inside is never left behind.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;

use procshare::queue::TrySendError;
use procshare::{Array, Channel};

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
/// Where on the board stands what the sleeper received.
const SLEEPER: usize = 0;
/// Elements of an array: more than a page of them.
const LENGTH: usize = 600;
/// Kills of a sampled sweep.
const SOME: usize = 80;

/// A message with a block of its own, and one inside.
type Letter = Array<u64>;

fn letter(text: u64) -> Letter {
    Array::from_fn(LENGTH, |_| text).expect("an array")
}

/// What stands in it; `None`: not one thing all over.
fn text(letter: &Letter) -> Option<u64> {
    (letter.len() == LENGTH && letter.iter().all(|word| *word == letter[0])).then(|| letter[0])
}

/// A channel that all share, and what each of them does with it.
struct Bench {
    board: &'static Board,
    channel: Stages<Channel<Letter>>,
    letter: RefCell<Option<Letter>>,
}

impl Bench {
    fn bounded(turn: &Turn) -> Self {
        let channel = Stages::new(turn, || Channel::bounded(256).expect("a channel"));
        Self { board: turn.board, channel, letter: RefCell::default() }
    }

    /// In the victim, before it begins: writes a letter.
    fn write(&self) {
        self.letter.replace(Some(letter(MINE)));
    }

    /// In the victim, before it begins: sends some.
    fn fill(&self) {
        THERE.iter().for_each(|text| self.channel.send(letter(*text)).expect("room for three"));
    }

    fn take_written(&self) -> Letter {
        self.letter.take().expect("a letter")
    }

    /// In the victim, when it has done what it was to do.
    fn out<R>(&self, _: R) {
        self.board.reach(Phase::Out);
    }

    /// What is left in the channel, which is empty then and must work.
    fn drain(channel: &Channel<Letter>) -> Result<Vec<u64>, String> {
        let mut left = Vec::new();
        while let Ok(letter) = channel.try_recv() {
            left.push(text(&letter).ok_or("a letter is torn")?);
        }
        channel.send(letter(OTHER)).map_err(|error| format!("send to an empty channel: {error}"))?;
        match channel.recv().map(|letter| text(&letter)) {
            Ok(Some(OTHER)) if channel.is_empty() => Ok(left),
            other => Err(format!("the channel gave {other:?}")),
        }
    }

    /// In the witness, last: what is left must be what was there before the operation, or, and surely if the victim was through, what
    /// is there after it.
    fn settle(&self, before: &[u64], after: &[u64]) -> Verdict {
        self.judge(Self::drain(&self.channel), before, after)
    }

    fn judge(&self, left: Result<Vec<u64>, String>, before: &[u64], after: &[u64]) -> Verdict {
        let done = self.board.phase() == Phase::Out;
        match left {
            Ok(left) if left == after || !done && left == before => Verdict::default(),
            Ok(left) => self.board.corrupt(&format!("{left:?} is left, done: {done}")),
            Err(what) => self.board.corrupt(&what),
        }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn an_array_of_a_killed_sender_is_there_whole_or_freed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn);
    let (ready, operation) = (|| bench.write(), || bench.out(bench.channel.send(bench.take_written())));
    let settle = || bench.settle(&[], &[MINE]);
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).kills(SOME);
    sweep("Channel: send an Array", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn an_array_of_a_killed_receiver_is_there_whole_or_freed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn);
    let (ready, settle) = (|| bench.fill(), || bench.settle(&THERE, &THERE[1..]));
    let operation = || bench.out(bench.channel.recv());
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).kills(SOME);
    sweep("Channel: recv an Array", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_sleeping_receiver_gets_an_array_wherever_a_sender_is_killed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn);
    let (ready, operation) = (|| bench.write(), || bench.out(bench.channel.send(bench.take_written())));
    let keep = || {
        bench.board.keep();
        bench.board.await_doom();
        match bench.channel.send(letter(OTHER)) {
            Ok(()) => Verdict::default(),
            Err(error) => bench.board.corrupt(&format!("send: {error}")),
        }
    };
    let receive = || match bench.channel.recv().map(|letter| text(&letter)) {
        Ok(Some(text)) => {
            bench.board.words[SLEEPER].store(text, Relaxed);
            Verdict::default()
        }
        other => bench.board.corrupt(&format!("recv: {other:?}")),
    };
    let settle = || {
        let first = bench.board.words[SLEEPER].swap(0, Relaxed);
        let all = Bench::drain(&bench.channel).map(|left| [vec![first], left].concat());
        bench.judge(all, &[OTHER], &[MINE, OTHER])
    };
    let scene = Scene::new(&turn, &operation, &settle).ready(&ready).keeper(&keep).sleeper(&receive);
    sweep("Channel: send an Array; sleeping receiver", &turn, &mut scene.kills(FEW)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn an_array_that_found_no_room_is_freed_with_its_killed_sender() {
    let turn = take_turn();
    let board = turn.board;
    let channel = Stages::new(&turn, || Channel::<(Letter, String)>::bounded(64).expect("a channel"));
    let parcel = |text| (letter(text), "x".repeat(40));
    let packed = RefCell::new(None);
    let ready = || {
        let mut sent = 0;
        while channel.try_send(parcel(sent)).is_ok() {
            sent += 1;
        }
        board.words[SLEEPER].store(sent, Relaxed);
        packed.replace(Some(parcel(MINE)));
    };
    let operation = || {
        let refused = channel.try_send(packed.take().expect("a parcel"));
        match &refused {
            Err(TrySendError::Full((letter, _))) if letter[0] == MINE => board.reach(Phase::Out),
            _ => board.remark("the parcel did not come back"),
        }
        drop(refused);
    };
    let settle = || {
        let sent = board.words[SLEEPER].load(Relaxed);
        let left: Vec<_> = std::iter::from_fn(|| channel.try_recv().ok()).collect();
        let texts = left.iter().map(|(letter, padding)| text(letter).filter(|_| padding.len() == 40));
        match channel.try_send(parcel(OTHER)).map(|()| channel.try_recv()) {
            Ok(Ok((letter, _))) if sent > 0 && texts.eq((0..sent).map(Some)) && letter[0] == OTHER => {
                Verdict::default()
            }
            other => board.corrupt(&format!("{} are left of {sent}; then {other:?}", left.len())),
        }
    };
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).kills(SOME);
    sweep("Channel: try_send an Array, in vain", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn unread_arrays_come_back_wherever_the_last_user_of_their_channel_is_killed_while_it_is_dropped() {
    let turn = take_turn();
    let full = RefCell::new(None);
    let drop_full = || drop(full.take());
    let fill = |channel: Channel<Letter>| {
        THERE.iter().for_each(|text| channel.send(letter(*text)).expect("room for three"));
        full.replace(Some(channel));
    };
    let bounded = || fill(Channel::bounded(256).expect("a channel"));
    let mut scene = Scene::new(&turn, &drop_full, &Verdict::default).ready(&bounded).kills(SOME);
    sweep("Channel: drop of one with Arrays", &turn, &mut scene).assert_clean();
    let unbounded = || fill(Channel::unbounded().expect("a channel"));
    let mut scene = Scene::new(&turn, &drop_full, &Verdict::default).ready(&unbounded).kills(SOME);
    sweep("Channel: drop of one with Arrays, unbounded", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_channel_without_bounds_is_whole_wherever_its_first_sender_is_killed() {
    let turn = take_turn();
    let bench = Bench::bounded(&turn);
    // The victim makes the channel; the witness finds it in the mail, and is the last to have it.
    let mail = Channel::<Channel<Letter>>::bounded(256).expect("a channel");
    let fresh = RefCell::new(None);
    let ready = || {
        let channel = Channel::unbounded().expect("a channel");
        mail.send(channel.clone()).expect("room for a handle");
        fresh.replace(Some(channel));
        bench.write();
    };
    let operation = || {
        let channel = fresh.borrow();
        bench.out(channel.as_ref().expect("a channel").send(bench.take_written()));
    };
    let settle = || match mail.recv() {
        Ok(channel) => bench.judge(Bench::drain(&channel), &[], &[MINE]),
        Err(error) => bench.board.corrupt(&format!("no channel in the mail: {error}")),
    };
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).kills(SOME);
    sweep("Channel: send an Array, the first segment", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn bytes_that_are_read_where_they_lie_are_freed_wherever_the_reader_is_killed() {
    const MANY: usize = 5000;
    let turn = take_turn();
    let board = turn.board;
    let channel = Stages::new(&turn, || Channel::<Vec<u8>>::bounded(4 * MANY).expect("a channel"));
    let ready = || (1..=2).for_each(|byte| channel.send(vec![byte; MANY]).expect("room for two"));
    let operation = || {
        // The ends only: reading all of them would be the longest part of the path.
        let ends = channel.recv_with(|bytes| (bytes.len(), bytes[0], bytes[MANY - 1]));
        if ends.is_ok_and(|ends| ends == (MANY, 1, 1)) {
            board.reach(Phase::Out);
        } else {
            board.remark("other bytes than were sent");
        }
    };
    let settle = || {
        let mut left = Vec::new();
        while let Ok(bytes) = channel.try_recv() {
            let whole = bytes.len() == MANY && bytes.iter().all(|byte| *byte == bytes[0]);
            left.push(if whole { bytes[0] } else { 0 });
        }
        let done = board.phase() == Phase::Out;
        if left == [2] || !done && left == [1, 2] {
            return Verdict::default();
        }
        board.corrupt(&format!("{left:?} is left, done: {done}"))
    };
    let mut scene = Scene::new(&turn, &operation, &settle).ready(&ready).kills(SOME);
    sweep("Channel: recv_with", &turn, &mut scene).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_message_of_a_killed_sender_is_there_whole_or_not() {
    let turn = take_turn();
    let board = turn.board;
    let channel = Stages::new(&turn, || Channel::<String>::bounded(4096).expect("a channel"));
    let (text, first) = ("seven times seven".to_owned(), "one".to_owned());
    let settle = |before: &[&String], after: &[&String]| {
        let mut left = Vec::new();
        while let Ok(message) = channel.try_recv() {
            left.push(message);
        }
        let (done, left) = (board.phase() == Phase::Out, left.iter().collect::<Vec<_>>());
        if left == after || !done && left == before {
            return Verdict::default();
        }
        board.corrupt(&format!("{left:?} is left, done: {done}"))
    };
    let packed = RefCell::new(None);
    let ready = || drop(packed.replace(Some(text.clone())));
    let send = || {
        let sent = packed.take().map(|text| channel.send(text));
        board.reach(Phase::Out);
        drop(sent);
    };
    let sent = || settle(&[], &[&text]);
    sweep("Channel: send", &turn, &mut Scene::new(&turn, &send, &sent).ready(&ready)).assert_clean();
    let fill = || {
        channel.send(first.clone()).expect("room");
        channel.send(text.clone()).expect("room");
    };
    let receive = || {
        let received = channel.recv();
        board.reach(Phase::Out);
        drop(received);
    };
    let taken = || settle(&[&first, &text], &[&text]);
    sweep("Channel: recv", &turn, &mut Scene::new(&turn, &receive, &taken).ready(&fill)).assert_clean();
}
