//! Workers have names, and failures tell them.

use procshare::{Builder, Process, scope};

use crate::support::{failure, os, watchdog};

#[test]
fn name_given_to_the_builder_is_the_workers() {
    watchdog!(60);
    let child = Builder::new().name("resample-2").spawn(|| ()).expect("spawn");
    assert_eq!(child.name(), "resample-2");
    child.join().expect("join");
}

#[test]
fn workers_without_a_name_get_different_ones() {
    watchdog!(60);
    let children = [(); 2].map(|()| Process::spawn(|| ()).expect("spawn"));
    assert!(!children[0].name().is_empty());
    assert_ne!(children[0].name(), children[1].name());
}

#[test]
fn failure_tells_name_and_pid() {
    watchdog!(60);
    let child = Builder::new().name("resample-2").spawn(|| os::exit_now(3)).expect("spawn");
    let pid = child.pid();
    let result: Result<(), _> = child.join();
    let failed = failure(result);
    assert_eq!((failed.worker().name.as_str(), failed.worker().pid), ("resample-2", pid));
    let text = failed.to_string();
    assert!(text.contains(&format!("worker 'resample-2' (pid {pid})")), "{text}");
}

#[test]
fn message_of_a_kill_reads_as_a_sentence() {
    watchdog!(60);
    let child = Builder::new().name("resample-2").spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
    let pid = child.pid();
    child.kill().expect("kill");
    let text = failure(child.join()).to_string();
    assert_eq!(text, format!("worker 'resample-2' (pid {pid}) was killed by SIGKILL (signal 9)"));
}

#[test]
fn message_of_a_panic_tells_what_was_said_and_where() {
    watchdog!(60);
    let child = Builder::new().name("p").spawn(|| -> () { panic!("no more data") }).expect("spawn");
    let text = failure(child.join()).to_string();
    assert!(text.contains("no more data") && text.contains(file!()), "{text}");
}

#[test]
fn scoped_worker_has_the_name_it_was_given() {
    watchdog!(60);
    let ended = scope(|s| {
        let child = Builder::new().name("inside").spawn_scoped(s, || ()).expect("spawn");
        assert_eq!(child.name(), "inside");
        child.join().expect("join");
    });
    ended.expect("no failure");
}

#[test]
fn odd_names_do_no_harm() {
    watchdog!(60);
    for name in ["", "\0", "a\nb", &"ü".repeat(1000)] {
        match Builder::new().name(name).spawn(|| 1_u8) {
            Ok(child) => assert_eq!(child.join().expect("join"), 1),
            // A name that cannot be used may be refused; it may not panic.
            Err(refused) => assert!(!refused.to_string().is_empty()),
        }
    }
}
