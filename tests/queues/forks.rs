//! Handles and forks: copies count for nothing, and work.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use procshare::{
    Channel, Process, Queue,
    queue::{RecvError, TryRecvError},
};

use crate::support::{isolated, scaled, watchdog};

#[test]
fn child_that_drops_its_copy_of_a_sender_takes_nothing_from_the_parent() {
    watchdog!(60);
    let (sender, receiver) = Queue::<u8>::bounded(4).expect("a queue").split();
    for _ in 0..3 {
        let clone = sender.clone();
        let child = Process::spawn(move || {
            clone.send(1).expect("the parent receives");
            drop(clone.clone());
            drop(clone);
        });
        child.expect("spawn").join().expect("the child");
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "the parent's sender is there");
    }
    let clone = sender.clone();
    drop(sender);
    clone.send(2).expect("a clone counts");
    drop(clone);
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(2), Err(RecvError::Disconnected)));
}

#[test]
fn child_that_was_handed_a_sender_has_one_of_its_own() {
    watchdog!(60);
    let (sender, receiver) = Channel::<String>::unbounded().expect("a channel").split();
    let (go, wait) = Queue::<()>::bounded(1).expect("a queue").split();
    let body = move |own: procshare::channel::Sender<String>| {
        wait.recv().expect("the parent");
        own.send(String::from("from the child")).expect("the parent receives");
    };
    let child = Process::spawn_with(sender, body).expect("spawn");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "the child's sender is there");
    go.send(()).expect("the child");
    assert_eq!(receiver.recv().as_deref(), Ok("from the child"));
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    child.join().expect("the child");
}

#[test]
fn queue_that_is_busy_while_a_child_is_forked_works_in_the_child() {
    isolated(240, || {
        let queue = Queue::bounded(8).expect("a queue");
        let channel = Channel::bounded(2000).expect("a channel");
        let (answers, over) = (Queue::unbounded().expect("a queue"), AtomicBool::new(false));
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    // Try and wait by turns: locks are held, and given, when a fork happens.
                    while !over.load(Relaxed) {
                        let _ = queue.try_send(0_u64);
                        let _ = queue.try_recv();
                        let _ = channel.try_send(vec![1_u8; 300]);
                        let _ = channel.try_recv();
                    }
                });
            }
            for child in 1..=scaled(60) as u64 {
                let (queue, channel, answer) = (queue.clone(), channel.clone(), answers.clone());
                let body = move || {
                    queue.send(child).expect("an open queue");
                    queue.recv().expect("an open queue");
                    channel.send(vec![2_u8; 100]).expect("an open channel");
                    channel.recv().expect("an open channel");
                    answer.send(child).expect("an open queue");
                };
                Process::spawn(body).expect("spawn").join().expect("the child");
                assert_eq!(answers.recv(), Ok(child));
            }
            over.store(true, Relaxed);
        });
    });
}
