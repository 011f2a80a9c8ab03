//! Nonsense over every word of a queue, its segments and its messages: errors and wrong values, but no panic, no crash, and nobody
//! stays beyond what was asked for.

// The words are reached as a scribbler would: past the handles.
#![allow(unsafe_code)]

use std::hint::black_box;
use std::ptr::NonNull;
use std::time::Duration;

use crate::algo::{End, FifoWords, PoisonLock};
use crate::message::tests::encode;
use crate::queue::conduit::Conduit;
use crate::queue::{JoinableQueue, Receiver, Sender};
use crate::segment::container::Carried;
use crate::segment::member;
use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::{Array, Channel, Message, Process, Queue, channel};

/// The longest that any call may wait.
const PATIENCE: Duration = Duration::from_micros(100);

/// Words of a block, by their indices: those of `FifoWords`.
const POSITION: usize = size_of::<PoisonLock>() / 8;
const RECEIVE: usize = 16;
/// All of them.
const CONTROL: usize = size_of::<FifoWords>() / 8;
/// Words of a segment's, or a message's, header.
const HEADER: usize = 8;

/// A small generator of random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Some words of shared memory.
#[derive(Clone, Copy)]
struct Words {
    start: NonNull<u8>,
    count: usize,
}

impl Words {
    fn at(self, index: usize) -> &'static AtomicU64 {
        assert!(index < self.count);
        // SAFETY: `index` is below `count`, and whoever made this found as many words there. They are inside the arena, which stays
        // mapped, and are accessed as atomics only.
        let place = unsafe { self.start.cast::<AtomicU64>().add(index) };
        // SAFETY: as above.
        unsafe { place.as_ref() }
    }

    fn get(self, index: usize) -> u64 {
        self.at(index).load(Relaxed)
    }

    /// As those of a queue, with whose words these begin.
    fn queue(self) -> &'static FifoWords {
        assert!(self.count >= CONTROL);
        // SAFETY: as in `at`; the block of a queue is aligned for them.
        unsafe { self.start.cast::<FifoWords>().as_ref() }
    }

    /// The first words of the block at a unit.
    fn of_unit(unit: u64, count: usize) -> Option<Self> {
        let arena = Conduit::arena()?;
        let pages = arena.layout().pages as u64;
        (unit < pages * 64).then(|| Self { start: arena.unit(unit), count })
    }

    /// Writes nonsense over one word, which is often one that makes some sense.
    fn scribble(self, random: &mut Random) {
        let index = random.below(self.count);
        let was = self.get(index);
        let word = match random.below(12) {
            0 => 0,
            1 => u64::MAX,
            2 => random.next() % 4,
            3 => 1 << random.below(64),
            4 => random.next() & 0xffff_ffff,
            5 => random.next(),
            6 => was.wrapping_add(8),
            7 => was.wrapping_sub(8),
            8 => was.wrapping_add(random.next() % 1000),
            9 => self.get(random.below(self.count)),
            10 => member::locker().bits(), // this very thread
            _ => u64::MAX - random.next() % 100,
        };
        self.at(index).store(word, Relaxed);
    }
}

/// Something to be scribbled over, and its uses.
trait Victim {
    /// Another handle, as one that travels.
    fn carried(&self) -> Vec<Carried>;
    /// One use. Whatever comes of it is right, as long as something does.
    fn use_one(&self, random: &mut Random);

    /// Its block.
    fn block(&self) -> Words {
        match &self.carried()[..] {
            [Carried::Shared(block, _)] => Words { start: block.as_ptr(), count: block.size() / 8 },
            other => panic!("a queue travels as one shared block: {other:?}"),
        }
    }
}

fn carried<M: Message>(handle: M) -> Vec<Carried> {
    encode(handle).unwrap().1
}

