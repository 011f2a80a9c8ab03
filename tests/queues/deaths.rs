//! Producers and consumers that are killed: while they wait, with an item in hand, in the middle of a large one, all of them.

use std::{
    thread,
    time::{Duration, Instant},
};

use procshare::{
    Channel, Process, Queue, Value, arena,
    queue::{
        JoinError, JoinableQueue, RecvError, SendError, TimedRecvError, TooManyDone, TryRecvError,
        TrySendError,
    },
};

use crate::support::{Random, isolated, os, scaled, wait_until, watchdog};

/// Long enough that who was just started sleeps in the queue by then, most of the time.
const A_WHILE: Duration = Duration::from_millis(50);

/// Kills a process and waits for its end.
fn kill<R: procshare::Message>(process: Process<R>) {
    process.kill().expect("kill");
    assert!(process.join().is_err(), "it was killed");
}

/// Starts a process that lives until it is killed.
fn start(body: impl FnOnce() + Send + 'static) -> Process<()> {
    let body = move || -> () {
        body();
        os::sleep_for_ever()
    };
    Process::spawn(body).expect("spawn")
}

/// Consumers that wait for items are killed one by one; those that are left get all that is sent. `recv` receives one item and counts it.
fn others_go_on(recv: impl Fn() + Clone + Send + 'static, send: impl Fn(u64), counted: &Value<u64>) {
    let begin = || {
        let recv = recv.clone();
        start(move || {
            loop {
                recv();
            }
        })
    };
    let mut consumers: Vec<Process<()>> = (0..3).map(|_| begin()).collect();
    let mut sent = 0;
    for round in 0..scaled(10) {
        thread::sleep(if round == 0 { A_WHILE } else { Duration::from_millis(5) });
        // All items are counted, so nobody has one in hand: they wait.
        kill(consumers.remove(round % 3));
        for _ in 0..30 {
            send(sent);
            sent += 1;
        }
        wait_until(|| counted.get() == sent);
        consumers.push(begin());
    }
    consumers.into_iter().for_each(kill);
}

#[test]
fn consumer_killed_while_it_waits_at_a_queue_leaves_it_to_the_others() {
    watchdog!(120);
    for queue in [Queue::bounded(4).expect("a queue"), Queue::unbounded().expect("a queue")] {
        let (own, counted) = (queue.clone(), Value::new(0_u64).expect("8 bytes"));
        let count = counted.clone();
        let recv = move || {
            own.recv().expect("an open queue");
            count.fetch_add(1);
        };
        others_go_on(recv, |i| queue.send(i).expect("an open queue"), &counted);
        assert!(queue.is_empty());
    }
}

#[test]
fn consumer_killed_while_it_waits_at_a_channel_leaves_it_to_the_others() {
    watchdog!(120);
    let channel = Channel::bounded(10_000).expect("a channel");
    let (own, counted) = (channel.clone(), Value::new(0_u64).expect("8 bytes"));
    let count = counted.clone();
    let recv = move || {
        own.recv().expect("an open channel");
        count.fetch_add(1);
    };
    let send = |i: u64| channel.send(vec![i as u8; i as usize % 7 * 1000]).expect("an open channel");
    others_go_on(recv, send, &counted);
    assert!(channel.is_empty());
}

#[test]
fn producer_killed_while_it_waits_for_room_leaves_it_to_the_others() {
    watchdog!(120);
    let queue = Queue::bounded(1).expect("a queue");
    queue.send(0_u64).expect("room");
    for round in 1..=scaled(10) as u64 {
        let doomed = {
            let queue = queue.clone();
            start(move || queue.send(u64::MAX).expect("an open queue"))
        };
        let other = {
            let queue = queue.clone();
            Process::spawn(move || queue.send(round).expect("an open queue")).expect("spawn")
        };
        thread::sleep(Duration::from_millis(10));
        kill(doomed);
        assert_eq!(queue.recv(), Ok(round - 1));
        other.join().expect("the other one");
    }
    assert_eq!(queue.len(), 1);
}

#[test]
fn item_in_the_hands_of_a_killed_consumer_is_the_only_one_gone() {
    watchdog!(60);
    let (queue, has) = (Queue::unbounded().expect("a queue"), Value::new(u64::MAX).expect("8 bytes"));
    (0..100_u64).for_each(|i| queue.send(i).expect("memory"));
    let consumer = {
        let (queue, has) = (queue.clone(), has.clone());
        start(move || has.set(queue.recv().expect("an open queue")))
    };
    wait_until(|| has.get() != u64::MAX);
    kill(consumer);
    let rest: Vec<u64> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
    assert_eq!((has.get(), rest), (0, (1..100).collect()));
}

#[test]
fn item_in_the_hands_of_a_killed_worker_is_counted() {
    watchdog!(60);
    let (jobs, has) = (JoinableQueue::unbounded().expect("a queue"), Value::new(0_u32).expect("4 bytes"));
    (0..20_u64).for_each(|i| jobs.send(i).expect("memory"));
    let worker = {
        let (jobs, has) = (jobs.clone(), has.clone());
        start(move || {
            for done in 0..5 {
                jobs.recv().expect("an open queue");
                if done < 2 {
                    jobs.task_done().expect("one in hand");
                }
            }
            has.set(1);
        })
    };
    wait_until(|| has.get() == 1);
    assert_eq!(jobs.unfinished(), 18);
    assert_eq!(
        jobs.join_timeout(Duration::from_millis(20)),
        Err(JoinError::TimedOut { unfinished: 18 }),
        "it lives"
    );
    // Not joined yet: who waits finds out by itself.
    worker.kill().expect("kill");
    let healthy = {
        let jobs = jobs.clone();
        let body = move || {
            let mut count = 0;
            while jobs.recv().is_ok() {
                jobs.task_done().expect("one in hand");
                count += 1;
            }
            (count, jobs.task_done())
        };
        Process::spawn(move || body().0).expect("spawn")
    };
    assert_eq!(jobs.join(), Err(JoinError::WorkerDied { items: 3 }));
    assert_eq!(jobs.join(), Ok(()), "said once");
    assert_eq!(jobs.task_done(), Err(TooManyDone));
    assert!(worker.join().is_err());
    jobs.close();
    assert_eq!(healthy.join().expect("a worker"), 15);
}

