//! How long a pause of a spinning thread takes here: some 5 to 150 cycles, depending on the processor.
//!
//! Timed once per process, in a few batches. The quickest one counts: what made the others take longer was no pause.

use std::time::{Duration, Instant};

use super::futex::relax;
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// Pauses of a batch: 10 us or less.
const BATCH: u32 = 128;
/// Batches that are timed.
const BATCHES: usize = 4;

/// How many nanoseconds a batch takes; 0: nobody timed it yet. Relaxed: a number that carries nothing. Threads that do not see it yet time
/// it as well, and either's is as good. A child of a fork has its parent's.
static BATCH_TAKES: AtomicU64 = AtomicU64::new(0);

/// Returns how many times a thread must call [`relax`] to spend `time`: about, and rounded up; 0 only for no time; `u32::MAX` for more time
/// than that many pauses take. The first call in a process spins for up to 40 us; neither locks nor allocates.
pub(crate) fn pauses_in(time: Duration) -> u32 {
    pauses_of(time, batch_takes())
}

/// [`pauses_in`], if a batch takes so many nanoseconds.
pub(super) fn pauses_of(time: Duration, batch: u64) -> u32 {
    // The longest duration has 2^94 ns.
    let pauses = (time.as_nanos() * u128::from(BATCH)).div_ceil(u128::from(batch.max(1)));
    u32::try_from(pauses).unwrap_or(u32::MAX)
}

fn batch_takes() -> u64 {
    match BATCH_TAKES.load(Relaxed) {
        0 => {
            let quickest = (0..BATCHES).map(|_| time_batch()).min().unwrap_or(1);
            BATCH_TAKES.store(quickest, Relaxed);
            quickest
        }
        known => known,
    }
}

/// How many nanoseconds a batch takes now; never 0.
fn time_batch() -> u64 {
    let begun = Instant::now();
    for _ in 0..BATCH {
        relax();
    }
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
}
