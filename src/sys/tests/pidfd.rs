use std::thread;
use std::time::{Duration, Instant};

use super::{Child, WATCHDOG, asserted_in_child, in_child, receive_pid, send_pid};
use crate::sys::fork::parent_pid;
use crate::sys::pidfd::{ExitStatus, PidFd};

#[test]
fn exit_code_reaches_the_parent() {
    assert_eq!(in_child(|| 0), ExitStatus::Exited(0));
    assert_eq!(in_child(|| 42), ExitStatus::Exited(42));
}

#[test]
fn killing_signal_reaches_the_parent() {
    let child = Child::living();
    child.pidfd.send_signal(libc::SIGTERM).expect("signal");
    assert_eq!(child.status(), ExitStatus::Signaled { signal: libc::SIGTERM, core_dumped: false });
}

#[test]
fn living_child_is_not_gone_when_the_time_is_up() {
    let child = Child::living();
    let before = Instant::now();
    assert_eq!(child.pidfd.wait_gone(Some(Duration::from_millis(20))), Ok(false));
    assert!(before.elapsed() >= Duration::from_millis(20));
    assert_eq!(child.pidfd.try_reap(), Ok(None));
}

#[test]
fn wait_without_a_deadline_ends_with_the_child() {
    // Longer than one round.
    let child = Child::running(|| {
        thread::sleep(Duration::from_millis(1200));
        0
    });
    assert_eq!(child.pidfd.wait_gone(None), Ok(true));
}

#[test]
fn reaping_waits_for_the_end() {
    let child = Child::running(|| {
        thread::sleep(Duration::from_millis(50));
        3
    });
    assert_eq!(child.pidfd.reap(), Ok(ExitStatus::Exited(3)));
}

#[test]
fn child_that_somebody_else_reaped_is_lost_and_not_waited_for() {
    let child = Child::running(|| 0);
    let mut status = 0;
    // SAFETY: `status` is a live, writable int.
    assert_eq!(unsafe { libc::waitpid(child.pid, &raw mut status, 0) }, child.pid);
    assert_eq!(child.pidfd.wait_gone(Some(WATCHDOG)), Ok(true));
    assert_eq!(child.pidfd.reap(), Ok(ExitStatus::Lost));
}

#[test]
fn child_is_lost_where_sigchld_is_ignored() {
    asserted_in_child(|| {
        // SAFETY: SIG_IGN is a valid disposition of SIGCHLD.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        // It must not be gone before there is a hold on it: here its number would be free at once.
        let (mut go, mut say_go) = std::io::pipe().expect("pipe");
        let child = Child::running(|| receive_pid(&mut go));
        send_pid(&mut say_go, 0);
        assert_eq!(child.pidfd.reap(), Ok(ExitStatus::Lost));
    });
}

#[test]
fn living_process_that_is_no_child_is_lost_at_once() {
    asserted_in_child(|| {
        let parent = PidFd::open(parent_pid()).expect("pidfd_open");
        assert_eq!(parent.reap(), Ok(ExitStatus::Lost));
        assert_eq!(parent.wait_gone(Some(Duration::ZERO)), Ok(false));
    });
}

#[test]
fn reaping_one_child_leaves_the_other() {
    let (first, second) = (Child::running(|| 1), Child::running(|| 2));
    assert_eq!(second.status(), ExitStatus::Exited(2));
    assert_eq!(first.status(), ExitStatus::Exited(1));
    assert_eq!(first.pidfd.reap(), Ok(ExitStatus::Lost), "there is nothing left to reap");
}

#[test]
fn signal_to_a_reaped_child_reaches_nobody() {
    let child = Child::running(|| 0);
    child.status();
    assert_eq!(child.pidfd.send_signal(libc::SIGKILL).expect_err("sent").errno(), libc::ESRCH);
}

#[test]
fn number_that_nobody_has_cannot_be_held() {
    let child = Child::running(|| 0);
    child.status();
    let error = PidFd::open(child.pid).expect_err("opened");
    assert_eq!((error.call(), error.errno()), ("pidfd_open", libc::ESRCH));
}

#[test]
fn child_that_is_gone_before_there_is_a_hold_on_it_counts_as_gone() {
    let child = Child::running(|| 0);
    child.status();
    let hold = PidFd::of_child(child.pid).expect("hold");
    assert_eq!(hold.wait_gone(Some(Duration::ZERO)), Ok(true));
    assert!(hold.reap().is_err());
    assert!(hold.send_signal(libc::SIGKILL).is_err(), "the number may be somebody else's by now");
}
