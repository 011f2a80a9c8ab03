//! Each item once, in the order of its sender; and a queue says how many are in it.

use procshare::{Channel, Process, Queue};

use crate::support::{scaled, watchdog};

const PRODUCERS: u64 = 4;
const CONSUMERS: usize = 4;

/// Items of each producer.
fn items() -> u64 {
    scaled(if cfg!(debug_assertions) { 20_000 } else { 100_000 }) as u64
}

/// What `producer` sends as its item number `i`.
fn item(producer: u64, i: u64) -> u64 {
    producer << 40 | i
}

/// Runs `produce`, which sends the items of one producer, and `consume`, which receives until it is over, in processes; and holds what
/// was received against what was sent.
fn each_once_and_in_order(
    produce: impl Fn(u64) + Clone + Send + 'static,
    consume: impl Fn() -> Vec<u64> + Clone + Send + 'static,
) {
    let consumers: Vec<Process<Vec<u64>>> =
        (0..CONSUMERS).map(|_| Process::spawn(consume.clone()).expect("spawn")).collect();
    drop(consume);
    let start = |producer| {
        let produce = produce.clone();
        Process::spawn(move || produce(producer)).expect("spawn")
    };
    let producers: Vec<Process<()>> = (0..PRODUCERS).map(start).collect();
    drop(produce);
    producers.into_iter().for_each(|producer| producer.join().expect("a producer"));
    let mut all = Vec::new();
    for consumer in consumers {
        let received = consumer.join().expect("a consumer");
        for producer in 0..PRODUCERS {
            let own: Vec<u64> = received.iter().copied().filter(|item| item >> 40 == producer).collect();
            assert!(own.is_sorted(), "what producer {producer} sent came out of order");
        }
        all.extend(received);
    }
    all.sort_unstable();
    let sent = (0..PRODUCERS).flat_map(|producer| (0..items()).map(move |i| item(producer, i)));
    assert!(all.iter().copied().eq(sent), "{} of {} items", all.len(), PRODUCERS * items());
}

/// A queue, item by item.
fn of_a_queue(queue: Queue<u64>) {
    let (sender, receiver) = queue.split();
    each_once_and_in_order(
        move |producer| (0..items()).for_each(|i| sender.send(item(producer, i)).expect("receivers live")),
        move || receiver.iter().collect(),
    );
}

#[test]
fn four_producers_and_four_consumers_share_a_small_queue() {
    watchdog!(300);
    of_a_queue(Queue::bounded(7).expect("a queue"));
}

#[test]
fn four_producers_and_four_consumers_share_an_unbounded_queue() {
    watchdog!(300);
    of_a_queue(Queue::unbounded().expect("a queue"));
}

#[test]
fn batches_of_several_producers_arrive_whole_and_in_order() {
    watchdog!(300);
    let (sender, receiver) = Queue::bounded(100).expect("a queue").split();
    each_once_and_in_order(
        move |producer| {
            let all: Vec<u64> = (0..items()).map(|i| item(producer, i)).collect();
            all.chunks(37).for_each(|chunk| sender.send_slice(chunk).expect("receivers live"));
        },
        move || {
            let (mut all, mut some) = (Vec::new(), [0; 29]);
            while let Ok(count) = receiver.recv_into(&mut some) {
                all.extend_from_slice(&some[..count]);
            }
            all
        },
    );
}

#[test]
fn four_producers_and_four_consumers_share_a_channel() {
    watchdog!(300);
    let (sender, receiver) = Channel::<(u64, String)>::bounded(2000).expect("a channel").split();
    each_once_and_in_order(
        move |producer| {
            for i in 0..items() {
                let message = (item(producer, i), "x".repeat(i as usize % 50));
                sender.send(message).expect("receivers live");
            }
        },
        move || {
            let check = |(item, text): (u64, String)| {
                assert_eq!(text.len() as u64, (item & 0xff_ffff_ffff) % 50);
                item
            };
            receiver.iter().map(check).collect()
        },
    );
}

#[test]
fn what_was_sent_is_there_at_once_for_everybody() {
    watchdog!(120);
    for queue in [Queue::bounded(1).expect("a queue"), Queue::unbounded().expect("a queue")] {
        let told = Queue::bounded(1).expect("a queue");
        let child = {
            let (queue, told) = (queue.clone(), told.clone());
            let body = move || {
                for i in 0..500 {
                    queue.send(i).expect("an open queue");
                    assert_eq!((queue.is_empty(), queue.len()), (false, 1));
                    told.send(i).expect("an open queue");
                    while !queue.is_empty() {
                        std::hint::spin_loop();
                    }
                }
            };
            Process::spawn(body).expect("spawn")
        };
        for _ in 0..500 {
            let i = told.recv().expect("an open queue");
            assert_eq!((queue.is_empty(), queue.len()), (false, 1));
            assert_eq!(queue.try_recv(), Ok(i));
        }
        child.join().expect("the sender");
    }
}
