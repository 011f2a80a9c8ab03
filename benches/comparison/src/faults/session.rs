//! Finding and killing all processes of a case: those of its session, whoever their parents are by now.
#![allow(unsafe_code)] // sessions, signals and statuses are the kernel's

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Makes this process the one that orphans of its cases go to, so that it can find and reap them.
pub(super) fn adopt_orphans() {
    // SAFETY: takes an integer.
    let done = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    assert_eq!(done, 0, "PR_SET_CHILD_SUBREAPER: {}", io::Error::last_os_error());
}

/// Has the command begin a session of its own, and end if this process does.
pub(super) fn of_its_own(command: &mut Command) -> &mut Command {
    let begin = || {
        // SAFETY: takes an integer; the thread that forks waits for the case, so it does not end before it.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // SAFETY: takes nothing.
        match unsafe { libc::setsid() } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: between fork and exec it makes two system calls and allocates nothing.
    unsafe { command.pre_exec(begin) }
}

/// The processes of a session that run, and those that wait to be reaped.
fn members(session: i32) -> (Vec<i32>, Vec<i32>) {
    let (mut running, mut ended) = (Vec::new(), Vec::new());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name, which is in parentheses and may hold anything: state, parent, group, session.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().take(4).collect();
        match *fields.as_slice() {
            [state, .., of] if of.parse() == Ok(session) => {
                if matches!(state, "Z" | "X") { &mut ended } else { &mut running }.push(pid);
            }
            _ => {}
        }
    }
    (running, ended)
}

/// Kills a process of a case.
pub(super) fn kill(pid: i32) {
    // SAFETY: takes integers. The case names it as its own, and keeps it until it is dead.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Kills everybody of a session, and reaps those whose parents are gone. The leader itself is for its parent to reap.
pub(super) fn end(session: i32) {
    loop {
        let (running, ended) = members(session);
        running.iter().for_each(|pid| kill(*pid));
        for pid in ended.iter().filter(|pid| **pid != session) {
            // SAFETY: takes integers and no place for a status; fails for those that are not this process's.
            unsafe { libc::waitpid(*pid, std::ptr::null_mut(), libc::WNOHANG) };
        }
        if running.is_empty() && ended.iter().all(|pid| *pid == session) {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
