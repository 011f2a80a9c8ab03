//! A queue, and a channel, do what a `VecDeque` does, whatever is asked of them in whatever order.
//!
//! The first byte of the input chooses the room, the others are one operation each.
#![no_main]

use std::collections::VecDeque;

use libfuzzer_sys::fuzz_target;
use procshare::queue::{TryRecvError, TrySendError};
use procshare::{Channel, Queue};

fn queue(room: usize, operations: &[u8]) {
    let queue = if room == 0 { Queue::unbounded() } else { Queue::bounded(room) }.expect("a queue");
    let (mut model, mut next, mut closed) = (VecDeque::new(), 0_u64, false);
    let room = if room == 0 { usize::MAX } else { room };
    for &operation in operations {
        let count = usize::from(operation >> 3) * 8 + 1;
        match operation & 7 {
            0 | 1 => {
                let expected = match (closed, model.len() < room) {
                    (true, _) => Err(TrySendError::Closed(next)),
                    (false, true) => Ok(()),
                    (false, false) => Err(TrySendError::Full(next)),
                };
                assert_eq!(queue.try_send(next), expected);
                if expected.is_ok() {
                    model.push_back(next);
                    next += 1;
                }
            }
            2 => {
                let values: Vec<u64> = (next..).take(count).collect();
                match queue.try_send_slice(&values) {
                    // An unbounded queue takes what fits its segment.
                    Ok(sent) => {
                        assert!(!closed && (1..=count.min(room - model.len())).contains(&sent));
                        assert!(room == usize::MAX || sent == count.min(room - model.len()));
                        model.extend(&values[..sent]);
                        next += sent as u64;
                    }
                    Err(TrySendError::Closed(0)) => assert!(closed),
                    Err(TrySendError::Full(0)) => assert!(!closed && model.len() == room),
                    Err(other) => panic!("{other}"),
                }
            }
            3 | 4 => {
                let empty = if closed { TryRecvError::Closed } else { TryRecvError::Empty };
                assert_eq!(queue.try_recv(), model.pop_front().ok_or(empty));
            }
            5 => {
                let mut into = vec![0; count];
                match queue.try_recv_into(&mut into) {
                    Ok(taken) => {
                        assert!((1..=count.min(model.len())).contains(&taken));
                        assert!(model.drain(..taken).eq(into[..taken].iter().copied()));
                    }
                    Err(TryRecvError::Empty) => assert!(model.is_empty() && !closed),
                    Err(TryRecvError::Closed) => assert!(model.is_empty() && closed),
                    Err(other) => panic!("{other}"),
                }
            }
            6 => assert_eq!((queue.len(), queue.is_full()), (model.len(), model.len() >= room)),
            _ if operation == 0xff => {
                assert_eq!(queue.close(), !closed);
                closed = true;
            }
            _ => assert_eq!((queue.is_empty(), queue.is_closed()), (model.is_empty(), closed)),
        }
    }
}

fn channel(room: usize, operations: &[u8]) {
    let channel =
        if room == 0 { Channel::unbounded() } else { Channel::bounded(room * 16) }.expect("a channel");
    let mut model: VecDeque<Vec<u8>> = VecDeque::new();
    for (index, &operation) in operations.iter().enumerate() {
        if operation & 1 == 0 {
            // Some are too large for the room, some too large to lie among the others.
            let message = vec![index as u8; usize::from(operation).pow(2) / 8];
            match channel.try_send(message.clone()) {
                Ok(()) => model.push_back(message),
                Err(TrySendError::Full(back)) => {
                    assert!(back == message && !model.is_empty() && room > 0);
                    // Several together have half of the room for sure.
                    let there: usize = model.iter().map(|message| message.len() + 32).sum();
                    assert!(there + message.len() + 32 > room * 16, "{there} bytes of {}", room * 16);
                }
                Err(TrySendError::TooLarge(back)) => {
                    assert!(back == message && room > 0 && message.len() + 8 > room * 16);
                }
                Err(other) => panic!("{other}"),
            }
        } else {
            assert_eq!(channel.try_recv(), model.pop_front().ok_or(TryRecvError::Empty));
        }
        assert_eq!(channel.is_empty(), model.is_empty());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, operations)) = input.split_first() else { return };
    let room = usize::from(choice >> 1);
    if choice & 1 == 0 { queue(room, operations) } else { channel(room, operations) }
});
