//! Queues in a storm of kills: every item that was sent is received once, or was in the hands of somebody killed.
//!
//! Producers number their items. A producer says `about to send i`, sends, says `sent i`: so of one that was killed all items are known to
//! be sent but the last, which is if it was received. Consumers count each item once they have it: what was sent and is not counted was
//! in the hands of a consumer that was killed, which had one at most.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use procshare::{
    Array, Cells, Channel, Failure, Queue, ScopedProcess, Value, arena, queue::TimedRecvError, scope,
};

use crate::support::{Leftovers, Random, isolated, measured, scaled};

const PRODUCERS: usize = 3;
const CONSUMERS: usize = 3;
/// Longest pause between two kills, in microseconds.
const PAUSE: u64 = 2000;
/// How far producers go ahead of consumers.
const AHEAD: u64 = 4000;
/// How long a consumer waits before it asks whether the storm is over.
const PATIENCE: Duration = Duration::from_millis(20);

/// Something that carries numbered items.
trait Carrier: Sync {
    fn send(&self, producer: usize, i: u64) -> Result<(), String>;
    /// `None`: nothing came in time.
    fn receive(&self, timeout: Duration) -> Result<Option<(usize, u64)>, String>;
}

/// What was sent, as the words of an item that is whole only all together.
fn words(producer: usize, i: u64) -> [u64; 4] {
    let first = (producer as u64) << 48 | i;
    [first, !first, first.rotate_left(17), first.wrapping_mul(0x9e37_79b9_7f4a_7c15)]
}

fn number([first, ..]: [u64; 4]) -> Result<(usize, u64), String> {
    Ok(((first >> 48) as usize, first & 0xffff_ffff_ffff))
}

impl Carrier for Queue<[u64; 4]> {
    fn send(&self, producer: usize, i: u64) -> Result<(), String> {
        Queue::send(self, words(producer, i)).map_err(|error| error.to_string())
    }

