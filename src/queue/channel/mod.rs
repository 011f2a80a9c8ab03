//! Messages of any size, from many to many: [`Channel`], and the handles that count, [`Sender`] and [`Receiver`].
// | file      | what                                                          |
// |-----------|---------------------------------------------------------------|
// | `frame`   | how a message lies in a channel                               |
// | `frames`  | where frames lie, and how one is put in and taken out         |
// | `handles` | what users hold                                               |
// | `verbs`   | what these have in common                                     |
// | `bytes`   | messages that are read where they lie                         |

mod bytes;
#[allow(clippy::module_inception)] // named for the type that is in it
mod channel;
mod ends;
mod frame;
mod frames;
mod iter;
mod verbs;

pub use bytes::Bytes;
pub use channel::Channel;
pub use ends::{Receiver, Sender};
pub use iter::Iter;
