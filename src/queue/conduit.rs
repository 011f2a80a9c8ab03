//! What all queues have in common: a block with two sides, and the loop in which one takes its turn at a side.

use std::alloc::Layout;
use std::sync::Arc;
use std::time::Duration;

use crate::algo::{End, Fifo, Form, Held, LockError, Park, Spin};
use crate::segment::bearing::Bearing;
use crate::segment::block::Block;
use crate::segment::member::ArenaPark;
use crate::segment::queued::QueueId;
use crate::segment::{AllocError, Arena, member, registration};
use crate::shim::Ordering::Relaxed;
use crate::sys::Deadline;

use super::error::{NotReceived, NotSent};

/// A handle to the block of a queue. A clone is another one to the same.
#[derive(Clone, Debug)]
pub(super) struct Conduit {
    bearing: Bearing,
    /// Positions that there is room for; 0: no bound. A constant of the queue, kept where no other process can change it.
    capacity: u64,
    id: QueueId,
}

/// How long one waits for one's turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// Until then.
    Until(Deadline),
}

impl Patience {
    pub(super) const FOREVER: Self = Self::Until(Deadline::never());

    pub(super) fn timeout(timeout: Duration) -> Self {
        Self::Until(Deadline::after(timeout))
    }

    pub(super) fn until(instant: std::time::Instant) -> Self {
        Self::Until(Deadline::at(instant))
    }
}

/// What came of a turn at a side.
#[derive(Debug)]
pub(super) enum Turn<R, E> {
    /// What was to be done is done.
    Done(R),
    /// It can not be done before the other side has moved on from there.
    Wait(u64),
    /// It can not be done.
    Stop(E),
}

/// Why a turn came to nothing, beside what the caller knows: what sending and receiving have in common.
pub(super) trait Setback: Sized {
    fn not_now() -> Self;
    fn would_deadlock() -> Self;
    fn closed() -> Self;
    fn disconnected() -> Self;
}

macro_rules! setback {
    ($name:ident) => {
        impl Setback for $name {
            fn not_now() -> Self {
                Self::NotNow
            }

            fn would_deadlock() -> Self {
                Self::WouldDeadlock
            }

            fn closed() -> Self {
                Self::Closed
            }

            fn disconnected() -> Self {
                Self::Disconnected
            }
        }
    };
}

setback!(NotSent);
setback!(NotReceived);

/// How long a verb that does not wait waits for a side that somebody holds: longer than anybody does who is not stopped.
const BRIEFLY: Duration = Duration::from_millis(1);

/// Naps after which a sender who finds no room looks whether its own parent waits for it.
const PUZZLED: u32 = 8;

impl Conduit {
    /// Makes a queue of that form with room for `capacity` positions (0: no bound), and `data` for them.
    pub(super) fn new(form: Form, capacity: u64, item: usize, data: Layout) -> Result<Self, AllocError> {
        let (bearing, id) = Bearing::queue(form, data)?;
        let words = bearing.fifo();
        // Relaxed: whoever learns of the queue is ordered after this by how it learned.
        words.capacity.store(capacity, Relaxed);
        words.item.store(item as u64, Relaxed);
        Ok(Self { bearing, capacity, id })
    }

    /// The handle for a queue that came in a message. `data` tells what there must be for how many positions. `None`: it is no such
    /// queue.
    pub(super) fn adopt(
        block: Arc<Block>,
        form: Form,
        item: usize,
        data: impl FnOnce(u64) -> Option<Layout>,
    ) -> Option<Self> {
        let small = Bearing::adopt_at_least(block.clone(), form)?;
        let words = small.fifo();
        let (capacity, number) = (words.capacity.load(Relaxed), words.number());
        if words.item.load(Relaxed) != item as u64 {
            return None;
        }
        let bearing = Bearing::adopt(block, form, data(capacity)?)?;
        let id = QueueId::new(bearing.unit(), number);
        Some(Self { bearing, capacity, id })
    }

