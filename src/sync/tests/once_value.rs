//! Values that are computed once, by threads and processes that may fail at it.

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};

use super::{Stopped, Watchdog, sleep_for_ever, stage, wait_until};
use crate::message::Plain;
use crate::message::tests::{decode, encode};
use crate::process::{Process, scope};
use crate::sync::{OnceError, OnceValue, TimedOnceError, TryOnceError};

const SOON: Duration = Duration::from_millis(20);

/// A value with invalid bit patterns, larger than a word, and not a whole number of them.
#[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
#[repr(C)]
struct Report {
    ready: bool,
    level: Level,
    rest: [u8; 9],
}

#[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
#[repr(u8)]
enum Level {
    Low = 1,
    High = 2,
}

const REPORT: Report = Report { ready: true, level: Level::High, rest: [9; 9] };

/// A process that computes, and does not end.
fn computer(value: &OnceValue<u64>) -> Process<()> {
    let (begun, value) = (stage(), value.clone());
    let told = begun.clone();
    let body = move || {
        let compute = || {
            told.set(1);
            sleep_for_ever()
        };
        let _never = value.get_or_init(compute);
    };
    let child = Process::spawn(body).expect("spawn");
    wait_until(|| begun.get() == 1);
    child
}

fn unreached<T>() -> T {
    unreachable!("this was not to be computed");
}

/// All that there is to do with a value, of whatever size.
fn behaves<T: Plain + PartialEq + std::fmt::Debug>(first: T, second: T) {
    let value = OnceValue::<T>::new().unwrap();
    let same = value.clone();
    assert_eq!(same.get(), None);
    assert_eq!(value.get_or_init(|| first), Ok(first));
    assert_eq!((value.get(), same.get(), same.wait()), (Some(first), Some(first), Ok(first)));
    assert_eq!(same.get_or_init(unreached), Ok(first));
    assert_eq!(same.try_get_or_init(unreached), Ok(first));
    assert_eq!(same.get_or_init_timeout(Duration::ZERO, unreached), Ok(first));
    assert_eq!(same.set(second), Err(second));
    drop(value);
    assert_eq!(same.get(), Some(first));
    let value = OnceValue::<T>::new().unwrap();
    assert_eq!((value.set(second), value.get()), (Ok(()), Some(second)));
    let value = OnceValue::<T>::new().unwrap();
    assert_eq!((value.try_get_or_init(|| second), value.get()), (Ok(second), Some(second)));
}

#[test]
fn values_of_every_size_behave() {
    behaves((), ());
    behaves(1_u8, 2);
    behaves([1_u8; 3], [2; 3]);
    behaves(1.5_f64, 2.5);
    behaves([1_u8; 9], [2; 9]);
    behaves(u128::MAX, 7);
    behaves([1_u64; 1000], [2; 1000]);
}

#[test]
fn checked_types_behave() {
    behaves(true, false);
    behaves('a', '\u{10FFFF}');
    behaves(REPORT, Report { level: Level::Low, ready: false, rest: [1; 9] });
    behaves(std::num::NonZero::<u64>::MIN, std::num::NonZero::<u64>::MAX);
}

#[test]
fn many_ask_and_one_computes() {
    let _watchdog = Watchdog::start();
    let (value, runs) = (OnceValue::<[u64; 5]>::new().unwrap(), stage());
    let ask = || {
        let mine = u64::from(std::process::id());
        let found = value.get_or_init(|| {
            runs.fetch_add(1);
            thread::sleep(SOON);
            [mine; 5]
        });
        let found = found.unwrap();
        assert_eq!((found, value.get(), value.wait()), ([found[0]; 5], Some(found), Ok(found)));
    };
    scope(|s| {
        for _ in 0..4 {
            s.spawn(ask).unwrap();
        }
        ask();
    })
    .unwrap();
    assert_eq!(runs.get(), 1);
}

#[test]
fn next_one_computes_what_a_killed_one_did_not() {
    let _watchdog = Watchdog::start();
    let value = OnceValue::<u64>::new().unwrap();
    let child = computer(&value);
    child.kill().unwrap();
    assert_eq!(value.get_or_init(|| 7), Ok(7));
}

