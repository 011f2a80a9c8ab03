//! A handle is a pidfd, so that any event loop can wait for a child.

use std::os::fd::AsFd;

use procshare::{Process, Value, scope};

use crate::support::{os, wait_until, watchdog};

#[test]
fn descriptor_is_readable_only_after_the_child_ended() {
    watchdog!(60);
    let go = Value::new(0_u32).expect("4 bytes");
    let told = go.clone();
    let child = Process::spawn(move || wait_until(|| told.get() == 1)).expect("spawn");
    assert!(!os::poll_readable(&child, 20));
    go.set(1);
    assert!(os::poll_readable(&child, -1));
    child.join().expect("join");
}

#[test]
fn descriptor_of_a_scoped_child_can_be_waited_for() {
    watchdog!(60);
    let ended = scope(|s| {
        let child = s.spawn(|| 1_u32).expect("spawn");
        assert!(os::poll_readable(&child, -1));
        child.join().expect("join")
    });
    assert_eq!(ended.expect("no failure"), 1);
}

#[test]
fn descriptor_is_a_pidfd_of_the_child() {
    watchdog!(60);
    let child = Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
    let fd = std::os::fd::AsRawFd::as_raw_fd(&child.as_fd());
    let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).expect("its fdinfo");
    let pid = about.lines().find_map(|line| line.strip_prefix("Pid:")).expect("a pidfd names its process");
    assert_eq!(pid.trim(), child.pid().to_string());
    child.kill().expect("kill");
}

#[test]
fn pid_is_the_one_the_child_sees() {
    watchdog!(60);
    let child = Process::spawn(os::pid).expect("spawn");
    let pid = child.pid();
    assert_eq!(child.join().expect("join"), pid);
    assert_ne!(pid, os::pid());
}

#[test]
fn childs_parent_is_this_process() {
    watchdog!(60);
    assert_eq!(Process::spawn(os::parent_pid).expect("spawn").join().expect("join"), os::pid());
}
