//! Allocation and release, killed at every instruction: slabs, runs of pages, cold and warm, split and merged.

use std::hint::black_box;

use procshare::{Array, Value, arena};

use crate::forked::{sweep_after, sweep_alone};
use crate::heap::{FILL, THREE_PAGES};

/// Makes an array, writes all of it, and drops it. An error ends the operation early, which the survivors do not
/// mind; that it is none in an unharmed run is what the recorded path's length shows.
fn fill_and_drop(length: usize) {
    if let Ok(mut array) = Array::<u64>::zeroed(length) {
        // Only the ends: a loop over all would be most of the path and none of the allocator.
        array[0] = FILL;
        array[length - 1] = FILL;
        drop(array);
    }
}

fn warm_up(length: usize) {
    if let Ok(mut array) = Array::<u64>::zeroed(length) {
        array.fill(FILL);
    }
}

#[test]
fn a_small_value_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    sweep_alone("Value::new + drop (slab)", &|| drop(Value::new(black_box(7_u64)))).assert_clean();
}

#[test]
fn a_run_of_cold_pages_killed_while_it_is_made_or_dropped_leaves_a_legal_heap() {
    let cold = || arena::trim();
    sweep_after("Array::zeroed + drop, cold pages", &cold, &|| fill_and_drop(THREE_PAGES)).assert_clean();
}

#[test]
fn a_run_of_warm_pages_killed_while_it_is_reused_leaves_a_legal_heap() {
    let warm = || warm_up(THREE_PAGES);
    sweep_after("Array::zeroed + drop, warm pages", &warm, &|| fill_and_drop(THREE_PAGES)).assert_clean();
}

#[test]
fn a_free_run_killed_while_it_is_split_leaves_a_legal_heap() {
    let longer = || warm_up(3 * THREE_PAGES);
    sweep_after("Array::zeroed + drop, split of a longer run", &longer, &|| fill_and_drop(THREE_PAGES))
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
    sweep_alone("Array drop between two free neighbours", &three).assert_clean();
}

#[test]
fn a_new_slab_killed_while_it_is_opened_or_closed_leaves_a_legal_heap() {
    // More than one page of them, so that at least one new slab is opened, and closed again.
    let many = || drop([0; 12].map(|_| Array::<u64>::zeroed(64)));
    sweep_alone("12 x Array of 512 bytes + drop (new slabs)", &many).assert_clean();
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
    sweep_alone("Array::freeze, clone, drop (private)", &freeze).assert_clean();
}
