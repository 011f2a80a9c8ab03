//! Waiting for several queues at once.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::attendance::Store;
use super::channel;
use super::channel::Channel;
use super::conduit::{Conduit, Patience};
use super::ends::Receiver;
use super::error::{NotReceived, RecvError, TimedRecvError, TryRecvError};
use super::pipe::Pipe;
use super::queue::Queue;
use crate::message::{Message, Plain};
use crate::sys::Deadline;

pub(super) mod sealed {
    use super::Conduit;

    /// What is waited for: a queue, and whether it is over when no sender is left.
    pub trait Source {
        #[doc(hidden)]
        #[allow(private_interfaces)]
        fn source(&self) -> (&Conduit, bool);
    }
}

use sealed::Source;

/// What can be waited for beside others by [`ready_any`]: whatever receives from a queue. Sealed.
pub trait Waitable: Source {}

/// What can be received from beside others of its kind by [`recv_any`]. Sealed.
pub trait Receive: Waitable {
    /// What is received.
    type Item;

    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn receive(&self) -> Result<Self::Item, NotReceived>;
}

macro_rules! waitable {
    ($(<$($of:ident: $bound:ident),+> $name:ty, $item:ty, |$it:ident| $conduit:expr, $ends:expr, $receive:expr;)+) => {$(
        impl<$($of: $bound),+> Source for $name {
            #[allow(private_interfaces)]
            fn source(&self) -> (&Conduit, bool) {
                let $it = self;
                ($conduit, $ends)
            }
        }

        impl<$($of: $bound),+> Waitable for $name {}

        impl<$($of: $bound),+> Receive for $name {
            type Item = $item;

            #[allow(private_interfaces)]
            fn receive(&self) -> Result<$item, NotReceived> {
                let $it = self;
                $receive
            }
        }
    )+};
}

waitable! {
    <T: Plain> Queue<T>, T, |it| it.slots().conduit(), false, it.take(Patience::None);
    <T: Plain> Receiver<T>, T, |it| it.slots().conduit(), true, it.take(Patience::None);
    <M: Message> Channel<M>, M, |it| it.conduit(), false, it.take(Patience::None);
    <M: Message> channel::Receiver<M>, M, |it| it.conduit(), true, it.take(Patience::None);
    <A: Message, B: Message> Pipe<A, B>, B, |it| it.receiver().conduit(), true, it.receiver().take(Patience::None);
}

thread_local! {
    /// Where the next look begins: who comes first must not always be the same.
    static FIRST: Cell<usize> = const { Cell::new(0) };
}

/// Receives from the first of `receivers` that has something; returns which one, and what.
///
/// Blocks until there is something. Who is over, closed or without senders, and empty, is passed over. If several have something, they take
/// turns.
///
/// # Errors
/// [`RecvError`], if all are over, or one is damaged; [`RecvError::Undecodable`], if a message could not be read, which is gone then.
///
/// # Examples
/// ```
/// use procshare::{Process, Queue, queue::recv_any};
///
/// let (fast, from_fast) = Queue::bounded(4)?.split();
/// let (slow, from_slow) = Queue::bounded(4)?.split();
/// let child = Process::spawn(move || {
///     fast.send(1).unwrap();
///     slow.send(2).unwrap();
/// })?;
/// let mut sum = 0;
/// while let Ok((_, value)) = recv_any(&[&from_fast, &from_slow]) {
///     sum += value;
/// }
/// assert_eq!(sum, 3);
/// child.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "select")]
#[doc(alias = "multiprocessing.connection.wait")]
pub fn recv_any<S: Receive>(receivers: &[&S]) -> Result<(usize, S::Item), RecvError> {
    Ok(receive(receivers, Patience::FOREVER)?)
}

/// As [`recv_any`], without waiting.
///
/// # Errors
/// [`TryRecvError`].
pub fn try_recv_any<S: Receive>(receivers: &[&S]) -> Result<(usize, S::Item), TryRecvError> {
    Ok(receive(receivers, Patience::None)?)
}

/// As [`recv_any`], waiting for `timeout` at most. The clock is monotonic.
///
/// # Errors
/// [`TimedRecvError`].
pub fn recv_any_timeout<S: Receive>(
    receivers: &[&S],
    timeout: Duration,
) -> Result<(usize, S::Item), TimedRecvError> {
    Ok(receive(receivers, Patience::timeout(timeout))?)
}

/// As [`recv_any`], waiting until `deadline` at most.
///
/// # Errors
/// [`TimedRecvError`].
pub fn recv_any_until<S: Receive>(
    receivers: &[&S],
    deadline: Instant,
) -> Result<(usize, S::Item), TimedRecvError> {
    Ok(receive(receivers, Patience::until(deadline))?)
}

/// Waits until one of `sources`, which may be of different kinds, has something to be received, or is over; returns which one.
///
/// Blocks until then, or until `deadline` (`None`: without end). To be followed by a `try_recv`, which may find that somebody else was faster.
/// `None`: the deadline passed, or there are no sources.
///
/// # Examples
/// ```
/// use procshare::{Channel, Queue, queue::ready_any};
///
/// let (numbers, texts) = (Queue::<u64>::unbounded()?, Channel::<String>::unbounded()?);
/// texts.send("here".into())?;
/// assert_eq!(ready_any(&[&numbers, &texts], None), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ready_any(sources: &[&dyn Waitable], deadline: Option<Instant>) -> Option<usize> {
    let deadline = deadline.map_or(Deadline::never(), Deadline::at);
    let conduits: Vec<_> = sources.iter().map(|source| source.source()).collect();
    Conduit::await_any(&conduits, first(sources.len()), deadline, |_| false)
}

fn first(count: usize) -> usize {
    let first = FIRST.get();
    FIRST.set(first.wrapping_add(1));
    first % count.max(1)
}

fn receive<S: Receive>(receivers: &[&S], patience: Patience) -> Result<(usize, S::Item), NotReceived> {
    let count = receivers.len();
    let conduits: Vec<_> = receivers.iter().map(|receiver| receiver.source()).collect();
    let mut over = vec![false; count];
    loop {
        let begin = first(count);
        let mut why = NotReceived::Disconnected;
        for index in (begin..count).chain(0..begin).filter(|index| !over[*index]).collect::<Vec<_>>() {
            match receivers[index].receive() {
                Ok(item) => return Ok((index, item)),
                Err(NotReceived::NotNow) => {}
                Err(end @ (NotReceived::Closed | NotReceived::Disconnected)) => {
                    over[index] = true;
                    why = end;
                }
                Err(other) => return Err(other),
            }
        }
        if over.iter().all(|over| *over) {
            return Err(why);
        }
        let Patience::Until(deadline) = patience else { return Err(NotReceived::NotNow) };
        if Conduit::await_any(&conduits, begin, deadline, |index| over[index]).is_none() {
            return try_once_more(receivers);
        }
    }
}

/// A last look after the deadline.
fn try_once_more<S: Receive>(receivers: &[&S]) -> Result<(usize, S::Item), NotReceived> {
    for (index, receiver) in receivers.iter().enumerate() {
        match receiver.receive() {
            Ok(item) => return Ok((index, item)),
            Err(NotReceived::NotNow | NotReceived::Closed | NotReceived::Disconnected) => {}
            Err(other) => return Err(other),
        }
    }
    Err(NotReceived::NotNow)
}
