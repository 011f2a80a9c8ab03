//! Queues between processes: what one puts in, another takes out, in order.
//!
//! | you want | use |
//! |---|---|
//! | one to send and one to receive plain values, as fast as memory | a lane: [`spsc::ring`] |
//! | many to send and many to receive plain values | [`Queue`] |
//! | the same, and to wait until all is dealt with | [`JoinableQueue`] |
//! | strings, vectors, handles: messages of any size | [`Channel`](channel::Channel) |
//! | to talk both ways | [`pipe`](pipe::pipe) |
//! | to wait for several at once | [`recv_any`] |
//! | to wait in an async runtime | [`Readiness`] |
//!
//! # When a process dies
//!
//! A process may be killed at any instruction. Nobody else is blocked by it, nothing that was sent is lost or received twice.
//!
//! | it was | what the others see |
//! |---|---|
//! | sending | the value is sent, or not; never half of it |
//! | receiving | the value is there still, or it is gone with the one who had it in hand: one at most |
//! | waiting for room, or for a value | nothing |
//! | the last sender | receivers get what is there, and `Disconnected` then |
//! | the last receiver | senders get their value back with `Disconnected` |
//! | the one to deal with a value of a [`JoinableQueue`] | [`JoinError::WorkerDied`] |
//!
//! # Waiting
//!
//! Every verb that blocks has three sisters: `try_verb` does not wait, `verb_timeout` waits for a duration, `verb_until` until an instant.
//! A send that fails gives the value back.
// | file       | what                                                                          |
// |------------|-------------------------------------------------------------------------------|
// | `conduit`  | what all have in common: the block, and the loop in which one takes its turn  |
// | `slot`     | the bytes of one item                                                         |
// | `slots`    | where the items of a queue of plain values lie                                |
// | `queue`    | the handle that counts for nothing                                            |
// | `attendance` | where a queue is, and that one is registered there                          |
// | `ends`     | the handles that count                                                        |
// | `joinable_queue` | items that are to be done                                                |
// | `verbs`    | what they have in common                                                      |
// | `iter`     | receiving until it is over                                                    |
// | `channel`  | messages of any size                                                          |
// | `pipe`     | two channels, one each way                                                    |
// | `any`      | waiting for several                                                           |
// | `readiness` | a descriptor to wait by                                                      |
// | `spsc`     | lanes                                                                         |
// | `error`    | why something was not sent, or received                                       |

mod any;
mod attendance;
pub mod channel;
mod conduit;
mod ends;
mod error;
mod iter;
mod joinable_queue;
pub mod pipe;
#[allow(clippy::module_inception)] // the layer is named for what it is about
mod queue;
mod readiness;
mod slot;
mod slots;
pub mod spsc;
mod verbs;

#[cfg(test)]
mod tests;

pub use any::{Receive, Waitable, ready_any, recv_any, recv_any_timeout, recv_any_until, try_recv_any};
pub use ends::{Receiver, Sender};
pub use error::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError};
pub use iter::Iter;
pub use joinable_queue::{JoinError, JoinableQueue, TooManyDone};
pub use queue::Queue;
pub use readiness::Readiness;
