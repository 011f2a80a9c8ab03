//! Handles that count: as long as a sender is left, receivers wait; as long as a receiver is left, senders do.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::frames::Frames;
use super::iter::Iter;
use super::verbs;
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::queue::attendance::{Attendance, Store};
use crate::queue::conduit::Patience;
use crate::queue::error::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError};
use crate::segment::container::Use;

/// Defines a handle at one end of a channel.
macro_rules! end {
    ($(#[$doc:meta])* $name:ident, $used:expr) => {
        $(#[$doc])*
        pub struct $name<M: Message> {
            attendance: Attendance<Frames>,
            of: PhantomData<fn(M) -> M>,
        }

        impl<M: Message> $name<M> {
            pub(super) fn new(frames: &Frames) -> Self {
                Self::of(Attendance::new(frames, $used))
            }

            fn of(attendance: Attendance<Frames>) -> Self {
                Self { attendance, of: PhantomData }
            }

            #[inline]
            pub(super) fn frames(&self) -> &Frames {
                self.attendance.store()
            }

            verbs::looking!();
        }

        /// A clone counts as the same one within a process: the end is given up when the last of them is dropped.
        impl<M: Message> Clone for $name<M> {
            fn clone(&self) -> Self {
                Self::of(self.attendance.clone())
            }
        }

        impl<M: Message> fmt::Debug for $name<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("channel", &format_args!("{}", self.frames().conduit().id()))
                    .field("is_empty", &self.is_empty())
                    .finish_non_exhaustive()
            }
        }

        /// The handle travels. While it does, it counts for the process that sent it, or for the channel that it is in; whoever
        /// receives it is registered.
        impl<M: Message> Message for $name<M> {
            fn measure(&self, measure: &mut Measure) {
                measure.handle();
            }

            fn encode(self, to: &mut Writer<'_>) {
                self.attendance.encode($used, to);
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Attendance::decode(from, $used, Frames::adopt).map(Self::of)
            }
        }
    };
}

end! {
    /// Sends to a [`Channel`](super::Channel), and counts as one who may: receivers wait as long as one is left.
    ///
    /// It is registered to the process that made it ([`Channel::split`](super::Channel::split)) or received it in a message. A child that got it
    /// by capture uses it under its parent's registration, which lasts until the child is gone. So a parent that moves its sender into
    /// a child, and receives, is told when the child has ended, joined or not. What a dead process had counts no more.
    #[doc(alias = "SyncSender")]
    Sender, Use::ChannelSender
}

end! {
    /// Receives from a [`Channel`](super::Channel), and counts as one who may: senders go on as long as one is left.
    ///
    /// As with a [`Sender`], it is registered to the process that made it or received it in a message.
    Receiver, Use::ChannelReceiver
}

impl<M: Message> Sender<M> {
    verbs::sending!(M, true);

    /// Lets nothing more be sent by anybody, as [`Channel::close`](super::Channel::close) does.
    pub fn close(&self) -> bool {
        self.frames().conduit().close()
    }

    /// Makes a receiver for the same channel.
    pub fn receiver(&self) -> Receiver<M> {
        Receiver::new(self.frames())
    }
}

impl<M: Message> Receiver<M> {
    verbs::receiving!(M, true);

    /// Returns an iterator that receives messages, waiting for each, until no sender is left, or the channel was closed, and it is empty.
    pub fn iter(&self) -> Iter<'_, M> {
        Iter::new(self.frames(), true)
    }

    /// Makes a sender for the same channel.
    pub fn sender(&self) -> Sender<M> {
        Sender::new(self.frames())
    }
}

impl<'a, M: Message> IntoIterator for &'a Receiver<M> {
    type Item = M;
    type IntoIter = Iter<'a, M>;

    fn into_iter(self) -> Iter<'a, M> {
        self.iter()
    }
}
