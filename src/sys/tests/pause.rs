use std::time::{Duration, Instant};

use crate::sys::pause::pauses_of;
use crate::sys::{pauses_in, relax};

#[test]
fn no_time_is_no_pause_and_any_time_is_one() {
    assert_eq!(pauses_in(Duration::ZERO), 0);
    assert!(pauses_in(Duration::from_nanos(1)) >= 1);
}

#[test]
fn pauses_are_counted_from_what_a_batch_takes() {
    // 128 pauses of 10 ns.
    assert_eq!(pauses_of(Duration::from_micros(1), 1280), 100);
    assert_eq!(pauses_of(Duration::from_nanos(1), 1280), 1);
    assert_eq!(pauses_of(Duration::from_nanos(11), 1280), 2);
    assert_eq!(pauses_of(Duration::ZERO, 1280), 0);
    assert_eq!(pauses_of(Duration::from_nanos(2), 0), 256, "too short to be timed");
}

#[test]
fn more_time_than_can_be_counted_is_the_largest_number() {
    assert_eq!(pauses_in(Duration::MAX), u32::MAX);
    assert_eq!(pauses_of(Duration::MAX, 1), u32::MAX);
    assert_eq!(pauses_of(Duration::from_nanos(u64::MAX), u64::MAX), 128);
}

#[test]
fn a_pause_takes_the_same_time_whenever_it_is_asked_for() {
    let time = Duration::from_millis(3);
    let first = pauses_in(time);
    assert_eq!(pauses_in(time), first);
    assert!(pauses_in(2 * time) >= first);
}

#[test]
fn that_many_pauses_take_about_that_time_or_longer() {
    let time = Duration::from_millis(10);
    let pauses = pauses_in(time);
    let begun = Instant::now();
    for _ in 0..pauses {
        relax();
    }
    assert!(begun.elapsed() > time / 4, "{pauses} pauses");
}
