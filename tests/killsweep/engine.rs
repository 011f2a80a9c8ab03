//! The engine: takes a process to any one instruction of an operation, and kills it there.
//!
//! ```text
//!   fork ── trace_me, mark(START) ──▶ at the start ── step, step, .. ──▶ at the end     (once: the recorded path)
//!                                          │
//!                                          └── run to a planted breakpoint, step ──▶ at point k ── SIGKILL
//! ```
//!
//! The recorded path is the list of instruction pointers, one for each boundary between two instructions. A later
//! run is taken to boundary `k` by a breakpoint, planted at the boundary at or before `k` that is cheapest to
//! reach, and by single steps from there: the cost does not grow with `k`.
//!
//! 1. A victim marks its start and its end by `int3` with the mark in two registers, so the engine needs to know
//!    no address and the victim needs to write no memory.
//! 2. A run that leaves the recorded path is not discarded: it is killed where it is, counted as diverged, and
//!    what it left behind is checked as after any other kill.
//! 3. The engine looks at a dead victim without reaping it, so that the library's own children are reaped by the
//!    library.
//! 4. ptrace knows threads, not processes: who launched a victim also steps and kills it.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use libc::{c_long, pid_t, user_regs_struct};

use crate::path::Path;
use crate::tracee::{self, Stop, Tracee, trace_me};

/// The mark at the first boundary of the operation.
const START: u64 = 0x70_72_6f_63_73_74_61_72;
/// The mark behind the last one.
const END: u64 = 0x70_72_6f_63_65_6e_64_21;
/// Longest path that is recorded: beyond it the operation is no operation but a loop.
const LONGEST: usize = 1_000_000;
/// `syscall`, as its two bytes stand in memory.
const SYSCALL: u64 = 0x050f;
const INT3: u64 = 0xcc;

/// In the victim: the operation begins behind this call.
pub(crate) fn mark_start() {
    mark(START);
}

/// In the victim: the operation is over.
pub(crate) fn mark_end() {
    mark(END);
}

#[inline(never)]
fn mark(which: u64) {
    // SAFETY: stops this process under the tracer that `trace_me` gave it; changes no register and no memory.
    unsafe { std::arch::asm!("int3", in("rax") which, in("rdx") !which, options(nostack, preserves_flags)) };
}

/// Whether the next fork is traced from the fork handlers on.
static TRACED_FROM_THE_FORK: AtomicBool = AtomicBool::new(false);

/// Registers the engine's own fork handler, once. Handlers run in the order of their registration: only if this comes
/// before the crate's first use does a victim of [`Victim::fork_under_trace`] begin before the crate's own handler.
pub(crate) fn handle_forks() {
    extern "C" fn in_child() {
        if TRACED_FROM_THE_FORK.load(Relaxed) {
            trace_me();
            mark_start();
        }
        crate::gate::come_from_the_fork();
    }
    static ONCE: Once = Once::new();
    // SAFETY: the handler only loads an atomic, makes a system call and stops.
    ONCE.call_once(|| assert_eq!(unsafe { libc::pthread_atfork(None, None, Some(in_child)) }, 0));
}

/// Where a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// At the boundary that was asked for.
    There,
    /// Elsewhere: at the end of the operation, or dead by its own exit.
    Diverged,
    /// A fault: the victim would have died of this signal.
    Crashed(i32),
}

/// A traced process between its start mark and its death.
#[derive(Debug)]
pub(crate) struct Victim {
    tracee: Tracee,
    /// It has threads that nobody traces, which a breakpoint would kill.
    has_threads: bool,
}

impl Victim {
    /// Forks a victim, which gets `ready` and then runs `operation` between the marks, and takes it to its start.
    pub(crate) fn fork(ready: impl FnOnce(), operation: impl FnOnce()) -> Self {
        let pid = tracee::fork(|| {
            trace_me();
            ready();
            mark_start();
            operation();
            mark_end();
        });
        Self::at_start(pid).expect("the victim reaches its start mark")
    }

    /// Forks a victim whose `operation` marks its start itself, and takes it there.
    pub(crate) fn fork_marking(operation: impl FnOnce()) -> Self {
        let pid = tracee::fork(|| {
            trace_me();
            operation();
            mark_end();
        });
        Self::at_start(pid).expect("the victim reaches its start mark")
    }

    /// Forks a victim that is at its start before any other fork handler has run in it: what libraries do in a fresh
    /// child belongs to its path.
    pub(crate) fn fork_under_trace() -> Self {
        TRACED_FROM_THE_FORK.store(true, Relaxed);
        let pid = tracee::fork(mark_end);
        TRACED_FROM_THE_FORK.store(false, Relaxed);
        Self::at_start(pid).expect("the victim reaches its start mark")
    }

    /// Waits until `pid`, which called [`trace_me`] or is about to, is at its start mark; `None` if it died first.
    pub(crate) fn at_start(pid: pid_t) -> Option<Self> {
        let victim = Self { tracee: Tracee { pid }, has_threads: false };
        loop {
            match victim.tracee.await_stop() {
                Stop::Trap if victim.tracee.registers().is_some_and(|r| is_mark(&r, START)) => break,
                Stop::Trap => victim.tracee.resume(libc::PTRACE_CONT, 0),
                Stop::Signal(signal) => victim.tracee.resume(libc::PTRACE_CONT, signal),
                Stop::Gone => return None,
            }
        }
        victim.tracee.tie_to_tracer();
        Some(victim)
    }