macro_rules! plain_victim {
    ($name:ident) => {
        impl Victim for $name<Item> {
            fn carried(&self) -> Vec<Carried> {
                carried(self.clone())
            }

            fn use_one(&self, random: &mut Random) {
                let mut some = [ITEM; 5];
                match random.below(12) {
                    0 | 1 => drop(black_box(self.try_send(ITEM))),
                    2 => drop(black_box(self.send_timeout(ITEM, PATIENCE))),
                    3 => drop(black_box(self.try_send_slice(&some))),
                    4 | 5 => drop(black_box(self.try_recv())),
                    6 => drop(black_box(self.recv_timeout(PATIENCE))),
                    7 => drop(black_box(self.try_recv_into(&mut some))),
                    8 => drop(black_box(self.recv_into_timeout(&mut some, PATIENCE))),
                    9 => drop(black_box((self.len(), self.is_empty(), self.is_full(), self.capacity()))),
                    10 => drop(black_box(self.is_closed())),
                    _ => self.use_otherwise(random),
                }
            }
        }
    };
}

/// Not all bytes are one of these, and few places of it are aligned.
#[derive(Clone, Copy, bytemuck::NoUninit, bytemuck::CheckedBitPattern)]
#[repr(C)]
struct Item {
    flag: bool,
    bytes: [u8; 10],
}

const ITEM: Item = Item { flag: true, bytes: [3; 10] };

trait Otherwise {
    fn use_otherwise(&self, _: &mut Random) {}
}

impl Otherwise for Queue<Item> {}

impl Otherwise for JoinableQueue<Item> {
    fn use_otherwise(&self, random: &mut Random) {
        match random.below(3) {
            0 => drop(black_box(self.task_done())),
            1 => drop(black_box(self.unfinished())),
            _ => drop(black_box(self.join_timeout(PATIENCE))),
        }
    }
}

plain_victim!(Queue);
plain_victim!(JoinableQueue);

/// The handles that count.
struct Ends(Sender<Item>, Receiver<Item>, Queue<Item>);

impl Ends {
    fn new(queue: Queue<Item>) -> Self {
        let (sender, receiver) = queue.clone().split();
        Self(sender, receiver, queue)
    }
}

impl Victim for Ends {
    fn carried(&self) -> Vec<Carried> {
        carried(self.2.clone())
    }

    fn use_one(&self, random: &mut Random) {
        match random.below(8) {
            0 | 1 => drop(black_box(self.0.try_send(ITEM))),
            2 => drop(black_box(self.0.send_timeout(ITEM, PATIENCE))),
            3 | 4 => drop(black_box(self.1.try_recv())),
            5 => drop(black_box(self.1.recv_timeout(PATIENCE))),
            6 => drop(black_box((self.0.receiver(), self.1.sender()))),
            _ => drop(black_box(carried(self.0.clone()))),
        }
    }
}

/// Messages with everything in them, or of bytes only.
type Mixed = (Vec<u8>, Option<Array<u64>>, Option<(Queue<u8>, channel::Sender<u8>)>);

fn mixed(random: &mut Random) -> Mixed {
    let len = [0, 10, 100, 900, 5000][random.below(5)];
    let array = (random.below(3) == 0).then(|| Array::from_slice(&[7; 20]).unwrap());
    let handles = (random.below(4) == 0)
        .then(|| (Queue::bounded(2).unwrap(), Channel::bounded(100).unwrap().split().0));
    (vec![len as u8; len], array, handles)
}

impl Victim for Channel<Mixed> {
    fn carried(&self) -> Vec<Carried> {
        carried(self.clone())
    }

    fn use_one(&self, random: &mut Random) {
        match random.below(7) {
            0 | 1 => drop(black_box(self.try_send(mixed(random)))),
            2 => drop(black_box(self.send_timeout(mixed(random), PATIENCE))),
            3 | 4 => drop(black_box(self.try_recv())),
            5 => drop(black_box(self.recv_timeout(PATIENCE))),
            _ => drop(black_box((self.is_empty(), self.is_closed(), self.capacity(), self.lost()))),
        }
    }
}

