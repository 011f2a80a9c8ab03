//! Bytes that are no value, written by somebody who does not play by the rules.

// The lock word is reached as a scribbler would: past the handle.
#![allow(unsafe_code)]

use super::{Phase, REPORT, Report};
use crate::message::Plain;
use crate::message::tests::{decode, encode};
use crate::segment::container::Carried;
use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::value::Value;

/// Another handle to the same memory, of a type that takes any bytes: what a scribbler has.
fn scribbler<T: Plain, S: Plain>(value: &Value<T>) -> Value<S> {
    let (bytes, manifest) = encode(value.clone()).unwrap();
    decode(&bytes, manifest).unwrap()
}

#[test]
fn a_scribbled_word_reads_as_a_valid_value() {
    let phase = Value::new(Phase::Falling).unwrap();
    let bits = scribbler::<_, u8>(&phase);
    bits.set(77);
    assert_eq!(phase.get(), Phase::Falling);
    assert_eq!(phase.clone().swap(Phase::Rising), Phase::Falling);
    assert_eq!((phase.get(), bits.get()), (Phase::Rising, 1), "a change mends it");
}

#[test]
fn a_scribbled_wide_value_reads_as_a_valid_value() {
    let report = Value::new(REPORT).unwrap();
    let bits = scribbler::<_, [u8; size_of::<Report>()]>(&report);
    bits.set([0xFF; size_of::<Report>()]);
    assert_eq!(report.get(), REPORT);
    assert_eq!(report.update(|now| Report { count: now.count + 1, ..now }), REPORT);
    assert_eq!(report.get().count, REPORT.count + 1);
}

#[test]
fn a_handle_that_arrived_keeps_a_valid_value_too() {
    let sent = Value::new('a').unwrap();
    let arrived = scribbler::<_, char>(&sent);
    scribbler::<_, u32>(&sent).set(0xD800);
    assert_eq!((sent.get(), arrived.get()), ('a', 'a'));
}

#[test]
fn scribbled_filling_of_an_odd_size_is_harmless() {
    let three = Value::new([1_u8, 2, 3]).unwrap();
    let word = scribbler::<_, u64>(&three);
    word.set(u64::MAX);
    assert_eq!(three.get(), [255; 3]);
    assert_eq!(three.compare_exchange([255; 3], [4; 3]), Ok([255; 3]));
    assert_eq!(three.get(), [4; 3]);
}

#[test]
fn a_scribbled_lock_loses_writes_and_hangs_nobody() {
    let wide = Value::new([1_u64, 2]).unwrap();
    // The lock word is the first of the block: make it say that this very thread holds it.
    let me = crate::segment::block::locking(|me, _| me);
    let (_, manifest) = encode(wide.clone()).unwrap();
    let [Carried::Shared(block, _)] = &manifest[..] else { panic!("a value travels as one shared block") };
    // SAFETY: a block is aligned to a cache line and longer than a word, and lives as long as `manifest`; all access to the
    // lock word is atomic.
    let lock = unsafe { AtomicU64::from_ptr(block.as_ptr().cast().as_ptr()) };
    lock.store(me.bits(), Relaxed);
    wide.set([3, 4]);
    assert_eq!(wide.update(|[a, b]| [b, a]), [1, 2]);
    assert_eq!(wide.get(), [1, 2]);
    lock.store(0, Relaxed);
    wide.set([5, 6]);
    assert_eq!(wide.get(), [5, 6]);
}
