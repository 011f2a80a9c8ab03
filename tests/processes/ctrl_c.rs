//! Ctrl-C goes to the whole foreground group: all end, and nothing is left.

use std::hint;

use procshare::{Builder, Failure, Process, scope};

use crate::support::{Program, as_program, failure, leftovers, os, say, wait_until, watchdog};

#[test]
#[ignore = "a program that a test starts"]
fn program_with_a_scope_of_workers() {
    as_program(120, || {
        let _ended = scope(|s| {
            s.spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
            let busy = || -> () {
                say("ready", 0);
                loop {
                    hint::spin_loop();
                }
            };
            s.spawn(busy).expect("spawn");
        });
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_handles_ctrl_c_itself() {
    as_program(120, || {
        os::catch(libc::SIGINT);
        let worker = Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
        say("ready", 0);
        let failed = failure(worker.join());
        assert!(matches!(failed, Failure::Signaled { signal: libc::SIGINT, .. }), "{failed:?}");
        wait_until(|| os::caught() == libc::SIGINT);
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_worker_keeps_the_handlers() {
    as_program(120, || {
        os::catch(libc::SIGINT);
        let work = || {
            say("ready", 0);
            wait_until(|| os::caught() != 0);
            os::caught()
        };
        let worker = Builder::new().keep_signals(true).spawn(work).expect("spawn");
        assert_eq!(worker.join().expect("join"), libc::SIGINT);
    });
}

#[test]
fn workers_and_parent_end_by_ctrl_c() {
    watchdog!(120);
    let shm = leftovers::shm();
    let mut running = Program::of(program_with_a_scope_of_workers).start();
    running.hear("ready");
    assert!(os::kill_group(running.pid(), libc::SIGINT));
    running.wait();
    running.wait_for_empty_group();
    assert!(leftovers::shm().is_subset(&shm), "new in /dev/shm");
}

#[test]
fn parent_with_a_handler_learns_that_its_worker_ended_by_ctrl_c() {
    watchdog!(120);
    let mut running = Program::of(program_that_handles_ctrl_c_itself).start();
    running.hear("ready");
    assert!(os::kill_group(running.pid(), libc::SIGINT));
    let status = running.wait();
    assert!(status.success(), "{status}\n{}", running.stderr());
    running.wait_for_empty_group();
}

#[test]
fn worker_that_keeps_its_parents_handlers_handles_ctrl_c() {
    watchdog!(120);
    let mut running = Program::of(program_whose_worker_keeps_the_handlers).start();
    running.hear("ready");
    assert!(os::kill_group(running.pid(), libc::SIGINT));
    let status = running.wait();
    assert!(status.success(), "{status}\n{}", running.stderr());
}

#[test]
fn kill_of_the_whole_group_leaves_nothing() {
    watchdog!(120);
    let shm = leftovers::shm();
    let mut running = Program::of(program_with_a_scope_of_workers).start();
    running.hear("ready");
    assert!(os::kill_group(running.pid(), libc::SIGKILL));
    running.wait();
    running.wait_for_empty_group();
    assert!(leftovers::shm().is_subset(&shm), "new in /dev/shm");
}
