//! Processes that share memory the way threads do.
#![cfg_attr(all(test, loom), allow(dead_code, unused_imports))]
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

#[cfg(not(target_os = "linux"))]
compile_error!("procshare needs Linux 5.14 or later; other systems have no back-end yet");

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
mod process;
#[cfg(not(all(test, loom)))]
mod segment;
#[cfg(not(all(test, loom)))]
mod sys;
#[cfg(not(all(test, loom)))]
mod value;

pub use error::OsError;
#[cfg(all(feature = "serde", not(all(test, loom))))]
pub use message::Serde;
#[cfg(not(all(test, loom)))]
pub use message::{DecodeError, Flat, Message, Plain};
#[cfg(not(all(test, loom)))]
pub use process::{
    Builder, Failure, Panic, Process, Scope, ScopeError, ScopedProcess, SignalError, SpawnError,
    SpawnWithError, Worker, children, parent_alive, scope,
};
#[cfg(not(all(test, loom)))]
pub use segment::{AllocError, public as arena};
#[cfg(not(all(test, loom)))]
pub use value::{Array, Cells, Element, Frozen, Integer, Value};
