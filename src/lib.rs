#![doc = include_str!("../docs/crate.md")]
#![cfg_attr(all(test, loom), allow(dead_code, unused_imports))]
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

#[cfg(not(target_os = "linux"))]
compile_error!("procshare needs Linux 5.14 or later; other systems have no back-end yet");
#[cfg(not(target_pointer_width = "64"))]
compile_error!("procshare needs 64-bit addresses: its arena is sparse and large");

mod algo;
mod error;
mod shim;

#[cfg(not(all(test, loom)))]
mod compile_fail;
#[cfg(all(fuzzing, not(all(test, loom))))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(not(all(test, loom)))]
pub mod message;
#[cfg(not(all(test, loom)))]
pub mod pool;
#[cfg(not(all(test, loom)))]
mod process;
#[cfg(not(all(test, loom)))]
pub mod queue;
#[cfg(not(all(test, loom)))]
mod segment;
#[cfg(not(all(test, loom)))]
pub mod sync;
#[cfg(not(all(test, loom)))]
mod sys;
#[cfg(not(all(test, loom)))]
mod value;

pub use error::OsError;
#[cfg(all(feature = "serde", not(all(test, loom))))]
pub use message::Serde;
#[cfg(not(all(test, loom)))]
pub use message::{DecodeError, Element, Flat, Message, Plain};
#[cfg(not(all(test, loom)))]
pub use pool::{Pool, Task};
#[cfg(not(all(test, loom)))]
pub use process::{
    Builder, Failure, Panic, Process, Scope, ScopeError, ScopedProcess, SignalError, SpawnError,
    SpawnWithError, Worker, children, parent_alive, scope,
};
#[cfg(not(all(test, loom)))]
pub use queue::spsc;
#[cfg(not(all(test, loom)))]
pub use queue::{Queue, channel, channel::Channel, pipe, pipe::pipe};
#[cfg(not(all(test, loom)))]
pub use segment::{AllocError, public as arena};
#[cfg(not(all(test, loom)))]
pub use value::{Array, Cells, Frozen, Integer, Value};

/// The examples of the pages beside the crate, run with those of the crate.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/limits.md")]
    mod limits {}
    #[doc = include_str!("../docs/decisions/0004-catching-what-comes-back.md")]
    mod catching {}
}
