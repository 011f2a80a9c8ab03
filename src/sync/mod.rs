//! Locks and signals between processes: std's names, and nobody waits for the dead.
//!
//! Everything here is a handle to a block of shared memory: cloning it gives another handle to the same lock, and a handle reaches a child
//! by capture or inside a message. Threads of one process may use them, too.
//!
//! | you want | use |
//! |---|---|
//! | one at a time to touch some data | [`Mutex`] |
//! | many to read some data, and one at a time to change it | [`RwLock`] |
//! | one at a time, and code that locks again what it holds | [`ReentrantMutex`] |
//! | so many at a time | [`Semaphore`], [`BoundedSemaphore`] |
//! | to say that something has happened | [`Event`] |
//! | to wait until what a [`Mutex`] guards has changed | [`Condvar`] |
//! | to wait for each other | [`Barrier`] |
//! | something done once, or a value computed once, for all | [`Once`], [`OnceValue`] |
//!
//! # When a process dies
//!
//! A process may be killed at any instruction. What it held comes back: at once if its parent lives, which notices, and
//! within a nap of 50 ms by those who wait. A process that is only slow, or stopped, keeps what it holds.
//!
//! | it held, or was | what the others see |
//! |---|---|
//! | the guard of a [`Mutex`] | the next one to lock gets the data, with [`LockError::Poisoned`] and the cause |
//! | the write guard of an [`RwLock`] | the next ones to lock get the data, with [`LockError::Poisoned`] and the cause |
//! | a read guard of an [`RwLock`] | a writer that waits goes on |
//! | a guard of a [`ReentrantMutex`], at whatever depth | as with a [`Mutex`] |
//! | a [`Permit`] of a semaphore | it is free again |
//! | waiting for an [`Event`] | nothing |
//! | setting an [`Event`] | it is set, or not |
//! | waiting for a [`Condvar`], notifying one, or about to | everybody who waits is woken, and looks again |
//! | a party of a [`Barrier`], waiting or not | [`BarrierError::PartyDied`], until it is reset |
//! | in the middle of what a [`Once`] runs | [`OnceError::Poisoned`] with the cause, until somebody gets it done |
//! | computing an [`OnceValue`] | nothing: the next one computes it |
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
// | `rw_lock` | many readers or one writer                                          |
// | `rw_lock_guards` | the rights that it hands out                                 |
// | `reentrant_mutex` | one at a time, again and again                              |
// | `semaphore` | so many at a time                                                 |
// | `bounded_semaphore` | never more than so many                                   |
// | `permit`  | the right that both hand out, and what they have in common          |
// | `acquire_error` | why it was not handed out                                     |
// | `event`   | set, or not                                                         |
// | `condvar` | waiting until guarded data changed                                  |
// | `barrier` | waiting for each other                                              |
// | `once`, `once_value` | work that is done once                                   |
// | `attempt` | one run of it                                                       |
// | `once_error` | why it was not done                                              |

mod acquire_error;
mod attempt;
mod barrier;
mod bounded_semaphore;
mod condvar;
mod error;
mod event;
mod guarded;
mod mutex;
mod once;
mod once_error;
mod once_value;
mod permit;
mod place;
mod reentrant_mutex;
mod rw_lock;
mod rw_lock_guards;
mod semaphore;

#[cfg(test)]
pub(crate) mod tests;

pub use acquire_error::{AcquireError, ReleaseError, TimedAcquireError, TryAcquireError};
pub use barrier::{Barrier, BarrierError, BarrierWaitResult};
pub use bounded_semaphore::BoundedSemaphore;
pub use condvar::{Condvar, WaitTimeoutResult};
pub use error::{Cause, CauseKind, LockError, Poisoned, TimedLockError, TryLockError};
pub use event::Event;
pub use guarded::Guarded;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_error::{OnceError, TimedOnceError, TryOnceError};
pub use once_value::OnceValue;
pub use permit::Permit;
pub use reentrant_mutex::{ReentrantMutex, ReentrantMutexGuard};
pub use rw_lock::RwLock;
pub use rw_lock_guards::{RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::Semaphore;
