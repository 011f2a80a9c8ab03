//! The parent's copy of a closure is dropped once, as soon as the child's death is noticed, joined or not.

use std::{
    sync::mpsc::{self, Receiver, RecvError, Sender},
    time::Duration,
};

use procshare::{Process, Value, scope};

use crate::support::{Leftovers, isolated, os, table, wait_until, watchdog};

/// Something whose drop in this process can be waited for.
fn tracked() -> (Sender<()>, Receiver<()>) {
    mpsc::channel()
}

/// Counts its drops in the process that made it.
struct Counted(Value<u32>, u32);

impl Drop for Counted {
    fn drop(&mut self) {
        if os::pid() == self.1 {
            self.0.fetch_add(1);
        }
    }
}

/// Blocks its destructor, in the process that made it, until told.
struct Slow(Receiver<()>, u32);

impl Drop for Slow {
    fn drop(&mut self) {
        if os::pid() == self.1 {
            // Told, or the test is over.
            let _ = self.0.recv();
        }
    }
}

#[test]
fn receiver_is_disconnected_when_the_child_with_the_sender_ended() {
    watchdog!(60);
    let (sender, receiver) = tracked();
    let child = Process::spawn(move || drop(sender)).expect("spawn");
    assert_eq!(receiver.recv(), Err(RecvError), "the parent's copy of the sender went with the child");
    child.join().expect("join afterwards");
}

#[test]
fn receiver_is_disconnected_when_the_child_with_the_sender_was_killed() {
    watchdog!(60);
    let (sender, receiver) = tracked();
    let work = move || -> () {
        let _kept = sender;
        os::sleep_for_ever()
    };
    let child = Process::spawn(work).expect("spawn");
    child.kill().expect("kill");
    assert_eq!(receiver.recv(), Err(RecvError));
    assert!(child.join().is_err());
}

#[test]
fn receiver_is_disconnected_when_a_detached_child_ended() {
    watchdog!(60);
    let (sender, receiver) = tracked();
    drop(Process::spawn(move || drop(sender)).expect("spawn"));
    assert_eq!(receiver.recv(), Err(RecvError));
}

#[test]
fn receiver_in_a_scope_is_disconnected_when_its_child_ended() {
    watchdog!(60);
    let (sender, receiver) = tracked();
    let ended = scope(|s| {
        let _child = s.spawn(move || drop(sender)).expect("spawn");
        assert_eq!(receiver.recv(), Err(RecvError));
    });
    ended.expect("no failure");
}

#[test]
fn closure_lives_as_long_as_its_child() {
    watchdog!(60);
    let (sender, receiver) = tracked();
    let go = Value::new(0_u32).expect("4 bytes");
    let told = go.clone();
    let work = move || {
        let _kept = sender;
        wait_until(|| told.get() == 1);
    };
    let child = Process::spawn(work).expect("spawn");
    assert_eq!(receiver.recv_timeout(Duration::from_millis(50)), Err(mpsc::RecvTimeoutError::Timeout));
    go.set(1);
    assert_eq!(receiver.recv(), Err(RecvError));
    child.join().expect("join");
}

#[test]
fn closure_is_gone_when_join_returns() {
    watchdog!(60);
    let drops = Value::new(0_u32).expect("4 bytes");
    for round in 1..=20 {
        let counted = Counted(drops.clone(), os::pid());
        let work = move || {
            let _kept = counted;
        };
        Process::spawn(work).expect("spawn").join().expect("join");
        assert_eq!(drops.get(), round);
    }
}

#[test]
fn closure_is_gone_once_when_the_watcher_comes_first() {
    watchdog!(60);
    let drops = Value::new(0_u32).expect("4 bytes");
    let counted = Counted(drops.clone(), os::pid());
    let work = move || {
        let _kept = counted;
    };
    let child = Process::spawn(work).expect("spawn");
    wait_until(|| drops.get() == 1);
    child.join().expect("join");
    assert_eq!(drops.get(), 1);
}

#[test]
fn closure_that_cannot_be_spawned_is_dropped_once() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let drops = Value::new(0_u32).expect("4 bytes");
        let counted = Counted(drops.clone(), os::pid());
        let before = os::limit(libc::RLIMIT_NOFILE, 3);
        let work = move || {
            let _kept = counted;
        };
        assert!(Process::spawn(work).is_err(), "no descriptor is left for a pidfd");
        os::limit(libc::RLIMIT_NOFILE, before);
        assert_eq!(drops.get(), 1);
    });
}

#[test]
fn destructor_that_blocks_keeps_no_other_child_from_being_reaped() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = Leftovers::now();
        let (release, held) = mpsc::channel();
        let slow = Slow(held, os::pid());
        let work = move || {
            let _kept = slow;
        };
        let stuck = Process::spawn(work).expect("spawn");
        wait_until(|| !stuck.is_alive());
        let pid = stuck.pid();
        drop(stuck);
        wait_until(|| table::entry(pid).is_none());
        for _ in 0..5 {
            let detached = Process::spawn(|| ()).expect("spawn");
            let pid = detached.pid();
            drop(detached);
            wait_until(|| table::entry(pid).is_none());
        }
        release.send(()).expect("the destructor still waits");
        before.assert_nothing_new();
    });
}
