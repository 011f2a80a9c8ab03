//! Processes: what a child returns, how it may end, and what is left of it.

#[path = "../support/mod.rs"]
mod support;

mod closure_copy;
mod commands;
mod ctrl_c;
mod deadlines;
mod detached;
mod drops;
mod exits;
mod foreign_fork;
mod grandchildren;
mod limits;
mod many;
mod names;
mod nested;
mod not_my_child;
mod panics;
mod parent_death;
mod parked;
mod pidfd;
mod results;
mod scopes;
mod signals;
mod spawn_with;
mod status_lost;
mod stdin;
mod terminate;
