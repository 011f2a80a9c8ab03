//! Other programs, started by a child: they share no memory, so nobody waits for them.

use std::{os::unix::process::CommandExt, process::Command};

use procshare::{Array, Process, scope};

use crate::support::{isolated, os, table, watchdog};

/// Sleeps for longer than any test, and is killed when dropped.
struct Daemon(u32);

impl Daemon {
    /// A command for one.
    fn command() -> Command {
        let mut command = Command::new("/bin/sleep");
        command.arg("600");
        command
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        os::kill(self.0, libc::SIGKILL);
    }
}

#[test]
fn child_runs_a_command_and_returns_its_output() {
    watchdog!(60);
    let work = || {
        let output =
            Command::new("/bin/echo").arg("from the shell").output().map_err(|error| error.to_string())?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let said = Process::spawn(work).expect("spawn").join().expect("join");
    assert_eq!(said.as_deref(), Ok("from the shell\n"));
}

#[test]
fn daemon_that_a_child_starts_does_not_hold_up_its_join() {
    isolated(60, || {
        let start = || Daemon::command().spawn().map(|daemon| daemon.id()).unwrap_or(0);
        let daemon = Daemon(Process::spawn(start).expect("spawn").join().expect("join"));
        assert!(table::is_alive(daemon.0));
    });
}

#[test]
fn daemon_that_was_forked_and_executed_does_not_hold_up_the_join() {
    isolated(60, || {
        let start = || {
            let mut command = Daemon::command();
            // Makes std fork instead of posix_spawn.
            os::fork_before_exec(&mut command);
            command.spawn().map(|daemon| daemon.id()).unwrap_or(0)
        };
        let daemon = Daemon(Process::spawn(start).expect("spawn").join().expect("join"));
        assert!(table::is_alive(daemon.0));
    });
}

#[test]
fn scope_does_not_wait_for_a_program_that_its_child_executed() {
    isolated(60, || {
        let mut array = Array::<u32>::zeroed(4).expect("16 bytes");
        let daemon = scope(|s| {
            let half = &mut array[..2];
            let start = move || {
                half.fill(1);
                let mut command = Daemon::command();
                os::fork_before_exec(command.process_group(0));
                command.spawn().map(|daemon| daemon.id()).unwrap_or(0)
            };
            s.spawn(start).expect("spawn").join().expect("join")
        });
        let daemon = Daemon(daemon.expect("no failure"));
        assert!(table::is_alive(daemon.0));
        assert_eq!(array[..], [1, 1, 0, 0]);
    });
}

#[test]
fn programs_that_the_parent_executes_take_no_seat_for_long() {
    isolated(60, || {
        procshare::arena::Builder::new().participants(8).build().expect("nobody used the arena before");
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let start = || {
            let mut command = Daemon::command();
            os::fork_before_exec(&mut command);
            Daemon(command.spawn().expect("start a daemon").id())
        };
        let _daemons: Vec<_> = (0..20).map(|_| start()).collect();
        assert_eq!(Process::spawn(|| 5_u32).expect("a seat for a child").join().expect("join"), 5);
    });
}
