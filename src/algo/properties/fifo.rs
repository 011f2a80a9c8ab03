//! A queue against a `VecDeque`, with random operations by several participants, some of whom die.

#![allow(unsafe_code)] // makes the words of a queue as shared memory does

use std::collections::VecDeque;
use std::mem::ManuallyDrop;

use proptest::prelude::*;

use crate::algo::{Borne, End, Fifo, FifoWords, Form, Late, Owner, Park, Tally, Tasks, bury};
use crate::shim::AtomicU64;

const SEATS: u16 = 4;

/// A kernel in which nobody ever has to sleep, and nobody knows of deaths before the burial.
struct Alone;

impl Park for Alone {
    fn sleep(&self, _word: &AtomicU64, _expected: u32, _round: u32) -> bool {
        false
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        word.store(1 << 31, crate::shim::Ordering::Relaxed);
        0
    }

    fn wake(&self, _word: &AtomicU64, _count: u32) -> u32 {
        0
    }

    fn death(&self, _slot: u16) -> Option<u32> {
        None
    }

    fn family_death(&self, _slot: u16) -> Option<u32> {
        None
    }

    fn is_due(&self, _word: &AtomicU64) -> bool {
        true
    }

    fn relax(&self) {}
}

fn owner(seat: u16) -> Owner {
    Owner::new(100 + u32::from(seat), seat, u64::from(seat))
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Send(u64),
    Receive(u64),
    Done,
    /// Looks, announces that it waits, and does not.
    Wait(bool),
    Join(bool),
    Leave(bool),
    /// Dies: holding a side or none, before or after the commit.
    Die(Option<bool>, bool),
    Close,
}

fn ops() -> impl Strategy<Value = Vec<(u16, Op)>> {
    let op = prop_oneof![
        6 => (1..4_u64).prop_map(Op::Send),
        6 => (1..4_u64).prop_map(Op::Receive),
        4 => Just(Op::Done),
        2 => any::<bool>().prop_map(Op::Wait),
        3 => any::<bool>().prop_map(Op::Join),
        3 => any::<bool>().prop_map(Op::Leave),
        2 => (any::<Option<bool>>(), any::<bool>()).prop_map(|(held, late)| Op::Die(held, late)),
        1 => prop::bool::weighted(0.1).prop_map(|close| if close { Op::Close } else { Op::Done }),
    ];
    prop::collection::vec((0..SEATS, op), 1..200)
}

fn end(sends: bool) -> End {
    if sends { End::Send } else { End::Receive }
}

/// What there should be.
#[derive(Default)]
struct Expected {
    items: VecDeque<u64>,
    next: u64,
    closed: bool,
    in_hand: [u64; SEATS as usize],
    lost: u64,
    registered: [[u64; 2]; SEATS as usize],
    ever: [bool; 2],
}

/// What there is.
struct Actual {
    words: Box<FifoWords>,
    cells: Vec<AtomicU64>,
    high: AtomicU64,
    places: Vec<u64>,
}

impl Actual {
    fn new(capacity: usize) -> Self {
        Self {
            // SAFETY: atomic words alone, for which zeroes are a value.
            words: unsafe { Box::<FifoWords>::new_zeroed().assume_init() },
            cells: (0..Form::Tasks.words(SEATS.into())).map(|_| AtomicU64::new(0)).collect(),
            high: AtomicU64::new(SEATS.into()),
            places: vec![0; capacity],
        }
    }

    fn tally(&self) -> Tally<'_> {
        Tally::new(&self.cells, Form::Tasks.width(), &self.high)
    }

    fn fifo(&self) -> Fifo<'_> {
        Fifo::of(&self.words, self.tally())
    }

    fn tasks(&self) -> Tasks<'_> {
        Tasks::of(&self.words, self.tally())
    }

    /// Sends as many values from `first` on as there is room for. Dies before the commit, or after it, with the side held.
    fn send(&mut self, seat: u16, first: u64, most: u64, dies: Option<bool>) -> u64 {
        let capacity = self.places.len() as u64;
        let Self { words, cells, high, places } = self;
        let fifo = Fifo::of(words, Tally::new(cells, Form::Tasks.width(), high));
        let mut held = ManuallyDrop::new(fifo.hold(End::Send, owner(seat), &Alone).unwrap());
        let tail = held.position();
        let mut free = capacity - (tail - held.seen());
        if free < most {
            free = capacity - (tail - held.look(false));
        }
        let count = most.min(free);
        for at in 0..count {
            places[((tail + at) % capacity) as usize] = first + at;
        }
        if count > 0 && dies != Some(false) {
            held.commit(tail + count, count);
        }
        if dies.is_none() {
            drop(ManuallyDrop::into_inner(held));
        }
        count
    }

    /// Receives as [`Actual::send`] sends.
    fn receive(&self, seat: u16, most: u64, dies: Option<bool>) -> Vec<u64> {
        let capacity = self.places.len() as u64;
        let fifo = self.fifo();
        let mut held = ManuallyDrop::new(fifo.hold(End::Receive, owner(seat), &Alone).unwrap());
        let head = held.position();
        let mut there = held.seen().wrapping_sub(head);
        if there < most {
            there = held.look(false) - head;
        }
        let count = most.min(there);
        let got = (head..head + count).map(|at| self.places[(at % capacity) as usize]).collect();
        if count > 0 {
            self.tasks().take(seat, count);
            if dies != Some(false) {
                held.commit(head + count, count);
            }
        }
        if dies.is_none() {
            drop(ManuallyDrop::into_inner(held));
        }
        got
    }

    fn bury(&self, seat: u16) {
        let lock = self.words.first_lock().owner_lock();
        lock.orphan(seat, seat.into());
        let late = Late { slot: seat, pid: seat.into(), returned: false };
        bury(Form::Tasks, Borne::Queue(&self.words, self.tally()), late, &Alone);
    }
}

