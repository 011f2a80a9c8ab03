//! Whoever was only lent an array can not give it away, and a block has one owner whichever way it went.

use procshare::{Array, DecodeError, Failure, Frozen, Process, Value, arena, scope};

use crate::support::{failure, isolated, os, wait_until, watchdog};

/// Eight pages: large enough to be a run of its own, and to travel by its block rather than by its bytes.
const WORDS: usize = 4096;

fn filled_with(word: u64) -> Array<u64> {
    Array::from_slice(&[word; WORDS]).expect("32 KiB")
}

/// Takes an array out of what was lent, and leaves an empty one.
fn taken_out_of(lent: &mut Array<u64>) -> Array<u64> {
    std::mem::replace(lent, Array::zeroed(0).expect("no bytes"))
}

fn is_still_in_use(failure: &Failure) -> bool {
    matches!(failure, Failure::Undecodable { error: DecodeError::StillInUse, .. })
}

#[test]
fn array_that_was_only_lent_does_not_come_back() {
    watchdog!(60);
    let mut array = filled_with(1);
    let ended = scope(|s| {
        let refused = failure(s.spawn(|| taken_out_of(&mut array)).expect("spawn").join());
        assert!(is_still_in_use(&refused), "{refused:?}");
    });
    ended.expect("joined");
    array[0] = 2;
    assert_eq!(array[..2], [2, 1]);
}

#[test]
fn array_that_was_only_lent_does_not_come_back_frozen() {
    watchdog!(60);
    let mut array = filled_with(1);
    let ended = scope(|s| {
        let refused = failure(s.spawn(|| taken_out_of(&mut array).freeze()).expect("spawn").join());
        assert!(is_still_in_use(&refused), "{refused:?}");
    });
    ended.expect("joined");
    array[0] = 2;
    assert_eq!(array[..2], [2, 1]);
}

#[test]
fn grandchild_can_not_return_its_grandparents_array() {
    watchdog!(60);
    let array = filled_with(1);
    let work = move || {
        let mut mine = array;
        let refused =
            scope(|s| failure(s.spawn(|| taken_out_of(&mut mine)).expect("spawn in a child").join()));
        let refused = refused.expect("joined");
        assert!(is_still_in_use(&refused), "{refused:?}");
        mine[0] = 5;
        mine.iter().sum::<u64>()
    };
    let sum = Process::spawn(work).expect("spawn").join().expect("join");
    assert_eq!(sum, 5 + (WORDS as u64 - 1));
}

#[test]
fn grandchild_can_not_return_its_grandparents_array_frozen() {
    watchdog!(60);
    let array = filled_with(1);
    let work = move || {
        let mut mine = array;
        let freeze = || -> Frozen<u64> { taken_out_of(&mut mine).freeze() };
        let refused = scope(|s| failure(s.spawn(freeze).expect("spawn in a child").join()));
        let refused = refused.expect("joined");
        assert!(is_still_in_use(&refused), "{refused:?}");
        mine[0] = 5;
        mine.iter().sum::<u64>()
    };
    let sum = Process::spawn(work).expect("spawn").join().expect("join");
    assert_eq!(sum, 5 + (WORDS as u64 - 1));
}

#[test]
fn moved_array_frozen_and_shared_below_frees_nothing_of_its_sender() {
    isolated(60, || {
        let turn = Value::new(0_u32).expect("4 bytes");
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = arena::check().expect("a sound heap");
        let own = turn.clone();
        // The child takes the array over, shares it with a child of its own, and lets it go while its parent still has
        // the message that brought it.
        let work = move |array: Array<u64>| {
            let frozen = array.freeze();
            let below = Process::spawn_with(frozen.clone(), |frozen| frozen[0]).expect("spawn in a child");
            assert_eq!(below.join().expect("join in a child"), 1);
            drop(frozen);
            own.set(1);
            wait_until(|| own.get() == 2);
        };
        let child = Process::spawn_with(filled_with(1), work).expect("spawn");
        wait_until(|| turn.get() == 1);
        let made_before: Vec<_> = (0..4).map(|_| filled_with(7)).collect();
        turn.set(2);
        child.join().expect("join");
        let made_after: Vec<_> = (0..4).map(|_| filled_with(9)).collect();
        for array in &made_before {
            assert!(made_after.iter().all(|other| other.as_ptr() != array.as_ptr()), "one block, two owners");
            assert!(array.iter().all(|word| *word == 7), "somebody else's words");
        }
        drop((made_before, made_after));
        let after = arena::check().expect("a sound heap");
        assert_eq!((after.used, after.participants), (before.used, before.participants));
    });
}

/// Panics when it is dropped in the process that made it.
struct PanicsAtHome(u32);

impl Drop for PanicsAtHome {
    fn drop(&mut self) {
        if os::pid() == self.0 {
            panic!("a destructor's own");
        }
    }
}

#[test]
fn array_arrives_although_a_destructor_beside_it_panics() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = arena::check().expect("a sound heap");
        let (array, beside) = (filled_with(1), PanicsAtHome(os::pid()));
        let work = move || {
            // As a whole, so that the closure owns it; the child's copy is to be quiet.
            let beside = beside;
            std::mem::forget(beside);
            array
        };
        let array = Process::spawn(work).expect("spawn").join().expect("join");
        assert_eq!(*array, [1; WORDS]);
        let with_it = arena::check().expect("a sound heap");
        assert_eq!(with_it.used - before.used, 8 * WORDS as u64);
        drop(array);
        let after = arena::check().expect("a sound heap");
        assert_eq!((after.used, after.blocks), (before.used, before.blocks));
    });
}
