//! The system calls of the engine: fork, ptrace, and the looking at children that stand still or are dead.

use std::io::{Error, ErrorKind};
use std::mem::{MaybeUninit, offset_of};
use std::ptr;

use libc::{c_int, c_long, c_uint, pid_t, user_regs_struct};

/// In the victim: lets its parent trace it.
pub(crate) fn trace_me() {
    // SAFETY: changes only how the kernel reports this process to its parent.
    let traced = unsafe { request(libc::PTRACE_TRACEME, 0, 0, 0) };
    if traced != 0 {
        die();
    }
}

/// Ends this process at once, as no destructor and no handler of the parent's may run in it.
pub(crate) fn die() -> ! {
    // SAFETY: ends the process without running any code of it.
    unsafe { libc::_exit(99) }
}

/// Forks a process that runs `body` and is left to itself; gives its pid.
///
/// It dies with the thread that forked it.
pub(crate) fn fork(body: impl FnOnce()) -> pid_t {
    // SAFETY: the child runs only `body`, which the tests keep to what a fork of a threaded process can do
    // (allocation, arithmetic, the crate under test), and never returns into this frame.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", Error::last_os_error());
    if pid == 0 {
        // SAFETY: sets a flag of this process.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        body();
        die();
    }
    pid
}

/// Kills `pid` and does not wait for its end.
pub(crate) fn send_kill(pid: pid_t) {
    // SAFETY: `pid` is a child that nobody has reaped, so the number still means that child.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Reaps a child, which is dead or dying.
pub(crate) fn reap(pid: pid_t) {
    loop {
        // SAFETY: a null status is allowed.
        let reaped = unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) };
        if reaped == pid || Error::last_os_error().kind() != ErrorKind::Interrupted {
            return;
        }
    }
}

/// Why a victim stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A step, a breakpoint or a mark.
    Trap,
    /// A signal is about to be delivered.
    Signal(i32),
    /// It is dead, and not reaped by us.
    Gone,
}

/// A process that is traced by the thread that holds this.
#[derive(Debug)]
pub(crate) struct Tracee {
    pub(crate) pid: pid_t,
}

impl Tracee {
    /// Waits until it stands still.
    pub(crate) fn await_stop(&self) -> Stop {
        let look = libc::WSTOPPED | libc::WEXITED | libc::WNOWAIT | libc::__WALL;
        let Some((code, status)) = wait(self.pid, look) else { return Stop::Gone };
        if code != libc::CLD_TRAPPED && code != libc::CLD_STOPPED {
            return Stop::Gone;
        }
        wait(self.pid, libc::WSTOPPED | libc::WNOHANG | libc::__WALL);
        match status & 0xff {
            libc::SIGTRAP => Stop::Trap,
            signal => Stop::Signal(signal),
        }
    }

    /// Lets a stopped one go on, and gives it `signal` if that is not 0.
    pub(crate) fn resume(&self, how: c_uint, signal: c_int) {
        // SAFETY: no pointer goes in; the tracee is stopped and ours, and if it was killed meanwhile this fails.
        unsafe { request(how, self.pid, 0, signal as u64) };
    }

    /// The registers of a stopped one; `None` if it is dead.
    pub(crate) fn registers(&self) -> Option<user_regs_struct> {
        let mut registers = MaybeUninit::<user_regs_struct>::zeroed();
        // SAFETY: the place is as large as the kernel's answer.
        let done = unsafe { request(libc::PTRACE_GETREGS, self.pid, 0, registers.as_mut_ptr() as u64) };
        // SAFETY: integers, all of them zeroed above.
        (done == 0).then(|| unsafe { registers.assume_init() })
    }

    pub(crate) fn set_registers(&self, registers: &user_regs_struct) {
        // SAFETY: the kernel reads the place, which is as large as it should be.
        unsafe { request(libc::PTRACE_SETREGS, self.pid, 0, ptr::from_ref(registers) as u64) };
    }

    /// Lets it die with its tracer.
    pub(crate) fn tie_to_tracer(&self) {
        // SAFETY: no pointer goes in.
        unsafe { request(libc::PTRACE_SETOPTIONS, self.pid, 0, libc::PTRACE_O_EXITKILL as u64) };
    }

    /// The eight bytes at `address`.
    pub(crate) fn peek(&self, address: u64) -> u64 {
        // SAFETY: reads the tracee's memory into a return value; an address that is not mapped gives -1.
        unsafe { request(libc::PTRACE_PEEKTEXT, self.pid, address, 0) }.cast_unsigned()
    }

    pub(crate) fn poke(&self, address: u64, word: u64) {
        // SAFETY: writes the tracee's own private copy of its code page, at an instruction that it has executed.
        unsafe { request(libc::PTRACE_POKETEXT, self.pid, address, word) };
    }
}

/// `ptrace`, with its last two arguments as wide as the C library reads them.
///
/// # Safety
/// Where `which` takes a place in this process's memory, `data` must be its address, valid for what the kernel
/// does there.
unsafe fn request(which: c_uint, pid: pid_t, address: u64, data: u64) -> c_long {
    // SAFETY: as the caller promises.
    unsafe { libc::ptrace(which, pid, address, data) }
}

/// `waitid`: the code and the status of what happened; `None` if there is no such child.
fn wait(pid: pid_t, options: c_int) -> Option<(c_int, c_int)> {
    let mut told = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        // SAFETY: the place is as large as the kernel's answer.
        let done = unsafe { libc::waitid(libc::P_PID, pid.cast_unsigned(), told.as_mut_ptr(), options) };
        if done == 0 {
            break;
        }
        if Error::last_os_error().kind() != ErrorKind::Interrupted {
            return None;
        }
    }
    // SAFETY: zeroed above, and integers only.
    let told = unsafe { told.assume_init() };
    // SAFETY: `waitid` gives the answer in the form of SIGCHLD, which has a status.
    Some((told.si_code, unsafe { told.si_status() }))
}

const _: () = assert!(offset_of!(user_regs_struct, rip) == 16 * 8, "the kernel's layout of the registers");
