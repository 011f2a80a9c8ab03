//! The chunks of a job against sets of numbers, with random operations by tickets, some of which die; and with damaged words.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::algo::{ChunkState, ChunkWords, Chunks, Walk};
use crate::shim::{AtomicU64, Ordering::Relaxed};

#[derive(Clone, Copy, Debug)]
enum Op {
    /// The ticket in this place claims a chunk, if it has none.
    Claim(usize),
    /// It is done with what it has.
    Done(usize, u64),
    /// It dies, with what it has.
    Die(usize),
    /// The parent looks after what the dead of this place left, and has it done again, or not.
    Bury(usize, bool),
    /// The parent reopens the first chunk that is open.
    Resume,
    Stop,
}

/// Tickets at a time.
const PLACES: usize = 3;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0..PLACES).prop_map(Op::Claim),
        6 => (0..PLACES, 0..100_u64).prop_map(|(place, items)| Op::Done(place, items)),
        3 => (0..PLACES).prop_map(Op::Die),
        3 => (0..PLACES, any::<bool>()).prop_map(|(place, again)| Op::Bury(place, again)),
        2 => Just(Op::Resume),
        1 => prop::bool::weighted(0.1).prop_map(|stop| if stop { Op::Stop } else { Op::Resume }),
    ];
    prop::collection::vec(op, 1..200)
}

/// What there should be. A chunk in none of the sets is done.
#[derive(Default)]
struct Expected {
    open: BTreeSet<usize>,
    taken: BTreeMap<u32, usize>,
    failed: BTreeSet<usize>,
    items: u64,
    stopped: bool,
}

impl Expected {
    /// The chunk that one on this walk claims next, of so many.
    fn next(&self, mut walk: Walk, count: usize) -> Option<usize> {
        let ahead = std::iter::from_fn(|| walk.next(count)).find(|chunk| self.open.contains(chunk));
        ahead.filter(|_| !self.stopped)
    }

    fn state(&self, chunk: usize) -> ChunkState {
        let holder = self.taken.iter().find(|(_, taken)| **taken == chunk);
        match holder {
            Some((ticket, _)) => ChunkState::Taken(*ticket),
            None if self.open.contains(&chunk) => ChunkState::Open,
            None if self.failed.contains(&chunk) => ChunkState::Failed,
            None => ChunkState::Done,
        }
    }
}

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// The place's ticket, whether it is dead, and where it walks.
type Places = [(u32, bool, Walk); PLACES];

fn places() -> Places {
    [0, 1, u32::MAX].map(|ticket| (ticket, false, Walk::new(ticket as usize, PLACES)))
}

/// Does `op` to both.
fn step(
    chunks: &Chunks<'_>,
    count: usize,
    expected: &mut Expected,
    places: &mut Places,
    next: &mut u32,
    op: Op,
) {
    match op {
        Op::Claim(place) => {
            let (ticket, dead, walk) = &mut places[place];
            let (ticket, dead) = (*ticket, *dead);
            if !dead && !expected.taken.contains_key(&ticket) {
                let chunk = expected.next(walk.clone(), count);
                assert_eq!(chunks.claim(ticket, walk), chunk);
                if let Some(chunk) = chunk {
                    expected.open.remove(&chunk);
                    expected.taken.insert(ticket, chunk);
                }
            }
        }
        Op::Done(place, items) => {
            let (ticket, dead, _) = places[place];
            if !dead && let Some(chunk) = expected.taken.remove(&ticket) {
                chunks.done(chunk, items);
                expected.items += items;
            }
        }
        Op::Die(place) => {
            places[place].1 = true;
        }
        Op::Bury(place, again) => {
            let (ticket, dead, _) = places[place];
            if dead {
                let left = expected.taken.remove(&ticket);
                assert_eq!(chunks.taken_by(ticket), left);
                if let Some(chunk) = left {
                    if again {
                        assert!(chunks.reopen(chunk));
                        expected.open.insert(chunk);
                    } else {
                        assert!(chunks.fail(chunk));
                        expected.failed.insert(chunk);
                    }
                }
                places[place] = (*next, false, Walk::new(*next as usize, PLACES));
                // Up to the largest number that there is.
                *next = next.wrapping_sub(7);
            }
        }
        Op::Resume => {
            let open = expected.open.first().copied();
            assert_eq!(chunks.first_open(), open);
            if let Some(chunk) = open {
                assert!(chunks.reopen(chunk), "it is open already");
            }
        }
        Op::Stop => {
            chunks.stop();
            expected.stopped = true;
        }
    }
}

