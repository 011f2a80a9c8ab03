//! Lanes: the fastest way from one process to another, for one who sends and one who receives.
//!
//! [`ring`] makes a ring of items in shared memory and gives out its two ends, a [`Producer`] and a [`Consumer`]. Each belongs to one
//! process at a time; it reaches a child by capture, or inside a message. Items are [plain](crate::Plain): they are copied in and out, or, if
//! they are [elements](crate::Element), written and read in place ([`Producer::reserve`], [`Consumer::peek`]).
//!
//! Nobody takes a lock: an item is sent by one store, and received by one.
//!
//! # When a process dies
//!
//! | it was | what the other end sees |
//! |---|---|
//! | sending | the item is sent, or not; all before it is |
//! | receiving | the item is received, or is there still; nothing is received twice, and nothing lost |
//! | filling a [`Reservation`], reading what it [peeked](Consumer::peek) | nothing happened |
//! | waiting | nothing |
//! | the owner of an end, in whatever moment | `Disconnected`: a producer at once, a consumer when it has received what was sent. Who waits learns of it within some 50 ms, and at once if the dead one's parent lives |
//!
//! The end of a dead process can be claimed by another one that has a [`Ring`], the handle to the lane itself: with all items in it, the lane
//! goes on.
//!
//! # Forks
//!
//! An end that a fork copied belongs to whichever of the two processes uses it first. The other one gets `TakenOver`.
// | file       | what                                                   |
// |------------|--------------------------------------------------------|
// | `lane`     | the handle to a lane, by which its ends are claimed    |
// | `grip`     | an end of a lane in the hands of this process          |
// | `slots`    | where the items lie, and how they are copied           |
// | `producer` | the end that sends                                     |
// | `consumer` | the end that receives                                  |
// | `in_place` | items written and read where they lie                  |
// | `travel`   | how ends and handles travel as messages                |
// | `error`    | why something was not sent, received or claimed        |

mod consumer;
mod error;
mod grip;
mod in_place;
mod lane;
mod producer;
mod slots;
mod travel;

pub use consumer::{Consumer, Iter};
pub use error::{
    ClaimError, RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError,
};
pub use in_place::{Peeked, Reservation};
pub use lane::{Ring, ring};
pub use producer::Producer;
