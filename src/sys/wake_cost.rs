//! How long waking a sleeper takes here, in pauses of a spinning thread: as long spinning is worth while.
//!
//! Measured as the lateness of a few short sleeps on a word that nobody wakes: what makes them late is what makes a wake take long, an
//! idle processor that has to be started again, and a thread that has to be put on it. All in all some 0.2 ms.
#![allow(unsafe_code)]
// Unsafe for one reason: prctl and sched_getaffinity are libc calls.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use super::futex::wait;
use super::pause::pauses_in;
use crate::shim::AtomicU64;

/// Sleeps that are measured: an odd number, for the one in the middle.
const SLEEPS: usize = 5;
/// How long each is asked to be: no longer than it takes to fall asleep.
const NAP: Duration = Duration::from_micros(2);

/// What the cost of a wake may be. Less: the timer fired before the thread slept. More: somebody else had the processor.
const LEAST: Duration = Duration::from_micros(3);
const MOST: Duration = Duration::from_micros(50);
/// Pauses of a processor whose pause takes no time at all.
const MOST_PAUSES: u32 = 10_000;

/// Measures how many pauses are worth one wake; never 0. Blocks for a fraction of a millisecond.
pub(crate) fn pauses_of_a_wake() -> u32 {
    let wake = lateness().clamp(LEAST, MOST);
    pauses_in(wake).clamp(1, MOST_PAUSES)
}

/// The number of the processor, if this thread may run on one only. Not knowing means that there are more.
pub(crate) fn only_processor() -> Option<u64> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: `set` is writable memory of the size that is given.
    let known = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) } == 0;
    // SAFETY: any bits are a set, and it was zeroed.
    let set = unsafe { set.assume_init() };
    let is_in_set = |number: &usize| {
        // SAFETY: CPU_ISSET reads the set, and the number is one of its.
        unsafe { libc::CPU_ISSET(*number, &set) }
    };
    let mut processors = (0..libc::CPU_SETSIZE as usize).filter(is_in_set);
    let first = processors.next()?;
    (known && processors.next().is_none()).then_some(first as u64)
}

/// How late the middle one of some short sleeps ended.
fn lateness() -> Duration {
    // SAFETY: prctl takes numbers here.
    let slack = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
    set_slack(1);
    let word = AtomicU64::new(0);
    let mut late: [Duration; SLEEPS] = std::array::from_fn(|_| {
        let begun = Instant::now();
        wait(black_box(&word), 0, NAP);
        begun.elapsed().saturating_sub(NAP)
    });
    if slack > 0 {
        set_slack(slack);
    }
    late.sort_unstable();
    late[SLEEPS / 2]
}

/// Sets by how many nanoseconds the kernel may be late on purpose when it ends this thread's sleeps.
fn set_slack(nanoseconds: libc::c_int) {
    // SAFETY: prctl takes numbers here; it can only fail for a number that means nothing to it.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, i64::from(nanoseconds).cast_unsigned() as libc::c_ulong) };
}
