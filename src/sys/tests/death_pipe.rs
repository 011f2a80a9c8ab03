use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::{Child, WATCHDOG, asserted_in_child, eventually, outlive_the_watchdog, receive_pid, send_pid};
use crate::sys::death_pipe::DeathPipe;
use crate::sys::fork::{parent_pid, pid};
use crate::sys::pidfd::{ExitStatus, PidFd};

/// A process that is to die with another. Killed at the latest when the test ends.
struct Bound(PidFd);

impl Bound {
    fn dies(&self) -> bool {
        self.0.wait_gone(Some(WATCHDOG)) == Ok(true)
    }

    fn lives(&self) -> bool {
        self.0.wait_gone(Some(Duration::from_millis(100))) == Ok(false)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = self.0.send_signal(libc::SIGKILL);
    }
}

/// Waits to be killed, and not by the watchdog of these tests: that must not pass for the death pipe.
fn wait_for_ever() -> i32 {
    outlive_the_watchdog();
    loop {
        thread::park();
    }
}

/// Blocks all signals of this thread.
fn block_signals() {
    // SAFETY: all ones is a valid signal set.
    let all: libc::sigset_t = unsafe { std::mem::transmute([u64::MAX; size_of::<libc::sigset_t>() / 8]) };
    // SAFETY: `all` is a live signal set; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut()) };
}

/// Closes a descriptor as a program does that closes all it does not know. The pipe owns bare numbers.
fn close(number: RawFd) {
    // SAFETY: close takes a number, which no `OwnedFd` of these tests owns.
    assert_eq!(unsafe { libc::close(number) }, 0);
}

/// The descriptors of this process that refer to pipes.
fn pipes() -> Vec<(RawFd, PathBuf)> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("read_dir").flatten();
    let links = entries.filter_map(|entry| {
        Some((entry.file_name().to_str()?.parse().ok()?, std::fs::read_link(entry.path()).ok()?))
    });
    links.filter(|(_, link)| link.to_string_lossy().starts_with("pipe:")).collect()
}

/// A death pipe, and the numbers of its two ends (read, write).
fn known_pipe() -> (DeathPipe, [RawFd; 2]) {
    let before = pipes();
    let pipe = DeathPipe::new().expect("death pipe");
    let mut ends: Vec<RawFd> =
        pipes().into_iter().filter(|one| !before.contains(one)).map(|(number, _)| number).collect();
    // SAFETY: F_GETFL takes no memory.
    ends.sort_by_key(|&end| unsafe { libc::fcntl(end, libc::F_GETFL) } & libc::O_ACCMODE);
    (pipe, ends.try_into().expect("two ends"))
}

/// Starts a parent that forks `children` bound children, each running `body`; returns them all once they are
/// bound and have run `prepare`.
fn family(children: usize, prepare: fn(), body: fn() -> i32) -> (Child, Vec<Bound>) {
    let (mut from, mut to) = std::io::pipe().expect("pipe");
    let parent = Child::running(move || {
        let pipe = DeathPipe::new().expect("death pipe");
        let _children: Vec<Child> = (0..children)
            .map(|_| {
                Child::running(|| {
                    outlive_the_watchdog();
                    pipe.bind_child(pipe.ear().ok());
                    prepare();
                    send_pid(&mut to, pid());
                    body()
                })
            })
            .collect();
        wait_for_ever()
    });
    let born = (0..children).map(|_| Bound(PidFd::open(receive_pid(&mut from)).expect("pidfd_open")));
    let born = born.collect();
    (parent, born)
}

#[test]
fn death_pipe_kills_the_child_when_the_parent_is_killed() {
    let (parent, children) = family(1, || (), wait_for_ever);
    assert!(children[0].lives(), "its parent lives");
    parent.kill();
    assert!(children[0].dies());
}

#[test]
fn death_pipe_kills_every_child() {
    let (parent, children) = family(3, || (), wait_for_ever);
    assert!(children.iter().all(Bound::lives));
    parent.kill();
    assert!(children.iter().all(Bound::dies));
}

#[test]
fn death_pipe_kills_a_busy_child_that_blocks_what_can_be_blocked() {
    let (parent, children) = family(1, block_signals, || {
        loop {
            std::hint::spin_loop();
        }
    });
    parent.kill();
    assert!(children[0].dies());
}

#[test]
fn child_whose_parent_died_before_it_was_bound_ends_itself() {
    for closed in [&[][..], &[0, 1]] {
        let (mut from, mut to) = std::io::pipe().expect("pipe");
        let parent = Child::running(move || {
            let (pipe, ends) = known_pipe();
            closed.iter().for_each(|&end: &usize| close(ends[end]));
            let parent = pid();
            let _child = Child::running(|| {
                outlive_the_watchdog();
                send_pid(&mut to, pid());
                eventually(|| parent_pid() != parent);
                pipe.bind_child(pipe.ear().ok());
                wait_for_ever()
            });
            wait_for_ever()
        });
        let child = Bound(PidFd::open(receive_pid(&mut from)).expect("pidfd_open"));
        parent.kill();
        assert!(child.dies());
    }
}