proptest! {
    #[test]
    fn each_chunk_has_one_holder_and_none_is_lost(count in 0..12_usize, ops in ops()) {
        let (shared, states) = (ChunkWords::new(), words(count));
        let chunks = Chunks::of(&shared, &states);
        let mut expected = Expected { open: (0..count).collect(), ..Expected::default() };
        let (mut places, mut next) = (places(), u32::MAX - 1);
        for op in ops {
            step(&chunks, count, &mut expected, &mut places, &mut next, op);
            for chunk in 0..count {
                prop_assert_eq!(chunks.state(chunk), expected.state(chunk));
            }
            prop_assert_eq!(chunks.progress(), expected.items);
            prop_assert_eq!(chunks.is_stopped(), expected.stopped);
        }
        if expected.stopped {
            return Ok(());
        }
        // All tickets end, and others come until nothing is open.
        for place in 0..PLACES {
            step(&chunks, count, &mut expected, &mut places, &mut next, Op::Die(place));
            step(&chunks, count, &mut expected, &mut places, &mut next, Op::Bury(place, true));
        }
        while chunks.first_open().is_some() {
            for op in [Op::Claim(0), Op::Done(0, 1), Op::Die(0), Op::Bury(0, true)] {
                step(&chunks, count, &mut expected, &mut places, &mut next, op);
            }
        }
        for chunk in 0..count {
            let failed = expected.failed.contains(&chunk);
            prop_assert_eq!(chunks.state(chunk), if failed { ChunkState::Failed } else { ChunkState::Done });
        }
    }

    #[test]
    fn damaged_words_yield_no_chunk_that_is_not_there(
        bits in prop::collection::vec(prop_oneof![Just(0), 0..9_u64, any::<u64>(), Just(u64::MAX), (0..5_u64).prop_map(|kind| kind << 32)], 2..12),
        ticket in any::<u32>(),
        chunk in prop_oneof![0..12_usize, any::<usize>()],
    ) {
        let (shared, states) = (ChunkWords::new(), words(bits.len() - 2));
        let all = shared.all().into_iter().chain(&states);
        all.zip(&bits).for_each(|(word, bits)| word.store(*bits, Relaxed));
        let chunks = Chunks::of(&shared, &states);
        let mut walk = Walk::new(ticket as usize, 3);
        for _ in 0..states.len() + 2 {
            let Some(claimed) = chunks.claim(ticket, &mut walk) else { continue };
            prop_assert!(claimed < states.len());
            prop_assert_eq!(chunks.state(claimed), ChunkState::Taken(ticket));
            chunks.done(claimed, u64::MAX);
        }
        prop_assert!(chunks.taken_by(ticket).is_none_or(|taken| taken < states.len()));
        chunks.reopen(chunk);
        chunks.fail(chunk);
        chunks.done(chunk, bits[0]);
        chunks.stop();
        prop_assert!(chunks.first_open().is_none_or(|open| open < states.len()));
        prop_assert!(chunk < states.len() || chunks.state(chunk) == ChunkState::Failed);
        prop_assert_eq!(chunks.claim(ticket, &mut Walk::new(0, 1)), None);
    }
}

#[test]
fn done_and_failed_chunks_stay_so() {
    let (shared, states) = (ChunkWords::new(), words(2));
    let chunks = Chunks::of(&shared, &states);
    let mut walk = Walk::new(0, 1);
    chunks.done(chunks.claim(1, &mut walk).unwrap(), 5);
    assert!(chunks.fail(chunks.claim(1, &mut walk).unwrap()));
    for _ in 0..2 {
        assert!(!chunks.fail(0) && !chunks.reopen(0) && !chunks.reopen(1));
        assert!(chunks.fail(1), "it failed before");
        assert_eq!([0, 1].map(|chunk| chunks.state(chunk)), [ChunkState::Done, ChunkState::Failed]);
    }
    assert_eq!(chunks.claim(2, &mut Walk::new(0, 1)), None);
    assert_eq!(chunks.progress(), 5);
}

#[test]
fn chunk_that_is_not_there_is_left_alone() {
    let (shared, states) = (ChunkWords::new(), words(1));
    let chunks = Chunks::of(&shared, &states);
    assert!(!chunks.fail(1) && !chunks.reopen(1));
    chunks.done(1, 0);
    assert_eq!(chunks.state(1), ChunkState::Failed);
    assert_eq!(chunks.claim(7, &mut Walk::new(0, 1)), Some(0));
}

#[test]
fn every_walk_comes_to_each_chunk_once() {
    for (parts, count) in [(1, 0), (1, 5), (2, 5), (3, 2), (7, 100)] {
        for home in 0..parts {
            let mut walk = Walk::new(home, parts);
            let mut way: Vec<usize> = std::iter::from_fn(|| walk.next(count)).collect();
            way.sort_unstable();
            assert_eq!(way, (0..count).collect::<Vec<_>>(), "from part {home} of {parts}");
        }
    }
}
