//! Lanes: what goes in comes out, whole, once and in order, whatever stands in their words.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};
use proptest::prelude::*;

use crate::message::tests::round_trip;
use crate::message::{Message, Plain};
use crate::process::Process;
use crate::queue::spsc::{
    ClaimError, Consumer, Producer, RecvError, Ring, SendError, TimedRecvError, TimedSendError, TryRecvError,
    TrySendError, ring,
};
use crate::segment::AllocError;
use crate::shim::Ordering::Relaxed;
use crate::sync::tests::{Watchdog, wait_until};

const SOON: Duration = Duration::from_millis(20);

fn lane<T: Plain>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    ring(capacity).expect("memory")
}

/// Sends values of one type, one by one, until the ring began again several times.
fn passes<T: Plain + Copy + PartialEq + std::fmt::Debug>(values: &[T]) {
    let (mut producer, mut consumer) = lane::<T>(4);
    for value in values.iter().cycle().take(values.len() * 13) {
        producer.try_send(*value).unwrap();
        assert_eq!(consumer.try_recv(), Ok(*value));
    }
}

#[test]
fn items_of_every_size_come_out_as_they_went_in() {
    passes(&[0_u8, 1, 255]);
    passes(&[0_u16, 65535]);
    passes(&[1.5_f32, -0.0]);
    passes(&[u64::MAX, 7]);
    passes(&['a', 'ß', '𝄞']);
    passes(&[true, false]);
    passes(&[[1_u8, 2, 3], [4, 5, 6]]);
    passes(&[[1_u32, 2, 3], [4, 5, 6]]);
    passes(&[[1_u64; 9], [2; 9]]);
    passes(&[[3_u8; 1001], [5; 1001]]);
    passes(&[[1_u64; 1024], [2; 1024]]);
    passes(&[()]);
}

#[test]
fn capacity_is_rounded_up_to_a_power_of_two() {
    for (asked, capacity) in [(0, 1), (1, 1), (3, 4), (4, 4), (1000, 1024)] {
        let (producer, consumer) = lane::<u16>(asked);
        assert_eq!((producer.capacity(), consumer.capacity()), (capacity, capacity));
    }
}

#[test]
fn lane_of_impossible_size_is_refused() {
    assert!(matches!(ring::<u64>(usize::MAX), Err(AllocError::Overflow)));
    assert!(matches!(ring::<u64>(usize::MAX / 8), Err(AllocError::Overflow)));
    #[derive(Clone, Copy, NoUninit, CheckedBitPattern)]
    #[repr(C, align(256))]
    struct Aligned([u8; 256]);
    assert!(matches!(ring::<Aligned>(1), Err(AllocError::Alignment { requested: 256 })));
}

#[test]
fn full_lane_takes_nothing_and_gives_the_item_back() {
    let (mut producer, mut consumer) = lane(2);
    producer.send(1).unwrap();
    producer.send(2).unwrap();
    assert!(producer.is_full() && consumer.is_full() && consumer.len() == 2);
    assert_eq!(producer.try_send(3), Err(TrySendError::Full(3)));
    let before = Instant::now();
    assert_eq!(producer.send_timeout(3, SOON), Err(TimedSendError::TimedOut(3)));
    assert_eq!(producer.send_until(3, before), Err(TimedSendError::TimedOut(3)));
    assert!(before.elapsed() >= SOON);
    assert_eq!(consumer.recv(), Ok(1));
    producer.send_timeout(3, SOON).unwrap();
    assert_eq!([consumer.recv(), consumer.recv()], [Ok(2), Ok(3)]);
    assert!(producer.is_empty() && consumer.is_empty());
}

#[test]
fn empty_lane_gives_nothing() {
    let (producer, mut consumer) = lane::<u8>(2);
    assert_eq!(consumer.try_recv(), Err(TryRecvError::Empty));
    let before = Instant::now();
    assert_eq!(consumer.recv_timeout(SOON), Err(TimedRecvError::TimedOut));
    assert_eq!(consumer.recv_until(before), Err(TimedRecvError::TimedOut));
    assert_eq!(consumer.wait_for_item_timeout(SOON), Err(TimedRecvError::TimedOut));
    assert!(before.elapsed() >= 2 * SOON);
    drop(producer);
}

