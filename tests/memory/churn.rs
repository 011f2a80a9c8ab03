//! What was made and dropped leaves nothing, whoever dropped it and however it ended.

use std::{thread, time::Duration};

use procshare::{Array, Process, Value, arena};

use crate::support::{Leftovers, Random, eventually, isolated, leftovers, os, scaled, wait_until};

/// What the arena holds once what can be tidied up is.
fn sound() -> arena::Stats {
    arena::check().expect("a sound heap")
}

/// Waits until the arena holds what it held before, and is sound.
fn assert_back_to(before: arena::Stats) {
    eventually(|| {
        let now = arena::check().map_err(|error| error.to_string())?;
        let same =
            (now.used, now.blocks, now.participants) == (before.used, before.blocks, before.participants);
        if same { Ok(()) } else { Err(format!("before {before:?}, now {now:?}")) }
    });
}

/// Makes and drops `count` values, a hundred at a time.
fn churn(count: usize) {
    let mut made = Vec::with_capacity(100);
    for i in 0..count {
        if made.len() == 100 {
            made.clear();
        }
        match i % 3 {
            0 => made.push(Value::new([i as u8; 64]).expect("64 bytes")),
            1 => made.push(Value::new([i as u8; 64]).expect("64 bytes")),
            _ => drop(Value::new(i as u64).expect("8 bytes")),
        }
    }
}

#[test]
fn hundred_thousand_values_of_several_processes_leave_the_arena_as_it_was() {
    isolated(240, || {
        let round = |count: usize| {
            let spawn = |_| Process::spawn(move || churn(count)).expect("spawn");
            let children: Vec<_> = (0..5).map(spawn).collect();
            churn(count);
            children.into_iter().for_each(|child| child.join().expect("join"));
        };
        round(1000);
        let before = sound();
        round(scaled(20_000));
        assert_back_to(before);
    });
}

#[test]
fn values_of_killed_processes_are_swept() {
    isolated(240, || {
        let mut random = Random::seeded(100);
        let mut round = || {
            let endless = || -> () {
                loop {
                    churn(1000);
                }
            };
            let doomed = [(); 3].map(|()| Process::spawn(endless).expect("spawn"));
            let living = [(); 2].map(|()| Process::spawn(|| churn(scaled(1000))).expect("spawn"));
            for child in doomed {
                thread::sleep(Duration::from_micros(random.below(3000)));
                child.kill().expect("kill");
                assert!(child.join().is_err());
            }
            living.into_iter().for_each(|child| child.join().expect("join beside the killed"));
        };
        round();
        // The first values of every size class and their pages, so that they are not counted as a leak.
        churn(1000);
        let before = sound();
        for _ in 0..scaled(20) {
            round();
        }
        assert_back_to(before);
    });
}

#[test]
fn values_of_processes_killed_in_a_crowd_are_swept() {
    isolated(240, || {
        let mut random = Random::seeded(101);
        churn(1000);
        Process::spawn(|| churn(1000)).expect("spawn").join().expect("join");
        let before = sound();
        for _ in 0..scaled(10) {
            let endless = || -> () {
                loop {
                    churn(1000);
                }
            };
            let crowd: Vec<_> = (0..8).map(|_| Process::spawn(endless).expect("spawn")).collect();
            thread::sleep(Duration::from_micros(random.below(20_000)));
            for child in &crowd {
                child.kill().expect("kill");
            }
            for child in crowd {
                assert!(child.join().is_err());
            }
        }
        assert_back_to(before);
    });
}

#[test]
fn arrays_of_killed_processes_are_swept() {
    isolated(240, || {
        let mut random = Random::seeded(102);
        Process::spawn(|| drop(Array::<u8>::zeroed(1 << 20))).expect("spawn").join().expect("join");
        let before = sound();
        for _ in 0..scaled(40) {
            let endless = || -> () {
                loop {
                    let arrays =
                        [1_usize, 5000, 70_000, 1 << 20].map(|len| Array::<u8>::zeroed(len).expect("bytes"));
                    drop(arrays);
                }
            };
            let child = Process::spawn(endless).expect("spawn");
            thread::sleep(Duration::from_micros(random.below(6000)));
            child.kill().expect("kill");
            assert!(child.join().is_err());
        }
        assert_back_to(before);
    });
}

#[test]
fn process_killed_while_it_allocates_does_not_keep_others_from_it() {
    isolated(240, || {
        let mut random = Random::seeded(103);
        for _ in 0..scaled(100) {
            let endless = || -> () {
                loop {
                    churn(1000);
                }
            };
            let child = Process::spawn(endless).expect("spawn");
            thread::sleep(Duration::from_micros(random.below(3000)));
            child.kill().expect("kill");
            // Not joined yet: whoever allocates finds out by itself that the lock's owner is dead.
            churn(100);
            assert!(child.join().is_err());
            sound();
        }
    });
}

