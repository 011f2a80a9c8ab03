//! Waiting for several queues at once, and by a descriptor.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::queue::{
    Readiness, RecvError, TimedRecvError, TryRecvError, ready_any, recv_any, recv_any_timeout, try_recv_any,
};
use crate::{Channel, Process, Queue, Value};

#[test]
fn whoever_has_something_is_received_from() {
    let queues: Vec<_> = (0..5).map(|_| Queue::<u32>::unbounded().unwrap()).collect();
    let all: Vec<_> = queues.iter().collect();
    assert_eq!(try_recv_any(&all), Err(TryRecvError::Empty));
    queues[3].send(7).unwrap();
    assert_eq!(recv_any(&all), Ok((3, 7)));
    let timeout = recv_any_timeout(&all, Duration::from_millis(30));
    assert_eq!(timeout, Err(TimedRecvError::TimedOut));
}

#[test]
fn sleeper_on_many_is_woken_by_any() {
    let ends: Vec<_> = (0..4).map(|_| Queue::<usize>::bounded(2).unwrap().split()).collect();
    let (senders, receivers): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let received = Value::new(0_usize).unwrap();
    let child = Process::spawn({
        let received = received.clone();
        move || {
            for round in 0..40 {
                // One at a time, however late the other one is; and mostly when that one sleeps.
                while received.get() != round {
                    std::thread::sleep(Duration::from_micros(100));
                }
                std::thread::sleep(Duration::from_millis(1));
                senders[round % 4].send(round).unwrap();
            }
        }
    })
    .unwrap();
    let all: Vec<_> = receivers.iter().collect();
    for round in 0..40 {
        assert_eq!(recv_any(&all), Ok((round % 4, round)));
        received.set(round + 1);
    }
    assert_eq!(recv_any(&all), Err(RecvError::Disconnected));
    child.join().unwrap();
}

#[test]
fn full_queues_take_turns() {
    let (a, b) = (Queue::bounded(50).unwrap(), Queue::bounded(50).unwrap());
    for _ in 0..50 {
        a.send(0).unwrap();
        b.send(1).unwrap();
    }
    let ones: i32 = (0..50).map(|_| recv_any(&[&a, &b]).unwrap().1).sum();
    assert!((10..=40).contains(&ones), "{ones}");
}

#[test]
fn kinds_may_differ_when_only_readiness_is_asked_for() {
    let (numbers, texts) = (Queue::<u64>::unbounded().unwrap(), Channel::<String>::unbounded().unwrap());
    let soon = || Some(Instant::now() + Duration::from_millis(20));
    assert_eq!(ready_any(&[&numbers, &texts], soon()), None);
    texts.send("x".into()).unwrap();
    assert_eq!(ready_any(&[&numbers, &texts], None), Some(1));
    texts.recv().unwrap();
    numbers.close();
    assert_eq!(ready_any(&[&numbers, &texts], None), Some(0), "it is over: so its verb says");
    assert_eq!(ready_any(&[], soon()), None);
}

#[test]
fn descriptor_is_readable_when_there_is_something() {
    let readable = |readiness: &Readiness, milliseconds| {
        let watch = crate::sys::Watch::new().unwrap();
        watch.add(readiness.as_fd(), 1).unwrap();
        watch.wait(&mut [0], Duration::from_millis(milliseconds)).unwrap() == 1
    };
    let (sender, receiver) = Queue::bounded(4).unwrap().split();
    let readiness = Readiness::of(&receiver).unwrap();
    assert!(!readable(&readiness, 20));
    let child = Process::spawn_with(sender, |sender| {
        sender.send(1).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        sender.send(2).unwrap();
    })
    .unwrap();
    for value in 1..=2 {
        assert!(readable(&readiness, 10_000));
        assert_eq!(receiver.try_recv(), Ok(value));
        readiness.rearm();
    }
    child.join().unwrap();
    assert!(readable(&readiness, 10_000), "it is over");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    drop(readiness); // the thread ends
}
