//! A handle that is dropped lets its child run on; somebody reaps it all the same.

use std::{thread, time::Duration};

use procshare::{Process, Value, children, parent_alive, scope};

use crate::support::{Leftovers, eventually, isolated, os, table, wait_until, watchdog};

#[test]
fn detached_child_runs_to_its_end() {
    watchdog!(60);
    let done = Value::new(0_u32).expect("4 bytes");
    let told = done.clone();
    let work = move || {
        thread::sleep(Duration::from_millis(30));
        told.set(1);
    };
    drop(Process::spawn(work).expect("spawn"));
    wait_until(|| done.get() == 1);
}

#[test]
fn detached_children_leave_no_zombie() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = Leftovers::now();
        for _ in 0..20 {
            drop(Process::spawn(|| ()).expect("spawn"));
        }
        before.assert_nothing_new();
        eventually(|| match table::own_children().as_slice() {
            [] => Ok(()),
            left => Err(format!("children left: {left:?}")),
        });
    });
}

#[test]
fn child_whose_scoped_handle_is_dropped_is_awaited_by_the_scope() {
    watchdog!(60);
    let done = Value::new(0_u32).expect("4 bytes");
    let ended = scope(|s| {
        let work = || {
            thread::sleep(Duration::from_millis(50));
            done.set(1);
        };
        drop(s.spawn(work).expect("spawn"));
    });
    ended.expect("no failure");
    assert_eq!(done.get(), 1);
}

#[test]
fn running_child_is_listed_among_the_children() {
    watchdog!(60);
    let child = Process::spawn(|| os::sleep_for_ever()).expect("spawn");
    let child: Process<()> = child;
    assert!(children().iter().any(|worker| worker.pid == child.pid()));
    child.kill().expect("kill");
    let pid = child.pid();
    assert!(child.join().is_err());
    assert!(!children().iter().any(|worker| worker.pid == pid));
}

#[test]
fn fresh_child_has_no_children() {
    watchdog!(60);
    let sibling = Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
    let seen = Process::spawn(|| children().len() as u64).expect("spawn").join().expect("join");
    assert_eq!(seen, 0);
    sibling.kill().expect("kill");
}

#[test]
fn child_sees_its_parent_alive() {
    watchdog!(60);
    assert!(Process::spawn(parent_alive).expect("spawn").join().expect("join"));
}
