//! Messages of any size, in one process and in several.

use std::time::Duration;

use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::queue::{RecvError, SendError, TryRecvError, TrySendError};
use crate::sync::Mutex;
use crate::{Array, Channel, Frozen, Process, Queue, channel, queue};

#[test]
fn strings_and_tuples_come_out_as_they_went_in() {
    for channel in [Channel::bounded(64 << 10).unwrap(), Channel::unbounded().unwrap()] {
        for round in 0..50 {
            for i in 0..20_usize {
                channel.send((i, "x".repeat(i * 37 % 901), vec![i as u64; i])).unwrap();
            }
            for i in 0..20 {
                assert_eq!(channel.recv(), Ok((i, "x".repeat(i * 37 % 901), vec![i as u64; i])), "{round}");
            }
        }
        assert!(channel.is_empty());
    }
}

#[test]
fn message_as_large_as_the_channel_fits_wherever_the_tail_stands() {
    let channel = Channel::<Vec<u8>>::bounded(1000).unwrap();
    let most = channel.capacity().unwrap() - 8;
    for step in 0..300 {
        channel.send(vec![1; step]).unwrap();
        assert_eq!(channel.recv().unwrap().len(), step);
        channel.send(vec![2; most]).unwrap();
        assert_eq!(channel.recv(), Ok(vec![2; most]));
    }
    assert_eq!(channel.send(vec![3; most + 1]), Err(SendError::TooLarge(vec![3; most + 1])));
}

#[test]
fn large_messages_go_through_a_small_channel() {
    let channel = Channel::<Vec<u8>>::bounded(1 << 20).unwrap();
    let child = Process::spawn({
        let channel = channel.clone();
        move || (0..200_u32).for_each(|i| channel.send(vec![i as u8; 300_000]).unwrap())
    })
    .unwrap();
    for i in 0..200_u32 {
        let sum = channel.recv_with(|bytes| (bytes.len(), bytes[0], bytes[299_999])).unwrap();
        assert_eq!(sum, (300_000, i as u8, i as u8));
    }
    child.join().unwrap();
    assert_eq!(channel.lost(), 0);
}

#[test]
fn full_channel_gives_the_message_back_with_what_is_inside() {
    let channel = Channel::bounded(100).unwrap();
    let mut sent = 0;
    let array = loop {
        match channel.try_send((Array::from_slice(&[sent]).unwrap(), [0_u64; 4])) {
            Ok(()) => sent += 1,
            Err(TrySendError::Full((array, _))) => break array,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(array, [sent]);
    assert!(sent >= 1);
    assert_eq!(channel.recv().unwrap().0, [0]);
}

#[test]
fn array_of_a_dead_sender_is_received() {
    let channel = Channel::unbounded().unwrap();
    let child = Process::<()>::spawn({
        let channel = channel.clone();
        move || {
            channel.send(Array::from_fn(100_000, |i| i as u64).unwrap()).unwrap();
            std::process::abort()
        }
    })
    .unwrap();
    assert!(child.join().is_err());
    let array = channel.recv().unwrap();
    assert!(array.iter().enumerate().all(|(i, &value)| value == i as u64));
}

#[test]
fn handles_of_all_kinds_travel_in_a_channel() {
    let channel = Channel::unbounded().unwrap();
    let child = Process::spawn({
        let channel = channel.clone();
        move || {
            let frozen: Frozen<u32> = Array::from_slice(&[1, 2, 3]).unwrap().freeze();
            let mutex = Mutex::new(5_u64).unwrap();
            let queue = Queue::unbounded().unwrap();
            queue.send(9_u8).unwrap();
            channel.send((frozen, mutex, queue)).unwrap();
        }
    })
    .unwrap();
    child.join().unwrap();
    let (frozen, mutex, queue) = channel.recv().unwrap();
    assert_eq!(*frozen, [1, 2, 3]);
    assert_eq!(*mutex.lock().unwrap(), 5);
    assert_eq!(queue.recv(), Ok(9));
}

#[test]
fn array_that_is_only_lent_can_not_be_sent() {
    let channel = Channel::unbounded().unwrap();
    let array = Array::from_slice(&[1_u8]).unwrap();
    let child = Process::spawn({
        let channel = channel.clone();
        move || match channel.send(array) {
            Err(SendError::Borrowed(array)) => array[0] == 1,
            _ => false,
        }
    })
    .unwrap();
    assert!(child.join().unwrap());
    assert_eq!(channel.try_recv().map(drop), Err(TryRecvError::Empty));
}

#[test]
fn answer_comes_through_a_sender_in_the_question() {
    let (questions, inbox) = Channel::<(u64, queue::Sender<u64>)>::unbounded().unwrap().split();
    let server = Process::spawn(move || {
        for (number, answer) in &inbox {
            if number == 13 {
                std::process::abort();
            }
            answer.send(number * number).unwrap();
        }
    })
    .unwrap();
    for number in 1..10 {
        let (sender, receiver) = Queue::bounded(1).unwrap().split();
        questions.send((number, sender)).unwrap();
        assert_eq!(receiver.recv(), Ok(number * number));
        assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    }
    let (sender, receiver) = Queue::bounded(1).unwrap().split();
    questions.send((13, sender)).unwrap();
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected), "the server died with the sender");
    assert!(server.join().is_err());
}

#[test]
fn sender_in_an_unread_message_counts_until_the_channel_is_gone() {
    let (sender, receiver) = Queue::<u8>::bounded(1).unwrap().split();
    let channel = Channel::unbounded().unwrap();
    channel.send(sender).unwrap();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let waited = receiver.recv_timeout(Duration::from_millis(80));
    assert_eq!(waited, Err(queue::TimedRecvError::TimedOut));
    drop(channel);
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
}

#[test]
fn receiver_iterates_until_the_last_sender_is_dead() {
    let (sender, receiver): (channel::Sender<String>, _) = Channel::bounded(1000).unwrap().split();
    let children: Vec<_> = (0..3)
        .map(|child| {
            let sender = sender.clone();
            Process::spawn(move || {
                (0..50).for_each(|i| sender.send(format!("{child}.{i}")).unwrap());
                if child == 1 {
                    std::process::abort();
                }
            })
            .unwrap()
        })
        .collect();
    drop(sender);
    assert_eq!(receiver.iter().count(), 150);
    children.into_iter().for_each(|child| drop(child.join()));
}

#[test]
fn text_that_is_none_is_an_error_and_the_next_message_is_read() {
    let channel = Channel::<String>::unbounded().unwrap();
    channel.send_bytes(&[0xff, 0xfe]).unwrap();
    channel.send_bytes("fine".as_bytes()).unwrap();
    assert!(matches!(channel.recv(), Err(RecvError::Undecodable(_))));
    assert_eq!(channel.recv().as_deref(), Ok("fine"));
}

/// A channel that may carry channels like itself.
#[derive(Debug)]
struct Nest(Channel<Nest>);

impl Message for Nest {
    fn measure(&self, measure: &mut Measure) {
        self.0.measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.0.encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Message::decode(from).map(Self)
    }
}

#[test]
fn dropping_a_channel_in_a_channel_in_a_channel_takes_no_stack() {
    let mut outermost = Channel::unbounded().unwrap();
    for _ in 0..1000 {
        let outer = Channel::unbounded().unwrap();
        outer.send(Nest(outermost)).unwrap();
        outermost = outer;
    }
    let small = std::thread::Builder::new().stack_size(64 << 10);
    small.spawn(move || drop(outermost)).unwrap().join().unwrap();
}
