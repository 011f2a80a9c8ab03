//! Forks that the program makes itself, without the crate: they pin nothing for ever, take no seats with them, and what
//! they own is theirs as long as they live.

use std::process::Command;

use procshare::{Array, Process, Value, arena};

use crate::support::{eventually, isolated, os, skip, wait_until};

#[test]
fn fork_of_the_programs_own_does_not_pin_memory_for_ever() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = arena::check().expect("a sound heap").used;
        let arrays: Vec<_> = (0..8).map(|_| Array::<u64>::zeroed(1 << 17).expect("1 MiB")).collect();
        let Some(child) = os::foreign_fork() else { os::exit_now(0) };
        assert!(os::reap(child as i32).is_some());
        drop(arrays);
        eventually(|| {
            Process::spawn(|| ()).expect("spawn").join().expect("join");
            match arena::stats().used.saturating_sub(before) {
                0 => Ok(()),
                pinned => Err(format!("{pinned} bytes are pinned by a fork that is long gone")),
            }
        });
    });
}

#[test]
fn array_of_a_fork_in_another_pid_namespace_is_given_to_nobody_else() {
    isolated(60, || {
        drop(Value::new(0_u32).expect("4 bytes"));
        if !os::fork_into_a_new_pid_namespace() {
            return skip("no right to make a PID namespace");
        }
        let (told, tell) = os::pipe();
        let (go, hold) = os::pipe();
        let Some(child) = os::foreign_fork() else {
            // Its number there is 1, which out here is somebody else. To be refused is as good.
            let array = Array::from_slice(&[1_u64; 4096]);
            drop((tell, hold));
            os::poll_readable(&go, -1);
            let is_its_own = array.map_or(true, |array| array.iter().all(|word| *word == 1));
            os::exit_now(if is_its_own { 0 } else { 1 });
        };
        drop(tell);
        os::poll_readable(&told, -1);
        arena::check().expect("a sound heap");
        let others: Vec<_> = (0..4).map(|_| Array::from_slice(&[9_u64; 4096]).expect("32 KiB")).collect();
        drop(hold);
        assert_eq!(os::reap(child as i32), Some((child, 0)), "its array became somebody else's");
        drop(others);
    });
}

/// How often a fork of the program's own is refused per family.
const REFUSALS: u32 = 6;

#[test]
fn seats_kept_for_forks_that_failed_come_back_with_their_family() {
    isolated(60, || {
        arena::Builder::new().participants(16).build().expect("nobody used the arena before");
        for _ in 0..4 {
            let refused = Value::new(0_u32).expect("4 bytes");
            let fork_in_vain = {
                let refused = refused.clone();
                move || -> () {
                    if os::is_root() {
                        os::become_nobody(); // for root there is no limit
                    }
                    os::limit(libc::RLIMIT_NPROC, 0);
                    for _ in 0..REFUSALS {
                        let mut command = Command::new("true");
                        os::fork_before_exec(&mut command);
                        let error = command.spawn().expect_err("the fork goes through");
                        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "{error}");
                        refused.fetch_add(1);
                    }
                    os::sleep_for_ever()
                }
            };
            let family = move || -> () {
                let _below = Process::spawn(fork_in_vain).expect("spawn in a child");
                wait_until(|| refused.get() == REFUSALS);
                os::exit_now(0)
            };
            assert!(Process::spawn(family).expect("a seat").join().is_err());
        }
        let mut running = Vec::new();
        while let Ok(child) = Process::spawn(|| -> () { os::sleep_for_ever() }) {
            running.push(child);
        }
        let found = running.len();
        for child in running {
            child.kill().expect("kill");
            assert!(child.join().is_err());
        }
        assert_eq!(found, 15, "children at once in a table of 16");
    });
}
