//! Shared values and arrays.
//!
//! | file       | what                                                                              |
//! |------------|-----------------------------------------------------------------------------------|
//! | `value`    | [`Value`]: one value that every holder reads and writes, never torn               |
//! | `word`     | a value of up to eight bytes: one word, atomic at its own width                   |
//! | `wide`     | a larger value: two copies and a version                                          |
//! | `integers` | `fetch_add` and its relatives, for values and cells                               |
//! | `array`    | [`Array`]: many numbers, owned like a vector                                      |
//! | `frozen`   | [`Frozen`]: an array that nobody writes any more, for many readers                |
//! | `cells`    | [`Cells`]: an array for a while as elements that everybody writes, one at a time  |
//!
//! | edge | release side                            | acquire side                  | publishes                       |
//! |------|-----------------------------------------|-------------------------------|---------------------------------|
//! | V1   | `Word`: `store` and every exchange      | `Word`: `load`, every exchange | all that the writer did before |
//!
//! A larger value has the same edge, made by its commit and `read` (see `algo::snapshot`).
//!
//! Invariants:
//! - L1. References are handed out only into memory that one handle owns (`Array`), or that nobody writes
//!   (`Frozen`), and only for types of which every bit pattern is a value ([`Element`](crate::Element)).
//! - L2. What several may write at once is read and written by atomics alone (`Value`, `Cells`), and what is
//!   read is checked before it is a value ([`Plain`](crate::Plain)).
//! - L3. No code of a user runs under a lock of this folder.

mod array;
mod array_traits;
mod cells;
mod frozen;
mod integers;
#[allow(clippy::module_inception, reason = "the file of the type `Value`")]
mod value;
mod wide;
mod word;

#[cfg(test)]
mod tests;

use std::alloc::Layout;

use crate::segment::block::Block;

pub use array::Array;
pub use cells::Cells;
pub use frozen::Frozen;
pub use integers::Integer;
pub use value::Value;

/// Whether a block that came in a message is what is said to lie in it.
fn holds(block: &Block, layout: Layout) -> bool {
    layout.size() == 0
        || layout.size() == block.size() && block.as_ptr().addr().get().is_multiple_of(layout.align())
}
