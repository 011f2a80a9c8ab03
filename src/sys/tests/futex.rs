use std::time::{Duration, Instant};

use super::{Child, WATCHDOG, asserted_in_child, eventually};
use crate::shim::{AtomicU64, Ordering};
use crate::sys::futex::{Wait, release_and_wake, release_then_wake, wait, wake};
use crate::sys::mapping::{Mapping, page_size};
use crate::sys::pidfd::ExitStatus;

const HIGH: u64 = 0xdead_beef << 32;
const WAITERS: u64 = 1 << 31;
const MOMENT: Duration = Duration::from_millis(20);

/// A word that this process shares with its children.
fn shared_word(value: u64) -> &'static AtomicU64 {
    let mapping = Mapping::anonymous(c"futex test", page_size()).expect("mapping");
    mapping.commit(0, page_size()).expect("commit");
    // SAFETY: the page is mapped for ever, committed, aligned, and used for nothing but this word.
    let word = unsafe { AtomicU64::from_ptr(mapping.base().as_ptr().cast()) };
    word.store(value, Ordering::Relaxed);
    word
}

/// A child that sleeps on the word until it changes, and exits with 0 if it was ever woken.
fn sleeper(word: &'static AtomicU64, expected: u32) -> Child {
    let child = Child::running(move || {
        let mut woken = false;
        while word.load(Ordering::Relaxed) as u32 == expected {
            woken |= wait(word, expected, WATCHDOG) == Wait::Woken;
        }
        i32::from(!woken)
    });
    let stat = format!("/proc/{}/stat", child.pid);
    eventually(|| std::fs::read_to_string(&stat).is_ok_and(|text| text.contains(") S ")));
    child
}

#[test]
fn word_that_changed_already_is_not_slept_on() {
    let word = AtomicU64::new(HIGH | 5);
    assert_eq!(wait(&word, 6, WATCHDOG), Wait::Changed);
}

#[test]
fn only_the_low_half_decides() {
    let word = AtomicU64::new(HIGH | 5);
    assert_eq!(wait(&word, 5, MOMENT), Wait::TimedOut);
    assert_eq!(wait(&word, (HIGH >> 32) as u32, MOMENT), Wait::Changed);
}

#[test]
fn sleep_that_nobody_ends_lasts_its_time() {
    let word = AtomicU64::new(0);
    let before = Instant::now();
    assert_eq!(wait(&word, 0, MOMENT), Wait::TimedOut);
    assert!(before.elapsed() >= MOMENT);
}

#[test]
fn longest_sleep_is_bounded_although_nobody_wakes_the_sleeper() {
    asserted_in_child(|| assert_eq!(wait(&AtomicU64::new(0), 0, Duration::MAX), Wait::TimedOut));
}

#[test]
fn sleeper_in_another_process_is_woken() {
    let word = shared_word(1);
    let child = sleeper(word, 1);
    eventually(|| wake(word, 1) == 1);
    word.store(2, Ordering::Relaxed);
    wake(word, 1);
    assert_eq!(child.status(), ExitStatus::Exited(0));
}

#[test]
fn waking_wakes_no_more_than_asked() {
    let word = shared_word(1);
    let children = [sleeper(word, 1), sleeper(word, 1), sleeper(word, 1)];
    // A sleeper that has just been in its bounded sleep's gap is not counted: so at most, not exactly.
    assert!(wake(word, 2) <= 2);
    word.store(2, Ordering::Relaxed);
    wake(word, u32::MAX);
    for child in children {
        assert!(matches!(child.status(), ExitStatus::Exited(_)));
    }
    assert_eq!(wake(word, u32::MAX), 0);
}

#[test]
fn release_and_wake_leaves_the_waiters_bit_and_the_high_half() {
    for release in [release_and_wake, release_then_wake] {
        let word = AtomicU64::new(HIGH | WAITERS | 4711);
        assert_eq!(release(&word), 0, "nobody sleeps");
        assert_eq!(word.load(Ordering::Relaxed), HIGH | WAITERS);
    }
}

/// Lets go of a lock that a child sleeps on. Returns whether that woke the child.
fn wakes_a_sleeper(release: fn(&AtomicU64) -> u32) -> bool {
    let word = shared_word(HIGH | WAITERS | 4711);
    let child = sleeper(word, WAITERS as u32 | 4711);
    let woken = release(word);
    assert_eq!(word.load(Ordering::Relaxed), HIGH | WAITERS);
    // The sleeper exits with 0 exactly if it was woken.
    assert_eq!(child.status(), ExitStatus::Exited(1 - woken as i32));
    woken == 1
}

#[test]
fn release_and_wake_wakes_a_sleeper_of_another_process() {
    for release in [release_and_wake, release_then_wake] {
        // Now and then a sleeper is just between two of its bounded sleeps; not every time.
        assert!((0..5).any(|_| wakes_a_sleeper(release)));
    }
}