    #[inline]
    pub(super) fn bearing(&self) -> &Bearing {
        &self.bearing
    }

    /// As one that travels.
    pub(super) fn into_block(self) -> Arc<Block> {
        self.bearing.into_block()
    }

    /// Positions that there is room for; 0: no bound.
    #[inline]
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    #[inline]
    pub(super) fn id(&self) -> QueueId {
        self.id
    }

    /// The arena. A handle exists, so there is one, unless this process may not take part.
    pub(super) fn arena() -> Option<&'static Arena> {
        member::membership().map(|(arena, _)| arena)
    }

    #[inline]
    pub(super) fn fifo(&self) -> Fifo<'_> {
        Fifo::of(self.bearing.fifo(), self.bearing.tally())
    }

    /// Takes turns at the side of `end` until `turn` is through with it. `ends`: whether it is over when nobody is left at the other
    /// end.
    #[inline]
    pub(super) fn take_turns<R, E: Setback>(
        &self,
        end: End,
        ends: bool,
        patience: Patience,
        mut turn: impl FnMut(&mut Held<'_, '_, ArenaPark>) -> Turn<R, E>,
    ) -> Result<R, E> {
        let fifo = self.fifo();
        let park = member::park();
        let may_be_over = fifo.may_be_over(end.other());
        if !may_be_over && let Some(mut held) = fifo.hold_free(end, member::locker(), &park) {
            match turn(&mut held) {
                Turn::Done(done) => return Ok(done),
                Turn::Stop(error) => return Err(error),
                Turn::Wait(_) => {}
            }
            drop(held);
            if matches!(patience, Patience::None) && !(ends && self.is_deserted(end.other(), false)) {
                return Err(E::not_now());
            }
        }
        self.take_more_turns(end, ends, patience, &mut turn)
    }

    #[cold]
    #[inline(never)]
    fn take_more_turns<R, E: Setback>(
        &self,
        end: End,
        ends: bool,
        patience: Patience,
        turn: &mut dyn FnMut(&mut Held<'_, '_, ArenaPark>) -> Turn<R, E>,
    ) -> Result<R, E> {
        let fifo = self.fifo();
        let me = member::locker();
        let (deadline, waits) = match patience {
            Patience::None => (Deadline::after(BRIEFLY), false),
            Patience::Until(deadline) => (deadline, true),
        };
        let park = member::park_until(deadline);
        let refused = |error| match error {
            LockError::TimedOut => E::not_now(),
            LockError::WouldDeadlock => E::would_deadlock(),
        };
        let (mut round, mut in_time) = (0, true);
        loop {
            // Asked before the turn, since what was sent before it was over is still to be had.
            let over = self.why_over(end, ends, !waits || round > 1);
            if end == End::Send
                && let Some(over) = over
            {
                return Err(over);
            }
            let seen = match turn(&mut fifo.hold(end, me, &park).map_err(refused)?) {
                Turn::Done(done) => return Ok(done),
                Turn::Stop(error) => return Err(error),
                Turn::Wait(seen) => seen,
            };
            if let Some(over) = over {
                return Err(over);
            }
            if !waits || !in_time {
                return Err(E::not_now());
            }
            let is_over = || self.why_over::<E>(end, ends, false).is_some();
            in_time = match fifo.wait(end.other(), seen, me, &park, round, is_over) {
                Ok(in_time) => in_time,
                Err(LockError::TimedOut) => false,
                Err(LockError::WouldDeadlock) => return Err(E::would_deadlock()),
            };
            round += 1;
            if end == End::Send && round == PUZZLED {
                self.warn();
            }
        }
    }

    /// Why there is nothing more to be done at `end`, if so. `asks`: whether to look for dead at the other end that nobody has noticed.
    fn why_over<E: Setback>(&self, end: End, ends: bool, asks: bool) -> Option<E> {
        let fifo = self.fifo();
        if fifo.is_closed() {
            return Some(E::closed());
        }
        let peers = end.other();
        let seems = fifo.seems_deserted(peers);
        let deserted =
            ends && (seems && self.is_deserted(peers, true) || asks && self.is_deserted(peers, false));
        if deserted && !seems {
            fifo.desert(peers, &member::park()); // the others need not find out for themselves
        }
        deserted.then(E::disconnected)
    }

    /// Waits until one of `sources`, of which `passed_over` names those that do not count, has something to be received, or is over;
    /// returns which one, looking from `first` on. Each comes with whether it is over when no sender is left. `None`: the deadline
    /// passed.
    pub(super) fn await_any(
        sources: &[(&Self, bool)],
        first: usize,
        deadline: Deadline,
        passed_over: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let (me, park) = (member::locker(), member::park_until(deadline));
        let order = || (first..sources.len()).chain(0..first).filter(|index| !passed_over(*index));
        let over = |index: usize, asks| {
            let (conduit, ends) = sources[index];
            conduit.why_over::<NotReceived>(End::Receive, ends, asks).is_some()
        };
        let is_ready = |index: usize| sources[index].0.len() != 0;
        let mut spin = Spin::for_others();
        let (mut round, mut in_time) = (0, true);
        loop {
            if let Some(ready) = order().find(|index| is_ready(*index) || over(*index, round > 1)) {
                return Some(ready);
            }
            if !in_time || order().next().is_none() {
                return None;
            }
            if spin.pause(&park) {
                continue;
            }
            let mut bells = Vec::with_capacity(sources.len());
            for index in order() {
                let (fifo, head) = (sources[index].0.fifo(), sources[index].0.fifo().position(End::Receive));
                match fifo.announce(End::Send, head, me, &park) {
                    Ok(Some(bell)) if !over(index, false) => bells.push(bell),
                    Ok(_) => return Some(index),
                    Err(LockError::TimedOut) => return None,
                    Err(LockError::WouldDeadlock) => return Some(index), // its verb says so
                }
            }
            in_time = park.sleep_any(&bells, round);
            // Whoever sent something woke one, which may have been this one, who may leave it to others.
            for (index, (bell, _)) in order().zip(&bells) {
                if is_ready(index) {
                    park.wake(bell, 1);
                }
            }
            round += 1;
            spin = Spin::for_others();
        }
    }

    /// Whether nobody is left at `end`.
    pub(super) fn is_deserted(&self, end: End, urgent: bool) -> bool {
        registration::is_deserted(&self.fifo(), self.bearing.block(), end, urgent)
    }

    /// Looks whether nobody is left at `end`, and says so for all who use it next.
    #[cold]
    pub(super) fn notice_deserted(&self, end: End) {
        if self.is_deserted(end, true) {
            self.fifo().desert(end, &member::park());
        }
    }

    /// Says once that a sender who waits for room is itself waited for by its parent, who may be the one to make room.
    #[cold]
    fn warn(&self) {
        if member::is_awaited() {
            log::warn!(
                "process {} waits for room in the full queue {} (capacity {}) while its parent waits for it to end: \
                 if the parent is to receive, neither goes on. Receive before joining, or take an unbounded queue",
                std::process::id(),
                self.id,
                self.capacity,
            );
        }
    }

    /// Lets nothing more be sent. Blocks while somebody sends.
    pub(super) fn close(&self) -> bool {
        // An error means that a signal handler interrupted an operation of this thread on the same queue: it stays open.
        self.fifo().close(member::locker(), &member::park()).unwrap_or(false)
    }

    /// Positions between head and tail, both at one moment.
    pub(super) fn len(&self) -> u64 {
        let fifo = self.fifo();
        let mut head = fifo.position(End::Receive);
        // A head that stayed where it was while the tail was read makes the answer exact; under a storm of receivers it is as old as the
        // first look.
        for _ in 0..16 {
            let tail = fifo.position(End::Send);
            let again = fifo.position(End::Receive);
            if again == head {
                return tail.wrapping_sub(head);
            }
            head = again;
        }
        fifo.position(End::Send).wrapping_sub(head)
    }
}
