//! Allocation and release, killed at every instruction: slabs, runs of pages, cold and warm, split and merged.

use std::hint::black_box;

use procshare::{Array, Value, arena};

use crate::forked::{Forked, earn_credit, open_slabs, take_turn};
use crate::heap::{FILL, LARGEST_SMALL, THREE_PAGES};
use crate::sweep::sweep;
use crate::table::{Tally, leaves_long_paths_out};

/// Sweeps `operation`, each time on the heap that `before` leaves.
fn sweep_after(name: &str, before: &dyn Fn(), operation: &dyn Fn()) -> Tally {
    let turn = take_turn();
    sweep(name, &turn, &mut Forked::new(&turn, operation).before(before))
}

/// Sweeps `operation` in processes that have free small objects at hand, in a slab that stays.
fn sweep_at_hand(name: &str, operation: &dyn Fn()) -> Tally {
    let turn = take_turn();
    let _slabs = open_slabs();
    // Once by the tracer: the victims inherit its knowledge of where free objects are.
    operation();
    sweep(name, &turn, &mut Forked::new(&turn, operation))
}

/// Elements of an array that still is a small object.
const SMALL: usize = 64;

/// Makes an array, writes to both its ends, and drops it. An error ends the operation early, which the survivors do
/// not mind; that it is none in an unharmed run is what the recorded path's length shows.
fn make_and_drop(length: usize) {
    if let Ok(mut array) = Array::<u64>::zeroed(length) {
        array[0] = FILL;
        array[length - 1] = FILL;
        drop(array);
    }
}

/// Leaves a warm run of so many elements, all of them written.
fn warm_up(length: usize) {
    if let Ok(mut array) = Array::<u64>::zeroed(length) {
        array.fill(FILL);
    }
}

#[test]
fn a_small_value_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    sweep_at_hand("Value::new + drop", &|| drop(Value::new(black_box(7_u64)))).assert_clean();
}

#[test]
fn a_first_small_array_killed_while_it_makes_its_slab_leaves_a_legal_heap() {
    // The largest small objects: of the others a slab has more, and a path through it more turns of the same loops.
    let first = || make_and_drop(LARGEST_SMALL);
    sweep_after("Array::zeroed + drop, makes its slab", &|| (), &first).assert_clean();
}

#[test]
fn a_small_array_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    sweep_at_hand("Array::zeroed + drop, 512 bytes", &|| make_and_drop(SMALL)).assert_clean();
}

#[test]
fn a_small_array_killed_while_it_opens_another_slab_leaves_a_legal_heap() {
    let turn = take_turn();
    let _full = full_slab();
    let two = || drop([0; 2].map(|_| Array::<u64>::zeroed(LARGEST_SMALL)));
    sweep("2 x Array::zeroed + drop, all slabs full", &turn, &mut Forked::new(&turn, &two)).assert_clean();
}

/// Small objects that fill a slab to the last one.
fn full_slab() -> Vec<Array<u64>> {
    let mut kept = Vec::new();
    loop {
        let before = arena::stats().committed;
        let next = Array::zeroed(LARGEST_SMALL).expect("an array");
        if arena::stats().committed > before && !kept.is_empty() {
            return kept;
        }
        kept.push(next);
    }
}

#[test]
fn a_run_of_cold_pages_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    let turn = take_turn();
    // Trimmed before as well: warm pages are had without asking the kernel.
    let cold = || {
        arena::trim();
        earn_credit();
        arena::trim();
    };
    let make = || make_and_drop(THREE_PAGES);
    sweep("Array::zeroed + drop, cold pages", &turn, &mut Forked::new(&turn, &make).ready(&cold))
        .assert_clean();
}

#[test]
fn a_process_killed_while_it_asks_how_much_memory_there_is_leaves_a_legal_heap() {
    if leaves_long_paths_out() {
        return; // half a million instructions without optimisation, most of them spent on text from /proc
    }
    let turn = take_turn();
    let make = || make_and_drop(THREE_PAGES);
    sweep("Array::zeroed, the first of its process", &turn, &mut Forked::new(&turn, &make).ready(&|| ()))
        .assert_clean();
}

#[test]
fn a_run_of_warm_pages_killed_while_it_is_reused_leaves_a_legal_heap() {
    let warm = || warm_up(THREE_PAGES);
    sweep_after("Array::zeroed + drop, warm pages", &warm, &|| make_and_drop(THREE_PAGES)).assert_clean();
}

#[test]
fn a_free_run_killed_while_it_is_split_leaves_a_legal_heap() {
    let longer = || warm_up(3 * THREE_PAGES);
    sweep_after("Array::zeroed + drop, split of a longer run", &longer, &|| make_and_drop(THREE_PAGES))
        .assert_clean();
}

#[test]
fn a_run_killed_while_it_is_merged_with_both_neighbours_leaves_a_legal_heap() {
    let three = || {
        let [left, middle, right] = [0; 3].map(|_| Array::<u64>::zeroed(THREE_PAGES));
        drop(left);
        drop(right);
        drop(middle);
    };
    sweep_after("3 x Array::zeroed, drop between free ones", &|| (), &three).assert_clean();
}

#[test]
fn warm_pages_given_back_by_one_who_is_killed_leave_a_legal_heap() {
    sweep_after("arena::trim", &|| warm_up(THREE_PAGES), &arena::trim).assert_clean();
}

#[test]
fn a_frozen_array_killed_while_it_is_frozen_cloned_or_dropped_leaves_a_legal_heap() {
    let freeze = || {
        if let Ok(array) = Array::from_slice(black_box(&[FILL; 16])) {
            let frozen = array.freeze();
            let again = frozen.clone();
            drop(frozen);
            drop(black_box(again));
        }
    };
    sweep_at_hand("Array::from_slice, freeze, clone, drop", &freeze).assert_clean();
}