    /// The victim has threads beside the one that is traced: it is taken to its point by single steps only.
    pub(crate) fn among_threads(self) -> Self {
        Self { has_threads: true, ..self }
    }

    pub(crate) fn pid(&self) -> pid_t {
        self.tracee.pid
    }

    /// Single-steps the whole operation and gives its path, ending with the boundary behind which it is over.
    pub(crate) fn record(&self) -> Result<Path, Arrival> {
        let mut boundaries = Vec::new();
        while boundaries.len() < LONGEST {
            let Some(registers) = self.tracee.registers() else { return Err(Arrival::Diverged) };
            boundaries.push(registers.rip);
            if is_mark(&registers, END) || self.is_exit(&registers) {
                return Ok(Path::new(boundaries));
            }
            match self.step() {
                Arrival::There => {}
                other => return Err(other),
            }
        }
        panic!("the operation takes more than {LONGEST} instructions");
    }

    /// Runs the whole operation without a stop.
    pub(crate) fn run_to_end(&self) -> Arrival {
        let mut signal = 0;
        loop {
            self.tracee.resume(libc::PTRACE_CONT, signal);
            match self.tracee.await_stop() {
                Stop::Trap => return Arrival::There,
                Stop::Signal(fault) if is_fault(fault) => return Arrival::Crashed(fault),
                Stop::Signal(other) => signal = other,
                Stop::Gone => return Arrival::Diverged,
            }
        }
    }

    /// Runs to boundary `k` of a path recorded earlier, on whatever path this victim takes.
    pub(crate) fn run_to(&self, path: &Path, k: usize) -> Arrival {
        let near = path.approach(k);
        let arrival = self.run_to_nth(path.instruction(near), path.occurrence(near));
        if arrival != Arrival::There {
            return arrival;
        }
        for at in near..k {
            match self.step() {
                Arrival::There
                    if self.tracee.registers().is_some_and(|r| r.rip == path.instruction(at + 1)) => {}
                Arrival::There => return Arrival::Diverged,
                other => return other,
            }
        }
        Arrival::There
    }

    /// Runs until `address` is about to be executed for the `nth` time, the boundary it stands at included.
    fn run_to_nth(&self, address: u64, nth: usize) -> Arrival {
        let mut passed = 0;
        loop {
            let Some(registers) = self.tracee.registers() else { return Arrival::Diverged };
            passed += usize::from(registers.rip == address);
            if passed == nth {
                return Arrival::There;
            }
            if is_mark(&registers, END) {
                return Arrival::Diverged;
            }
            // One step first: the breakpoint must not stand where the victim stands.
            match self.step() {
                Arrival::There => {}
                other => return other,
            }
            if self.has_threads {
                continue; // by steps all the way
            }
            match self.tracee.registers() {
                Some(registers) if registers.rip == address => continue,
                Some(registers) if is_mark(&registers, END) => return Arrival::Diverged,
                Some(_) => {}
                None => return Arrival::Diverged,
            }
            match self.run_to_next(address) {
                Arrival::There => {}
                other => return other,
            }
        }
    }

    /// Plants a breakpoint at `address`, runs into it, and takes it out again.
    fn run_to_next(&self, address: u64) -> Arrival {
        let code = self.tracee.peek(address);
        self.tracee.poke(address, (code & !0xff) | INT3);
        let mut signal = 0;
        loop {
            self.tracee.resume(libc::PTRACE_CONT, signal);
            match self.tracee.await_stop() {
                Stop::Trap => break,
                Stop::Signal(fault) if is_fault(fault) => return Arrival::Crashed(fault),
                Stop::Signal(other) => signal = other,
                Stop::Gone => return Arrival::Diverged,
            }
        }
        let Some(mut registers) = self.tracee.registers() else { return Arrival::Diverged };
        if registers.rip != address + 1 {
            return Arrival::Diverged;
        }
        self.tracee.poke(address, code);
        registers.rip = address;
        self.tracee.set_registers(&registers);
        Arrival::There
    }

    /// Executes one instruction.
    pub(crate) fn step(&self) -> Arrival {
        self.tracee.resume(libc::PTRACE_SINGLESTEP, 0);
        loop {
            match self.tracee.await_stop() {
                Stop::Trap => return Arrival::There,
                Stop::Signal(fault) if is_fault(fault) => return Arrival::Crashed(fault),
                Stop::Signal(other) => self.tracee.resume(libc::PTRACE_SINGLESTEP, other),
                Stop::Gone => return Arrival::Diverged,
            }
        }
    }

    /// Kills the victim where it stands. It is not reaped.
    pub(crate) fn kill(&self) {
        tracee::send_kill(self.tracee.pid);
    }

    /// Where the victim stands.
    pub(crate) fn instruction(&self) -> Option<u64> {
        Some(self.tracee.registers()?.rip)
    }

    fn is_exit(&self, registers: &user_regs_struct) -> bool {
        let ends = [libc::SYS_exit, libc::SYS_exit_group].map(c_long::cast_unsigned);
        ends.contains(&registers.rax) && self.tracee.peek(registers.rip) & 0xffff == SYSCALL
    }
}

fn is_mark(registers: &user_regs_struct, mark: u64) -> bool {
    registers.rax == mark && registers.rdx == !mark
}

fn is_fault(signal: i32) -> bool {
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGSYS].contains(&signal)
}

/// Where this program's own code was loaded, so that an instruction can be told as `addr2line` wants it.
pub(crate) fn load_address() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.split('-').next().and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or(0)
}
