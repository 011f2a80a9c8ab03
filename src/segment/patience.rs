//! How long spinning is worth while before sleeping: measured once for the whole arena, by whoever is about to spin first; and whether it is
//! worth while at all, which it is not if all who take part may use one processor only, and the same.
//!
//! ```text
//!   `cores`:  0 ── somebody may use processor n only ──▶ n + 1 ── somebody may use another one ──▶ SEVERAL
//! ```
//!
//! A process that may use one processor only asks before each spell of spinning, as long as it knows of no other: it is about to sleep anyway.
//! Relaxed everywhere: numbers that carry nothing, and who does not see them yet asks again.

use super::arena::{Arena, existing};
use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::sys;

/// More than any measurement says: then the word is damaged.
const MOST: u64 = 10_000;

/// Those who take part may use several processors.
const SEVERAL: u64 = u64::MAX;

/// Pauses that are worth one wake; 0 if all who take part share one processor.
pub(super) fn pauses() -> u32 {
    match existing() {
        Some(arena) if has_company(arena) => of_wake(&arena.header().patience),
        _ => 0,
    }
}

/// Whether somebody else may run while this thread spins.
fn has_company(arena: &Arena) -> bool {
    let cores = &arena.header().cores;
    let known = cores.load(Relaxed);
    if known == SEVERAL {
        return true;
    }
    match sys::only_processor() {
        Some(mine) if known == 0 => {
            cores.store(mine + 1, Relaxed);
            false
        }
        Some(mine) if known == mine + 1 => false,
        _ => {
            cores.store(SEVERAL, Relaxed);
            true
        }
    }
}

/// What the word says, once it was measured.
fn of_wake(word: &AtomicU64) -> u32 {
    let known = match word.load(Relaxed) {
        0 => {
            let measured = u64::from(sys::pauses_of_a_wake()) + 1;
            word.store(measured, Relaxed); // another one's measurement is as good
            measured
        }
        known => known.min(MOST + 1), // others may have damaged it
    };
    (known - 1) as u32
}
