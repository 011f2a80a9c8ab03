//! Handles in arguments and results, made after the pool: shared or given away, never copied.

use std::sync::OnceLock;

use procshare::{
    Array, Channel, Frozen, Pool, Queue, Value, arena,
    channel::Sender as ChannelSender,
    pool::TaskFailure,
    queue::{RecvError, Sender, TryRecvError},
    sync::{Barrier, Event, Mutex},
};

use super::leaving::leaving_nothing;
use crate::support::{isolated, os, watchdog};

#[test]
fn array_is_given_away_and_comes_back_without_a_copy() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let mut array = Array::from_fn(100_000, |at| at as u64).expect("an array");
            pool.submit(|()| (), ()).expect("submit").get().expect("a task, for which the pool makes room");
            let (address, used) = (array.as_ptr(), arena::stats().used);
            for round in 0..20 {
                let add = |mut array: Array<u64>| {
                    array.iter_mut().for_each(|element| *element += 1);
                    array
                };
                array = pool.submit(add, array).expect("submit").get().expect("the array");
                assert_eq!((array[99_999], array.as_ptr()), (100_000 + round, address));
            }
            assert!(arena::stats().used < used + 100_000, "a copy is left");
        });
    });
}

#[test]
fn handles_that_were_made_after_the_pool_are_shared_by_its_tasks() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let value = Value::new(0_u64).expect("8 bytes");
    let total = Mutex::new(0_u64).expect("a mutex");
    let frozen = Array::from_fn(100, |at| at as u64).expect("an array").freeze();
    let queue = Queue::<u64>::unbounded().expect("a queue");
    let done = Event::new().expect("an event");
    let both = Barrier::new(2).expect("a barrier");
    type All = ((Value<u64>, Mutex<u64>, Frozen<u64>), (Queue<u64>, Event, Barrier));
    let work = |((value, total, frozen), (queue, done, both)): All| {
        value.fetch_add(1);
        *total.lock().expect("no panic") += frozen.iter().sum::<u64>();
        queue.send(7).expect("an open queue");
        both.wait().expect("two workers");
        done.set();
        frozen.as_ptr() as usize as u64
    };
    let all = || {
        let shared = (value.clone(), total.clone(), frozen.clone());
        (shared, (queue.clone(), done.clone(), both.clone()))
    };
    let tasks = [(); 2].map(|()| pool.submit(work, all()).expect("submit"));
    done.wait();
    for task in tasks {
        assert_eq!(task.get(), Ok(frozen.as_ptr() as usize as u64), "not where it is here");
    }
    assert_eq!((value.get(), *total.lock().expect("no panic")), (2, 2 * 4950));
    assert_eq!([queue.recv(), queue.recv()], [Ok(7), Ok(7)]);
}

#[test]
fn receiver_sees_that_the_task_with_the_last_sender_is_done() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let (sender, receiver) = Queue::<u64>::bounded(4).expect("a queue").split();
    let send = |sender: Sender<u64>| (0..100).for_each(|n| sender.send(n).expect("a receiver"));
    let task = pool.submit(send, sender).expect("submit");
    assert!((0..100).all(|n| receiver.recv() == Ok(n)));
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    assert_eq!(task.get(), Ok(()));
    let (sender, receiver) = Channel::<String>::unbounded().expect("a channel").split();
    let fail = |sender: ChannelSender<String>| {
        sender.send(String::from("and then")).expect("a receiver");
        os::raise(libc::SIGKILL);
    };
    let task = pool.submit(fail, sender).expect("submit");
    assert_eq!(receiver.recv().as_deref(), Ok("and then"));
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    assert!(matches!(task.get(), Err(TaskFailure::WorkerDied { .. })));
}

#[test]
fn result_brings_handles_home() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            type Handles = (Value<u64>, Vec<Array<u8>>, Option<Mutex<u32>>, Frozen<u16>);
            let make = |n: u64| -> Handles {
                let arrays = (0..n).map(|n| Array::from_slice(&[n as u8; 1000]).expect("an array"));
                let frozen = Array::from_slice(&[n as u16; 3]).expect("an array").freeze();
                (Value::new(n).expect("8 bytes"), arrays.collect(), Mutex::new(n as u32).ok(), frozen)
            };
            for n in 0..20 {
                let task = pool.submit(make, n).expect("submit");
                let (value, arrays, mutex, frozen) = task.get().expect("handles");
                assert_eq!((value.get(), arrays.len() as u64, frozen[2]), (n, n, n as u16));
                assert!((0..).zip(&arrays).all(|(n, array)| array[999] == n as u8));
                let mutex = mutex.expect("a mutex");
                assert_eq!(*mutex.lock().expect("no panic"), n as u32);
                drop(pool.submit(make, n).expect("submit"));
            }
        });
    });
}

#[test]
fn sender_in_a_result_counts_until_it_is_dropped() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let (sender, receiver) = Queue::<u64>::bounded(4).expect("a queue").split();
    let task = pool.submit(|sender: Sender<u64>| sender, sender).expect("submit");
    let sender = task.get().expect("the sender");
    // Another task, so that the first one is over and done with.
    pool.submit(|()| (), ()).expect("submit").get().expect("a task");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.send(3).expect("a receiver");
    drop(sender);
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(3), Err(RecvError::Disconnected)));
    let make = |()| {
        let (sender, receiver) = Queue::<u64>::bounded(4).expect("a queue").split();
        sender.send(8).expect("a receiver");
        (sender, receiver)
    };
    let (sender, receiver) = pool.submit(make, ()).expect("submit").get().expect("both ends");
    assert_eq!(receiver.recv(), Ok(8));
    drop(sender);
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    let (sender, receiver) = Queue::<u64>::bounded(4).expect("a queue").split();
    let unread = pool.submit(|sender: Sender<u64>| sender, sender).expect("submit");
    assert!(unread.wait(std::time::Duration::from_secs(60)));
    drop(unread);
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected), "nobody took the result");
}

static KEPT: OnceLock<Value<u64>> = OnceLock::new();

#[test]
fn worker_keeps_a_handle_of_an_earlier_task() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let value = Value::new(1_u64).expect("8 bytes");
            let keep = |value: Value<u64>| KEPT.set(value).is_ok();
            assert_eq!(pool.submit(keep, value.clone()).expect("submit").get(), Ok(true));
            let read = |()| KEPT.get().map(|value| value.fetch_add(1));
            assert_eq!(pool.submit(read, ()).expect("submit").get(), Ok(Some(1)));
            assert_eq!(value.get(), 2);
            drop(value);
            assert_eq!(pool.submit(read, ()).expect("submit").get(), Ok(Some(2)));
            pool.submit(|()| os::raise(libc::SIGKILL), ()).expect("submit").get().expect_err("it was killed");
            assert_eq!(pool.submit(read, ()).expect("submit").get(), Ok(None), "another worker");
            assert!(KEPT.get().is_none());
        });
    });
}
