//! What the system and other crates offer, each made to work between forked processes.
//!
//! | file         | what                                                                   |
//! |--------------|------------------------------------------------------------------------|
//! | `futex`      | the least that can be had: a lock and a signal of one word, no recovery|
//! | `pthread`    | POSIX mutexes (also robust), rwlocks, conditions, barriers             |
//! | `semaphore`  | POSIX semaphores                                                       |
//! | `raw_sync`   | the crate of that name                                                 |
//! | `threads`    | std and `parking_lot`, which know threads only                           |

pub(crate) mod futex;
pub(crate) mod pthread;
pub(crate) mod raw_sync;
pub(crate) mod semaphore;
pub(crate) mod threads;
