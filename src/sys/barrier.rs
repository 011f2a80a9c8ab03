//! Two fences, of which one is cheap because the other does the work of both.
//!
//! Who tells often and who sleeps seldom both need a full fence between a store and a load. Instead, the one that sleeps has the kernel put a
//! fence into every thread that runs in a process registered for that, and the one that tells needs to hold back its compiler only.
//!
//! ```text
//!   UNASKED ── register ──▶ REGISTERED    light: for the compiler only
//!      ▲  └──── refused ──▶ REFUSED       light: a full fence
//!      └─ fork, in the child
//! ```
//!
//! `heavy` is made by whoever may, registered or not; where the kernel refuses, it is a full fence, and a light one of a registered process is
//! too little for it. Then a wake can be lost, and the sleeper finds out when its bounded sleep ends.
//!
//! # Source
//! membarrier(2): MEMBARRIER_CMD_GLOBAL_EXPEDITED, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED.
#![allow(unsafe_code)]
// Unsafe for one reason: membarrier is a system call.

use crate::shim::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
    compiler_fence, fence,
};

const UNASKED: u64 = 0;
const REGISTERED: u64 = 1;
const REFUSED: u64 = 2;

/// Whether this process is registered. Relaxed: each thread that does not see the registration makes a full fence, which is as good.
static STATE: AtomicU64 = AtomicU64::new(UNASKED);

/// Makes light fences cheap in this process. Once a process; in one that has threads it takes some milliseconds.
pub(crate) fn register() {
    if STATE.load(Relaxed) == UNASKED {
        let state =
            if membarrier(libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) { REGISTERED } else { REFUSED };
        STATE.store(state, Relaxed);
    }
}

/// Forgets that the parent was registered: for the child of a fork. Takes no lock and allocates nothing.
pub(crate) fn forget() {
    STATE.store(UNASKED, Relaxed);
}

/// The fence of one who tells often.
#[inline]
pub(crate) fn light() {
    if STATE.load(Relaxed) == REGISTERED {
        compiler_fence(SeqCst); // LN4: `heavy` makes it one for the processor
    } else {
        fence(SeqCst); // LN4
    }
}

/// The fence of one who is about to sleep.
pub(crate) fn heavy() {
    if !membarrier(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED) {
        fence(SeqCst); // LN4
    }
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: membarrier takes numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
