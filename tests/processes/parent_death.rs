//! The parent's death ends its children, busy or idle, and theirs.

use std::{hint, thread, time::Duration};

use procshare::{Process, Value};

use crate::support::{Program, Random, as_program, leftovers, os, say, scaled, wait_until, watchdog};

/// A child that never sleeps.
fn busy() -> Process<()> {
    let work = || -> () {
        loop {
            hint::spin_loop();
        }
    };
    Process::spawn(work).expect("spawn")
}

/// A child that only sleeps.
fn idle() -> Process<()> {
    Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn")
}

#[test]
#[ignore = "a program that a test starts"]
fn program_with_busy_and_idle_workers() {
    as_program(120, || {
        let _workers = [busy(), idle()];
        say("ready", 0);
        os::sleep_for_ever();
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_with_a_grandchild() {
    as_program(120, || {
        let nest = || -> () {
            let _grandchildren = [busy(), idle()];
            say("ready", 0);
            os::sleep_for_ever();
        };
        let _worker = Process::spawn(nest).expect("spawn");
        os::sleep_for_ever();
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_spawns_without_end() {
    as_program(120, || {
        say("ready", 0);
        loop {
            std::mem::forget(idle());
        }
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_exits_with_detached_workers() {
    as_program(120, || {
        drop([busy(), idle()]);
        say("ready", 0);
        std::process::exit(0);
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_aborts_in_a_thread() {
    as_program(120, || {
        let _workers = [busy(), idle()];
        say("ready", 0);
        thread::spawn(|| std::process::abort()).join().expect("abort does not return");
    });
}

/// Starts a program, kills it once it is ready, and waits until all that it started is gone.
fn kill_when_ready(program: Program) {
    let shm = leftovers::shm();
    let mut running = program.start();
    running.hear("ready");
    os::kill(running.pid(), libc::SIGKILL);
    running.wait();
    running.wait_for_empty_group();
    assert!(leftovers::shm().is_subset(&shm), "new in /dev/shm");
}

#[test]
fn workers_of_a_killed_parent_go_busy_or_idle() {
    watchdog!(120);
    kill_when_ready(Program::of(program_with_busy_and_idle_workers));
}

#[test]
fn grandchildren_of_a_killed_parent_go_too() {
    watchdog!(120);
    kill_when_ready(Program::of(program_with_a_grandchild));
}

#[test]
fn detached_workers_end_with_a_parent_that_exits() {
    watchdog!(120);
    let mut running = Program::of(program_that_exits_with_detached_workers).start();
    running.hear("ready");
    assert!(running.wait().success());
    running.wait_for_empty_group();
}

#[test]
fn workers_end_with_a_parent_that_aborts() {
    watchdog!(120);
    let mut running = Program::of(program_that_aborts_in_a_thread).start();
    running.hear("ready");
    running.wait();
    running.wait_for_empty_group();
}

#[test]
fn child_whose_parent_dies_while_it_is_being_made_goes_too() {
    watchdog!(240);
    let mut random = Random::seeded(14);
    for _ in 0..scaled(30) {
        let mut running = Program::of(program_that_spawns_without_end).start();
        running.hear("ready");
        thread::sleep(Duration::from_micros(random.below(10_000)));
        os::kill(running.pid(), libc::SIGKILL);
        running.wait();
        running.wait_for_empty_group();
    }
}

#[test]
fn end_of_the_thread_that_spawned_a_child_is_not_the_parents_death() {
    watchdog!(60);
    let go = Value::new(0_u32).expect("4 bytes");
    let told = go.clone();
    let work = move || {
        wait_until(|| told.get() == 1);
        8_u32
    };
    let child =
        thread::spawn(|| Process::spawn(work).expect("spawn")).join().expect("the thread only spawns");
    // Long enough for a signal that should not come.
    thread::sleep(Duration::from_millis(100));
    go.set(1);
    assert_eq!(child.join().expect("join"), 8);
}
