//! The heap's machines and the queue against simple models of themselves, with random operations.

mod chunks;
mod fifo;
mod participants;
mod runs;
mod slab;
