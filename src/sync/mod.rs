//! Locks and signals between processes: std's names, and nobody waits for the dead.
//!
//! Everything here is a handle to a block of shared memory: cloning it gives another handle to the same lock, and a handle reaches a child
//! by capture or inside a message. Threads of one process may use them, too.
//!
//! | you want | use |
//! |---|---|
//! | one at a time to touch some data | [`Mutex`] |
//!
//! # When a process dies
//!
//! A process may be killed at any instruction. What it held comes back: at once if its parent lives, which notices, and
//! within a nap of 50 ms by those who wait. A process that is only slow, or stopped, keeps what it holds.
//!
//! | it held, or was | what the others see |
//! |---|---|
//! | the guard of a [`Mutex`] | the next one to lock gets the data, with [`LockError::Poisoned`] and the cause |
//!
//! # Waiting
//!
//! Every verb that blocks has three sisters: `try_verb` does not wait, `verb_timeout` waits for a duration, `verb_until` until an instant.
//! The clock is monotonic. Waiting is spinning for as long as waking a sleeper takes, and sleeping then.
// | file      | what                                                                |
// |-----------|---------------------------------------------------------------------|
// | `guarded` | what may lie under a lock                                           |
// | `place`   | where it lies                                                       |
// | `error`   | why a lock was not taken, or with a warning                         |
// | `mutex`   | one at a time                                                       |

mod error;
mod guarded;
mod mutex;
mod place;

pub use error::{Cause, CauseKind, LockError, Poisoned, TimedLockError, TryLockError};
pub use guarded::Guarded;
pub use mutex::{Mutex, MutexGuard};
