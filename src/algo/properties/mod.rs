//! The heap's machines against simple models of themselves, with random operations.

mod participants;
mod runs;
mod slab;