/// The handles of a channel that count, and bytes that are read where they lie.
struct ByteEnds(channel::Sender<Vec<u8>>, channel::Receiver<Vec<u8>>, Channel<Vec<u8>>);

impl ByteEnds {
    fn new(channel: Channel<Vec<u8>>) -> Self {
        let (sender, receiver) = channel.clone().split();
        Self(sender, receiver, channel)
    }
}

impl Victim for ByteEnds {
    fn carried(&self) -> Vec<Carried> {
        carried(self.2.clone())
    }

    fn use_one(&self, random: &mut Random) {
        let bytes = || vec![1; 40];
        match random.below(6) {
            0 | 1 => drop(black_box(self.0.try_send(bytes()))),
            2 => drop(black_box(self.0.send_timeout(vec![2; 6000], PATIENCE))),
            3 => drop(black_box(self.1.recv_with_timeout(PATIENCE, |bytes| bytes.iter().max().copied()))),
            _ => drop(black_box(self.1.try_recv())),
        }
    }
}

/// Which victim, new, with something in it.
fn victim(random: &mut Random) -> Box<dyn Victim> {
    let victim: Box<dyn Victim> = match random.below(9) {
        0 => Box::new(Queue::bounded(5).unwrap()),
        1 => Box::new(Queue::unbounded().unwrap()),
        2 => Box::new(JoinableQueue::bounded(8).unwrap()),
        3 => Box::new(JoinableQueue::unbounded().unwrap()),
        4 => Box::new(Ends::new(
            if random.below(2) == 0 { Queue::bounded(3) } else { Queue::unbounded() }.unwrap(),
        )),
        5 => Box::new(Channel::<Mixed>::bounded(2000).unwrap()),
        6 => Box::new(Channel::<Mixed>::unbounded().unwrap()),
        7 => Box::new(ByteEnds::new(Channel::bounded(500).unwrap())),
        _ => Box::new(ByteEnds::new(Channel::unbounded().unwrap())),
    };
    // From none to enough for several segments.
    for _ in 0..[0, 10, 100, 600][random.below(4)] {
        victim.use_one(random);
    }
    victim
}

/// The segments of a queue that is whole, and the messages in its frames.
fn parts(block: Words) -> Vec<Words> {
    let mut parts = Vec::new();
    let queue = block.queue();
    let mut link = match queue.place(End::Receive)[0].load(Relaxed) {
        0 => queue.first.load(Relaxed),
        link => link,
    };
    // The ring is what the block ends with.
    let ring = queue.capacity.load(Relaxed) as usize / 8;
    let mut frames = vec![(block, block.count - ring)];
    while let Some(segment) = link.checked_sub(1).and_then(|unit| Words::of_unit(unit, 512))
        && parts.len() < 100
    {
        parts.push(Words { count: HEADER, ..segment });
        parts.push(Words { count: 64, ..segment }); // its first frames with it
        frames.push((segment, HEADER));
        link = segment.get(4);
    }
    if queue.item.load(Relaxed) != 0 {
        return parts; // no messages
    }
    // Words that look like those of a LARGE frame: not all of them are.
    for (words, from) in frames {
        for index in from..words.count - 1 {
            let (header, unit) = (words.get(index), words.get(index + 1));
            if header & 0xff == 2
                && header >> 8 < 1 << 20
                && unit != 0
                && let Some(message) = Words::of_unit(unit, 16)
                && message.get(1) == queue.number()
                && message.get(3) == 0
            {
                parts.push(message);
            }
        }
    }
    parts
}

