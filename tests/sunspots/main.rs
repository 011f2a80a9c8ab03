//! The main job on real data, as its users see it: these tests run the example `sunspots` as a program.
//!
//! `cargo test` builds it. To run these tests alone: `cargo build --example sunspots`, then `cargo test --test sunspots`.

#[allow(unused_macros)] // every test binary uses its own part of it
#[path = "../support/mod.rs"]
mod support;

mod input;
mod killed;
mod program;
mod results;
