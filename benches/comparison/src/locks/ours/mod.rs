//! procshare's rows.
//!
//! | file      | what is in it                                                              |
//! |-----------|----------------------------------------------------------------------------|
//! | `guarded` | `Mutex`, `RwLock`: locks round data                                        |
//! | `signals` | `Event`, `Semaphore`, `Condvar`: one process gives, another waits          |

mod guarded;
mod signals;

pub(super) use guarded::{locked_increments, mutex, rw_lock};
pub(super) use signals::{Bell, event, permits, semaphore};
