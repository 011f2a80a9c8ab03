//! Queues and channels against a `VecDeque`, with random operations by one process.

use std::collections::VecDeque;

use proptest::prelude::*;

use crate::queue::{RecvError, TryRecvError, TrySendError};
use crate::{Channel, Queue};

#[derive(Clone, Copy, Debug)]
enum Op {
    Send,
    SendSome(usize),
    Receive,
    ReceiveSome(usize),
    /// Another handle of the same queue takes the place of this one.
    Renew,
    Close,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        40 => Just(Op::Send),
        30 => (0..9_usize).prop_map(Op::SendSome),
        3 => (1000..3000_usize).prop_map(Op::SendSome),
        40 => Just(Op::Receive),
        30 => (0..9_usize).prop_map(Op::ReceiveSome),
        3 => (1000..3000_usize).prop_map(Op::ReceiveSome),
        5 => Just(Op::Renew),
        1 => Just(Op::Close),
    ];
    prop::collection::vec(op, 1..200)
}

/// Where nothing is there: why nothing was received.
fn nothing(closed: bool) -> TryRecvError {
    if closed { TryRecvError::Closed } else { TryRecvError::Empty }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn queue_does_what_a_deque_does(capacity in prop::option::of(1..6_usize), ops in ops()) {
        let mut queue = match capacity {
            Some(capacity) => Queue::bounded(capacity).unwrap(),
            None => Queue::unbounded().unwrap(),
        };
        let (mut expected, mut next, mut closed) = (VecDeque::new(), 0_u32, false);
        for op in ops {
            let free = capacity.map_or(usize::MAX, |capacity| capacity - expected.len());
            match op {
                Op::Send => {
                    let sent = queue.try_send(next);
                    if closed {
                        prop_assert_eq!(sent, Err(TrySendError::Closed(next)));
                    } else if free == 0 {
                        prop_assert_eq!(sent, Err(TrySendError::Full(next)));
                    } else {
                        prop_assert_eq!(sent, Ok(()));
                        expected.push_back(next);
                        next += 1;
                    }
                }
                Op::SendSome(most) => {
                    let values: Vec<u32> = (next..).take(most).collect();
                    let sent = queue.try_send_slice(&values);
                    if most == 0 {
                        prop_assert_eq!(sent, Ok(0));
                    } else if closed {
                        prop_assert_eq!(sent, Err(TrySendError::Closed(0)));
                    } else if free == 0 {
                        prop_assert_eq!(sent, Err(TrySendError::Full(0)));
                    } else {
                        let sent = sent.unwrap();
                        // One without bounds may stop where a segment ends.
                        prop_assert!(sent == most.min(free) || capacity.is_none() && 0 < sent && sent < most);
                        expected.extend(&values[..sent]);
                        next += sent as u32;
                    }
                }
                Op::Receive => match expected.pop_front() {
                    Some(value) => prop_assert_eq!(queue.try_recv(), Ok(value)),
                    None => prop_assert_eq!(queue.try_recv(), Err(nothing(closed))),
                },
                Op::ReceiveSome(most) => {
                    let mut into = vec![u32::MAX; most];
                    let got = queue.try_recv_into(&mut into);
                    if most == 0 {
                        prop_assert_eq!(got, Ok(0));
                    } else if expected.is_empty() {
                        prop_assert_eq!(got, Err(nothing(closed)));
                    } else {
                        let got = got.unwrap();
                        prop_assert!(0 < got && got <= most.min(expected.len()));
                        prop_assert_eq!(&into[..got], &expected.drain(..got).collect::<Vec<_>>());
                        prop_assert!(into[got..].iter().all(|rest| *rest == u32::MAX), "nothing was written there");
                    }
                }
                Op::Renew => queue = queue.clone(),
                Op::Close => {
                    prop_assert_eq!(queue.close(), !closed);
                    closed = true;
                }
            }
            prop_assert_eq!(queue.len(), expected.len());
            prop_assert_eq!(queue.is_empty(), expected.is_empty());
            prop_assert_eq!(queue.is_full(), capacity == Some(expected.len()));
            prop_assert_eq!(queue.is_closed(), closed);
        }
        queue.close();
        prop_assert!(queue.iter().eq(expected));
        prop_assert_eq!(queue.recv(), Err(RecvError::Closed));
    }

    #[test]
    fn channel_does_what_a_deque_does(
        is_bounded: bool,
        ops in prop::collection::vec((prop::option::weighted(0.55, 0..9000_usize), any::<bool>()), 1..120),
    ) {
        const MOST: usize = 20_000;
        let channel = if is_bounded { Channel::bounded(MOST) } else { Channel::unbounded() }.unwrap();
        let mut expected = VecDeque::<Vec<u8>>::new();
        for (number, (size, looks)) in ops.into_iter().enumerate() {
            match size {
                Some(size) => {
                    let message: Vec<u8> = (0..size).map(|at| (at / 7 + number) as u8).collect();
                    match channel.try_send(message.clone()) {
                        Ok(()) => expected.push_back(message),
                        Err(TrySendError::Full(back)) => {
                            prop_assert!(is_bounded && !expected.is_empty());
                            let there: usize = expected.iter().map(|message| message.len() + 32).sum();
                            prop_assert!(there + size + 32 > MOST / 2, "there is room for half of it at least");
                            prop_assert_eq!(back, message);
                        }
                        Err(other) => prop_assert!(false, "{}", other),
                    }
                }
                None => match expected.pop_front() {
                    Some(message) if looks => prop_assert!(channel.recv_with(|bytes| bytes == message).unwrap()),
                    Some(message) => prop_assert_eq!(channel.try_recv(), Ok(message)),
                    None => prop_assert_eq!(channel.try_recv(), Err(TryRecvError::Empty)),
                },
            }
            prop_assert_eq!(channel.is_empty(), expected.is_empty());
        }
        channel.close();
        prop_assert!(channel.iter().eq(expected));
        prop_assert_eq!(channel.lost(), 0);
    }
}
