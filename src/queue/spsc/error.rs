//! Why something was not sent, received or claimed.

use std::fmt;

use thiserror::Error;

use super::grip::Refusal;
use crate::algo::Unclaimed;
use crate::segment::member;

/// Why an end of a lane was not claimed. It is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Somebody has it, and lives.
    #[error("process {pid} has this end of the lane")]
    Taken {
        /// The process id of the owner, which may be the caller's own; 0 if nobody knows.
        pid: u32,
    },
    /// The lane's words in shared memory are damaged: it is of no use any more.
    #[error("the lane is damaged")]
    Corrupt,
}

impl From<Unclaimed> for ClaimError {
    fn from(unclaimed: Unclaimed) -> Self {
        match unclaimed {
            Unclaimed::Taken { slot } => Self::Taken { pid: member::pid_of(slot) },
            Unclaimed::TakenOver | Unclaimed::Corrupt => Self::Corrupt,
        }
    }
}

/// Defines the error of one way to send: what can happen to all of them, and what only there.
macro_rules! send_error {
    ($(#[$doc:meta])* $name:ident $(, $(#[$other_doc:meta])* $other:ident: $text:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name<T> {
            /// The consumer was dropped, or its process is dead. What was sent before may never be received.
            Disconnected(T),
            /// After a fork the other process used this end first, or it was sent there and claimed by somebody else meanwhile: this
            /// handle is of no use any more.
            TakenOver(T),
            /// The lane's words in shared memory are damaged: it is of no use any more.
            Corrupt(T),
            $($(#[$other_doc])* $other(T),)?
        }

        impl<T> $name<T> {
            /// Returns what was not sent.
            pub fn into_inner(self) -> T {
                match self {
                    Self::Disconnected(value) | Self::TakenOver(value) | Self::Corrupt(value) => value,
                    $(Self::$other(value) => value,)?
                }
            }

            pub(super) fn new(refusal: Refusal, value: T) -> Self {
                match refusal {
                    Refusal::Gone => Self::Disconnected(value),
                    Refusal::TakenOver => Self::TakenOver(value),
                    $(Refusal::NotNow => Self::$other(value),)?
                    _ => Self::Corrupt(value),
                }
            }

            fn text(&self) -> &'static str {
                match self {
                    Self::Disconnected(_) => "the consumer of the lane is gone",
                    Self::TakenOver(_) => "another process has this end of the lane",
                    Self::Corrupt(_) => "the lane is damaged",
                    $(Self::$other(_) => $text,)?
                }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let name = match self {
                    Self::Disconnected(_) => "Disconnected",
                    Self::TakenOver(_) => "TakenOver",
                    Self::Corrupt(_) => "Corrupt",
                    $(Self::$other(_) => stringify!($other),)?
                };
                f.debug_tuple(name).finish_non_exhaustive()
            }
        }

        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }

        impl<T> std::error::Error for $name<T> {}
    };
}

send_error! {
    /// Why [`Producer::send`](super::Producer::send) did not send. The value comes back.
    SendError
}

send_error! {
    /// Why [`Producer::try_send`](super::Producer::try_send) did not send. The value comes back.
    TrySendError,
    /// There is no room now.
    Full: "the lane is full"
}

send_error! {
    /// Why a send with a deadline did not send. The value comes back.
    TimedSendError,
    /// There was no room in time.
    TimedOut: "there was no room in the lane in time"
}

/// Defines the error of one way to receive.
macro_rules! recv_error {
    ($(#[$doc:meta])* $name:ident $(, $(#[$other_doc:meta])* $other:ident: $text:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        #[non_exhaustive]
        pub enum $name {
            /// The producer was dropped, or its process is dead, and all it sent was received.
            #[error("the producer of the lane is gone")]
            Disconnected,
            /// After a fork the other process used this end first, or it was sent there and claimed by somebody else meanwhile: this
            /// handle is of no use any more.
            #[error("another process has this end of the lane")]
            TakenOver,
            /// The item's bytes are no value of its type; it was passed over.
            #[error("an item is no value of its type")]
            Invalid,
            /// The lane's words in shared memory are damaged: it is of no use any more.
            #[error("the lane is damaged")]
            Corrupt,
            $($(#[$other_doc])* #[error($text)] $other,)?
        }

        impl From<Refusal> for $name {
            fn from(refusal: Refusal) -> Self {
                match refusal {
                    Refusal::Gone => Self::Disconnected,
                    Refusal::TakenOver => Self::TakenOver,
                    Refusal::Invalid => Self::Invalid,
                    $(Refusal::NotNow => Self::$other,)?
                    _ => Self::Corrupt,
                }
            }
        }
    };
}

recv_error! {
    /// Why [`Consumer::recv`](super::Consumer::recv) did not receive.
    RecvError
}

recv_error! {
    /// Why [`Consumer::try_recv`](super::Consumer::try_recv) did not receive.
    TryRecvError,
    /// There is no item now.
    Empty: "the lane is empty"
}

recv_error! {
    /// Why a receive with a deadline did not receive.
    TimedRecvError,
    /// There was no item in time.
    TimedOut: "there was no item in the lane in time"
}
