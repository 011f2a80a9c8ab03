//! What a value does, whatever its size.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use proptest::prelude::*;

use super::{Phase, REPORT, Report, Wide};
use crate::message::Plain;
use crate::value::Value;

/// All that a value does, on two different values of its type.
fn behaves<T: Plain + PartialEq + std::fmt::Debug>(first: T, second: T) {
    let value = Value::new(first).unwrap();
    let same = value.clone();
    assert_eq!(same.get(), first);
    value.set(second);
    assert_eq!(same.get(), second);
    assert_eq!(same.swap(first), second);
    assert_eq!(value.get(), first);
    assert_eq!(value.update(|_| second), first);
    assert_eq!(value.get(), second);
    assert_eq!(value.compare_exchange(second, first), Ok(second));
    assert_eq!(value.get(), first);
    if bytemuck::bytes_of(&first) != bytemuck::bytes_of(&second) {
        assert_eq!(value.compare_exchange(second, second), Err(first));
        assert_eq!(value.get(), first);
    }
    drop(value);
    assert_eq!(same.get(), first);
}

#[test]
fn values_of_every_size_behave() {
    behaves((), ());
    behaves(1_u8, 2);
    behaves([1_u8; 2], [2; 2]);
    behaves(-1_i16, 2);
    behaves([1_u8; 3], [2; 3]);
    behaves(1.5_f32, -0.0);
    behaves([1_u8; 5], [2; 5]);
    behaves([1_u16; 3], [2; 3]);
    behaves([1_u8; 7], [2; 7]);
    behaves(1.5_f64, f64::INFINITY);
    behaves([1_u8; 8], [2; 8]);
    behaves([1_u8; 9], [2; 9]);
    behaves(u128::MAX, 7);
    behaves([1_u16; 5], [2; 5]);
    behaves([1_u64; 3], [2; 3]);
    behaves(Wide::of(1), Wide::of(2));
    behaves([1_u8; 4096], [2; 4096]);
}

#[test]
fn checked_types_behave() {
    behaves(true, false);
    behaves('a', '\u{10FFFF}');
    behaves(Phase::Rising, Phase::Falling);
    behaves(REPORT, Report { phase: Phase::Rising, ..REPORT });
    behaves(std::num::NonZero::<u64>::MIN, std::num::NonZero::<u64>::MAX);
    behaves(None, std::num::NonZero::new(5_u32));
}

#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Aligned([u64; 8]);

#[test]
fn alignment_beyond_a_word_is_kept() {
    behaves(Aligned([1; 8]), Aligned([2; 8]));
    let value = Value::new(Aligned([3; 8])).unwrap();
    assert_eq!(std::ptr::from_ref(&value.get()).addr() % 64, 0);
}

proptest! {
    #[test]
    fn a_wide_value_keeps_every_byte(bytes: [u8; 29], other: [u8; 29]) {
        behaves(bytes, other);
    }

    #[test]
    fn a_small_value_keeps_every_byte(three: [u8; 3], six: [u8; 6], eight: [u8; 8]) {
        behaves(three, [0xFF; 3]);
        behaves(six, [0; 6]);
        behaves(eight, [0xFF; 8]);
    }
}

#[test]
fn exchange_compares_bits() {
    let value = Value::new(0.0_f64).unwrap();
    assert!(value.compare_exchange(-0.0, 1.0).is_err());
    value.set(f64::NAN);
    assert!(value.compare_exchange(f64::NAN, 1.0).is_ok());
}

#[test]
fn a_panic_in_update_leaves_the_value() {
    fn leaves<T: Plain + PartialEq + std::fmt::Debug>(first: T) {
        let value = Value::new(first).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| value.update(|_| panic!("on purpose"))));
        assert!(panicked.is_err());
        assert_eq!(value.get(), first);
        value.set(first); // nobody holds a lock
    }
    leaves(7_u64);
    leaves(Wide::of(7));
}

#[test]
fn update_repeats_when_somebody_was_faster() {
    fn repeats<T: Plain + PartialEq + std::fmt::Debug>(first: T, faster: T, last: T) {
        let value = Value::new(first).unwrap();
        let mut seen = Vec::new();
        let before = value.update(|now| {
            if seen.is_empty() {
                value.set(faster);
            }
            seen.push(now);
            last
        });
        assert_eq!((seen, before, value.get()), (vec![first, faster], faster, last));
    }
    repeats(1_u32, 2, 3);
    repeats(Wide::of(1), Wide::of(2), Wide::of(3));
}

#[test]
fn no_update_is_lost_between_threads() {
    let (narrow, wide) = (Value::new(0.0_f64).unwrap(), Value::new(Wide::of(0)).unwrap());
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..2_000 {
                    narrow.update(|sum| sum + 1.0);
                    wide.update(|sum| Wide::of(sum.parts[6] + 1));
                }
            });
        }
    });
    assert_eq!((narrow.get(), wide.get()), (6_000.0, Wide::of(6_000)));
}

#[test]
fn a_wide_value_is_never_torn() {
    let value = Value::new(Wide::of(0)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            for part in 0..20_000 {
                value.set(Wide::of(part));
            }
            done.store(true, Relaxed);
        });
        let mut latest = 0;
        while !done.load(Relaxed) {
            let seen = value.get();
            assert_eq!(seen, Wide::of(seen.parts[0]));
            assert!(seen.parts[0] >= latest, "{} after {latest}", seen.parts[0]);
            latest = seen.parts[0];
        }
    });
}

#[test]
fn debug_prints_the_value() {
    assert_eq!(format!("{:?}", Value::new(5_u8).unwrap()), "5");
    assert_eq!(format!("{:?}", Value::new(Phase::Rising).unwrap()), "Rising");
    assert_eq!(format!("{:?}", Value::new([1_u64, 2]).unwrap()), "[1, 2]");
}
