//! Whose turn it is: all sweeps share the one arena, and each compares its size before and after.

use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::board::Board;
use crate::engine;
use crate::table::mode;
use crate::watchdog::Watchdog;

/// Held by a test from its first touch of the crate to its end.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) board: &'static Board,
    _alone: MutexGuard<'static, ()>,
    _dog: Watchdog,
}

impl Turn {
    /// Waits for this thread's turn, and prepares it: nothing but this thread forks or allocates until the turn ends.
    pub(crate) fn take() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the crate's first use, so that the crate's own fork handler comes after the engine's.
        engine::handle_forks();
        stay_on_one_cpu();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        Self { board: Board::map(), _alone: alone, _dog: Watchdog::over_all(&test, mode().patience()) }
    }
}

/// Keeps this thread, and all whom it forks, on one CPU: a stop of the victim then costs two switches, not two
/// wake-ups of a sleeping core.
fn stay_on_one_cpu() {
    // SAFETY: zero is an empty set.
    let mut cpus = unsafe { MaybeUninit::<libc::cpu_set_t>::zeroed().assume_init() };
    // SAFETY: reads the current CPU's number.
    let here = usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0);
    // SAFETY: sets one bit of the set; the kernel's numbers lie below its size.
    unsafe { libc::CPU_SET(here, &mut cpus) };
    // SAFETY: changes where this thread may run, or fails.
    unsafe { libc::sched_setaffinity(0, size_of_val(&cpus), &raw const cpus) };
}
