//! Which process this is, and whether it is being doubled: one number, which every fork changes on both of its sides.
//!
//! ```text
//!   completed << 16 | under way          fork_begins: +1        fork_ends: completed + 1, under way - 1
//!                                        in the child: completed + 1, under way = 0
//! ```
//!
//! A handle that only one process may use remembers the epoch in which it made sure of that. In another epoch it makes sure again; while a
//! fork is under way nothing is remembered, so every use makes sure.
//!
//! I1. A handle that a fork copies bears an epoch in which that fork was not under way. Neither side is in that epoch once the copy is made:
//!     the parent not until the fork is over, and then not either; the child never.
//!
//! Relaxed everywhere: before the kernel copies the memory of a process it takes the right to write away from all its threads, which stops
//! every processor that runs one, and what was stored before is seen after that.

use crate::shim::{AtomicU64, Ordering::Relaxed};

static EPOCH: AtomicU64 = AtomicU64::new(COMPLETED);

/// One fork completed. The number begins there, so that 0 is none that anybody remembers.
const COMPLETED: u64 = 1 << 16;
const UNDER_WAY: u64 = COMPLETED - 1;

/// The epoch now.
#[inline]
pub(crate) fn current() -> u64 {
    EPOCH.load(Relaxed)
}

/// The epoch to remember by what is made sure of from now on; 0, which none ever is, while a fork is under way.
pub(crate) fn memorable() -> u64 {
    let now = current();
    if now & UNDER_WAY == 0 { now } else { 0 }
}

/// In the parent, before a fork.
pub(super) fn fork_begins() {
    EPOCH.fetch_add(1, Relaxed);
}

/// In the parent, after a fork, also one that failed.
pub(super) fn fork_ends() {
    EPOCH.fetch_add(COMPLETED - 1, Relaxed);
}

/// In the child of a fork, which has one thread.
pub(super) fn begin() {
    EPOCH.store((current() & !UNDER_WAY) + COMPLETED, Relaxed);
}