/// Makes victims, scribbles over them and uses them, so often.
fn torment(seed: u64, rounds: usize) {
    let random = &mut Random(seed);
    for _ in 0..rounds {
        let victim = victim(random);
        let block = victim.block();
        let control = Words { count: CONTROL, ..block };
        let parts = if block.queue().capacity.load(Relaxed) == 0 || random.below(2) == 0 {
            parts(block)
        } else {
            Vec::new()
        };
        for _ in 0..random.below(6) {
            match random.below(3) {
                0 if !parts.is_empty() => parts[random.below(parts.len())].scribble(random),
                1 => block.scribble(random),
                _ => control.scribble(random),
            }
        }
        for _ in 0..random.below(30) {
            victim.use_one(random);
            if random.below(3) == 0 {
                // The block is the victim's for as long as that lives; segments and messages may be others' by now.
                if random.below(2) == 0 { control } else { block }.scribble(random);
            }
        }
    }
}

/// Runs `body`, which has that seed, in a process of its own, which must end well.
fn alone(seed: u64, body: impl FnOnce() + Send + 'static) {
    let mut child = Process::spawn(body).unwrap();
    if let Err(failure) = child.join_timeout(Duration::from_secs(300)) {
        panic!("with seed {seed}: {failure}");
    }
}

#[test]
fn scribbled_queues_harm_nobody_who_uses_them() {
    // As for the tests of the folder `tests`.
    let scale =
        std::env::var("PROCSHARE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1.0_f64);
    for seed in 0..(scale * 8.0).ceil() as u64 {
        alone(seed, move || torment(seed, 100));
    }
}

#[test]
fn queue_whose_words_change_while_they_are_used_harms_nobody() {
    alone(77, || {
        let random = &mut Random(77);
        for round in 0..40 {
            let victim = victim(random);
            let (block, over) = (victim.block(), std::sync::atomic::AtomicBool::new(false));
            let start = block.start.expose_provenance();
            std::thread::scope(|s| {
                s.spawn(|| {
                    let random = &mut Random(round);
                    let block = Words { start: NonNull::with_exposed_provenance(start), count: block.count };
                    let control = Words { count: CONTROL, ..block };
                    while !over.load(Relaxed) {
                        if random.below(2) == 0 { control } else { block }.scribble(random);
                        std::hint::spin_loop();
                    }
                });
                for _ in 0..60 {
                    victim.use_one(random);
                }
                over.store(true, Relaxed);
            });
        }
    });
}

/// Sets a word of a new queue's block, uses the queue, and returns whether it ended.
fn with_words(victim: &dyn Victim, words: &[(usize, u64)]) {
    let block = victim.block();
    words.iter().for_each(|(index, word)| block.at(*index).store(*word, Relaxed));
    let random = &mut Random(1);
    (0..100).for_each(|_| victim.use_one(random));
}

#[test]
fn positions_at_the_very_end_overflow_nowhere() {
    alone(1, || {
        for end in [u64::MAX, u64::MAX - 1, u64::MAX - 7, u64::MAX - 15] {
            let words = [POSITION, POSITION + 1, RECEIVE + POSITION, RECEIVE + POSITION + 1]
                .map(|index| (index, end));
            with_words(&Queue::<Item>::bounded(8).unwrap(), &words);
            with_words(&Queue::<Item>::unbounded().unwrap(), &words);
            with_words(&JoinableQueue::<Item>::bounded(8).unwrap(), &words);
            with_words(&Channel::<Mixed>::bounded(300).unwrap(), &words);
            with_words(&Channel::<Mixed>::unbounded().unwrap(), &words);
        }
    });
}

#[test]
fn segments_that_follow_themselves_are_no_endless_way() {
    alone(1, || {
        for receives in [true, false] {
            let queue = Queue::<Item>::unbounded().unwrap();
            queue.try_send(ITEM).unwrap();
            let first = queue.block().queue().first.load(Relaxed);
            let segment = Words::of_unit(first - 1, 512).unwrap();
            // It begins where the next item is to be taken, or put, and the next one is itself.
            segment.at(2).store(u64::from(!receives), Relaxed);
            segment.at(4).store(first, Relaxed);
            if receives {
                assert!(queue.try_recv().is_err());
            } else {
                assert!(queue.try_send(ITEM).is_err());
            }
        }
    });
}
