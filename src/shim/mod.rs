//! The only place that names atomics: core's in every ordinary build, loom's under the model checker.
//!
//! The switch is `all(test, loom)`, so that a program which runs its own loom models with `--cfg loom` keeps
//! the real crate.

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, loom))]
pub(crate) use model::*;

#[cfg(not(all(test, loom)))]
mod real;
#[cfg(not(all(test, loom)))]
pub(crate) use real::*;

pub(crate) use core::sync::atomic::Ordering;
