//! The arena: memory that a family of processes shares, and who holds what of it.
//!
//! | file        | what it does                                                               |
//! |-------------|----------------------------------------------------------------------------|
//! | `layout`    | where everything lies, as arithmetic                                       |
//! | `header`    | the first page                                                             |
//! | `record`    | what a participant leaves behind for its parent                            |
//! | `arena`     | the mapping, and typed views of its parts                                  |
//! | `builder`   | its configuration                                                          |
//! | `member`    | this process as a participant; what a fork does                            |
//! | `epoch`     | which process this is, and whether it is being doubled                     |
//! | `patience`  | how long spinning is worth while                                           |
//! | `admission` | whether there is memory enough, asked before a page is touched             |
//! | `heap`      | taking blocks and giving them back                                         |
//! | `hints`     | where this thread may find a free small object                             |
//! | `block`     | a block as a handle that gives it back                                     |
//! | `bearing`   | a block that bears a lock: where its parts lie                             |
//! | `lane`      | a block that bears a lane                                                  |
//! | `board`     | a block in which tasks are handed out, and their records                   |
//! | `region`    | elements that are lent to workers                                          |
//! | `limbo`     | blocks that wait until children that may reach them are gone               |
//! | `shares`    | blocks that several processes hold                                         |
//! | `container` | messages at rest, with the blocks that travel inside them                  |
//! | `chain`     | where the items of a queue without bounds lie                              |
//! | `envelope`  | messages that go through a queue                                           |
//! | `registration` | who is at an end of a queue                                             |
//! | `queued`    | blocks that belong to a queue                                              |
//! | `catch`     | how a block comes back that a child was given                              |
//! | `sweep`     | what the dead held comes back                                              |
//! | `stats`     | counting, checking                                                         |

mod admission;
mod arena;
pub(crate) mod bearing;
pub(crate) mod block;
pub(crate) mod board;
mod builder;
mod catch;
pub(crate) mod chain;
pub(crate) mod container;
pub(crate) mod envelope;
pub(crate) mod epoch;
mod error;
mod header;
mod heap;
mod hints;
pub(crate) mod lane;
mod layout;
mod limbo;
pub(crate) mod member;
mod patience;
pub(crate) mod queued;
pub(crate) mod record;
pub(crate) mod region;
pub(crate) mod registration;
mod shares;
mod stats;
pub(crate) mod sweep;

pub(crate) use arena::Arena;
pub(crate) use heap::AbortOnUnwind;
pub(crate) use limbo::settle as settle_limbo;

/// The shared memory of a family of processes: setting it up, looking at it.
pub mod public {
    pub use super::builder::{BuildError, Builder};
    pub use super::stats::{Corrupt, Stats, check, stats, trim};
}
pub use error::AllocError;
