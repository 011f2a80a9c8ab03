//! A seat that a death made free, and a new process took, is not the dead one: who waits for the dead goes on.

use std::{thread, time::Duration};

use procshare::{
    Process, Value,
    sync::{LockError, Mutex},
};

use crate::support::{Program, as_program, isolated, os, scaled, wait_until, watchdog};

/// A child that has the mutex, its data half changed, and keeps it for good; gives it when it has.
fn holder(mutex: &Mutex<[u64; 2]>) -> Process<()> {
    let has = Value::new(0_u32).expect("4 bytes");
    let body = {
        let (mutex, has) = (mutex.clone(), has.clone());
        move || -> () {
            let mut guard = mutex.lock().or_else(LockError::recover).expect("the lock");
            guard[0] += 1;
            has.set(1);
            os::sleep_for_ever()
        }
    };
    let child = Process::spawn(body).expect("spawn");
    wait_until(|| has.get() == 1);
    child
}

/// A child that waits for the mutex, and returns whom it blames.
fn locker(mutex: &Mutex<[u64; 2]>) -> Process<u32> {
    let mutex = mutex.clone();
    let body = move || match mutex.lock() {
        Ok(_) => 0,
        Err(LockError::Poisoned(poisoned)) => {
            let pid = poisoned.cause().pid;
            let mut guard = poisoned.into_inner();
            *guard = [0; 2];
            mutex.clear_poison();
            pid
        }
        Err(error) => panic!("{error}"),
    };
    Process::spawn(body).expect("spawn")
}

/// A child that takes locks, so that it is somebody whom a lock may name, and lives for a moment.
fn newcomer(own: &Mutex<u64>) -> Process<()> {
    let own = own.clone();
    let body = move || {
        *own.lock().or_else(LockError::recover).expect("its own lock") += 1;
        thread::sleep(Duration::from_millis(3));
    };
    Process::spawn(body).expect("spawn")
}

/// Holders die one after the other while somebody waits, and newcomers take whatever seat there is.
fn seats_are_used_again(rounds: usize, newcomers: usize) {
    let (mutex, own) = (Mutex::new([0; 2]).expect("a mutex"), Mutex::new(0).expect("a mutex"));
    for round in 0..rounds {
        let dies = holder(&mutex);
        let waits = locker(&mutex);
        if round % 2 == 0 {
            thread::sleep(Duration::from_millis(2)); // asleep by now
        }
        dies.kill().expect("kill");
        let pid = dies.pid();
        // In every second round before anybody knows of the death, in the others after the seat came free.
        let mut crowd = Vec::new();
        if round % 4 < 2 {
            crowd.extend((0..newcomers).map(|_| newcomer(&own)));
            assert!(dies.join().is_err());
        } else {
            assert!(dies.join().is_err());
            crowd.extend((0..newcomers).map(|_| newcomer(&own)));
        }
        assert_eq!(waits.join().expect("who waited goes on"), pid, "round {round}");
        crowd.into_iter().for_each(|child| child.join().expect("a newcomer"));
    }
}

#[test]
fn who_waits_for_the_dead_is_not_fooled_by_who_has_the_seat() {
    isolated(300, || seats_are_used_again(scaled(60), 4));
}

#[test]
#[ignore = "a program that a test starts"]
fn program_with_eight_seats() {
    as_program(300, || seats_are_used_again(scaled(60), 5));
}

#[test]
fn who_waits_for_the_dead_is_not_fooled_where_seats_are_few() {
    watchdog!(400);
    assert!(Program::of(program_with_eight_seats).env("PROCSHARE_PARTICIPANTS", "8").run().ran());
}

/// A fork of the program's own that has the mutex and keeps it: nobody of the crate waits for it.
fn stray_holder(mutex: &Mutex<[u64; 2]>) -> u32 {
    let has = Value::new(0_u32).expect("4 bytes");
    let Some(pid) = os::foreign_fork() else {
        let guard = mutex.lock().or_else(LockError::recover);
        has.set(if guard.is_ok() { 1 } else { 2 });
        os::sleep_for_ever()
    };
    wait_until(|| has.get() != 0);
    assert_eq!(has.get(), 1, "the fork has the lock");
    pid
}

/// The same, with holders whom nobody awaits; their seats are needed by the children that come.
fn seats_of_strays_are_used_again(rounds: usize, newcomers: usize) {
    let (mutex, own) = (Mutex::new([0; 2]).expect("a mutex"), Mutex::new(0).expect("a mutex"));
    for round in 0..rounds {
        let pid = stray_holder(&mutex);
        let waits = locker(&mutex);
        os::kill(pid, libc::SIGKILL);
        assert!(os::reap(pid as i32).is_some());
        // So many at once that some must wait for the stray's seat, where seats are few.
        let mut crowd: Vec<Process<()>> = (0..newcomers).map(|_| newcomer(&own)).collect();
        crowd.push(newcomer(&own));
        assert_eq!(waits.join().expect("who waited goes on"), pid, "round {round}");
        crowd.into_iter().for_each(|child| child.join().expect("a newcomer"));
    }
}

#[test]
#[ignore = "a program that a test starts"]
fn program_with_strays_and_eight_seats() {
    as_program(300, || seats_of_strays_are_used_again(scaled(40), 4));
}

#[test]
fn who_waits_for_a_dead_stray_is_not_fooled_by_who_has_the_seat() {
    watchdog!(400);
    assert!(Program::of(program_with_strays_and_eight_seats).env("PROCSHARE_PARTICIPANTS", "8").run().ran());
}
