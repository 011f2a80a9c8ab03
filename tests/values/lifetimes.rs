//! Handles outlive whoever made what they stand for.

use procshare::{Array, Process, Value, arena};

use crate::support::{eventually, isolated, watchdog};

#[test]
fn value_outlives_the_child_that_made_it() {
    watchdog!(60);
    let value =
        Process::spawn(|| Value::new([5_u64; 4]).expect("32 bytes")).expect("spawn").join().expect("join");
    // Its maker is dead; so is the maker's participant slot, which may be anybody's by now.
    for i in 0..20_u64 {
        let own = value.clone();
        Process::spawn(move || own.set([i; 4])).expect("spawn").join().expect("join");
        assert_eq!(value.get(), [i; 4]);
    }
}

#[test]
fn clone_outlives_the_handle_it_was_made_from() {
    watchdog!(60);
    let value = Value::new(1_u64).expect("8 bytes");
    let clone = value.clone();
    drop(value);
    let others: Vec<_> = (0..100).map(|_| Value::new(2_u64).expect("8 bytes")).collect();
    assert_eq!(clone.get(), 1);
    drop(others);
}

#[test]
fn array_passed_through_three_children_is_still_whole() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(1000).expect("8 kB");
    for _ in 0..3 {
        let add = |mut array: Array<u64>| {
            array.iter_mut().for_each(|x| *x += 1);
            array
        };
        array = Process::spawn_with(array, add).expect("spawn").join().expect("join");
    }
    assert!(array.iter().all(|x| *x == 3));
}

#[test]
fn last_handle_gives_the_memory_back_wherever_it_dies() {
    isolated(60, || {
        let round = || {
            let array = Process::spawn(|| Array::<u8>::zeroed(1 << 20).expect("1 MiB")).expect("spawn");
            let array = array.join().expect("join");
            // The child owns it now, and takes it along when it ends.
            Process::spawn_with(array, |array| array.len() as u64).expect("spawn").join().expect("join");
        };
        round();
        let before = arena::check().expect("a sound heap");
        for _ in 0..50 {
            round();
        }
        eventually(|| {
            let now = arena::check().map_err(|error| error.to_string())?;
            let same = (now.used, now.blocks) == (before.used, before.blocks);
            if same { Ok(()) } else { Err(format!("before {before:?}, now {now:?}")) }
        });
    });
}

#[test]
fn result_that_nobody_fetches_is_given_back() {
    isolated(60, || {
        let round = || drop(Process::spawn(|| vec![1_u8; 1 << 20]).expect("spawn"));
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = arena::check().expect("a sound heap");
        for _ in 0..50 {
            round();
        }
        eventually(|| {
            let now = arena::check().map_err(|error| error.to_string())?;
            let same = (now.used, now.blocks) == (before.used, before.blocks);
            if same { Ok(()) } else { Err(format!("before {before:?}, now {now:?}")) }
        });
    });
}
