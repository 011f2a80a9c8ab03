//! Children have children of their own.

use procshare::{Array, Failure, Process, Value, scope};

use crate::support::{failure, os, watchdog};

/// Sums 1..=n by one process per step, each the child of the one before.
fn sum_in_depth(n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    let below = Process::spawn(move || sum_in_depth(n - 1)).expect("spawn in a child");
    n + below.join().expect("join in a child")
}

#[test]
fn child_sums_what_its_own_children_return() {
    watchdog!(60);
    let work = || {
        let spawn = |i: u64| Process::spawn(move || i * i).expect("spawn in a child");
        let parts: Vec<_> = (1..=4).map(spawn).collect();
        parts.into_iter().map(|part| part.join().expect("join in a child")).sum::<u64>()
    };
    assert_eq!(Process::spawn(work).expect("spawn").join().expect("join"), 30);
}

#[test]
fn six_generations_return_through_each_other() {
    watchdog!(60);
    assert_eq!(sum_in_depth(6), 21);
}

#[test]
fn child_splits_its_chunk_among_its_own_children() {
    watchdog!(60);
    let mut array = Array::<u32>::zeroed(8).expect("32 bytes");
    let ended = scope(|s| {
        for (i, half) in array.chunks_mut(4).enumerate() {
            let split = move || {
                let inner = scope(|s| {
                    for (j, quarter) in half.chunks_mut(2).enumerate() {
                        s.spawn(move || quarter.fill((i * 10 + j) as u32)).expect("spawn in a child");
                    }
                });
                inner.expect("no failure in the child");
            };
            s.spawn(split).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(array[..], [0, 0, 1, 1, 10, 10, 11, 11]);
}

#[test]
fn grandchild_and_grandparent_share_a_value() {
    watchdog!(60);
    let count = Value::new(0_u64).expect("8 bytes");
    let ended = scope(|s| {
        let nest = || {
            let inner = scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| count.fetch_add(1)).expect("spawn in a child");
                }
            });
            inner.expect("no failure in the child");
        };
        s.spawn(nest).expect("spawn").join().expect("join");
        count.get()
    });
    assert_eq!(ended.expect("no failure"), 3);
}

#[test]
fn array_made_by_a_grandchild_reaches_the_grandparent() {
    watchdog!(60);
    let nest = || {
        let inner = Process::spawn(|| Array::from_fn(100, |i| i as u16).expect("200 bytes")).expect("spawn");
        inner.join().expect("join in a child")
    };
    let array = Process::spawn(nest).expect("spawn").join().expect("join");
    assert!(array.iter().copied().eq(0..100));
}

#[test]
fn death_of_a_grandchild_is_its_parents_affair() {
    watchdog!(60);
    let nest = || {
        let doomed = Process::spawn(|| -> () { os::raise(libc::SIGKILL) }).expect("spawn in a child");
        matches!(failure(doomed.join()), Failure::Signaled { signal: libc::SIGKILL, .. })
    };
    assert!(Process::spawn(nest).expect("spawn").join().expect("join"));
}

#[test]
fn threads_of_a_child_spawn_and_join() {
    watchdog!(60);
    let work = || {
        let spawn = |i: u64| {
            std::thread::spawn(move || Process::spawn(move || i * i).expect("spawn").join().expect("join"))
        };
        let threads: Vec<_> = (1..=4).map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<u64>()
    };
    assert_eq!(Process::spawn(work).expect("spawn").join().expect("join"), 30);
}
