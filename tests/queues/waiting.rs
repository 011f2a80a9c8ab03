//! Full and empty queues: who waits gets on, who does not want to gets its item back. And queues that were closed.

use std::{
    thread,
    time::{Duration, Instant},
};

use procshare::{
    Array, Channel, Process, Queue,
    queue::{
        JoinableQueue, RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError,
    },
};

use crate::support::{scaled, watchdog};

const BRIEFLY: Duration = Duration::from_millis(20);
/// Long enough that somebody who was just started waits by then, most of the time.
const A_WHILE: Duration = Duration::from_millis(50);

#[test]
fn full_queue_gives_back_what_was_to_be_sent() {
    watchdog!(60);
    let queue = Queue::bounded(2).expect("a queue");
    (1..=2).for_each(|i| queue.try_send(i).expect("room"));
    assert!(queue.is_full());
    assert_eq!(queue.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(queue.send_timeout(4, BRIEFLY), Err(TimedSendError::TimedOut(4)));
    assert_eq!(queue.send_until(5, Instant::now() + BRIEFLY), Err(TimedSendError::TimedOut(5)));
    assert_eq!(queue.send_until(6, Instant::now()), Err(TimedSendError::TimedOut(6)));
    assert_eq!(queue.send_timeout(7, Duration::ZERO).map_err(|e| e.into_inner()), Err(Some(7)));
    assert_eq!([queue.recv(), queue.recv()], [Ok(1), Ok(2)]);
    assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn full_channel_gives_back_what_was_to_be_sent() {
    watchdog!(60);
    let channel = Channel::bounded(200).expect("a channel");
    let message = |i: u64| (i, String::from("a message"), Array::from_slice(&[i; 3]).expect("an array"));
    let mut sent = 0;
    while channel.try_send(message(sent)).is_ok() {
        sent += 1;
    }
    let is_back = |back: Option<(u64, String, Array<u64>)>, i: u64| {
        let (number, text, array) = back.expect("it is given back");
        assert_eq!((number, text.as_str(), &array[..]), (i, "a message", &[i; 3][..]));
    };
    is_back(channel.try_send(message(7)).expect_err("no room").into_inner(), 7);
    is_back(channel.send_timeout(message(8), BRIEFLY).expect_err("no room").into_inner(), 8);
    is_back(channel.send_until(message(9), Instant::now() + BRIEFLY).expect_err("no room").into_inner(), 9);
    (0..sent).for_each(|i| is_back(channel.recv().ok(), i));
    assert_eq!(channel.try_recv().map(drop), Err(TryRecvError::Empty));
    assert!(sent >= 2);
}

#[test]
fn empty_queue_is_waited_for_as_long_as_was_asked() {
    watchdog!(60);
    let (queue, channel) = (Queue::<u64>::unbounded().expect("a queue"), Channel::<String>::bounded(100));
    let channel = channel.expect("a channel");
    let begun = Instant::now();
    assert_eq!(queue.recv_timeout(BRIEFLY), Err(TimedRecvError::TimedOut));
    assert_eq!(queue.recv_until(begun + 2 * BRIEFLY), Err(TimedRecvError::TimedOut));
    assert_eq!(channel.recv_timeout(BRIEFLY), Err(TimedRecvError::TimedOut));
    assert!(begun.elapsed() >= 3 * BRIEFLY);
    assert_eq!((queue.try_recv(), channel.try_recv()), (Err(TryRecvError::Empty), Err(TryRecvError::Empty)));
    assert_eq!(queue.recv_timeout(Duration::ZERO), Err(TimedRecvError::TimedOut));
}

#[test]
fn sender_that_waits_for_room_goes_on_when_there_is_some() {
    watchdog!(60);
    let queue = Queue::bounded(1).expect("a queue");
    let child = {
        let queue = queue.clone();
        Process::spawn(move || (0..10).for_each(|i| queue.send(i).expect("an open queue"))).expect("spawn")
    };
    for i in 0..10 {
        thread::sleep(Duration::from_millis(if i % 3 == 0 { 50 } else { 0 }));
        assert_eq!(queue.recv(), Ok(i));
    }
    child.join().expect("the sender");
}

#[test]
fn receiver_that_waits_for_an_item_gets_it_when_it_comes() {
    watchdog!(60);
    let (queue, channel) = (Queue::bounded(3).expect("a queue"), Channel::unbounded().expect("a channel"));
    let child = {
        let (queue, channel) = (queue.clone(), channel.clone());
        let body = move || {
            thread::sleep(A_WHILE);
            queue.send(1_u8).expect("an open queue");
            thread::sleep(A_WHILE);
            channel.send(vec![2_u8; 10_000]).expect("an open channel");
        };
        Process::spawn(body).expect("spawn")
    };
    assert_eq!(queue.recv(), Ok(1));
    assert_eq!(channel.recv(), Ok(vec![2; 10_000]));
    child.join().expect("the sender");
}

#[test]
fn closed_queue_takes_nothing_more_and_gives_what_it_has() {
    watchdog!(60);
    let (queue, channel) = (Queue::bounded(4).expect("a queue"), Channel::unbounded().expect("a channel"));
    let joinable = JoinableQueue::unbounded().expect("a queue");
    queue.send(1).expect("room");
    channel.send(String::from("one")).expect("memory");
    joinable.send(1).expect("memory");
    let child = {
        let (queue, channel, joinable) = (queue.clone(), channel.clone(), joinable.clone());
        Process::spawn(move || [queue.close(), channel.close(), joinable.close()]).expect("spawn")
    };
    assert_eq!(child.join().expect("who closes"), [true; 3]);
    assert_eq!([queue.close(), channel.close(), joinable.close()], [false; 3], "closed by the child");
    assert!(queue.is_closed() && channel.is_closed() && joinable.is_closed());
    assert_eq!(queue.send(2), Err(SendError::Closed(2)));
    assert_eq!(queue.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(queue.send_timeout(4, BRIEFLY), Err(TimedSendError::Closed(4)));
    assert_eq!(channel.send(String::from("two")), Err(SendError::Closed(String::from("two"))));
    assert_eq!(joinable.send(2), Err(SendError::Closed(2)));
    assert_eq!((queue.recv(), queue.recv()), (Ok(1), Err(RecvError::Closed)));
    assert_eq!((channel.recv().as_deref(), channel.recv()), (Ok("one"), Err(RecvError::Closed)));
    assert_eq!((joinable.recv(), joinable.recv()), (Ok(1), Err(RecvError::Closed)));
}

#[test]
fn close_wakes_all_who_wait() {
    watchdog!(120);
    for _ in 0..scaled(10) {
        let (empty, full) =
            (Queue::<u64>::unbounded().expect("a queue"), Queue::bounded(1).expect("a queue"));
        full.send(0_u64).expect("room");
        let receivers: Vec<Process<bool>> = (0..3)
            .map(|_| {
                let empty = empty.clone();
                Process::spawn(move || empty.recv() == Err(RecvError::Closed)).expect("spawn")
            })
            .collect();
        let senders: Vec<Process<bool>> = (0..3)
            .map(|i| {
                let full = full.clone();
                Process::spawn(move || full.send(i) == Err(SendError::Closed(i))).expect("spawn")
            })
            .collect();
        thread::sleep(Duration::from_millis(10));
        assert!(empty.close() && full.close());
        for waiter in receivers.into_iter().chain(senders) {
            assert!(waiter.join().expect("who waited"), "it was told something else");
        }
    }
}
