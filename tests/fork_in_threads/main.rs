//! Forking in a program whose other threads allocate, print, panic and lock: the normal case, and no hang.

#[path = "../support/mod.rs"]
mod support;

mod storm;
