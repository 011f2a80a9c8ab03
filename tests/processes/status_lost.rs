//! Somebody else reaps the children: what they returned arrives all the same, and only their status is lost.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use procshare::{Failure, Process};

use crate::support::{failure, isolated, os, scaled};

/// Runs `run` while another thread reaps every child it can get hold of.
fn beside_a_thief(run: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if os::reap_now(-1).is_none() {
                    thread::sleep(Duration::from_micros(50));
                }
            }
        });
        // A panic in `run` must end the thief too.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn results_arrive_although_sigchld_is_ignored() {
    isolated(120, || {
        os::ignore(libc::SIGCHLD);
        for i in 0..scaled(100) as u64 {
            assert_eq!(Process::spawn(move || i).expect("spawn").join().expect("join"), i);
        }
    });
}

#[test]
fn panics_arrive_although_sigchld_is_ignored() {
    isolated(60, || {
        os::ignore(libc::SIGCHLD);
        let failed = failure(Process::spawn(|| -> u32 { panic!("heard") }).expect("spawn").join());
        let Failure::Panicked { panic, .. } = &failed else { panic!("{failed:?}") };
        assert_eq!(panic.message, "heard");
    });
}

#[test]
fn killed_child_has_lost_its_status_when_sigchld_is_ignored() {
    isolated(60, || {
        os::ignore(libc::SIGCHLD);
        let child = Process::spawn(|| -> u32 { os::sleep_for_ever() }).expect("spawn");
        child.kill().expect("kill");
        let failed = failure(child.join());
        assert!(matches!(failed, Failure::StatusLost { .. }), "{failed:?}");
    });
}

#[test]
fn exited_child_has_lost_its_status_when_sigchld_is_ignored() {
    isolated(60, || {
        os::ignore(libc::SIGCHLD);
        let child = Process::spawn(|| -> u32 { os::exit_now(4) }).expect("spawn");
        let failed = failure(child.join());
        assert!(matches!(failed, Failure::StatusLost { .. }), "{failed:?}");
    });
}

#[test]
fn results_arrive_beside_a_thread_that_reaps_every_child() {
    isolated(120, || {
        beside_a_thief(|| {
            for i in 0..scaled(200) as u64 {
                assert_eq!(Process::spawn(move || i).expect("spawn").join().expect("join"), i);
            }
        });
    });
}

#[test]
fn failures_beside_a_thread_that_reaps_every_child_are_known_or_lost() {
    isolated(120, || {
        beside_a_thief(|| {
            for _ in 0..scaled(100) {
                let child = Process::spawn(|| -> u32 { os::exit_now(4) }).expect("spawn");
                let failed = failure(child.join());
                assert!(
                    matches!(failed, Failure::StatusLost { .. } | Failure::Exited { code: 4, .. }),
                    "{failed:?}"
                );
            }
        });
    });
}

#[test]
fn child_that_its_parent_reaped_itself_has_lost_its_status() {
    isolated(60, || {
        let child = Process::spawn(|| -> u32 { os::exit_now(4) }).expect("spawn");
        // The watcher may be quicker, which is its good right.
        let stolen = os::reap(child.pid() as i32).is_some();
        let failed = failure(child.join());
        match failed {
            Failure::StatusLost { .. } if stolen => {}
            Failure::Exited { code: 4, .. } if !stolen => {}
            other => panic!("stolen: {stolen}, {other:?}"),
        }
    });
}

#[test]
fn children_of_std_keep_their_status() {
    isolated(60, || {
        let ours: Vec<_> = (0..5_u32).map(|i| Process::spawn(move || i).expect("spawn")).collect();
        for _ in 0..20 {
            let status = std::process::Command::new("/bin/sh").args(["-c", "exit 3"]).status();
            assert_eq!(status.expect("the status of a child of std").code(), Some(3));
        }
        for (i, child) in (0..).zip(ours) {
            assert_eq!(child.join().expect("join"), i);
        }
    });
}