#[test]
fn trimmed_arena_keeps_only_what_is_used() {
    isolated(120, || {
        churn(1000);
        arena::trim();
        let before = sound();
        let arrays: Vec<_> = (0..16).map(|_| Array::<u8>::zeroed(1 << 20).expect("1 MiB")).collect();
        assert!(arena::stats().committed >= before.committed + (16 << 20));
        drop(arrays);
        arena::trim();
        let now = sound();
        assert_eq!((now.used, now.committed, now.warm), (before.used, before.committed, 0));
    });
}

#[test]
fn stats_count_what_is_made() {
    isolated(60, || {
        drop(Value::new(1_u64).expect("8 bytes"));
        let before = arena::stats();
        let array = Array::<u8>::zeroed(10 << 20).expect("10 MiB");
        let with = arena::stats();
        assert_eq!(with.blocks, before.blocks + 1);
        assert!(with.used >= before.used + (10 << 20));
        assert!(with.committed >= with.used && with.capacity >= with.committed, "{with:?}");
        drop(array);
        assert_eq!(arena::stats().blocks, before.blocks);
    });
}

#[test]
fn stats_are_zero_before_the_first_use() {
    isolated(60, || {
        let stats = arena::stats();
        assert_eq!((stats.used, stats.committed, stats.blocks, stats.participants), (0, 0, 0, 0));
        assert!(arena::check().is_ok());
    });
}

#[test]
fn ten_thousand_arrays_one_after_the_other_leave_no_mapping() {
    isolated(240, || {
        for _ in 0..100 {
            drop(Array::<u64>::zeroed(100_000).expect("800 kB"));
        }
        let (before, resident) = (Leftovers::now(), leftovers::resident_bytes());
        for i in 0..scaled(10_000) {
            let mut array = Array::<u64>::zeroed(100_000).expect("800 kB");
            array[i % 100_000] = 1;
        }
        before.assert_nothing_new();
        let grown = leftovers::resident_bytes().saturating_sub(resident);
        assert!(grown < 64 << 20, "{grown} bytes stayed resident");
    });
}

#[test]
fn ten_thousand_values_held_at_once_need_no_mapping_and_no_descriptor() {
    isolated(120, || {
        drop(Value::new(0_u64).expect("8 bytes"));
        let before = Leftovers::now();
        let values: Vec<_> = (0..10_000_u64).map(|i| Value::new(i).expect("8 bytes")).collect();
        before.assert_nothing_new();
        assert!(values.iter().zip(0..).all(|(value, i)| value.get() == i));
    });
}

#[test]
fn many_small_values_share_pages() {
    isolated(120, || {
        drop(Value::new(0_u64).expect("8 bytes"));
        let before = arena::stats();
        let values: Vec<_> = (0..10_000_u64).map(|i| Value::new(i).expect("8 bytes")).collect();
        let each = (arena::stats().committed - before.committed) / 10_000;
        assert!(each <= 64, "{each} bytes of memory for a value of 8");
        drop(values);
    });
}

#[test]
fn memory_freed_by_the_parent_serves_a_child_forked_before() {
    isolated(120, || {
        arena::Builder::new().capacity(64 << 20).build().expect("nobody used the arena before");
        let turn = Value::new(0_u32).expect("4 bytes");
        let own = turn.clone();
        let work = move || {
            wait_until(|| own.get() == 1);
            let full = Array::<u8>::zeroed(40 << 20).is_err();
            own.set(2);
            wait_until(|| own.get() == 3);
            let mut array = Array::<u8>::zeroed(40 << 20).expect("what the parent gave back");
            array.fill(1);
            full
        };
        let child = Process::spawn(work).expect("spawn");
        // Made after the fork, so that no copy of the handle in the child can stand in the way.
        let array = Array::<u8>::zeroed(40 << 20).expect("40 of 64 MiB");
        turn.set(1);
        wait_until(|| turn.get() == 2);
        drop(array);
        turn.set(3);
        assert!(child.join().expect("join"), "80 of 64 MiB");
    });
}

#[test]
fn memory_freed_by_the_parent_is_had_again_when_the_children_of_its_time_are_gone() {
    isolated(120, || {
        arena::Builder::new().capacity(64 << 20).build().expect("nobody used the arena before");
        for _ in 0..10 {
            let array = Array::<u8>::zeroed(40 << 20).expect("40 of 64 MiB");
            let child = Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
            drop(array);
            child.terminate().expect("terminate");
            assert!(child.join().is_err());
        }
    });
}