#[test]
fn sleeper_computes_what_a_killed_one_did_not_and_waiters_get_it() {
    let _watchdog = Watchdog::start();
    let value = OnceValue::<u64>::new().unwrap();
    let child = computer(&value);
    thread::scope(|s| {
        let asking = s.spawn(|| value.get_or_init(|| 7));
        let waiting = s.spawn(|| value.wait());
        let setting = s.spawn(|| value.set(7));
        thread::sleep(SOON);
        child.kill().unwrap();
        assert_eq!((asking.join().unwrap(), waiting.join().unwrap()), (Ok(7), Ok(7)));
        let _either = setting.join().unwrap();
    });
}

#[test]
fn panic_leaves_the_value_to_the_next() {
    let value = OnceValue::<u64>::new().unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| value.get_or_init(|| panic!("on purpose"))));
    assert!(caught.is_err());
    assert_eq!(value.get(), None);
    assert_eq!(value.get_or_init(|| 7), Ok(7));
}

#[test]
fn asking_from_inside_is_refused() {
    let value = OnceValue::<u64>::new().unwrap();
    let computed = value.get_or_init(|| {
        assert_eq!(value.get_or_init(unreached), Err(OnceError::WouldDeadlock));
        assert_eq!(value.try_get_or_init(unreached), Err(TryOnceError::WouldDeadlock));
        assert_eq!(value.get_or_init_timeout(SOON, unreached), Err(TimedOnceError::WouldDeadlock));
        assert_eq!((value.wait(), value.set(1)), (Err(OnceError::WouldDeadlock), Err(1)));
        assert_eq!(value.get(), None);
        7
    });
    assert_eq!((computed, value.get()), (Ok(7), Some(7)));
}

#[test]
fn nobody_waits_longer_than_they_said() {
    let _watchdog = Watchdog::start();
    let value = OnceValue::<u64>::new().unwrap();
    assert_eq!(value.wait_timeout(SOON), Err(TimedOnceError::TimedOut), "nobody has begun");
    let child = computer(&value);
    let _stopped = Stopped::stop(child.pid());
    let before = Instant::now();
    assert_eq!(value.try_get_or_init(unreached), Err(TryOnceError::WouldBlock));
    assert_eq!(value.get_or_init_timeout(6 * SOON, unreached), Err(TimedOnceError::TimedOut));
    assert!(before.elapsed() >= 6 * SOON);
    assert_eq!(value.get_or_init_until(before, unreached), Err(TimedOnceError::TimedOut));
    assert_eq!(value.wait_until(Instant::now() + SOON), Err(TimedOnceError::TimedOut));
}

#[test]
fn waiter_gets_what_another_process_sets() {
    let _watchdog = Watchdog::start();
    let value = OnceValue::<u64>::new().unwrap();
    let child = Process::spawn({
        let value = value.clone();
        move || {
            thread::sleep(SOON);
            value.set(7).is_ok()
        }
    });
    assert_eq!((value.wait(), child.unwrap().join()), (Ok(7), Ok(true)));
}

/// Another handle to the same memory, of a type that takes any bytes: what a scribbler has.
fn scribbler<T: Plain, S: Plain>(value: &OnceValue<T>) -> OnceValue<S> {
    let (bytes, manifest) = encode(value.clone()).unwrap();
    decode(&bytes, manifest).unwrap()
}

#[test]
fn scribbled_bytes_read_as_not_set_and_are_mended() {
    let _watchdog = Watchdog::start();
    let value = OnceValue::<Report>::new().unwrap();
    assert_eq!(scribbler::<_, [u8; size_of::<Report>()]>(&value).set([0xFF; size_of::<Report>()]), Ok(()));
    assert_eq!((value.get(), value.wait_timeout(SOON)), (None, Err(TimedOnceError::TimedOut)));
    assert_eq!(value.get_or_init(|| REPORT), Ok(REPORT));
    assert_eq!((value.get(), value.wait()), (Some(REPORT), Ok(REPORT)));
}

const fn goes_where_threads_go<H: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

const _: () = goes_where_threads_go::<OnceValue<Report>>();

#[test]
fn debug_prints_the_value_if_there_is_one() {
    let value = OnceValue::<u8>::new().unwrap();
    assert_eq!(format!("{value:?}"), "OnceValue(<not set>)");
    value.set(5).unwrap();
    assert_eq!(format!("{value:?}"), "OnceValue(5)");
}
