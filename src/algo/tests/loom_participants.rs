//! A child that begins while its parent is being closed, and a child's outcome, in every interleaving.

// The result stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{Kin, Occupant, Outcome, OutcomeWord, Participants, Seat};
use crate::shim::AtomicU64;

const PARENT: u64 = 7 << 42 | 1;
const CHILD: u64 = 8 << 42 | 2;

/// What the model prints when a child began that the closing side did not see.
const UNSEEN: &str = "a child began unseen";

/// A child registers and looks whether it may begin; meanwhile its parent's seat is closed and scanned, as after its
/// death.
fn closing_meets_registering() {
    let seats: Arc<(Vec<Seat>, AtomicU64)> =
        Arc::new(((0..2).map(|_| Seat::vacant()).collect(), AtomicU64::new(0)));
    let table = Participants::new(&seats.0, &seats.1);
    let parent = table.claim(PARENT, None, 0).unwrap();
    let (child, word) = table.reserve(parent, 1).unwrap();
    let begins = {
        let seats = Arc::clone(&seats);
        thread::spawn(move || {
            let table = Participants::new(&seats.0, &seats.1);
            let registered = table.seat(child).unwrap().register(word, CHILD);
            registered && table.seat(parent).unwrap().is_open()
        })
    };
    table.seat(parent).unwrap().close();
    let seen = table.below(parent, Kin::All).any(|(number, ..)| number == child);
    let began = begins.join().unwrap();
    assert!(!began || seen, "{UNSEEN}");
}

#[test]
fn a_child_that_begins_is_seen_by_whoever_closes_its_parent() {
    assert!(explore(closing_meets_registering) > 1);
}

#[test]
fn a_missing_fence_lets_a_child_begin_unseen() {
    finds(Bug::CloseUnfenced, UNSEEN, closing_meets_registering);
}

#[test]
fn a_seat_goes_to_one_of_two_who_want_it() {
    explore(|| {
        let seats: Arc<(Vec<Seat>, AtomicU64)> = Arc::new((vec![Seat::vacant()], AtomicU64::new(0)));
        let claim = |identity| {
            let seats = Arc::clone(&seats);
            move || Participants::new(&seats.0, &seats.1).claim(identity, None, 0)
        };
        let other = thread::spawn(claim(CHILD));
        let mine = claim(PARENT)();
        let theirs = other.join().unwrap();
        assert!(mine.is_some() != theirs.is_some());
        let winner = if mine.is_some() { PARENT } else { CHILD };
        assert_eq!(seats.0[0].occupant(), Occupant::Process(winner));
    });
}

/// A parent that reads an outcome finds the bytes it speaks of. (In truth it reads after the child's death, which
/// orders more than this.)
fn outcome_is_read_whole() {
    struct Slot {
        word: OutcomeWord,
        bytes: UnsafeCell<u64>,
    }
    let slot = Arc::new(Slot { word: OutcomeWord::unsaid(), bytes: UnsafeCell::new(0) });
    let child = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || {
            slot.bytes.with_mut(|bytes| {
                // SAFETY: nobody reads before the commit below; the checker watches that.
                unsafe { *bytes = 42 }
            });
            slot.word.commit(Outcome::ReturnedInline { bytes: 8 });
        })
    };
    match slot.word.read() {
        Outcome::Unsaid => {}
        outcome => {
            assert_eq!(outcome, Outcome::ReturnedInline { bytes: 8 });
            slot.bytes.with(|bytes| {
                // SAFETY: the commit was read, after which the child writes no more; the checker watches that.
                assert_eq!(unsafe { *bytes }, 42);
            });
        }
    }
    child.join().unwrap();
}

#[test]
fn an_outcome_that_is_read_is_whole() {
    assert!(explore(outcome_is_read_whole) > 1);
}

#[test]
fn a_relaxed_commit_of_an_outcome_is_found() {
    finds(Bug::RelaxedOutcome, RACE, outcome_is_read_whole);
}
