//! Every type lies where it must, whatever lies beside it.

use bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable};
use procshare::{AllocError, Array, Process, Value, scope};

use crate::support::{scaled, watchdog};

/// A cache line of its own.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Line([u64; 8]);

/// A page of its own.
#[repr(C, align(4096))]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Page([u8; 4096]);

/// Nothing at all.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Nothing;

/// A type for which most bit patterns mean nothing.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
enum Phase {
    Idle = 3,
    Busy = 7,
}

#[test]
fn bytes_beside_words_are_not_disturbed() {
    watchdog!(240);
    let each = scaled(50_000);
    let bytes = [0_u8; 3].map(|n| Value::new(n).expect("1 byte"));
    let words = [0_u64; 3].map(|n| Value::new(n).expect("8 bytes"));
    let ended = scope(|s| {
        for (byte, word) in bytes.iter().zip(&words) {
            let count = || {
                for _ in 0..each {
                    byte.fetch_add(1);
                    word.fetch_add(1);
                }
            };
            s.spawn(count).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(bytes.map(|byte| byte.get()), [(each % 256) as u8; 3]);
    assert_eq!(words.map(|word| word.get()), [each as u64; 3]);
}

#[test]
fn array_of_cache_lines_is_aligned_to_them() {
    watchdog!(60);
    let small = Array::from_slice(&[1_u8]).expect("1 byte");
    for len in [1, 2, 7, 100, 10_000] {
        let array = Array::from_fn(len, |i| Line([i as u64; 8])).expect("some lines");
        assert_eq!(array.as_ptr() as usize % 64, 0, "{len} lines");
        assert_eq!(array[len - 1], Line([len as u64 - 1; 8]));
    }
    drop(small);
}

#[test]
fn array_of_pages_is_aligned_to_them() {
    watchdog!(60);
    let array = Array::from_slice(&[Page([9; 4096]); 3]).expect("3 pages");
    assert_eq!(array.as_ptr() as usize % 4096, 0);
    assert_eq!(array[2], Page([9; 4096]));
}

#[test]
fn arrays_of_every_width_are_aligned() {
    watchdog!(60);
    let arrays: Vec<_> = (0..100)
        .map(|len| {
            let bytes = Array::<u8>::zeroed(len).expect("bytes");
            (
                bytes,
                Array::<u128>::zeroed(len).expect("wide words"),
                Array::<u64>::zeroed(len).expect("words"),
            )
        })
        .collect();
    for (_, wide, words) in &arrays {
        assert_eq!(wide.as_ptr() as usize % align_of::<u128>(), 0);
        assert_eq!(words.as_ptr() as usize % align_of::<u64>(), 0);
    }
}

#[test]
fn value_with_an_alignment_of_its_own_works() {
    watchdog!(60);
    let value = Value::new(Line([1; 8])).expect("64 bytes");
    value.update(|Line(words)| Line(words.map(|word| word + 1)));
    assert_eq!(value.get(), Line([2; 8]));
}

#[test]
fn value_of_size_zero_works() {
    watchdog!(60);
    let value = Value::new(Nothing).expect("no bytes");
    value.set(Nothing);
    assert_eq!((value.get(), value.swap(Nothing), value.update(|it| it)), (Nothing, Nothing, Nothing));
}

#[test]
fn value_of_size_zero_travels() {
    watchdog!(60);
    let value = Value::new(()).expect("no bytes");
    let value = Process::spawn_with(value, |value| value).expect("spawn").join().expect("join");
    value.get();
}

#[test]
fn array_of_size_zero_elements_has_a_length() {
    watchdog!(60);
    let array = Array::from_fn(1_000_000, |_| Nothing).expect("no bytes");
    assert_eq!((array.len(), array.iter().count()), (1_000_000, 1_000_000));
}

#[test]
fn empty_array_is_an_empty_slice() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(0).expect("no bytes");
    assert!(array.is_empty());
    assert_eq!(array.chunks_mut(5).count(), 0);
    assert_eq!(array.as_ptr() as usize % align_of::<u64>(), 0);
    assert!(array.cells().is_empty());
    let array = Array::<Line>::from_slice(&[]).expect("no bytes");
    assert_eq!(array.as_ptr() as usize % align_of::<Line>(), 0);
}

#[test]
fn empty_array_travels() {
    watchdog!(60);
    let make = || Array::<u64>::from_slice(&[]).expect("no bytes");
    assert!(Process::spawn(make).expect("spawn").join().expect("join").is_empty());
}

#[test]
fn length_that_overflows_is_an_error() {
    watchdog!(60);
    for len in [usize::MAX, usize::MAX / 8 + 1, usize::MAX / 8, isize::MAX as usize / 8 + 1] {
        assert!(Array::<u64>::zeroed(len).is_err(), "{len} words");
        assert!(Array::<u64>::from_fn(len, |_| 0).is_err(), "{len} words");
    }
}

#[test]
fn length_that_overflows_is_named_so() {
    watchdog!(60);
    let error = Array::<u64>::zeroed(usize::MAX).expect_err("more than there are addresses");
    assert!(matches!(error, AllocError::Overflow), "{error:?}");
}

#[test]
fn values_of_checked_types_come_back_as_themselves() {
    watchdog!(60);
    let phase = Value::new(Phase::Idle).expect("1 byte");
    let flag = Value::new(false).expect("1 byte");
    let letter = Value::new('a').expect("4 bytes");
    let ended = scope(|s| {
        let change = || {
            phase.set(Phase::Busy);
            flag.set(true);
            letter.set('\u{10ffff}');
        };
        s.spawn(change).expect("spawn");
    });
    ended.expect("no failure");
    assert_eq!((phase.get(), flag.get(), letter.get()), (Phase::Busy, true, '\u{10ffff}'));
}

#[test]
fn values_of_odd_sizes_work() {
    watchdog!(60);
    fn check<const N: usize>()
    where
        [u8; N]: procshare::Plain,
    {
        let value = Value::new([1; N]).expect("a few bytes");
        assert_eq!(value.swap([2; N]), [1; N]);
        assert_eq!(value.update(|bytes| bytes.map(|byte| byte + 1)), [2; N]);
        assert_eq!(value.get(), [3; N]);
        assert_eq!(value.compare_exchange([3; N], [4; N]), Ok([3; N]));
        assert_eq!(value.get(), [4; N]);
    }
    check::<1>();
    check::<2>();
    check::<3>();
    check::<4>();
    check::<5>();
    check::<7>();
    check::<8>();
    check::<9>();
    check::<12>();
    check::<16>();
    check::<17>();
    check::<100>();
    check::<1000>();
}
