//! The locks, signals and queues as graphs of states: every step of every process, in every order, a kill allowed before each.
//!
//! A state is what the shared words, the kernel's sleepers and everybody's next steps are. The steps are those of the
//! machine in `src/algo` that a model is named after, one for each access to shared memory or call into the kernel. Memory is
//! sequentially consistent here: orderings are the model checker's part (loom). A wake wakes whichever sleeper it likes, and
//! a kill takes a process with all of its threads.
//!
//! Looked for in every reachable state:
//! - what each model says must not be: two in sections that exclude each other, poison missed, a waiter passed by, ..;
//! - *stuck*: not all is settled, and nobody can take a step;
//! - *hopeless*: no further steps of the living lead to where all is settled.
//!
//! The controls differ from the shipped protocol in one point each, and must show what that point is for.

mod condvar;
mod event;
mod graph;
mod locker;
mod numbering;
mod owner_lock;
mod pool;
mod queue;
mod rw_lock;