#[test]
fn producer_killed_in_the_middle_of_a_large_record_sends_none() {
    const LARGE: usize = 64 << 20;
    isolated(300, || {
        let mut random = Random::seeded(40);
        let (mut whole, mut none) = (0, 0);
        for bounded in [true, false] {
            let channel = if bounded { Channel::bounded(LARGE + 100) } else { Channel::unbounded() };
            let channel = channel.expect("a channel");
            let begun = Value::new(0_u32).expect("4 bytes");
            let before = arena::check().expect("a sound arena").used;
            let time = {
                let (record, begun) = (vec![7_u8; LARGE], Instant::now());
                channel.send(record).expect("an open channel");
                begun.elapsed().as_micros() as u64
            };
            assert_eq!(channel.recv_with(<[u8]>::len), Ok(LARGE));
            for round in 0..scaled(12) {
                begun.set(0);
                let producer = {
                    let (channel, begun) = (channel.clone(), begun.clone());
                    start(move || {
                        let record = vec![7_u8; LARGE];
                        begun.set(1);
                        channel.send(record).expect("an open channel");
                    })
                };
                wait_until(|| begun.get() == 1);
                thread::sleep(Duration::from_micros(random.below(2 * time)));
                if round % 2 == 0 {
                    kill(producer);
                } else {
                    producer.kill().expect("kill"); // dead or about to be, and joined later
                }
                match channel.recv_with_timeout(Duration::from_millis(50), |bytes| {
                    bytes.len() == LARGE && bytes.iter().step_by(997).all(|byte| *byte == 7)
                }) {
                    Ok(is_whole) => {
                        assert!(is_whole, "half a record was received");
                        whole += 1;
                    }
                    Err(error) => {
                        assert_eq!(error, TimedRecvError::TimedOut);
                        none += 1;
                    }
                }
                let other = {
                    let channel = channel.clone();
                    Process::spawn(move || channel.send(vec![9; 10]).expect("an open channel"))
                };
                other.expect("spawn").join().expect("another producer");
                assert_eq!(channel.recv(), Ok(vec![9; 10]));
            }
            let now = arena::check().expect("a sound arena").used;
            assert!(
                now < before + LARGE as u64 / 2,
                "the records of the dead are kept: {now}, {before} before"
            );
        }
        crate::support::measured(&format!("large records of killed producers: {whole} sent, {none} not"));
    });
}

#[test]
fn receiver_gets_what_dead_producers_sent_and_then_an_error() {
    watchdog!(60);
    let (sender, receiver) = Queue::bounded(5).expect("a queue").split();
    let producers: Vec<Process<()>> = (0..3_u64)
        .map(|producer| {
            let sender = sender.clone();
            start(move || {
                for i in 0_u64.. {
                    sender.send(producer << 32 | i).expect("a receiver");
                }
            })
        })
        .collect();
    drop(sender);
    wait_until(|| receiver.is_full());
    producers.into_iter().for_each(kill);
    assert_eq!(receiver.iter().count(), 5);
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(receiver.recv_timeout(A_WHILE), Err(TimedRecvError::Disconnected));
}

#[test]
fn receiver_that_waits_learns_that_the_last_producer_was_killed() {
    watchdog!(60);
    let (sender, receiver) = Channel::<String>::unbounded().expect("a channel").split();
    let producers: Vec<Process<()>> = (0..2)
        .map(|_| {
            let sender = sender.clone();
            start(move || sender.send(String::from("one")).expect("a receiver"))
        })
        .collect();
    drop(sender);
    let killer = thread::spawn(move || {
        thread::sleep(A_WHILE);
        producers.iter().for_each(|producer| producer.kill().expect("kill"));
        thread::sleep(A_WHILE);
        producers.into_iter().for_each(|producer| assert!(producer.join().is_err()));
    });
    assert_eq!([receiver.recv(), receiver.recv()], [Ok(String::from("one")), Ok(String::from("one"))]);
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    killer.join().expect("the killer");
}

#[test]
fn sender_gets_its_item_back_when_all_consumers_are_dead() {
    watchdog!(60);
    let (sender, receiver) = Queue::bounded(3).expect("a queue").split();
    let consumers: Vec<Process<()>> = (0..3)
        .map(|_| {
            let receiver = receiver.clone();
            start(move || assert!(receiver.recv().is_ok()))
        })
        .collect();
    drop(receiver);
    (0..6).for_each(|i| sender.send(i).expect("receivers live"));
    assert_eq!(sender.try_send(6), Err(TrySendError::Full(6)));
    let killer = thread::spawn(move || {
        thread::sleep(A_WHILE);
        consumers.into_iter().for_each(kill);
    });
    assert_eq!(sender.send(7), Err(SendError::Disconnected(7)));
    killer.join().expect("the killer");
    assert_eq!(sender.try_send(8), Err(TrySendError::Disconnected(8)));
}
