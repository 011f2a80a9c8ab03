//! Asking a child to end, and ending it.

use procshare::{Failure, Process, Value};

use crate::support::{failure, isolated, os, wait_until, watchdog};

#[test]
fn terminate_ends_a_child_by_sigterm() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { os::sleep_for_ever() }).expect("spawn");
    child.terminate().expect("terminate");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Signaled { signal: libc::SIGTERM, .. }), "{failed:?}");
}

#[test]
fn kill_ends_a_child_by_sigkill() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { os::sleep_for_ever() }).expect("spawn");
    child.kill().expect("kill");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Signaled { signal: libc::SIGKILL, .. }), "{failed:?}");
}

#[test]
fn child_with_a_handler_sees_sigterm_and_may_still_return() {
    watchdog!(60);
    let ready = Value::new(0_u32).expect("4 bytes");
    let told = ready.clone();
    let work = move || {
        os::catch(libc::SIGTERM);
        told.set(1);
        wait_until(|| os::caught() != 0);
        os::caught()
    };
    let child = Process::spawn(work).expect("spawn");
    wait_until(|| ready.get() == 1);
    child.terminate().expect("terminate");
    assert_eq!(child.join().expect("join"), libc::SIGTERM);
}

#[test]
fn child_that_ignores_sigterm_is_ended_by_kill() {
    watchdog!(60);
    let ready = Value::new(0_u32).expect("4 bytes");
    let told = ready.clone();
    let work = move || -> u32 {
        os::ignore(libc::SIGTERM);
        told.set(1);
        os::sleep_for_ever()
    };
    let mut child = Process::spawn(work).expect("spawn");
    wait_until(|| ready.get() == 1);
    child.terminate().expect("terminate");
    assert!(matches!(
        child.join_timeout(std::time::Duration::from_millis(50)),
        Err(Failure::TimedOut { .. })
    ));
    child.kill().expect("kill");
    assert!(matches!(failure(child.join()), Failure::Signaled { signal: libc::SIGKILL, .. }));
}

#[test]
fn child_starts_with_default_dispositions() {
    isolated(60, || {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            os::catch(signal);
        }
        let ask = || [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].map(os::has_default_disposition);
        assert_eq!(Process::spawn(ask).expect("spawn").join().expect("join"), [true; 3]);
        assert_eq!(ask(), [false; 3], "the parent keeps its own");
    });
}

#[test]
fn child_blocks_no_more_signals_than_its_parent() {
    isolated(60, || {
        let before = os::blocked_signals();
        let child = Process::spawn(os::blocked_signals).expect("spawn");
        assert_eq!(child.join().expect("join"), before);
        assert_eq!(os::blocked_signals(), before, "the parent's mask is as it was");
    });
}

#[test]
fn signal_to_a_child_that_ended_harms_nobody() {
    watchdog!(60);
    let child = Process::spawn(|| 4_u32).expect("spawn");
    assert!(os::poll_readable(&child, -1));
    // Both answers are right; a stranger with the same pid must not be hit, which the pidfd sees to.
    let _ = child.terminate();
    let _ = child.kill();
    assert_eq!(child.join().expect("join"), 4);
}
