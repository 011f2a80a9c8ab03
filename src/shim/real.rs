//! The shim in every ordinary build: core's atomics under our names.
//!
//! `type` aliases, not `pub use`: clippy's `disallowed-types` would fire on every user of a re-export.
#![allow(clippy::disallowed_types, reason = "the one place that names them")]

pub(crate) type AtomicU8 = core::sync::atomic::AtomicU8;
pub(crate) type AtomicU16 = core::sync::atomic::AtomicU16;
pub(crate) type AtomicU32 = core::sync::atomic::AtomicU32;
pub(crate) type AtomicPtr<T> = core::sync::atomic::AtomicPtr<T>;
pub(crate) type AtomicU64 = core::sync::atomic::AtomicU64;

/// A fence for the compiler alone; the edge it makes, together with somebody else's fence for both, is named where it stands.
#[inline]
pub(crate) fn compiler_fence(order: super::Ordering) {
    core::sync::atomic::compiler_fence(order);
}

/// A fence; the edge it makes is named where it stands.
#[inline]
pub(crate) fn fence(order: super::Ordering) {
    core::sync::atomic::fence(order);
}
