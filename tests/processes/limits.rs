//! A spawn that the system refuses is an error that leaves nothing behind, and the next one works.

use procshare::{Array, Builder, Process, Value, arena};

use crate::support::{Leftovers, isolated, os, wait_until};

/// Makes every further fork fail while `run` runs.
///
/// The limit on a user's processes does not hold for root, hence the change of user, which is for good.
fn without_processes<T>(run: impl FnOnce() -> T) -> T {
    if os::is_root() {
        os::become_nobody();
    }
    let before = os::limit(libc::RLIMIT_NPROC, 0);
    let result = run();
    os::limit(libc::RLIMIT_NPROC, before);
    result
}

#[test]
fn spawn_beyond_the_limit_on_processes_is_an_error() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = Leftovers::now();
        without_processes(|| {
            for _ in 0..50 {
                assert!(Process::spawn(|| 1_u32).is_err());
            }
        });
        assert_eq!(Process::spawn(|| 1_u32).expect("spawn again").join().expect("join"), 1);
        before.assert_nothing_new();
    });
}

#[test]
fn error_of_a_refused_fork_names_the_call_and_its_error() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let Err(error) = without_processes(|| Process::spawn(|| 1_u32)) else {
            panic!("the fork went through")
        };
        let text = error.to_string();
        assert!(text.contains("fork"), "{text}");
        assert!(text.contains(&std::io::Error::from_raw_os_error(libc::EAGAIN).to_string()), "{text}");
    });
}

#[test]
fn argument_of_a_spawn_that_fails_is_given_back() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let array = Array::from_slice(&[1_u64, 2, 3]).expect("24 bytes");
        let refused = without_processes(|| Process::spawn_with(array, |array| array[0]));
        let Err(refused) = refused else { panic!("the fork went through") };
        assert_eq!(refused.arg.expect("the array, back")[..], [1, 2, 3]);
    });
}

#[test]
fn spawns_that_fail_leave_no_block_in_the_arena() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = arena::check().expect("a sound heap");
        without_processes(|| {
            for _ in 0..50 {
                assert!(Process::spawn_with(vec![7_u8; 100_000], |bytes| bytes.len() as u64).is_err());
            }
        });
        let after = arena::check().expect("a sound heap");
        assert_eq!(
            (after.used, after.blocks, after.participants),
            (before.used, before.blocks, before.participants)
        );
    });
}

#[test]
fn spawn_without_a_descriptor_left_is_an_error() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let leftovers = Leftovers::now();
        let before = os::limit(libc::RLIMIT_NOFILE, 3);
        for _ in 0..20 {
            assert!(Process::spawn(|| 1_u32).is_err());
        }
        os::limit(libc::RLIMIT_NOFILE, before);
        assert_eq!(Process::spawn(|| 1_u32).expect("spawn again").join().expect("join"), 1);
        leftovers.assert_nothing_new();
    });
}

#[test]
fn first_spawn_that_is_refused_leaves_nothing() {
    isolated(60, || {
        drop(Value::new(1_u64).expect("8 bytes"));
        let before = Leftovers::now();
        // Not even the crate's own thread can be started.
        without_processes(|| {
            for _ in 0..50 {
                assert!(Process::spawn(|| 1_u32).is_err());
            }
        });
        before.assert_nothing_new();
        assert_eq!(Process::spawn(|| 1_u32).expect("spawn again").join().expect("join"), 1);
    });
}

#[test]
fn body_of_a_spawn_that_fails_is_not_run() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let runs = Value::new(0_u32).expect("4 bytes");
        let before = os::limit(libc::RLIMIT_NOFILE, 3);
        for _ in 0..50 {
            let own = runs.clone();
            assert!(Process::spawn(move || own.fetch_add(1)).is_err());
        }
        os::limit(libc::RLIMIT_NOFILE, before);
        assert_eq!(runs.get(), 0);
    });
}

#[test]
fn more_children_than_the_table_holds_is_an_error_until_one_ends() {
    isolated(60, || {
        arena::Builder::new().participants(16).build().expect("nobody used the arena before");
        let mut running = Vec::new();
        let refused = loop {
            match Process::spawn(|| -> () { os::sleep_for_ever() }) {
                Ok(child) => running.push(child),
                Err(refused) => break refused,
            }
            assert!(running.len() < 16, "a table of 16 took {} children beside their parent", running.len());
        };
        assert!(!running.is_empty(), "{refused}");
        for child in running {
            child.kill().expect("kill");
            assert!(child.join().is_err());
        }
        // The dead are swept out before their places are used again.
        let again = || Builder::new().name("after").spawn(|| 3_u32);
        let mut child = None;
        wait_until(|| {
            child = again().ok();
            child.is_some()
        });
        assert_eq!(child.expect("just spawned").join().expect("join"), 3);
    });
}
