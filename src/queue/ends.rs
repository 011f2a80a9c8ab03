//! Handles that count: as long as a sender is left, receivers wait; as long as a receiver is left, senders do.

use std::fmt;
use std::time::{Duration, Instant};

use super::attendance::{Attendance, Store};
use super::conduit::Patience;
use super::error::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError};
use super::iter::Iter;
use super::slots::Slots;
use super::verbs;
use crate::algo::Form;
use crate::message::{DecodeError, Measure, Message, Plain, Reader, Writer};
use crate::segment::container::Use;

/// Defines a handle at one end of a queue of plain values.
macro_rules! end {
    ($(#[$doc:meta])* $name:ident, $used:expr) => {
        $(#[$doc])*
        pub struct $name<T: Plain> {
            attendance: Attendance<Slots<T>>,
        }

        impl<T: Plain> $name<T> {
            pub(super) fn new(slots: &Slots<T>) -> Self {
                Self::of(Attendance::new(slots, $used))
            }

            fn of(attendance: Attendance<Slots<T>>) -> Self {
                Self { attendance }
            }

            #[inline]
            pub(super) fn slots(&self) -> &Slots<T> {
                self.attendance.store()
            }

            verbs::looking!();
        }

        /// A clone counts as the same one within a process: the end is given up when the last of them is dropped.
        impl<T: Plain> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self::of(self.attendance.clone())
            }
        }

        impl<T: Plain> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("queue", &format_args!("{}", self.slots().conduit().id()))
                    .field("len", &self.len())
                    .field("capacity", &self.capacity())
                    .finish_non_exhaustive()
            }
        }

        /// The handle travels. While it does, it counts for the process that sent it, or for the queue that it is in; whoever
        /// receives it is registered.
        impl<T: Plain> Message for $name<T> {
            fn measure(&self, measure: &mut Measure) {
                measure.handle();
            }

            fn encode(self, to: &mut Writer<'_>) {
                self.attendance.encode($used, to);
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Attendance::decode(from, $used, |block| Slots::adopt(block, Form::Queue)).map(Self::of)
            }
        }
    };
}

end! {
    /// Sends to a [`Queue`](super::Queue), and counts as one who may: receivers wait as long as one is left.
    ///
    /// It is registered to the process that made it ([`Queue::split`](super::Queue::split)) or received it in a message. A child that got it
    /// by capture uses it under its parent's registration, which lasts until the child is gone. So a parent that moves its sender into
    /// a child, and receives, is told when the child has ended, joined or not. What a dead process had counts no more.
    #[doc(alias = "SyncSender")]
    Sender, Use::QueueSender
}

end! {
    /// Receives from a [`Queue`](super::Queue), and counts as one who may: senders go on as long as one is left.
    ///
    /// As with a [`Sender`], it is registered to the process that made it or received it in a message.
    Receiver, Use::QueueReceiver
}

impl<T: Plain> Sender<T> {
    verbs::sending!(T, true);

    /// Lets nothing more be sent by anybody, as [`Queue::close`](super::Queue::close) does.
    pub fn close(&self) -> bool {
        self.slots().conduit().close()
    }

    /// Makes a receiver for the same queue.
    pub fn receiver(&self) -> Receiver<T> {
        Receiver::new(self.slots())
    }
}

impl<T: Plain> Receiver<T> {
    verbs::receiving!(T, true, |_| |_| {});

    /// Returns an iterator that receives values, waiting for each, until no sender is left, or the queue was closed, and it is empty.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self.slots(), true)
    }

    /// Makes a sender for the same queue.
    pub fn sender(&self) -> Sender<T> {
        Sender::new(self.slots())
    }
}

impl<'a, T: Plain> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
