//! `spawn_with` hands an argument over for good.

use procshare::{Array, Builder, Failure, Process, Value};

use crate::support::{failure, os, watchdog};

#[test]
fn argument_reaches_the_child() {
    watchdog!(60);
    let child = Process::spawn_with((7_u32, String::from("seven")), |(n, name)| format!("{name} is {n}"));
    assert_eq!(child.expect("spawn").join().expect("join"), "seven is 7");
}

#[test]
fn array_goes_to_the_child_and_comes_back() {
    watchdog!(60);
    let array = Array::from_slice(&[1.0_f64, 2.0, 4.0]).expect("24 bytes");
    let double = |mut array: Array<f64>| {
        array.iter_mut().for_each(|x| *x *= 2.0);
        array
    };
    let array = Process::spawn_with(array, double).expect("spawn").join().expect("join");
    assert_eq!(array[..], [2.0, 4.0, 8.0]);
}

#[test]
fn array_travels_without_moving_in_memory() {
    watchdog!(60);
    let array = Array::<u64>::zeroed(1 << 16).expect("512 KiB");
    let address = array.as_ptr() as usize as u64;
    let mark = |mut array: Array<u64>| {
        array[0] = array.as_ptr() as usize as u64;
        array
    };
    let array = Process::spawn_with(array, mark).expect("spawn").join().expect("join");
    assert_eq!((array[0], array.as_ptr() as usize as u64), (address, address));
}

#[test]
fn value_handed_over_stays_one_value() {
    watchdog!(60);
    let count = Value::new(1_u64).expect("8 bytes");
    let child = Process::spawn_with(count.clone(), |count| count.fetch_add(10)).expect("spawn");
    assert_eq!(child.join().expect("join"), 1);
    assert_eq!(count.get(), 11);
}

#[test]
fn frozen_array_is_read_by_several_children() {
    watchdog!(60);
    let frozen = Array::from_fn(1000, |i| i as u64).expect("8 kB").freeze();
    let sum = |part: procshare::Frozen<u64>| part.iter().sum::<u64>();
    let children: Vec<_> = (0..3).map(|_| Process::spawn_with(frozen.clone(), sum).expect("spawn")).collect();
    for child in children {
        assert_eq!(child.join().expect("join"), 499_500);
    }
    assert_eq!(frozen[999], 999);
}

#[test]
fn builder_hands_over_too() {
    watchdog!(60);
    let child = Builder::new().name("handed").spawn_with(vec![1_u8, 2], |bytes| bytes.len() as u64);
    let child = child.expect("spawn");
    assert_eq!(child.name(), "handed");
    assert_eq!(child.join().expect("join"), 2);
}

#[test]
fn child_killed_with_its_argument_is_a_failure_like_any_other() {
    watchdog!(60);
    let array = Array::<u64>::zeroed(1000).expect("8 kB");
    let hold = |array: Array<u64>| -> u64 {
        let _kept = array;
        os::sleep_for_ever()
    };
    let child = Process::spawn_with(array, hold).expect("spawn");
    child.kill().expect("kill");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Signaled { signal: libc::SIGKILL, .. }), "{failed:?}");
}