    fn receive(&self, timeout: Duration) -> Result<Option<(usize, u64)>, String> {
        match self.recv_timeout(timeout) {
            Ok(item) => {
                let (producer, i) = number(item)?;
                if item != words(producer, i) {
                    return Err(format!("half an item: {item:x?}"));
                }
                Ok(Some((producer, i)))
            }
            Err(TimedRecvError::TimedOut) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A message, of many sizes: its bytes follow from its number, and so does whether an array is in it.
type Mixed = ([u64; 4], Vec<u8>, Option<Array<u64>>);

fn mixed(producer: usize, i: u64) -> Mixed {
    let dice = Random::seeded(i << 2 | producer as u64).next();
    let len = match dice % 64 {
        0 => 20_000,
        1 => 6000,
        2..6 => 3000,
        _ => dice as usize % 200,
    };
    let array = (dice >> 8)
        .is_multiple_of(16)
        .then(|| Array::from_fn(1 + (dice >> 16) as usize % 2000, |at| i + at as u64).expect("an array"));
    (words(producer, i), vec![i as u8; len], array)
}

impl Carrier for Channel<Mixed> {
    fn send(&self, producer: usize, i: u64) -> Result<(), String> {
        Channel::send(self, mixed(producer, i)).map_err(|error| error.to_string())
    }

    fn receive(&self, timeout: Duration) -> Result<Option<(usize, u64)>, String> {
        match self.recv_timeout(timeout) {
            Ok(message) => {
                let (producer, i) = number(message.0)?;
                if producer >= PRODUCERS || message != mixed(producer, i) {
                    return Err(format!("not what was sent: {:x?}", message.0));
                }
                Ok(Some((producer, i)))
            }
            Err(TimedRecvError::TimedOut) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What all write down.
struct Board<'a> {
    /// Of each producer: the last item that it was about to send.
    about: Vec<Value<u64>>,
    /// Of each producer: the last item that it sent.
    sent: Vec<Value<u64>>,
    /// Of each producer: how many items consumers counted.
    received: Vec<Value<u64>>,
    /// How often each item was received.
    counts: &'a Cells<u8>,
    /// Items that each producer sends at most.
    most: u64,
    kills: Value<u64>,
    /// Items that came to a consumer after a later one of the same producer, or again.
    disordered: Value<u64>,
    /// 1: producers end. 2: so do consumers, once nothing is left.
    over: Value<u32>,
}

impl<'a> Board<'a> {
    fn new(counts: &'a Cells<u8>) -> Self {
        let values = || (0..PRODUCERS).map(|_| Value::new(0).expect("8 bytes")).collect();
        Self {
            about: values(),
            sent: values(),
            received: values(),
            counts,
            most: (counts.len() / PRODUCERS) as u64,
            kills: Value::new(0).expect("8 bytes"),
            disordered: Value::new(0).expect("8 bytes"),
            over: Value::new(0).expect("4 bytes"),
        }
    }

    /// Where the item is counted. Items are numbered from 1 on.
    fn place(&self, producer: usize, i: u64) -> usize {
        producer * self.most as usize + i as usize - 1
    }

    fn produce(&self, producer: usize, carrier: &impl Carrier) -> Result<(), String> {
        while self.over.get() == 0 {
            let i = self.about[producer].get() + 1;
            // Those in dead hands are never counted.
            let is_ahead = i > self.received[producer].get() + self.kills.get() + AHEAD;
            if i > self.most || is_ahead {
                thread::sleep(Duration::from_micros(100));
                continue;
            }
            self.about[producer].set(i);
            carrier.send(producer, i)?;
            self.sent[producer].set(i);
        }
        Ok(())
    }

    fn consume(&self, carrier: &impl Carrier) -> Result<(), String> {
        let mut last = [0; PRODUCERS];
        loop {
            let is_over = self.over.get() == 2;
            match carrier.receive(PATIENCE)? {
                Some((producer, i)) => {
                    if producer >= PRODUCERS || i == 0 || i > self.about[producer].get() {
                        return Err(format!("item {i} of producer {producer} was never sent"));
                    }
                    self.counts.fetch_add(self.place(producer, i), 1);
                    self.received[producer].fetch_add(1);
                    if i <= last[producer] {
                        self.disordered.fetch_add(1);
                    }
                    last[producer] = i;
                }
                None if is_over => return Ok(()),
                None => {}
            }
        }
    }
}

/// What came of a storm.
#[derive(Debug, Default)]
struct Account {
    sent: u64,
    received: u64,
    /// Sent, and received by nobody.
    missing: u64,
    doubled: u64,
    disordered: u64,
    /// Received, and nobody was about to send it.
    invented: u64,
    /// Missing, and more than there were hands of the dead.
    lost: u64,
    producers_killed: u64,
    consumers_killed: u64,
}

fn account(board: &Board<'_>, uncertain: &BTreeSet<(usize, u64)>) -> Account {
    let mut account = Account { disordered: board.disordered.get(), ..Account::default() };
    for producer in 0..PRODUCERS {
        let last = board.about[producer].get();
        for i in 1..=board.most {
            let count = u64::from(board.counts.load(board.place(producer, i)));
            let is_sent = i <= last && (count > 0 || !uncertain.contains(&(producer, i)));
            account.sent += u64::from(is_sent);
            account.received += count.min(1);
            account.missing += u64::from(is_sent && count == 0);
            account.doubled += u64::from(count > 1);
            account.invented += u64::from(i > last && count > 0);
        }
    }
    account
}

fn fails(who: &str, outcome: Result<Result<(), String>, Failure>) {
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(wrong)) => panic!("{who}: {wrong}"),
        Err(failure) => panic!("{who}: {failure}"),
    }
}

/// Producers and consumers at a carrier, which are killed at random and started anew, for so many milliseconds.
fn storm(name: &str, seed: u64, milliseconds: usize, carrier: impl Carrier) -> Account {
    let mut counts = Array::<u8>::zeroed(PRODUCERS * scaled(1_000_000)).expect("room for the counts");
    let board = &Board::new(counts.cells());
    let carrier = &carrier;
    let mut uncertain = BTreeSet::new();
    let (mut producers_killed, mut consumers_killed) = (0, 0);
    scope(|s| {
        let start = |who: usize| -> ScopedProcess<'_, Result<(), String>> {
            let body = move || {
                if who < PRODUCERS { board.produce(who, carrier) } else { board.consume(carrier) }
            };
            s.spawn(body).expect("spawn")
        };
        let mut crew: Vec<_> = (0..PRODUCERS + CONSUMERS).map(start).collect();
        let mut random = Random::seeded(seed);
        let until = Instant::now() + Duration::from_millis(milliseconds as u64);
        while Instant::now() < until {
            thread::sleep(Duration::from_micros(random.below(PAUSE)));
            let who = random.below((PRODUCERS + CONSUMERS) as u64) as usize;
            if crew[who].kill().is_err() {
                // It has ended by itself: because something is wrong, which it says.
                let outcome = crew.swap_remove(who).join();
                panic!("{name}, {who}, after {} kills: {outcome:?}", board.kills.get());
            }
            board.kills.fetch_add(1);
            // A producer must be gone before the next one takes over its numbers. A consumer may be dying still.
            let is_producer = who < PRODUCERS;
            let next = (!is_producer).then(|| start(who));
            let dead = if let Some(next) = next {
                std::mem::replace(&mut crew[who], next)
            } else {
                crew.remove(who)
            };
            match dead.join() {
                Err(Failure::Signaled { signal: libc::SIGKILL, .. }) => {}
                Ok(Err(wrong)) => panic!("{name}, {who}, after {} kills: {wrong}", board.kills.get()),
                other => panic!("{name}, {who}, after {} kills: {other:?}", board.kills.get()),
            }
            if is_producer {
                producers_killed += 1;
                let about = board.about[who].get();
                if board.sent[who].get() != about {
                    uncertain.insert((who, about));
                }
                crew.insert(who, start(who));
            } else {
                consumers_killed += 1;
            }
        }
        let consumers = crew.split_off(PRODUCERS);
        board.over.set(1);
        crew.into_iter().for_each(|producer| fails("a producer", producer.join()));
        board.over.set(2);
        consumers.into_iter().for_each(|consumer| fails("a consumer", consumer.join()));
    })
    .expect("all were joined");
    let account = account(board, &uncertain);
    let lost = account.missing.saturating_sub(consumers_killed);
    Account { lost, producers_killed, consumers_killed, ..account }
}

/// Runs a storm and looks at what is left of it. To be run alone.
fn weathers<C: Carrier>(name: &str, seed: u64, make: fn() -> C) {
    scope(|s| s.spawn(|| ()).expect("spawn").join().expect("the child")).expect("a warm-up");
    let (before, left) = (arena::check().expect("a sound arena"), Leftovers::now());
    let account = storm(name, seed, scaled(4000), make());
    let Account { sent, received, missing, doubled, disordered, invented, lost, .. } = account;
    let (producers, consumers) = (account.producers_killed, account.consumers_killed);
    measured(&format!(
        "{name}: {sent} sent, {received} received, {missing} in dead hands, {doubled} doubled, {lost} lost, \
         kills: {producers} producers, {consumers} consumers"
    ));
    assert_eq!((doubled, disordered, lost, invented), (0, 0, 0, 0));
    assert!(received > 100, "nobody got on: {received} items");
    left.assert_nothing_new();
    let now = arena::check().expect("a sound arena");
    assert_eq!((now.used, now.blocks, now.participants), (before.used, before.blocks, before.participants));
}

/// A queue that loses some items, and carries some twice.
struct Careless(Queue<[u64; 4]>);

impl Carrier for Careless {
    fn send(&self, producer: usize, i: u64) -> Result<(), String> {
        let times = match i % 20 {
            7 => 0,
            13 => 2,
            _ => 1,
        };
        (0..times).try_for_each(|_| Carrier::send(&self.0, producer, i))
    }

    fn receive(&self, timeout: Duration) -> Result<Option<(usize, u64)>, String> {
        self.0.receive(timeout)
    }
}

#[test]
fn storm_sees_what_a_careless_queue_loses_and_doubles() {
    isolated(600, || {
        let careless = Careless(Queue::bounded(16).expect("a queue"));
        let account = storm("careless queue", 30, 300, careless);
        assert!(account.lost > 0 && account.doubled > 0 && account.disordered > 0, "{account:?}");
    });
}

#[test]
fn bounded_queue_weathers_a_storm() {
    isolated(600, || weathers("bounded queue", 31, || Queue::<[u64; 4]>::bounded(16).expect("a queue")));
}

#[test]
fn unbounded_queue_weathers_a_storm() {
    isolated(600, || weathers("unbounded queue", 32, || Queue::<[u64; 4]>::unbounded().expect("a queue")));
}

#[test]
fn bounded_channel_weathers_a_storm() {
    isolated(600, || {
        weathers("bounded channel", 33, || Channel::<Mixed>::bounded(64 << 10).expect("a channel"))
    });
}

#[test]
fn unbounded_channel_weathers_a_storm() {
    isolated(600, || weathers("unbounded channel", 34, || Channel::<Mixed>::unbounded().expect("a channel")));
}
