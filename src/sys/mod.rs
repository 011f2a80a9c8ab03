//! The operating system: the only folder that names `libc`.
//!
//! | file            | what it gives                                                                        |
//! |-----------------|--------------------------------------------------------------------------------------|
//! | `mapping`       | a sealed, sparse piece of shared memory; pages are committed and given back by range |
//! | `futex`         | sleeping on a word of shared memory and waking the sleepers, between processes       |
//! | `barrier`       | a cheap fence and a dear one that does the work of both                              |
//! | `pause`         | how many pauses of a spinning thread fill a given time                               |
//! | `wake_cost`     | how long waking a sleeper takes                                                      |
//! | `identity`      | which process this is, never mistaken for a later one that got the same number       |
//! | `pidfd`         | a hold on one process: wait for its end, signal it, reap it                          |
//! | `event_fd`      | a descriptor that becomes readable when it is told to                                |
//! | `epoll`         | waiting for many descriptors at once                                                 |
//! | `fork`          | forking with signals blocked, and what a forked child may use                        |
//! | `death_pipe`    | the death of a parent kills its children                                             |
//! | `modules`       | which code is loaded: whether a child of a fork knows a function                     |
//! | `available`     | how much memory may be asked for before the OOM killer comes                         |
//! | `cgroup`        | the part of that answer which control groups give                                    |
//! | `copy`          | copying bytes that other processes may be writing                                    |
//! | `clock`         | absolute, monotonic deadlines                                                        |
//! | `signal`        | names of signals                                                                     |
//! | `stdio`         | standard input from nowhere, standard error without locks                            |
//! | `descriptor`    | descriptors out of the way of the program's own, and known again                     |
//! | `limit`         | resource limits                                                                      |
//! | `poll`, `errno` | one descriptor waited for; error numbers caught at once                              |
//!
//! What every file keeps, and what the layers above may rely on:
//!
//! S1. An error number is read at once after the call that failed, before anything else can overwrite it.
//! S2. A signal that arrives never ends a wait early and never lengthens it: deadlines are absolute. The one
//!     exception is [`futex::wait`], which says [`futex::Wait::Interrupted`], because its callers look again
//!     anyway.
//! S3. No wait is unbounded inside the kernel. What may take for ever is waited for in rounds.
//! S4. What [`fork`](fork()) and [`death_pipe::DeathPipe::bind_child`] do after the fork takes no lock,
//!     allocates nothing and panics nowhere: another thread of the parent may have held anything at that
//!     moment.
//! S5. Every descriptor is made close-on-exec, and the long-lived ones bear high numbers.
//! S6. Nothing here counts as proof of a death except what the kernel says of that very process. Not knowing
//!     means alive.
#![allow(clippy::disallowed_methods, reason = "the one folder that talks to the kernel")]

pub(crate) mod available;
pub(crate) mod barrier;
mod cgroup;
pub(crate) mod clock;
pub(crate) mod copy;
pub(crate) mod death_pipe;
mod descriptor;
pub(crate) mod epoll;
mod errno;
pub(crate) mod event_fd;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod identity;
mod limit;
pub(crate) mod mapping;
mod modules;
mod pause;
pub(crate) mod pidfd;
mod poll;
pub(crate) mod signal;
pub(crate) mod stdio;
mod wake_cost;

pub(crate) use available::available_memory;
pub(crate) use clock::{Deadline, milliseconds};
pub(crate) use copy::{copy_in, copy_out};
pub(crate) use death_pipe::DeathPipe;
pub(crate) use epoll::Watch;
pub(crate) use event_fd::EventFd;
pub(crate) use fork::{
    Forked, SignalsBlocked, abandon, at_fork, block_signals, default_signals, exit_now, fork,
    handles_signals, parent_pid, pid, restore_signals, set_process_name, tid,
};
pub(crate) use futex::{relax, release_and_wake, wait_any, wake};
pub(crate) use identity::Identity;
pub(crate) use mapping::{Mapping, default_capacity, page_size};
pub(crate) use modules::Loaded;
pub(crate) use pause::pauses_in;
pub(crate) use pidfd::{ExitStatus, PidFd};
pub(crate) use signal::{SIGABRT, SIGKILL, SIGTERM, signal_name};
pub(crate) use stdio::{open_dev_null, stdin_from_dev_null, write_stderr};
pub(crate) use wake_cost::{only_processor, pauses_of_a_wake};

#[cfg(test)]
pub(crate) mod tests;
