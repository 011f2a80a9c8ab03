//! Programs that join their children before they receive what these sent.

use std::{sync::OnceLock, time::Duration};

use procshare::{Channel, Failure, Process, Queue, Value, queue::TimedSendError};

use crate::support::{isolated, watchdog};

#[test]
fn children_are_joined_before_their_items_are_received() {
    watchdog!(60);
    let queue = Queue::unbounded().expect("a queue");
    let children: Vec<Process<()>> = (0..8_u64)
        .map(|child| {
            let queue = queue.clone();
            let body = move || (0..2000).for_each(|i| queue.send(child * 2000 + i).expect("memory"));
            Process::spawn(body).expect("spawn")
        })
        .collect();
    children.into_iter().for_each(|child| child.join().expect("a child"));
    let mut all: Vec<u64> = (0..16_000).map(|_| queue.recv().expect("an item")).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..16_000));
}

#[test]
fn children_are_joined_before_their_megabytes_are_received() {
    watchdog!(60);
    let channel = Channel::unbounded().expect("a channel");
    let children: Vec<Process<()>> = (0..8_u8)
        .map(|child| {
            let channel = channel.clone();
            Process::spawn(move || channel.send((child, vec![child; 1_000_000])).expect("memory"))
                .expect("spawn")
        })
        .collect();
    children.into_iter().for_each(|child| child.join().expect("a child"));
    let mut seen = [false; 8];
    for _ in 0..8 {
        let (child, bytes) = channel.recv().expect("a message");
        assert!(bytes.len() == 1_000_000 && bytes.iter().all(|byte| *byte == child));
        seen[usize::from(child)] = true;
    }
    assert_eq!(seen, [true; 8]);
}

/// Warnings of the library about queues, in all processes. Made before the first child.
static WARNINGS: OnceLock<Value<u32>> = OnceLock::new();

/// What a program may have for a logger.
struct Counting;

impl log::Log for Counting {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        eprintln!("{}: {text}", record.level());
        if text.contains("waits for room in the full queue")
            && let Some(warnings) = WARNINGS.get()
        {
            warnings.fetch_add(1);
        }
    }

    fn flush(&self) {}
}

/// Installs the logger, and returns what it counts.
fn warnings() -> Value<u32> {
    log::set_logger(&Counting).expect("the first logger");
    log::set_max_level(log::LevelFilter::Warn);
    WARNINGS.get_or_init(|| Value::new(0).expect("4 bytes")).clone()
}

#[test]
fn join_before_receiving_from_a_queue_that_is_too_small_is_warned_of() {
    isolated(120, || {
        let (warned, queue) = (warnings(), Queue::bounded(2).expect("a queue"));
        let mut child = {
            let queue = queue.clone();
            Process::spawn(move || (0..5_u64).for_each(|i| queue.send(i).expect("an open queue")))
        }
        .expect("spawn");
        // As long as it takes until the child is puzzled; `join` would never end.
        while warned.get() == 0 {
            let outcome = child.join_timeout(Duration::from_secs(2));
            assert!(matches!(outcome, Err(Failure::TimedOut { .. })), "{outcome:?}");
        }
        (0..5).for_each(|i| assert_eq!(queue.recv(), Ok(i)));
        child.join().expect("the child");
        assert_eq!(warned.get(), 1, "said once");
    });
}

#[test]
fn send_with_a_timeout_ends_a_join_before_receiving() {
    isolated(120, || {
        let (warned, channel) = (warnings(), Channel::bounded(2000).expect("a channel"));
        let child = {
            let channel = channel.clone();
            let body = move || {
                let mut sent = 0_u64;
                loop {
                    match channel.send_timeout(vec![sent; 100], Duration::from_secs(2)) {
                        Ok(()) => sent += 1,
                        Err(TimedSendError::TimedOut(back)) => return (sent, back == vec![sent; 100]),
                        Err(other) => panic!("{other}"),
                    }
                }
            };
            Process::spawn(body).expect("spawn")
        };
        let (sent, is_back) = child.join().expect("the child gave up by itself");
        assert!(sent >= 1 && is_back);
        assert_eq!(warned.get(), 1);
        (0..sent).for_each(|i| assert_eq!(channel.try_recv(), Ok(vec![i; 100])));
        assert!(channel.is_empty());
    });
}
