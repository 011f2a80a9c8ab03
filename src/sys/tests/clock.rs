use std::time::{Duration, Instant};

use crate::sys::clock::{Deadline, timespec};

#[test]
fn deadline_beyond_the_clock_never_comes() {
    let deadline = Deadline::after(Duration::MAX);
    assert_eq!(deadline, Deadline::never());
    assert_eq!(deadline.remaining(), None);
    assert!(!deadline.expired());
}

#[test]
fn deadline_in_the_past_has_expired_and_leaves_nothing() {
    let deadline = Deadline::at(Instant::now());
    assert_eq!(deadline.remaining(), Some(Duration::ZERO));
    assert!(deadline.expired());
    assert_eq!(deadline.remaining_up_to(Duration::from_secs(1)), Duration::ZERO);
}

#[test]
fn deadline_ahead_leaves_time_and_a_round_of_it() {
    let deadline = Deadline::after(Duration::from_secs(3600));
    assert!(!deadline.expired());
    assert!(deadline.remaining().is_some_and(|left| left > Duration::from_secs(1800)));
    assert_eq!(deadline.remaining_up_to(Duration::from_secs(1)), Duration::from_secs(1));
    assert_eq!(Deadline::never().remaining_up_to(Duration::from_secs(1)), Duration::from_secs(1));
}

#[test]
fn durations_keep_their_nanoseconds_and_never_turn_negative() {
    let short = timespec(Duration::new(3, 999_999_999));
    assert_eq!((short.tv_sec, short.tv_nsec), (3, 999_999_999));
    assert_eq!(timespec(Duration::MAX).tv_sec, libc::time_t::MAX);
}
