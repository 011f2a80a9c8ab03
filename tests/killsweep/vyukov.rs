//! Vyukov's bounded queue of many senders and many receivers, which takes a place by one exchange and says so by a second store.
//!
//! Nobody can tell whose place it is between the two: whoever is killed there stops all that come after it. A control: the sweep
//! must see that.
//!
//! # Source
//!
//! D. Vyukov, "Bounded MPMC queue", 1024cores.net.

use std::hint::black_box;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::board::Board;

/// Where its words lie on the board: the two ends, then a sequence number and an item for each place.
const TAIL: usize = 16;
const HEAD: usize = 17;
const PLACES: usize = 18;

/// How many items there is room for.
pub(crate) const ROOM: u64 = 4;

/// The sequence number of a place is kept less the place's own number: a zeroed board is an empty queue.
fn words_of(position: u64) -> (u64, usize) {
    let place = position % ROOM;
    (place, PLACES + 2 * place as usize)
}

/// Puts an item in; `false` if there is no room, or if somebody was killed taking an item out of that place.
pub(crate) fn push(board: &Board, item: u64) -> bool {
    let mut position = board.words[TAIL].load(Relaxed);
    loop {
        let (place, word) = words_of(position);
        let turn = board.words[word].load(Acquire) + place;
        if turn < position {
            return false;
        }
        if turn > position {
            position = board.words[TAIL].load(Relaxed);
            continue;
        }
        match board.words[TAIL].compare_exchange(position, position + 1, Relaxed, Relaxed) {
            Ok(_) => {
                board.words[word + 1].store(black_box(item), Relaxed);
                board.words[word].store(position + 1 - place, Release);
                return true;
            }
            Err(now) => position = now,
        }
    }
}

/// Takes an item out; `None` if there is none, or if somebody was killed putting one into that place.
pub(crate) fn pop(board: &Board) -> Option<u64> {
    let mut position = board.words[HEAD].load(Relaxed);
    loop {
        let (place, word) = words_of(position);
        let turn = board.words[word].load(Acquire) + place;
        if turn < position + 1 {
            return None;
        }
        if turn > position + 1 {
            position = board.words[HEAD].load(Relaxed);
            continue;
        }
        match board.words[HEAD].compare_exchange(position, position + 1, Relaxed, Relaxed) {
            Ok(_) => {
                let item = black_box(board.words[word + 1].load(Relaxed));
                board.words[word].store(position + ROOM - place, Release);
                return Some(item);
            }
            Err(now) => position = now,
        }
    }
}
