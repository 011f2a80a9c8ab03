//! Frozen arrays: read by many, written by nobody.

use procshare::{Array, Frozen, Process, scope};

use crate::support::watchdog;

#[test]
fn freezing_moves_nothing() {
    watchdog!(60);
    let array = Array::from_fn(1000, |i| i as u32).expect("4 kB");
    let address = array.as_ptr();
    let frozen = array.freeze();
    assert_eq!(frozen.as_ptr(), address);
}

#[test]
fn clones_are_the_same_memory() {
    watchdog!(60);
    let frozen = Array::from_slice(&[1_u8, 2, 3]).expect("3 bytes").freeze();
    let clone = frozen.clone();
    assert_eq!(clone.as_ptr(), frozen.as_ptr());
    drop(frozen);
    assert_eq!(clone[..], [1, 2, 3]);
}

#[test]
fn children_read_a_frozen_array_by_borrowing() {
    watchdog!(60);
    let frozen = Array::from_fn(1000, |i| i as u64).expect("8 kB").freeze();
    let sums = scope(|s| {
        let children = [(); 3].map(|()| s.spawn(|| frozen.iter().sum::<u64>()).expect("spawn"));
        children.map(|child| child.join().expect("join"))
    });
    assert_eq!(sums.expect("no failure"), [499_500; 3]);
}

#[test]
fn frozen_result_of_a_child_outlives_it() {
    watchdog!(60);
    let make = || Array::from_fn(1000, |i| i as u64).expect("8 kB").freeze();
    let frozen: Frozen<u64> = Process::spawn(make).expect("spawn").join().expect("join");
    assert_eq!(frozen.iter().sum::<u64>(), 499_500);
}