#[test]
fn consumer_gets_what_was_sent_before_the_producer_was_dropped() {
    let (mut producer, mut consumer) = lane(4);
    producer.send(1).unwrap();
    producer.send(2).unwrap();
    drop(producer);
    assert_eq!(consumer.wait_for_item(), Ok(2));
    assert_eq!(consumer.try_recv(), Ok(1));
    assert_eq!(consumer.recv(), Ok(2));
    assert_eq!(consumer.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
    assert_eq!(consumer.recv_timeout(SOON), Err(TimedRecvError::Disconnected));
}

#[test]
fn producer_learns_at_once_that_the_consumer_was_dropped() {
    let (mut producer, consumer) = lane(4);
    producer.send(1).unwrap();
    drop(consumer);
    assert_eq!(producer.send(2), Err(SendError::Disconnected(2)));
    assert_eq!(producer.try_send(2), Err(TrySendError::Disconnected(2)));
    assert_eq!(producer.push_slice(&[1]), 0);
    assert!(producer.reserve(1).is_none());
    assert_eq!(producer.wait_for_room(), Err(SendError::Disconnected(())));
}

#[test]
fn who_waits_is_woken() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = lane(1);
    let sending = thread::spawn(move || {
        for item in 0..200_u32 {
            if item % 50 == 0 {
                thread::sleep(SOON);
            }
            producer.send(item).unwrap();
        }
        producer
    });
    for item in 0..200 {
        if item % 77 == 0 {
            thread::sleep(SOON);
        }
        assert_eq!(consumer.recv(), Ok(item));
    }
    let producer = sending.join().unwrap();
    let receiving = thread::spawn(move || consumer.recv());
    thread::sleep(SOON);
    drop(producer);
    assert_eq!(receiving.join().unwrap(), Err(RecvError::Disconnected));
}

#[test]
fn an_end_can_be_claimed_when_it_was_dropped() {
    let ring = Ring::<u8>::new(4).unwrap();
    let mut producer = ring.producer().unwrap();
    assert_eq!(ring.producer().unwrap_err(), ClaimError::Taken { pid: std::process::id() });
    producer.send(1).unwrap();
    drop(producer);
    let mut consumer = ring.consumer().unwrap();
    let mut producer = ring.clone().producer().unwrap();
    producer.send(2).unwrap();
    assert_eq!([consumer.recv(), consumer.recv()], [Ok(1), Ok(2)]);
    drop(consumer);
    assert!(producer.send(3).is_err());
    let mut consumer = ring.consumer().unwrap();
    producer.send(4).unwrap();
    assert_eq!(consumer.recv(), Ok(4), "what was not sent does not come");
}

#[test]
fn what_is_reserved_and_not_committed_was_not_sent() {
    let (mut producer, mut consumer) = lane::<u32>(4);
    let _ = producer.reserve(2);
    assert!(producer.reserve(0).is_none() && consumer.peek(1).is_none());
    let mut reserved = producer.reserve(3).unwrap();
    reserved.copy_from_slice(&[1, 2, 3]);
    reserved.commit_some(2);
    assert_eq!(&*consumer.peek(9).unwrap(), [1, 2]);
    consumer.peek(2).unwrap().release_some(1);
    let mut reserved = producer.reserve(9).unwrap();
    assert_eq!(reserved.len(), 2, "up to the end of the ring");
    reserved.copy_from_slice(&[3, 4]);
    reserved.commit();
    let seen = consumer.peek(9).unwrap();
    assert_eq!(&*seen, [2, 3, 4]);
    seen.release();
    assert!(consumer.is_empty());
}

#[test]
fn item_that_is_no_value_is_passed_over() {
    let ring = Ring::<bool>::new(4).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut producer = ring.producer().unwrap();
    producer.send(true).unwrap();
    // As somebody would who takes the lane for another one.
    ring.slots.put_bytes(0, &[7]);
    producer.send(false).unwrap();
    assert_eq!(consumer.recv(), Err(RecvError::Invalid));
    assert_eq!(consumer.recv(), Ok(false));
}

#[test]
fn ends_and_handles_travel() {
    let (producer, consumer) = lane(4);
    let (mut producer, mut consumer) = (round_trip(producer), round_trip(consumer));
    producer.send(1).unwrap();
    assert_eq!(consumer.recv(), Ok(1));
    let ring = round_trip(Ring::<u8>::new(4).unwrap());
    let mut consumer = ring.consumer().unwrap();
    ring.producer().unwrap().send(3).unwrap();
    assert_eq!(round_trip(ring).len(), 1);
    assert_eq!(consumer.recv(), Ok(3));
}

#[test]
fn end_comes_home_as_a_result() {
    let _watchdog = Watchdog::start();
    let (mut producer, mut consumer) = lane(4);
    let child = Process::spawn(move || {
        producer.send(1).unwrap();
        producer
    })
    .unwrap();
    let mut producer = child.join().unwrap();
    producer.send(2).unwrap();
    assert_eq!([consumer.recv(), consumer.recv()], [Ok(1), Ok(2)]);
}

/// What damage may be done to one word of a lane.
fn damage() -> impl Strategy<Value = (usize, u64)> {
    (0..6_usize, prop_oneof![any::<u64>(), 0..9_u64, (0..9_u64).prop_map(|below| u64::MAX - below)])
}

