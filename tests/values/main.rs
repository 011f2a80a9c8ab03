//! Values and arrays: exact counts, no torn reads, everything where its type wants it.

#[path = "../support/mod.rs"]
mod support;

mod arrays;
mod cells;
mod companions;
mod counts;
mod frozen;
mod layout;
mod lifetimes;
mod operations;
mod torn;
