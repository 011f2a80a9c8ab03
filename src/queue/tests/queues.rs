//! Queues of plain values, in one process and in several.

use std::time::Duration;

use crate::algo::End;
use crate::queue::attendance::Store;
use crate::queue::{
    JoinError, JoinableQueue, RecvError, SendError, TimedRecvError, TryRecvError, TrySendError,
};
use crate::shim::Ordering::Relaxed;
use crate::{Process, Queue};

#[test]
fn values_come_out_in_the_order_in_which_they_went_in() {
    for queue in [Queue::bounded(100).unwrap(), Queue::unbounded().unwrap()] {
        (0..100_u64).for_each(|i| queue.send(i).unwrap());
        assert_eq!(queue.len(), 100);
        assert!((0..100).all(|i| queue.recv() == Ok(i)));
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
    }
}

#[test]
fn full_queue_gives_the_value_back() {
    let queue = Queue::bounded(3).unwrap();
    (0..3).for_each(|i| queue.send(i).unwrap());
    assert!(queue.is_full());
    assert_eq!(queue.try_send(7), Err(TrySendError::Full(7)));
    assert_eq!(queue.recv(), Ok(0));
    queue.try_send(8).unwrap();
}

#[test]
fn unbounded_queue_crosses_many_segments() {
    let queue = Queue::unbounded().unwrap();
    (0..200_000_u64).for_each(|i| queue.send(i).unwrap());
    assert!((0..200_000).all(|i| queue.recv() == Ok(i)));
}

#[test]
fn children_send_and_the_parent_receives_after_joining() {
    let queue = Queue::unbounded().unwrap();
    let children: Vec<_> = (0..3_u64)
        .map(|child| {
            let queue = queue.clone();
            Process::spawn(move || (0..10_000).for_each(|i| queue.send(child << 32 | i).unwrap())).unwrap()
        })
        .collect();
    children.into_iter().for_each(|child| child.join().unwrap());
    assert_eq!(queue.len(), 30_000);
    let mut next = [0; 3];
    for _ in 0..30_000 {
        let value = queue.recv().unwrap();
        assert_eq!(value & 0xffff_ffff, next[(value >> 32) as usize]);
        next[(value >> 32) as usize] += 1;
    }
}

#[test]
fn receiver_learns_that_no_sender_is_left() {
    let (sender, receiver) = Queue::bounded(4).unwrap().split();
    let child = Process::spawn(move || (0..100).for_each(|i| sender.send(i).unwrap())).unwrap();
    assert_eq!(receiver.iter().sum::<i32>(), 4950);
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    child.join().unwrap();
}

#[test]
fn sender_learns_that_the_receiver_was_killed() {
    let (sender, receiver) = Queue::bounded(2).unwrap().split();
    let child = Process::spawn(move || -> () {
        assert_eq!(receiver.recv(), Ok(1));
        loop {
            std::thread::park();
        }
    })
    .unwrap();
    for i in 1..=3 {
        sender.send(i).unwrap();
    }
    std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            child.kill().unwrap();
            let _ = child.join();
        });
        assert_eq!(sender.send(4), Err(SendError::Disconnected(4)));
    });
}

#[test]
fn closed_queue_is_drained() {
    let queue = Queue::bounded(4).unwrap();
    queue.send(1).unwrap();
    assert!(queue.close());
    assert!(!queue.close());
    assert_eq!(queue.send(2), Err(SendError::Closed(2)));
    assert_eq!(queue.recv(), Ok(1));
    assert_eq!(queue.recv(), Err(RecvError::Closed));
    assert_eq!(queue.recv_timeout(Duration::from_secs(1)), Err(TimedRecvError::Closed));
}

#[test]
fn join_tells_of_a_worker_that_died_with_a_value() {
    let queue = JoinableQueue::unbounded().unwrap();
    (0..3).for_each(|i| queue.send(i).unwrap());
    let worker = Process::spawn({
        let queue = queue.clone();
        move || {
            queue.recv().unwrap();
            queue.task_done().unwrap();
            assert!(queue.task_done().is_err());
            queue.recv().unwrap();
            std::process::abort()
        }
    });
    let _: Result<(), _> = worker.unwrap().join();
    assert_eq!(queue.join(), Err(JoinError::WorkerDied { items: 1 }));
    queue.recv().unwrap();
    assert_eq!(queue.join_timeout(Duration::from_millis(10)), Err(JoinError::TimedOut { unfinished: 1 }));
    queue.task_done().unwrap();
    queue.join().unwrap();
}

#[test]
fn items_of_no_size_are_counted() {
    for queue in [Queue::bounded(1000).unwrap(), Queue::unbounded().unwrap()] {
        (0..1000).for_each(|_| queue.send(()).unwrap());
        assert_eq!(queue.len(), 1000);
        (0..1000).for_each(|_| queue.recv().unwrap());
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
    }
}

#[test]
fn segment_made_of_memory_that_a_dead_receiver_freed_is_another_one() {
    let queue = Queue::unbounded().unwrap();
    (0..200_000_u64).for_each(|i| queue.send(i).unwrap());
    assert_eq!(queue.recv(), Ok(0));
    let words = queue.slots().conduit().bearing().fifo();
    let live = words.place(End::Send)[0].load(Relaxed);
    // As a receiver leaves it that is killed right after it freed a segment, of which a sender has then made this one. Whatever its tag.
    for tag in 0..=u64::from(u16::MAX) {
        words.place(End::Receive)[1].store(tag << 48 | live, Relaxed);
        assert_eq!(queue.recv(), Ok(tag + 1));
    }
    queue.send(200_000).unwrap();
    assert!((65_537..=200_000).all(|i| queue.recv() == Ok(i)));
}
