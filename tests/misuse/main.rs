//! Misuse: programs that take out of a loan what was only lent, lie about their messages, die in the middle of what
//! they do, fork behind the crate's back or run out of descriptors. Each must come to an error or to nothing at all,
//! never to memory with two owners.

#[path = "../support/mod.rs"]
mod support;

mod descriptors;
mod dying;
mod handles;
mod messages;
mod scopes;
mod strangers;
