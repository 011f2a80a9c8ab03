//! A process that forks by itself, without the crate, may still use what it shares.

use procshare::{Process, Value};

use crate::support::{isolated, os};

#[test]
fn child_of_a_foreign_fork_uses_the_values_it_inherited() {
    isolated(60, || {
        let count = Value::new(1_u64).expect("8 bytes");
        let Some(child) = os::foreign_fork() else {
            count.fetch_add(41);
            os::exit_now(0);
        };
        assert!(os::reap(child as i32).is_some());
        assert_eq!(count.get(), 42);
    });
}

#[test]
fn child_of_a_foreign_fork_makes_values_of_its_own() {
    isolated(60, || {
        let sum = Value::new(0_u64).expect("8 bytes");
        let Some(child) = os::foreign_fork() else {
            let made: Vec<_> = (0..100_u64).filter_map(|i| Value::new(i).ok()).collect();
            sum.set(made.iter().map(Value::get).sum());
            drop(made);
            os::exit_now(0);
        };
        assert!(os::reap(child as i32).is_some());
        assert_eq!(sum.get(), 4950);
    });
}

#[test]
fn child_of_a_foreign_fork_spawns_and_joins() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let seen = Value::new(0_u64).expect("8 bytes");
        let Some(child) = os::foreign_fork() else {
            let grandchild = Process::spawn(|| 9_u64).map(Process::join);
            if let Ok(Ok(nine)) = grandchild {
                seen.set(nine);
            }
            os::exit_now(0);
        };
        assert!(os::reap(child as i32).is_some());
        assert_eq!(seen.get(), 9);
    });
}

#[test]
fn copies_of_handles_that_a_foreign_fork_drops_free_nothing() {
    isolated(60, || {
        let value = Value::new(7_u64).expect("8 bytes");
        let Some(child) = os::foreign_fork() else {
            drop(value);
            os::exit_now(0);
        };
        assert!(os::reap(child as i32).is_some());
        let others: Vec<_> = (0..1000).map(|_| Value::new(0_u64).expect("8 bytes")).collect();
        assert_eq!(value.get(), 7);
        drop(others);
    });
}
