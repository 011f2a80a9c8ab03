//! Why something was not sent, or received.

use std::fmt;

use crate::message::DecodeError;
use crate::segment::AllocError;

/// Defines the errors of sending: each says why, and gives the value back.
macro_rules! send_errors {
    ($($(#[$doc:meta])* $name:ident { $($(#[$extra_doc:meta])* $extra:ident => $extra_text:literal),* })+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name<T> {
            $($(#[$extra_doc])* $extra(T),)*
            /// The queue was closed: nothing more is sent. What was sent before is still there to be received.
            Closed(T),
            /// Nobody is left who could receive: every receiver was dropped, or its process is dead.
            Disconnected(T),
            /// There is no memory for it. The queue is as it was.
            Refused {
                /// What was to be sent.
                value: T,
                /// Why there is no memory.
                error: AllocError,
            },
            /// The message is larger than all that the channel has room for.
            TooLarge(T),
            /// A handle inside is not this process's to give away: fork copied it from the parent, who has it still.
            Borrowed(T),
            /// The value's type writes otherwise than it measures: nothing was sent, and the value is lost.
            Mismeasured(DecodeError),
            /// This thread is in the middle of an operation on the same queue: it runs in a signal handler.
            WouldDeadlock(T),
            /// The queue's memory was damaged: it makes no sense any more.
            Corrupt(T),
        }

        impl<T> $name<T> {
            /// Returns the value that was not sent; `None` if it is lost.
            pub fn into_inner(self) -> Option<T> {
                match self {
                    $(Self::$extra(value) => Some(value),)*
                    Self::Closed(value)
                    | Self::Disconnected(value)
                    | Self::Refused { value, .. }
                    | Self::TooLarge(value)
                    | Self::Borrowed(value)
                    | Self::WouldDeadlock(value)
                    | Self::Corrupt(value) => Some(value),
                    Self::Mismeasured(_) => None,
                }
            }

            fn text(&self) -> &'static str {
                match self {
                    $(Self::$extra(_) => $extra_text,)*
                    Self::Closed(_) => "the queue was closed",
                    Self::Disconnected(_) => "no receiver is left",
                    Self::Refused { .. } => "there is no memory for what was to be sent",
                    Self::TooLarge(_) => "the message is larger than the channel",
                    Self::Borrowed(_) => "the message carries a handle that is the parent's",
                    Self::Mismeasured(_) => "the message measures otherwise than it writes",
                    Self::WouldDeadlock(_) => "this thread is in the middle of an operation on the same queue",
                    Self::Corrupt(_) => "the memory of the queue is damaged",
                }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.text())
            }
        }

        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Refused { error, .. } => write!(f, "{}: {error}", self.text()),
                    Self::Mismeasured(error) => write!(f, "{}: {error}", self.text()),
                    _ => f.write_str(self.text()),
                }
            }
        }

        impl<T> std::error::Error for $name<T> {}

        impl<T> From<Unsent<T>> for $name<T> {
            fn from(unsent: Unsent<T>) -> Self {
                let Unsent { value, why } = unsent;
                match (why, value) {
                    (NotSent::Closed, Some(value)) => Self::Closed(value),
                    (NotSent::Disconnected, Some(value)) => Self::Disconnected(value),
                    (NotSent::Refused(error), Some(value)) => Self::Refused { value, error },
                    (NotSent::TooLarge, Some(value)) => Self::TooLarge(value),
                    (NotSent::Borrowed, Some(value)) => Self::Borrowed(value),
                    (NotSent::WouldDeadlock, Some(value)) => Self::WouldDeadlock(value),
                    (NotSent::NotNow, Some(value)) => Self::not_now(value),
                    (NotSent::Corrupt, Some(value)) => Self::Corrupt(value),
                    (NotSent::Mismeasured(error), _) => Self::Mismeasured(error),
                    (_, None) => Self::Mismeasured(DecodeError::Foreign("the value could not be rebuilt")),
                }
            }
        }
    )+};
}

send_errors! {
    /// Why a value was not sent, and the value.
    SendError {}
    /// Why a value was not sent at once, and the value.
    TrySendError {
        /// There is no room now; or somebody is stopped in the middle of sending.
        Full => "the queue is full"
    }
    /// Why a value was not sent in time, and the value.
    TimedSendError {
        /// There was no room until the deadline.
        TimedOut => "there was no room in time"
    }
}

impl<T> SendError<T> {
    /// Without a deadline nothing is "not now".
    fn not_now(value: T) -> Self {
        Self::WouldDeadlock(value)
    }
}

impl<T> TrySendError<T> {
    fn not_now(value: T) -> Self {
        Self::Full(value)
    }
}

impl<T> TimedSendError<T> {
    fn not_now(value: T) -> Self {
        Self::TimedOut(value)
    }
}

/// What was not sent, and why: before the verb gives it a name. `None`: it is lost.
#[derive(Debug)]
pub(super) struct Unsent<T> {
    pub(super) value: Option<T>,
    pub(super) why: NotSent,
}

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    Closed,
    Disconnected,
    Refused(AllocError),
    TooLarge,
    Borrowed,
    Mismeasured(DecodeError),
    WouldDeadlock,
    NotNow,
    Corrupt,
}

/// Why nothing was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotReceived {
    Closed,
    Disconnected,
    Undecodable(DecodeError),
    WouldDeadlock,
    NotNow,
    Corrupt,
}

/// Defines the errors of receiving.
macro_rules! receive_errors {
    ($($(#[$doc:meta])* $name:ident { $($(#[$extra_doc:meta])* $extra:ident => $extra_text:literal),* }, $not_now:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$extra_doc])* #[error($extra_text)] $extra,)*
            /// The queue was closed, and all that was sent before was received.
            #[error("the queue was closed, and nothing is left in it")]
            Closed,
            /// Nobody is left who could send: every sender was dropped, or its process is dead. All that was sent was received.
            #[error("no sender is left, nor anything in the queue")]
            Disconnected,
            /// A message was received that is not of the expected type. It is gone.
            #[error("a message can not be read: {0}")]
            Undecodable(DecodeError),
            /// This thread is in the middle of an operation on the same queue: it runs in a signal handler.
            #[error("this thread is in the middle of an operation on the same queue")]
            WouldDeadlock,
            /// The queue's memory was damaged: it makes no sense any more.
            #[error("the memory of the queue is damaged")]
            Corrupt,
        }

        impl From<NotReceived> for $name {
            fn from(why: NotReceived) -> Self {
                match why {
                    NotReceived::Closed => Self::Closed,
                    NotReceived::Disconnected => Self::Disconnected,
                    NotReceived::Undecodable(error) => Self::Undecodable(error),
                    NotReceived::WouldDeadlock => Self::WouldDeadlock,
                    NotReceived::NotNow => Self::$not_now,
                    NotReceived::Corrupt => Self::Corrupt,
                }
            }
        }
    )+};
}

receive_errors! {
    /// Why nothing was received.
    RecvError {}, WouldDeadlock
    /// Why nothing was received at once.
    TryRecvError {
        /// There is nothing now; or somebody is stopped in the middle of receiving.
        Empty => "the queue is empty"
    }, Empty
    /// Why nothing was received in time.
    TimedRecvError {
        /// Nothing came until the deadline.
        TimedOut => "nothing came in time"
    }, TimedOut
}
