//! SIGKILL at every instruction of the public operations.
//!
//! For each operation a victim is forked, traced, taken to one instruction of it, and killed there; then a survivor
//! allocates, writes, frees, walks the heap, and compares its size with what it was before. One row of the table is
//! one operation:
//!
//! ```text
//! path       boundaries between two instructions of the recorded run
//! points     of them, those that tell something new: not the same 256 instructions led there twice before
//! killed     of those, the ones at which a victim was killed
//! diverged   runs that left the recorded path; killed and examined all the same
//! hung       survivors (or victims) that did not finish in time
//! corrupt    a heap that is not legal, stale bytes in zeroed memory, an error where none may be
//! leaked     what did not come back after the dead one was reaped
//! torn       values that were neither the old one nor the new one, results that were not whole
//! recovered  kills after which something of the dead one was found, and came back
//! ```
//!
//! `cargo test --test killsweep` takes some of the points, other ones in each run (the seed is printed; `PROCSHARE_SEED`
//! sets it); `PROCSHARE_SWEEP=full` takes all of them, `PROCSHARE_SWEEP=every` also each further turn of each loop. The
//! rows named `control` are subjects that must fail: they show that the harness sees.
//!
//! # Source
//!
//! ptrace(2); the instruction after which a process is killed is chosen by single steps and planted breakpoints.

// The harness is ptrace, fork and the reading of registers; what it tests is called through safe code only.
#![cfg_attr(target_arch = "x86_64", allow(unsafe_code))]

#[cfg(target_arch = "x86_64")]
mod actor;
#[cfg(target_arch = "x86_64")]
mod barrier;
#[cfg(target_arch = "x86_64")]
mod board;
#[cfg(target_arch = "x86_64")]
mod channels;
#[cfg(target_arch = "x86_64")]
mod condvar;
#[cfg(target_arch = "x86_64")]
mod controls;
#[cfg(target_arch = "x86_64")]
mod ends;
#[cfg(target_arch = "x86_64")]
mod engine;
#[cfg(target_arch = "x86_64")]
mod event;
#[cfg(target_arch = "x86_64")]
mod fates;
#[cfg(target_arch = "x86_64")]
mod forked;
#[cfg(target_arch = "x86_64")]
mod gate;
#[cfg(target_arch = "x86_64")]
mod hand_made;
#[cfg(target_arch = "x86_64")]
mod heap;
#[cfg(target_arch = "x86_64")]
mod judge;
#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod locks;
#[cfg(target_arch = "x86_64")]
mod memory;
#[cfg(target_arch = "x86_64")]
mod once;
#[cfg(target_arch = "x86_64")]
mod path;
#[cfg(target_arch = "x86_64")]
mod pool_maps;
#[cfg(target_arch = "x86_64")]
mod pools;
#[cfg(target_arch = "x86_64")]
mod processes;
#[cfg(target_arch = "x86_64")]
mod queues;
#[cfg(target_arch = "x86_64")]
mod recovery;
#[cfg(target_arch = "x86_64")]
mod reentrant_mutex;
#[cfg(target_arch = "x86_64")]
mod rw_lock;
#[cfg(target_arch = "x86_64")]
mod scene;
#[cfg(target_arch = "x86_64")]
mod segments;
#[cfg(target_arch = "x86_64")]
mod semaphores;
#[cfg(target_arch = "x86_64")]
mod shift;
#[cfg(target_arch = "x86_64")]
mod stage;
#[cfg(target_arch = "x86_64")]
mod submitters;
#[cfg(target_arch = "x86_64")]
mod sweep;
#[cfg(target_arch = "x86_64")]
mod table;
#[cfg(target_arch = "x86_64")]
mod tasks;
#[cfg(target_arch = "x86_64")]
mod tracee;
#[cfg(target_arch = "x86_64")]
mod turn;
#[cfg(target_arch = "x86_64")]
mod values;
#[cfg(target_arch = "x86_64")]
mod vyukov;
#[cfg(target_arch = "x86_64")]
mod watchdog;
#[cfg(target_arch = "x86_64")]
mod witness;

#[cfg(not(target_arch = "x86_64"))]
#[test]
fn the_kill_sweeps_know_only_the_registers_of_x86_64() {
    eprintln!("no kill sweep was run: the engine sets breakpoints and reads registers of x86-64");
}
