//! Lanes whose processes die, or fork.

use std::time::Duration;

use crate::process::{Process, scope};
use crate::queue::spsc::{ClaimError, RecvError, Ring, SendError, TryRecvError, TrySendError, ring};
use crate::sync::tests::{SPAWNED, Watchdog, sleep_for_ever, stage, wait_until};

#[test]
fn items_reach_a_child_and_come_back() {
    let _watchdog = Watchdog::start();
    let (mut there, mut inbox) = ring::<u64>(8).unwrap();
    let (mut outbox, mut back) = ring::<u64>(8).unwrap();
    let child = Process::spawn(move || {
        for number in &mut inbox {
            outbox.send(number * 2).unwrap();
        }
    })
    .unwrap();
    for number in 0..1000 {
        there.send(number).unwrap();
        assert_eq!(back.recv(), Ok(number * 2));
    }
    drop(there);
    assert_eq!(back.recv(), Err(RecvError::Disconnected));
    child.join().unwrap();
}

#[test]
fn consumer_gets_all_that_a_killed_producer_sent() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = ring::<u32>(8).unwrap();
    let sent = stage();
    let child = Process::spawn({
        let sent = sent.clone();
        move || -> () {
            for item in 0..5 {
                producer.send(item).unwrap();
            }
            sent.set(SPAWNED);
            sleep_for_ever()
        }
    })
    .unwrap();
    wait_until(|| sent.get() == SPAWNED);
    child.kill().unwrap();
    for item in 0..5 {
        assert_eq!(consumer.recv(), Ok(item));
    }
    assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
    assert_eq!(consumer.try_recv(), Err(TryRecvError::Disconnected));
    assert!(child.join().is_err());
}

#[test]
fn consumer_that_only_polls_learns_of_a_death() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = ring::<u32>(8).unwrap();
    let child = Process::spawn(move || -> () {
        producer.send(1).unwrap();
        sleep_for_ever()
    })
    .unwrap();
    assert_eq!(consumer.recv(), Ok(1));
    child.kill().unwrap();
    wait_until(|| consumer.try_recv() == Err(TryRecvError::Disconnected));
    assert!(child.join().is_err());
}

#[test]
fn producer_that_waits_for_room_learns_that_the_consumer_was_killed() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = ring::<u32>(1).unwrap();
    let child = Process::spawn(move || -> () {
        assert_eq!(consumer.recv(), Ok(0));
        sleep_for_ever()
    })
    .unwrap();
    producer.send(0).unwrap();
    producer.send(1).unwrap();
    child.kill().unwrap();
    assert_eq!(producer.send(2), Err(SendError::Disconnected(2)));
    assert!(child.join().is_err());
    assert_eq!(producer.try_send(3), Err(TrySendError::Disconnected(3)));
}

#[test]
fn end_of_a_dead_process_is_claimed_with_what_is_in_the_lane() {
    let _watchdog = Watchdog::start();
    let lane = Ring::<u32>::new(8).unwrap();
    let mut producer = lane.producer().unwrap();
    for item in 0..4 {
        producer.send(item).unwrap();
    }
    let done = stage();
    let child = Process::spawn({
        let (lane, done) = (lane.clone(), done.clone());
        move || -> () {
            let mut consumer = lane.consumer().unwrap();
            assert_eq!([consumer.recv(), consumer.recv()], [Ok(0), Ok(1)]);
            assert_eq!(&*consumer.peek(1).unwrap(), [2]);
            done.set(SPAWNED);
            sleep_for_ever()
        }
    })
    .unwrap();
    wait_until(|| done.get() == SPAWNED);
    assert_eq!(lane.consumer().unwrap_err(), ClaimError::Taken { pid: child.pid() });
    child.kill().unwrap();
    let mut consumer = None;
    wait_until(|| {
        consumer = lane.consumer().ok();
        consumer.is_some()
    });
    let mut consumer = consumer.unwrap();
    producer.send(4).unwrap();
    assert_eq!([consumer.recv(), consumer.recv(), consumer.recv()], [Ok(2), Ok(3), Ok(4)]);
    assert!(child.join().is_err());
}

#[test]
fn end_that_a_child_used_is_no_longer_its_parents() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = ring::<u32>(8).unwrap();
    producer.send(1).unwrap();
    scope(|scope| scope.spawn(|| producer.send(2).unwrap()).map(drop)).unwrap().unwrap();
    assert_eq!([consumer.recv(), consumer.recv()], [Ok(1), Ok(2)]);
    assert_eq!(producer.send(3), Err(SendError::TakenOver(3)));
    assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
}

#[test]
fn end_that_a_child_did_not_use_stays_its_parents() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = ring::<u32>(8).unwrap();
    producer.send(1).unwrap();
    for item in 2..5 {
        Process::spawn(|| ()).unwrap().join().unwrap();
        producer.send(item).unwrap();
    }
    drop(producer);
    assert_eq!(consumer.iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn end_that_a_child_never_came_to_use_is_dropped_with_it() {
    let _watchdog = Watchdog::start();
    let (producer, mut consumer) = ring::<u32>(8).unwrap();
    let child = Process::spawn(move || -> () {
        let _kept = producer;
        sleep_for_ever()
    })
    .unwrap();
    assert_eq!(consumer.try_recv(), Err(TryRecvError::Empty));
    child.kill().unwrap();
    assert_eq!(
        consumer.recv_timeout(Duration::from_secs(60)),
        Err(crate::queue::spsc::TimedRecvError::Disconnected)
    );
    assert!(child.join().is_err());
}

#[test]
fn reservation_across_a_fork_is_committed_once() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = ring::<u32>(8).unwrap();
    let mut reserved = producer.reserve(2).unwrap();
    reserved[0] = 1;
    Process::spawn(|| ()).unwrap().join().unwrap();
    reserved[1] = 2;
    reserved.commit();
    drop(producer);
    assert_eq!(consumer.iter().collect::<Vec<_>>(), [1, 2]);
}
