//! What a burial touches: the locks that the dead one held, and nothing that took their place.

use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use procshare::{Array, Process, Value, sync::Mutex};

use crate::support::{isolated, scaled, wait_until, watchdog};

#[test]
fn an_array_in_the_place_of_a_dropped_lock_is_left_alone_when_others_die() {
    isolated(200, || {
        /// As a word of a lock it would name the thread 7 of the participant in seat 1.
        const DATA: [u64; 8] = [0x0001_0000_0000_0007; 8];
        let shared = Mutex::new(0_u64).expect("a mutex");
        let enough = AtomicBool::new(false);
        thread::scope(|s| {
            s.spawn(|| {
                while !enough.load(Relaxed) {
                    drop(Mutex::new(1_u64).expect("a mutex"));
                    let array = Array::from_slice(&DATA).expect("an array");
                    for _ in 0..3 {
                        assert_eq!(black_box(&*array), DATA, "somebody wrote behind the owner's back");
                    }
                }
            });
            for _ in 0..scaled(2000) {
                let theirs = shared.clone();
                let die = move || {
                    std::mem::forget(theirs.lock());
                    std::process::abort()
                };
                let child = Process::<()>::spawn(die).expect("spawn");
                assert!(child.join().is_err());
                shared.clear_poison();
            }
            enough.store(true, Relaxed);
        });
    });
}

#[test]
fn a_child_that_runs_another_program_keeps_nobody_from_its_dead_parents_lock() {
    watchdog!(60);
    let (shared, held) = (Mutex::new(0_u64).expect("a mutex"), Value::new(0_u32).expect("4 bytes"));
    let holder = Process::<u32>::spawn({
        let (shared, held) = (shared.clone(), held.clone());
        move || {
            let mut sleep = Command::new("sleep");
            sleep.stdout(Stdio::null()).stderr(Stdio::null()); // not to keep a reader of ours waiting, if this test fails
            let other = Process::<()>::spawn(move || drop(sleep.arg("60").exec())).expect("spawn");
            let runs = |pid| {
                std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
            };
            wait_until(|| runs(other.pid()));
            let _guard = shared.lock().expect("a new mutex");
            held.set(other.pid());
            loop {
                thread::sleep(Duration::from_secs(1));
            }
        }
    })
    .expect("spawn");
    wait_until(|| held.get() != 0);
    holder.kill().expect("a living child");
    assert!(shared.lock().is_err_and(|error| error.cause().is_some()));
    crate::support::os::kill(held.get(), libc::SIGKILL);
    assert!(holder.join().is_err());
}
