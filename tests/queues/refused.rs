//! Unbounded queues in an arena that is full.

use procshare::{
    Channel, Queue, arena,
    queue::{SendError, TryRecvError},
};

use crate::support::isolated;

/// An arena of a few megabytes.
fn small_arena() {
    arena::Builder::new().capacity(8 << 20).participants(8).build().expect("nobody used the arena before");
}

#[test]
fn queue_that_is_refused_memory_gives_the_item_back_and_goes_on() {
    isolated(120, || {
        small_arena();
        let queue = Queue::unbounded().expect("a queue");
        let (mut next, mut first) = (0_u64, 0_u64);
        for round in 0..5 {
            let refused = loop {
                match queue.send(next) {
                    Ok(()) => next += 1,
                    Err(error) => break error,
                }
            };
            assert!(matches!(refused, SendError::Refused { value, .. } if value == next), "{refused}");
            assert_eq!(queue.len() as u64, next - first, "in round {round}");
            assert!(next - first > 10_000, "{} items in round {round}", next - first);
            // Some, then all.
            let target = if round % 2 == 0 { next - 1000 } else { next };
            while first < target {
                assert_eq!(queue.recv(), Ok(first));
                first += 1;
            }
        }
        while first < next {
            assert_eq!(queue.recv(), Ok(first));
            first += 1;
        }
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn channel_that_is_refused_memory_gives_the_message_back_and_goes_on() {
    isolated(120, || {
        small_arena();
        let channel = Channel::unbounded().expect("a channel");
        let message = |i: u64| vec![i; if i.is_multiple_of(3) { 10_000 } else { 300 }];
        let (mut next, mut first) = (0_u64, 0_u64);
        for _ in 0..5 {
            let refused = loop {
                match channel.send(message(next)) {
                    Ok(()) => next += 1,
                    Err(error) => break error,
                }
            };
            match refused {
                SendError::Refused { value, .. } => assert!(value == message(next), "another one came back"),
                other => panic!("{other}"),
            }
            assert!(next - first > 50, "{} messages", next - first);
            let target = next - (next - first) / 3;
            while first < target {
                assert!(channel.recv() == Ok(message(first)));
                first += 1;
            }
        }
        while first < next {
            assert!(channel.recv() == Ok(message(first)));
            first += 1;
        }
        assert_eq!(channel.try_recv().map(drop), Err(TryRecvError::Empty));
    });
}