#[test]
fn grandchildren_go_too() {
    let (mut from, mut to) = std::io::pipe().expect("pipe");
    let parent = Child::running(move || {
        let pipe = DeathPipe::new().expect("death pipe");
        let _child = Child::running(|| {
            pipe.bind_child(pipe.ear().ok());
            let own = DeathPipe::new().expect("death pipe");
            let _grandchild = Child::running(|| {
                own.bind_child(own.ear().ok());
                send_pid(&mut to, pid());
                wait_for_ever()
            });
            wait_for_ever()
        });
        wait_for_ever()
    });
    let grandchild = Bound(PidFd::open(receive_pid(&mut from)).expect("pidfd_open"));
    assert!(grandchild.lives());
    parent.kill();
    assert!(grandchild.dies());
}

#[test]
fn child_outlives_the_thread_that_forked_it() {
    asserted_in_child(|| {
        let pipe = DeathPipe::new().expect("death pipe");
        let (mut from, mut to) = std::io::pipe().expect("pipe");
        let forking = thread::spawn(move || {
            let child = Child::running(|| {
                pipe.bind_child(pipe.ear().ok());
                send_pid(&mut to, pid());
                wait_for_ever()
            });
            receive_pid(&mut from);
            child
        });
        let child = forking.join().expect("join");
        assert_eq!(child.pidfd.wait_gone(Some(Duration::from_millis(100))), Ok(false));
    });
}

#[test]
fn bound_child_keeps_one_descriptor_and_not_the_write_end() {
    asserted_in_child(|| {
        let before = pipes().len();
        let pipe = DeathPipe::new().expect("death pipe");
        assert_eq!(pipes().len(), before + 2);
        let child = Child::running(|| {
            pipe.bind_child(pipe.ear().ok());
            // Its own read end, and that it is one: the parent alone keeps the pipe from hanging up.
            i32::from(pipes().len() != before + 1)
        });
        assert_eq!(child.status(), ExitStatus::Exited(0));
    });
}

#[test]
fn letting_go_closes_both_ends() {
    asserted_in_child(|| {
        let before = pipes().len();
        DeathPipe::new().expect("death pipe").let_go();
        assert_eq!(pipes().len(), before);
    });
}

#[test]
fn child_lives_although_the_program_closed_the_pipe() {
    for closed in [&[0][..], &[1], &[0, 1]] {
        asserted_in_child(|| {
            let (pipe, ends) = known_pipe();
            closed.iter().for_each(|&end: &usize| close(ends[end]));
            let child = Child::running(|| {
                pipe.bind_child(pipe.ear().ok());
                assert!(!pipes().iter().any(|(number, _)| ends.contains(number)), "it keeps neither end");
                thread::sleep(Duration::from_millis(50));
                7
            });
            assert_eq!(child.status(), ExitStatus::Exited(7));
        });
    }
}

#[test]
fn child_dies_with_its_parent_although_the_program_closed_the_pipe() {
    for closed in [&[0][..], &[1], &[0, 1]] {
        let (mut from, mut to) = std::io::pipe().expect("pipe");
        let parent = Child::running(move || {
            let (pipe, ends) = known_pipe();
            closed.iter().for_each(|&end: &usize| close(ends[end]));
            let _child = Child::running(|| {
                pipe.bind_child(pipe.ear().ok());
                send_pid(&mut to, pid());
                wait_for_ever()
            });
            wait_for_ever()
        });
        let child = Bound(PidFd::open(receive_pid(&mut from)).expect("pidfd_open"));
        assert!(child.lives());
        parent.kill();
        assert!(child.dies());
    }
}

#[test]
fn strangers_file_at_a_number_of_the_pipe_is_left_alone() {
    for replaced in [&[0][..], &[1], &[0, 1]] {
        asserted_in_child(|| {
            let (pipe, ends) = known_pipe();
            let mut stranger = File::open("/proc/self/status").expect("open");
            stranger.seek(SeekFrom::Start(5)).expect("seek");
            for &end in replaced {
                let end: usize = end;
                // SAFETY: the pipe owns bare numbers, and this is what a program does that chooses its own.
                assert_eq!(unsafe { libc::dup2(stranger.as_raw_fd(), ends[end]) }, ends[end]);
            }
            let child = Child::running(|| {
                pipe.bind_child(pipe.ear().ok());
                for &end in replaced {
                    let end: usize = end;
                    // SAFETY: the number was given to this file above, and nothing else owns it in this
                    // process.
                    let mut file = unsafe { File::from_raw_fd(ends[end]) };
                    assert_eq!(file.stream_position().expect("closed"), 5, "another file is there");
                }
                0
            });
            assert_eq!(child.status(), ExitStatus::Exited(0));
        });
    }
}
