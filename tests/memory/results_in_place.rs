//! What a child made stands, in the parent, where the child made it.

use procshare::{Array, Frozen, Process, scope};

use crate::support::watchdog;

#[test]
fn array_of_a_child_is_at_the_address_where_the_child_saw_it() {
    watchdog!(60);
    let make = || {
        let mut array = Array::<u64>::zeroed(1 << 16).expect("512 KiB");
        array[0] = array.as_ptr() as usize as u64;
        array
    };
    let array = Process::spawn(make).expect("spawn").join().expect("join");
    assert_eq!(array[0], array.as_ptr() as usize as u64);
}

#[test]
fn frozen_array_of_a_child_is_at_the_address_where_the_child_saw_it() {
    watchdog!(60);
    let make = || {
        let mut array = Array::<u64>::zeroed(1 << 16).expect("512 KiB");
        array[0] = array.as_ptr() as usize as u64;
        array.freeze()
    };
    let frozen: Frozen<u64> = Process::spawn(make).expect("spawn").join().expect("join");
    assert_eq!(frozen[0], frozen.as_ptr() as usize as u64);
}

#[test]
fn arrays_inside_a_message_are_in_place_too() {
    watchdog!(60);
    let make = || {
        let arrays = [3_usize, 1000, 100_000].map(|len| {
            let mut array = Array::<u64>::zeroed(len).expect("up to 800 kB");
            array[0] = array.as_ptr() as usize as u64;
            Some(array)
        });
        (String::from("three"), Vec::from(arrays))
    };
    let (name, arrays) = Process::spawn(make).expect("spawn").join().expect("join");
    assert_eq!((name.as_str(), arrays.len()), ("three", 3));
    for array in arrays.into_iter().flatten() {
        assert_eq!(array[0], array.as_ptr() as usize as u64);
    }
}

#[test]
fn chunk_is_written_at_the_address_where_the_parent_reads_it() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(1000).expect("8 kB");
    let ended = scope(|s| {
        for chunk in array.chunks_mut(250) {
            s.spawn(move || chunk[0] = chunk.as_ptr() as usize as u64).expect("spawn");
        }
    });
    ended.expect("no failure");
    for chunk in array.chunks(250) {
        assert_eq!(chunk[0], chunk.as_ptr() as usize as u64);
    }
}

#[test]
fn array_of_a_child_made_before_the_arena_grew_is_readable_in_a_sibling_made_before() {
    watchdog!(60);
    // The sibling is forked first and gets to know the array only later, through a message within its parent.
    let made = Process::spawn(|| Array::from_fn(1 << 20, |i| i as u64).expect("8 MiB")).expect("spawn");
    let array = made.join().expect("join");
    let sum = |array: Array<u64>| array.iter().copied().eq(0..1 << 20);
    assert!(Process::spawn_with(array, sum).expect("spawn").join().expect("join"));
}