proptest! {
    #[test]
    fn queue_does_what_a_deque_does(capacity in 1..6_usize, ops in ops()) {
        let mut actual = Actual::new(capacity);
        let mut expected = Expected::default();
        for (seat, op) in ops {
            let me = usize::from(seat);
            match op {
                Op::Send(most) if !expected.closed => {
                    let sent = actual.send(seat, expected.next, most, None);
                    prop_assert_eq!(sent, most.min((capacity - expected.items.len()) as u64));
                    expected.items.extend(expected.next..expected.next + sent);
                    expected.next += sent;
                }
                Op::Send(_) => prop_assert!(actual.fifo().is_closed()),
                Op::Receive(most) => {
                    let got = actual.receive(seat, most, None);
                    let count = expected.items.len().min(most as usize);
                    prop_assert_eq!(&got, &expected.items.drain(..count).collect::<Vec<_>>());
                    expected.in_hand[me] += got.len() as u64;
                }
                Op::Done => {
                    prop_assert_eq!(actual.tasks().done(seat, &Alone), expected.in_hand[me] > 0);
                    expected.in_hand[me] = expected.in_hand[me].saturating_sub(1);
                }
                Op::Wait(sends) => {
                    let position = actual.fifo().position(end(sends));
                    let woken = actual.fifo().wait(end(sends), position, owner(seat), &Alone, 0, || false);
                    prop_assert_eq!(woken, Ok(false), "nothing has moved");
                    let moved = actual.fifo().wait(end(sends), position + 1, owner(seat), &Alone, 0, || false);
                    prop_assert_eq!(moved, Ok(true));
                }
                Op::Join(sends) => {
                    actual.fifo().join(end(sends), seat);
                    expected.registered[me][usize::from(sends)] += 1;
                    expected.ever[usize::from(sends)] = true;
                }
                Op::Leave(sends) => {
                    let mine = &mut expected.registered[me][usize::from(sends)];
                    if *mine > 0 {
                        *mine -= 1;
                        actual.fifo().leave(end(sends), seat, &Alone);
                    }
                }
                Op::Die(holding, late) => {
                    match holding {
                        Some(true) if !expected.closed => {
                            let sent = actual.send(seat, expected.next, 2, Some(late));
                            if late {
                                expected.items.extend(expected.next..expected.next + sent);
                                expected.next += sent;
                            }
                        }
                        Some(false) => {
                            let got = actual.receive(seat, 2, Some(late));
                            if late {
                                expected.items.drain(..got.len());
                            }
                            // Counted as lost in either case.
                            expected.in_hand[me] += got.len() as u64;
                        }
                        _ => {}
                    }
                    // The second time for a sweeper that was killed half way.
                    actual.bury(seat);
                    actual.bury(seat);
                    expected.lost += std::mem::take(&mut expected.in_hand[me]);
                    expected.registered[me] = [0; 2];
                }
                Op::Close => {
                    prop_assert_eq!(actual.fifo().close(owner(seat), &Alone), Ok(!expected.closed));
                    expected.closed = true;
                }
            }
            let fifo = actual.fifo();
            let len = fifo.position(End::Send) - fifo.position(End::Receive);
            prop_assert_eq!(len, expected.items.len() as u64);
            prop_assert_eq!(fifo.is_closed(), expected.closed);
            let left = actual.tasks().unfinished(|| fifo.position(End::Send));
            prop_assert_eq!(left.items, len + expected.in_hand.iter().sum::<u64>());
            prop_assert_eq!(left.written_off, expected.lost);
            for sends in [true, false] {
                let deserted = expected.registered.iter().all(|of| of[usize::from(sends)] == 0);
                prop_assert_eq!(fifo.is_deserted(end(sends), false, &Alone), deserted);
                let said = fifo.seems_deserted(end(sends));
                if expected.ever[usize::from(sends)] {
                    prop_assert_eq!(said, deserted);
                }
                prop_assert!(!said || expected.ever != [false; 2], "nobody can have left");
            }
        }
    }
}
