//! Many children: one after the other, and at once.

use procshare::{Process, Value, scope};

use crate::support::leftovers::descriptors;
use crate::support::{Leftovers, isolated, scaled, wait_until};

#[test]
fn a_thousand_spawns_and_joins_leave_nothing() {
    isolated(240, || {
        for i in 0..20_u64 {
            assert_eq!(Process::spawn(move || i).expect("spawn").join().expect("join"), i);
        }
        let before = Leftovers::now();
        for i in 0..scaled(1000) as u64 {
            assert_eq!(Process::spawn(move || i).expect("spawn").join().expect("join"), i);
        }
        before.assert_nothing_new();
    });
}

#[test]
fn a_thousand_detached_children_leave_nothing() {
    isolated(240, || {
        for _ in 0..20 {
            Process::spawn(|| ()).expect("spawn").join().expect("join");
        }
        let before = Leftovers::now();
        for _ in 0..scaled(1000) {
            drop(Process::spawn(|| ()).expect("spawn"));
            // Not more at a time than the participant table holds.
            wait_until(|| procshare::children().len() < 100);
        }
        before.assert_nothing_new();
    });
}

#[test]
fn scope_that_joins_its_children_keeps_no_descriptor_of_them() {
    isolated(240, || {
        let open = || descriptors().len();
        scope(|s| {
            s.spawn(|| ()).expect("spawn").join().expect("join");
            let before = open();
            for i in 0..400_u64 {
                assert_eq!(s.spawn(move || i).expect("spawn").join().expect("join"), i);
            }
            assert!(open() < before + 100, "{} descriptors, {before} before", open());
        })
        .expect("the scope");
    });
}

#[test]
fn a_hundred_scopes_leave_nothing() {
    isolated(240, || {
        let count = Value::new(0_u64).expect("8 bytes");
        let round = || {
            let ended = scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| count.fetch_add(1)).expect("spawn");
                }
            });
            ended.expect("no failure");
        };
        for _ in 0..5 {
            round();
        }
        let before = Leftovers::now();
        let rounds = scaled(100);
        for _ in 0..rounds {
            round();
        }
        assert_eq!(count.get(), 4 * (5 + rounds as u64));
        before.assert_nothing_new();
    });
}

#[test]
fn two_hundred_children_at_once_all_deliver() {
    isolated(240, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = Leftovers::now();
        let go = Value::new(0_u32).expect("4 bytes");
        let spawn = |i: u64| {
            let told = go.clone();
            let work = move || {
                wait_until(|| told.get() == 1);
                i * i
            };
            Process::spawn(work).expect("spawn")
        };
        let children: Vec<_> = (0..200).map(spawn).collect();
        assert_eq!(procshare::children().len(), 200);
        go.set(1);
        for (i, child) in (0..200).zip(children) {
            assert_eq!(child.join().expect("join"), i * i);
        }
        before.assert_nothing_new();
    });
}

#[test]
fn failing_children_leave_nothing_either() {
    isolated(240, || {
        let fail = |how: usize| {
            let work = move || -> Vec<u8> {
                match how % 4 {
                    0 => panic!("one in four"),
                    1 => std::process::exit(1),
                    2 => std::process::abort(),
                    _ => vec![1; 1 << 20],
                }
            };
            Process::spawn(work).expect("spawn").join().is_err()
        };
        for how in 0..8 {
            fail(how);
        }
        let before = Leftovers::now();
        for how in 0..scaled(200) {
            assert_eq!(fail(how), how % 4 != 3);
        }
        before.assert_nothing_new();
    });
}
