//! The death of a parent kills its children, at once and even when they are busy.
//!
//! ```text
//!   parent  ── write end ──▶ (pipe) ◀── read end, as inherited: only a way to the pipe
//!                               ◀────── child 1: read end opened anew, O_ASYNC, owner child 1, signal SIGKILL
//!                               ◀────── child 2: read end opened anew, ...
//! ```
//!
//! Nobody ever writes. When the parent ends, however it ends, the kernel closes the last write end and sends
//! each child the signal that its own read end asked for. `PR_SET_PDEATHSIG` would not do: it fires when the
//! *thread* that forked ends.
//!
//! D1. Of all processes only the parent has the write end for long: every child closes its copy first thing.
//! D2. Every child opens the read end anew. An inherited one is the same open file in all of them, with one
//!     owner.
//! D3. First armed, then looked at: a parent that dies before is seen by looking, one that dies after by the
//!     signal.
//! D4. Whoever closes the parent's write end, say by closing every descriptor, kills the children. A child
//!     that finds it closed at birth falls back to `PR_SET_PDEATHSIG`.
//!
//! # Source
//! fcntl(2): F_SETOWN, F_SETSIG, O_ASYNC; proc_pid_fd(5) on opening a pipe anew; prctl(2): PR_SET_PDEATHSIG.
#![allow(unsafe_code)]
// Unsafe for one reason: libc calls on bare descriptor numbers.

use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use crate::error::OsError;
use crate::sys::descriptor::{self, FileId};
use crate::sys::{errno, fork};

/// With what a child exits that finds its parent dead. Nobody is left to read it.
const ORPHANED: i32 = 1;

/// The pipe of one process, by whose end its children learn of its death. Lives as long as the process:
/// copying it copies names, and nothing is closed when one is dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeathPipe {
    read: RawFd,
    write: RawFd,
    /// Which pipe the two numbers meant, since a program may close descriptors that it does not know.
    pipe: FileId,
    /// `/proc/self/fd/` and the number of the read end, written down before the fork.
    path: [u8; 32],
    /// The process that dies.
    parent: i32,
}

impl DeathPipe {
    /// Makes the pipe of this process, both ends close-on-exec and at high numbers. One is enough for all
    /// children.
    ///
    /// # Errors
    /// `EMFILE` or `ENFILE`.
    pub(crate) fn new() -> Result<Self, OsError> {
        let (read, write) = std::io::pipe()
            .map_err(|error| OsError::new("pipe2", "death pipe", error.raw_os_error().unwrap_or(0)))?;
        let read = descriptor::raise(read.into());
        let write = descriptor::raise(write.into());
        let pipe = FileId::of(read.as_raw_fd(), "death pipe")?;
        let mut path = [0; 32];
        // 14 bytes, a number of at most 10 digits, and a zero at the end in any case.
        for (to, from) in path.iter_mut().zip(format!("/proc/self/fd/{}", read.as_raw_fd()).bytes()) {
            *to = from;
        }
        Ok(Self { read: read.into_raw_fd(), write: write.into_raw_fd(), pipe, path, parent: fork::pid() })
    }

    /// Opens the read end anew, for a child about to be forked (D2). In the parent, since a process that looks into its own
    /// `/proc` for the first time takes longer for that than for all the rest of its setting up.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`; `ENOENT`: there is no `/proc`, and [`DeathPipe::bind_child`] makes do without.
    pub(crate) fn ear(self) -> Result<OwnedFd, OsError> {
        if !self.pipe.is_at(self.read) {
            return Err(OsError::new("fstat", "death pipe", libc::EBADF));
        }
        // SAFETY: `path` is live and ends with a zero. No mode is needed, since nothing is created.
        let ear = unsafe {
            libc::open(self.path.as_ptr().cast(), libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC)
        };
        errno::check(ear >= 0, "open", "death pipe")?;
        // SAFETY: open has just made this descriptor, so it is open and nobody else knows of it.
        Ok(unsafe { OwnedFd::from_raw_fd(ear) })
    }

    /// Binds this process, a child just forked, to the life of the parent that made the pipe and opened `ear`. If the parent
    /// is dead already, ends the child here.
    ///
    /// For the child alone, and for once. Neither locks nor allocates, and makes all its system calls from one place: in a
    /// fresh child every page touched first costs more than a system call.
    pub(crate) fn bind_child(self, ear: Option<OwnedFd>) {
        // D4: without its write end the pipe would kill us at once, though the parent lives.
        let whole = self.pipe.is_at(self.write);
        if whole {
            close(self.write); // D1
        }
        let armed = ear.filter(|_| whole).is_some_and(|ear| self.arm(ear.into_raw_fd()).is_ok());
        if !armed {
            descriptor::close_if(self.read, self.pipe);
            self.bind_to_forking_thread();
        }
    }

    /// Closes both ends in a process that is no child of this crate's: one that other code forked. Kept open
    /// there, the write end would outlive the parent and hide its death.
    pub(crate) fn let_go(self) {
        descriptor::close_if(self.write, self.pipe);
        descriptor::close_if(self.read, self.pipe);
    }

    /// Has the kernel kill this process when the last write end closes, and ends it if that has happened. The ear takes the
    /// place of the inherited read end.
    fn arm(self, ear: RawFd) -> Result<(), OsError> {
        let placed = call(libc::SYS_dup3, [ear as i64, self.read as i64, libc::O_CLOEXEC as i64]);
        close(ear);
        errno::check(placed >= 0, "dup3", "death pipe")?;
        let own = self.read as i64;
        let done = call(libc::SYS_fcntl, [own, libc::F_SETOWN as i64, fork::pid() as i64]) == 0
            && call(libc::SYS_fcntl, [own, F_SETSIG as i64, libc::SIGKILL as i64]) == 0
            // Of the flags this sets, O_NONBLOCK is set already and O_ASYNC is the purpose.
            && call(libc::SYS_fcntl, [own, libc::F_SETFL as i64, (libc::O_NONBLOCK | libc::O_ASYNC) as i64]) == 0;
        errno::check(done, "fcntl", "death pipe")?;
        // D3. A read tells what a poll would: nobody ever writes, so without a writer it is the end, else `EAGAIN`.
        let mut byte = 0_u8;
        if call(libc::SYS_read, [own, (&raw mut byte).expose_provenance() as i64, 1]) == 0 {
            fork::exit_now(ORPHANED);
        }
        Ok(())
    }

    /// What is left without the pipe: dies with the *thread* that forked, which is at least not later.
    #[cold]
    fn bind_to_forking_thread(self) {
        // SAFETY: PR_SET_PDEATHSIG takes a signal number; it touches no memory.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // As D3: a parent that died before has another process in its place now.
        if fork::parent_pid() != self.parent {
            fork::exit_now(ORPHANED);
        }
    }
}

/// Closes a descriptor that was made certain of.
fn close(fd: RawFd) {
    call(libc::SYS_close, [fd as i64, 0, 0]);
}

/// Makes a system call that takes numbers, or the address of one byte of ours to write to.
fn call(number: libc::c_long, [a, b, c]: [i64; 3]) -> libc::c_long {
    // SAFETY: the callers, all above, pass descriptors that they have just made or found to be ours and that no `OwnedFd`
    // holds, flags, and one address, of a live byte.
    unsafe { libc::syscall(number, a, b, c) }
}

/// Chooses the signal that O_ASYNC sends; the number is that of asm-generic/fcntl.h, which libc does not
/// name.
const F_SETSIG: libc::c_int = 10;
