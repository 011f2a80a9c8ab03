//! A queue of messages of any size.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::ends::{Receiver, Sender};
use super::frames::Frames;
use super::iter::Iter;
use super::verbs;
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::queue::attendance::Store;
use crate::queue::conduit::Patience;
use crate::queue::error::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError, TrySendError};
use crate::segment::AllocError;
use crate::segment::container::Use;

/// A first-in-first-out queue of messages of any size, for any number of senders and receivers in any number of processes: strings,
/// vectors, tuples, your own types, and handles of shared memory.
///
/// `Channel` is a handle: a clone is the same channel. Handles reach a child by capture or inside a message. A `&Channel` is all one needs
/// to send and to receive; [`split`](Channel::split) makes handles that count, so that receivers learn when no sender is left, and the
/// other way round.
///
/// A *bounded* channel has room for so many bytes, and lets senders wait; a single message may be as large as that. An *unbounded* one
/// takes messages of any size until memory is refused: a program that first joins its children and then receives what they sent
/// works with it.
///
/// Small messages are copied into the channel and out of it. Large ones, and those with handles, go in a block of their own, which changes
/// hands: a 1 GiB [`Array`](crate::Array) is sent in a microsecond. An array, or a vector's bytes, that nobody receives is freed with the
/// channel.
///
/// **When a process dies** it is as with a [`Queue`](crate::Queue): the channel goes on for everybody else; a message was sent, or not; at
/// most the one that a dead receiver had in hand is gone, with what was inside. See [`lost`](Channel::lost).
///
/// # Examples
/// ```
/// use procshare::{Channel, Process};
///
/// let reports = Channel::unbounded()?;
/// let child = Process::spawn({
///     let reports = reports.clone();
///     move || reports.send((String::from("Uccle"), vec![0.5_f64; 1000])).unwrap()
/// })?;
/// child.join()?;
/// let (station, readings) = reports.recv()?;
/// assert_eq!((station.as_str(), readings.len()), ("Uccle", 1000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// Arrays change hands:
/// ```
/// use procshare::{Array, Channel, Process};
///
/// let (sender, receiver) = Channel::unbounded()?.split();
/// let child = Process::spawn(move || {
///     for size in [10, 20] {
///         sender.send(Array::from_fn(size, |i| i as f64).unwrap()).unwrap();
///     }
/// })?;
/// let sums: Vec<f64> = receiver.iter().map(|array| array.iter().sum()).collect();
/// assert_eq!(sums, [45.0, 190.0]);
/// child.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Queue")]
pub struct Channel<M: Message> {
    frames: Frames,
    of: PhantomData<fn(M) -> M>,
}

impl<M: Message> Channel<M> {
    /// Makes a channel with room for `bytes` bytes of messages: a single one may take as many, and several together at least half of it.
    /// It takes about twice that memory.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    ///
    /// # Panics
    /// If `bytes` is 0.
    pub fn bounded(bytes: usize) -> Result<Self, AllocError> {
        assert!(bytes > 0, "a channel must have room for a message");
        Frames::new(Some(bytes)).map(Self::of)
    }

    /// Makes a channel that grows as messages are sent.
    ///
    /// # Errors
    /// [`AllocError`] if there is no memory for it.
    pub fn unbounded() -> Result<Self, AllocError> {
        Frames::new(None).map(Self::of)
    }

    pub(super) fn frames(&self) -> &Frames {
        &self.frames
    }

    fn of(frames: Frames) -> Self {
        Self { frames, of: PhantomData }
    }

    /// Makes handles that count: one to send by, one to receive by. As [`Queue::split`](crate::Queue::split).
    pub fn split(self) -> (Sender<M>, Receiver<M>) {
        (Sender::new(&self.frames), Receiver::new(&self.frames))
    }

    verbs::sending!(M, false);
    verbs::receiving!(M, false);
    verbs::looking!();

    /// Lets nothing more be sent: senders get an error, receivers get what is there, and an error then. Returns whether it was open.
    ///
    /// Blocks while somebody is in the middle of sending.
    pub fn close(&self) -> bool {
        self.frames.conduit().close()
    }

    /// Returns an iterator that receives messages, waiting for each, until the channel is closed and empty.
    pub fn iter(&self) -> Iter<'_, M> {
        Iter::new(&self.frames, false)
    }
}

impl<M: Message> Clone for Channel<M> {
    fn clone(&self) -> Self {
        Self::of(self.frames.clone())
    }
}

impl<'a, M: Message> IntoIterator for &'a Channel<M> {
    type Item = M;
    type IntoIter = Iter<'a, M>;

    fn into_iter(self) -> Iter<'a, M> {
        self.iter()
    }
}

impl<M: Message> fmt::Debug for Channel<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("id", &format_args!("{}", self.frames.conduit().id()))
            .field("is_empty", &self.is_empty())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The handle travels: sender and receiver have the same channel.
impl<M: Message> Message for Channel<M> {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.shared(self.frames.into_conduit().into_block(), Use::Channel);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let frames = Frames::adopt(from.shared(Use::Channel)?);
        frames.map(Self::of).ok_or(DecodeError::Foreign("the block of a channel is not one"))
    }
}
