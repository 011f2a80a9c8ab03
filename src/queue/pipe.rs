//! Two ends that talk to each other.

use std::time::{Duration, Instant};

use super::channel::{Channel, Receiver, Sender};
use super::error::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError};
use crate::algo::End;
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::AllocError;

/// Bytes that each direction has room for.
const ROOM: usize = 64 * 1024;

/// Makes a pipe: two ends, of which the first sends `A` and receives `B`, the second sends `B` and receives `A`.
///
/// Each direction has room for messages of 64 KiB; see [`pipe_of`] for another size.
///
/// # Errors
/// [`AllocError`] if there is no memory for it.
///
/// # Examples
/// ```
/// use procshare::{Process, pipe};
///
/// let (here, there) = pipe::<u64, String>()?;
/// let child = Process::spawn(move || {
///     while let Ok(number) = there.recv() {
///         there.send(format!("{number} squared is {}", number * number)).unwrap();
///     }
/// })?;
/// here.send(12)?;
/// assert_eq!(here.recv()?, "12 squared is 144");
/// drop(here);
/// child.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Pipe")]
#[doc(alias = "socketpair")]
#[allow(clippy::type_complexity)] // two ends, or why not
pub fn pipe<A: Message, B: Message>() -> Result<(Pipe<A, B>, Pipe<B, A>), AllocError> {
    pipe_of(ROOM)
}

/// As [`pipe`], with room for messages of `bytes` bytes in each direction.
///
/// # Errors
/// [`AllocError`] if there is no memory for it.
///
/// # Panics
/// If `bytes` is 0.
#[allow(clippy::type_complexity)] // two ends, or why not
pub fn pipe_of<A: Message, B: Message>(bytes: usize) -> Result<(Pipe<A, B>, Pipe<B, A>), AllocError> {
    let (to_second, second) = Channel::bounded(bytes)?.split();
    let (to_first, first) = Channel::bounded(bytes)?.split();
    Ok((Pipe { sender: to_second, receiver: first }, Pipe { sender: to_first, receiver: second }))
}

/// One end of a pipe: sends `A` to the other end, and receives `B` from it.
///
/// There is one of it: it is not `Clone`. It reaches a child by capture, or inside a message. Types keep it from being used the wrong way
/// round.
///
/// **When the other end is gone**, dropped, or dead with its process, [`recv`](Pipe::recv) returns what was sent before, and
/// [`RecvError::Disconnected`] then; [`send`](Pipe::send) gives the message back with [`SendError::Disconnected`]. An end that
/// was moved into a child counts as there until the child is gone.
#[derive(Debug)]
pub struct Pipe<A: Message, B: Message> {
    /// Dropped first: who hears that nothing more will come finds that nobody will receive either.
    receiver: Receiver<B>,
    sender: Sender<A>,
}

impl<A: Message, B: Message> Pipe<A, B> {
    /// Sends a message. Blocks until there is room for it.
    ///
    /// # Errors
    /// [`SendError`] with the message, which was not sent.
    pub fn send(&self, message: A) -> Result<(), SendError<A>> {
        self.sender.send(message)
    }

    /// Sends a message if there is room for it. As [`Channel::try_send`](crate::Channel::try_send).
    ///
    /// # Errors
    /// [`TrySendError`] with the message, which was not sent.
    pub fn try_send(&self, message: A) -> Result<(), TrySendError<A>> {
        self.sender.try_send(message)
    }

    /// Sends a message, waiting for room for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// [`TimedSendError`] with the message, which was not sent.
    pub fn send_timeout(&self, message: A, timeout: Duration) -> Result<(), TimedSendError<A>> {
        self.sender.send_timeout(message, timeout)
    }

    /// Sends a message, waiting for room until `deadline` at most.
    ///
    /// # Errors
    /// [`TimedSendError`] with the message, which was not sent.
    pub fn send_until(&self, message: A, deadline: Instant) -> Result<(), TimedSendError<A>> {
        self.sender.send_until(message, deadline)
    }

    /// Receives the next message. Blocks until there is one.
    ///
    /// # Errors
    /// [`RecvError`].
    pub fn recv(&self) -> Result<B, RecvError> {
        self.receiver.recv().inspect_err(|error| self.hear(*error == RecvError::Disconnected))
    }

    /// Receives the next message if there is one.
    ///
    /// # Errors
    /// [`TryRecvError`].
    pub fn try_recv(&self) -> Result<B, TryRecvError> {
        self.receiver.try_recv().inspect_err(|error| self.hear(*error == TryRecvError::Disconnected))
    }

    /// Receives the next message, waiting for `timeout` at most. The clock is monotonic.
    ///
    /// # Errors
    /// [`TimedRecvError`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<B, TimedRecvError> {
        self.receiver
            .recv_timeout(timeout)
            .inspect_err(|error| self.hear(*error == TimedRecvError::Disconnected))
    }

    /// Receives the next message, waiting until `deadline` at most.
    ///
    /// # Errors
    /// [`TimedRecvError`].
    pub fn recv_until(&self, deadline: Instant) -> Result<B, TimedRecvError> {
        self.receiver
            .recv_until(deadline)
            .inspect_err(|error| self.hear(*error == TimedRecvError::Disconnected))
    }

    /// Returns whether a message is there to be received. Never blocks. True until it is received.
    #[doc(alias = "poll")]
    pub fn is_readable(&self) -> bool {
        !self.receiver.is_empty()
    }

    /// If the other end is gone, sending shall know it too.
    fn hear(&self, is_gone: bool) {
        if is_gone {
            self.sender.conduit().notice_deserted(End::Receive);
        }
    }

    pub(super) fn receiver(&self) -> &Receiver<B> {
        &self.receiver
    }

    /// Returns the two directions, one by one: to give them to different threads, or to wait for several receivers.
    pub fn split(self) -> (Sender<A>, Receiver<B>) {
        (self.sender, self.receiver)
    }
}

/// The end travels; the process that received it has it then.
impl<A: Message, B: Message> Message for Pipe<A, B> {
    fn measure(&self, measure: &mut Measure) {
        self.sender.measure(measure);
        self.receiver.measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.sender.encode(to);
        self.receiver.encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { sender: Message::decode(from)?, receiver: Message::decode(from)? })
    }
}