#[derive(Clone, Debug)]
enum Act {
    Send(u16),
    Recv,
    Push(Vec<u16>),
    Pop(usize),
    Reserve(Vec<u16>, usize),
    Peek(usize, usize),
    ReclaimProducer,
    ReclaimConsumer,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        any::<u16>().prop_map(Act::Send),
        Just(Act::Recv),
        proptest::collection::vec(any::<u16>(), 0..12).prop_map(Act::Push),
        (0..12_usize).prop_map(Act::Pop),
        (proptest::collection::vec(any::<u16>(), 1..12), 0..12_usize).prop_map(|(v, n)| Act::Reserve(v, n)),
        (1..12_usize, 0..12_usize).prop_map(|(n, m)| Act::Peek(n, m)),
        Just(Act::ReclaimProducer),
        Just(Act::ReclaimConsumer),
    ];
    proptest::collection::vec(act, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lane_is_a_queue(capacity in 1..9_usize, acts in acts()) {
        let ring = Ring::<u16>::new(capacity).unwrap();
        let capacity = ring.capacity();
        let mut model = VecDeque::new();
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for act in acts {
            match act {
                Act::Send(item) => {
                    let sent = producer.try_send(item).is_ok();
                    prop_assert_eq!(sent, model.len() < capacity);
                    if sent { model.push_back(item) }
                }
                Act::Recv => prop_assert_eq!(consumer.try_recv().ok(), model.pop_front()),
                Act::Push(items) => {
                    let pushed = producer.push_slice(&items);
                    prop_assert_eq!(pushed, items.len().min(capacity - model.len()));
                    model.extend(&items[..pushed]);
                }
                Act::Pop(count) => {
                    let mut places = vec![0; count];
                    let popped = consumer.pop_into(&mut places);
                    prop_assert_eq!(popped, count.min(model.len()));
                    prop_assert!(places[..popped].iter().copied().eq(model.drain(..popped)));
                }
                Act::Reserve(items, commit) => match producer.reserve(items.len()) {
                    None => prop_assert_eq!(model.len(), capacity),
                    Some(mut reserved) => {
                        let count = reserved.len();
                        prop_assert!(count > 0 && count <= items.len() && count <= capacity - model.len());
                        reserved.copy_from_slice(&items[..count]);
                        reserved.commit_some(commit);
                        model.extend(&items[..count.min(commit)]);
                    }
                },
                Act::Peek(count, release) => match consumer.peek(count) {
                    None => prop_assert!(model.is_empty()),
                    Some(seen) => {
                        let count = seen.len();
                        prop_assert!(seen.iter().eq(model.iter().take(count)));
                        seen.release_some(release);
                        model.drain(..count.min(release));
                    }
                },
                Act::ReclaimProducer => {
                    drop(producer);
                    producer = ring.producer().unwrap();
                }
                Act::ReclaimConsumer => {
                    drop(consumer);
                    consumer = ring.consumer().unwrap();
                }
            }
            prop_assert_eq!(ring.len(), model.len());
        }
    }

    #[test]
    fn damaged_words_make_errors_or_wrong_items(damages in proptest::collection::vec(damage(), 1..4), acts in acts()) {
        let ring = Ring::<u16>::new(4).unwrap();
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        producer.send(1).unwrap();
        let mut damages = damages.into_iter();
        for act in acts {
            if let Some((word, value)) = damages.next() {
                ring.slots.words().all()[word].store(value, Relaxed);
            }
            match act {
                Act::Send(item) => drop(producer.send_timeout(item, Duration::ZERO)),
                Act::Recv => drop(consumer.recv_timeout(Duration::ZERO)),
                Act::Push(items) => drop(producer.push_slice(&items)),
                Act::Pop(count) => drop(consumer.pop_into(&mut vec![0; count])),
                Act::Reserve(items, commit) => if let Some(mut reserved) = producer.reserve(items.len()) {
                    reserved.fill(7);
                    reserved.commit_some(commit);
                },
                Act::Peek(count, release) => if let Some(seen) = consumer.peek(count) {
                    seen.release_some(release);
                },
                Act::ReclaimProducer => if let Ok(claimed) = ring.producer() { producer = claimed },
                Act::ReclaimConsumer => if let Ok(claimed) = ring.consumer() { consumer = claimed },
            }
            let _ = (ring.len(), ring.is_full(), producer.is_empty());
        }
    }
}

#[test]
fn message_of_another_size_is_no_lane() {
    use crate::message::tests::{decode, encode};
    let (bytes, carried) = encode(Ring::<u64>::new(4).unwrap()).unwrap();
    assert!(decode::<Ring<u32>>(&bytes, carried).is_err());
    fn is_message<M: Message>() {}
    is_message::<Producer<char>>();
    wait_until(|| true);
}
