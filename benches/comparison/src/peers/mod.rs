//! What the system and other crates offer, each made to work between forked processes.
//!
//! | file         | what                                                                   |
//! |--------------|------------------------------------------------------------------------|
//! | `futex`      | the least that can be had: a lock and a signal of one word, no recovery|
//! | `one_slot`   | the least that two can do who talk to each other                       |
//! | `ring`       | a ring by hand, with and without a way to sleep                        |
//! | `pthread`    | POSIX mutexes (also robust), rwlocks, conditions, barriers             |
//! | `semaphore`  | POSIX semaphores                                                       |
//! | `streams`    | pipes, Unix sockets                                                    |
//! | `raw_sync`, `ipc_channel`, `shmem_ipc`, `iceoryx2` | the crates of these names        |
//! | `threads`    | std and `parking_lot`, which know threads only                         |
//! | `rtrb`       | a ring between threads                                                 |
//! | `thread_queues` | crossbeam's and kanal's queues between threads                      |
//! | `thread_pool`, `rayon` | pools of threads                                             |
//! | `hand_pool`, `procspawn` | pools of processes                                         |

pub(crate) mod futex;
pub(crate) mod hand_pool;
#[cfg(feature = "iceoryx2")]
pub(crate) mod iceoryx2;
pub(crate) mod ipc_channel;
pub(crate) mod one_slot;
pub(crate) mod procspawn;
pub(crate) mod pthread;
pub(crate) mod raw_sync;
pub(crate) mod rayon;
pub(crate) mod ring;
pub(crate) mod rtrb;
pub(crate) mod semaphore;
pub(crate) mod shmem_ipc;
pub(crate) mod streams;
pub(crate) mod thread_pool;
pub(crate) mod thread_queues;
pub(crate) mod threads;
