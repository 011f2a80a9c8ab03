//! Where the items of a queue of plain values lie: in the queue's own block, or in a chain of segments.

#![allow(unsafe_code)] // items at places that are computed here

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use super::attendance::Store;
use super::conduit::{Conduit, Turn};
use super::error::{NotReceived, NotSent};
use super::slot;
use crate::algo::{Form, Held};
use crate::message::Plain;
use crate::segment::AllocError;
use crate::segment::block::Block;
use crate::segment::chain::{Chain, ChainError, Known, Stretch};
use crate::segment::member::ArenaPark;
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// A queue of plain values: its control words, and its places.
#[derive(Debug)]
pub(super) struct Slots<T> {
    conduit: Conduit,
    /// Places of a bounded queue, less one: a power of two.
    mask: u64,
    known: Known,
    /// How far this handle has sent: what it sent itself is there without a wait. Private memory.
    sent: AtomicU64,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Self {
            conduit: self.conduit.clone(),
            mask: self.mask,
            known: self.known.clone(),
            sent: AtomicU64::new(0),
            of: PhantomData,
        }
    }
}

/// Places that a queue for `capacity` items has, each at the number that is its position's remainder.
fn places(capacity: u64) -> Option<usize> {
    usize::try_from(capacity.checked_next_power_of_two()?).ok()
}

fn layout<T>(capacity: u64) -> Option<Layout> {
    if capacity == 0 {
        return Some(Layout::new::<()>());
    }
    // Lines of its own: the words before it change all the time. And every item is aligned to its size, if that is a power of two.
    Layout::array::<T>(places(capacity)?).ok()?.align_to(128).ok()
}

/// A head and a tail that are farther apart than that make no sense, in a queue without bounds.
const UNBOUNDED: u64 = 1 << 62;

impl<T: Plain> Slots<T> {
    /// Makes a queue of that form for so many items; 0: without bounds.
    pub(super) fn new(form: Form, capacity: u64) -> Result<Self, AllocError> {
        let data = layout::<T>(capacity).ok_or(AllocError::Overflow)?;
        Ok(Self::of(Conduit::new(form, capacity, size_of::<T>(), data)?))
    }

    /// The handle for a queue that came in a message. `None`: it is none of such items.
    pub(super) fn adopt(block: Arc<Block>, form: Form) -> Option<Self> {
        Conduit::adopt(block, form, size_of::<T>(), layout::<T>).map(Self::of)
    }

    fn of(conduit: Conduit) -> Self {
        let mask = places(conduit.capacity()).unwrap_or(1) as u64 - 1;
        Self { conduit, mask, known: Known::default(), sent: AtomicU64::new(0), of: PhantomData }
    }

    pub(super) fn into_conduit(self) -> Conduit {
        self.conduit
    }

    #[inline]
    fn is_bounded(&self) -> bool {
        self.conduit.capacity() != 0
    }

    /// The place of the item at `position` of a bounded queue, and how many follow it on end.
    #[inline]
    fn place(&self, position: u64) -> Stretch {
        let index = position & self.mask;
        // SAFETY: `layout` made room for `mask + 1` items behind the control words; `new` allocated it, `adopt` held the block against
        // it.
        let at = unsafe { self.conduit.bearing().data().add(index as usize * size_of::<T>()) };
        Stretch { at, positions: self.mask + 1 - index }
    }

    #[inline]
    fn chain(&self) -> Option<Chain<'_>> {
        let words = self.conduit.bearing().fifo();
        Some(Chain::of(Conduit::arena()?, words, self.conduit.id(), size_of::<T>(), &self.known))
    }

    /// As many items as there is room for are put in, one commit for all of them. Returns how many: at least one.
    #[inline]
    pub(super) fn put(&self, held: &mut Held<'_, '_, ArenaPark>, items: &[T]) -> Turn<usize, NotSent> {
        if self.conduit.fifo().is_closed() {
            return Turn::Stop(NotSent::Closed);
        }
        let tail = held.position();
        if !self.is_bounded() {
            return self.put_in_chain(held, tail, items);
        }
        let capacity = self.conduit.capacity();
        let mut used = tail.wrapping_sub(held.seen());
        if used > capacity || capacity - used < items.len() as u64 {
            used = tail.wrapping_sub(held.look(true));
        }
        if used >= capacity {
            return if used == capacity { Turn::Wait(held.seen()) } else { Turn::Stop(NotSent::Corrupt) };
        }
        let count = items.len().min((capacity - used) as usize);
        for (index, item) in items[..count].iter().enumerate() {
            let place = self.place(tail.wrapping_add(index as u64)); // whatever the tail says
            // SAFETY: a place of `T` in the block, which other processes may map, and access by atomics as this one does; the first is
            // aligned to 128 (`layout`), the others follow without gaps.
            unsafe { slot::write(place.at, item) };
        }
        self.sent.store(tail.wrapping_add(count as u64), Relaxed);
        held.commit(tail.wrapping_add(count as u64), count as u64);
        Turn::Done(count)
    }

    #[inline(never)]
    fn put_in_chain(
        &self,
        held: &mut Held<'_, '_, ArenaPark>,
        tail: u64,
        items: &[T],
    ) -> Turn<usize, NotSent> {
        let Some(chain) = self.chain() else { return Turn::Stop(NotSent::Refused(AllocError::Excluded)) };
        match chain.at_tail(held.place(), tail, 1) {
            Ok(stretch) => {
                let count = items.len().min(usize::try_from(stretch.positions).unwrap_or(usize::MAX));
                for (index, item) in items[..count].iter().enumerate() {
                    // SAFETY: `at_tail` found room for `positions` items of this size there, whole items behind 64 aligned bytes.
                    unsafe { slot::write(item_at::<T>(stretch.at, index), item) };
                }
                held.commit(tail.wrapping_add(count as u64), count as u64);
                Turn::Done(count)
            }
            Err(ChainError::Refused(error)) => Turn::Stop(NotSent::Refused(error)),
            Err(ChainError::Corrupt) => Turn::Stop(NotSent::Corrupt),
        }
    }

    /// Where the next items are to be taken, `most` at most. To be copied before `commit`.
    #[inline]
    fn there(&self, held: &Held<'_, '_, ArenaPark>, most: u64) -> Turn<Stretch, NotReceived> {
        let head = held.position();
        let bound = if self.is_bounded() { self.conduit.capacity() } else { UNBOUNDED };
        let mut count = held.seen().wrapping_sub(head);
        if count == 0 || count > bound {
            count = held.look(self.sent.load(Relaxed) <= head).wrapping_sub(head);
        }
        if count == 0 || count > bound {
            return if count == 0 { Turn::Wait(head) } else { Turn::Stop(NotReceived::Corrupt) };
        }
        let stretch = if self.is_bounded() {
            self.place(head)
        } else {
            match self.there_in_chain(held, head, head.wrapping_add(count)) {
                Ok(stretch) => stretch,
                Err(why) => return Turn::Stop(why),
            }
        };
        Turn::Done(Stretch { positions: count.min(most).min(stretch.positions), ..stretch })
    }

    #[inline(never)]
    fn there_in_chain(
        &self,
        held: &Held<'_, '_, ArenaPark>,
        head: u64,
        tail: u64,
    ) -> Result<Stretch, NotReceived> {
        let chain = self.chain().ok_or(NotReceived::Corrupt)?;
        chain.at_head(held.place(), head, tail).map_err(|_| NotReceived::Corrupt)
    }

    /// Takes the next item. `count` is told how many are taken, before they are.
    #[inline]
    pub(super) fn take_one(
        &self,
        held: &mut Held<'_, '_, ArenaPark>,
        count: impl FnOnce(u64),
    ) -> Turn<T, NotReceived> {
        let stretch = match self.there(held, 1) {
            Turn::Done(stretch) => stretch,
            Turn::Wait(seen) => return Turn::Wait(seen),
            Turn::Stop(why) => return Turn::Stop(why),
        };
        // SAFETY: `there` found an item of this size there.
        let item = unsafe { slot::read(stretch.at) };
        count(1);
        held.commit(held.position().wrapping_add(1), 1);
        match item {
            Some(item) => Turn::Done(item),
            None => Turn::Stop(NotReceived::Corrupt), // gone: a damaged item must not stand in the way of the others
        }
    }

    /// Takes as many items as are there and `into` has room for. Returns how many: at least one.
    pub(super) fn take_some(
        &self,
        held: &mut Held<'_, '_, ArenaPark>,
        into: &mut [T],
        count: impl FnOnce(u64),
    ) -> Turn<usize, NotReceived> {
        let stretch = match self.there(held, into.len() as u64) {
            Turn::Done(stretch) => stretch,
            Turn::Wait(seen) => return Turn::Wait(seen),
            Turn::Stop(why) => return Turn::Stop(why),
        };
        let mut taken = 0;
        for place in &mut into[..stretch.positions as usize] {
            // SAFETY: `there` found `positions` items of this size on end.
            let Some(item) = (unsafe { slot::read(item_at::<T>(stretch.at, taken)) }) else { break };
            *place = item;
            taken += 1;
        }
        let damaged = taken == 0;
        let gone = taken.max(1) as u64;
        count(gone);
        held.commit(held.position().wrapping_add(gone), gone);
        if damaged { Turn::Stop(NotReceived::Corrupt) } else { Turn::Done(taken) }
    }
}

impl<T> Store for Slots<T> {
    #[inline]
    fn conduit(&self) -> &Conduit {
        &self.conduit
    }
}

/// The place of the item at `index` from `at` on.
#[inline]
fn item_at<T>(at: NonNull<u8>, index: usize) -> NonNull<u8> {
    // SAFETY: the callers count no further than the stretch that was found for so many items.
    unsafe { at.add(index * size_of::<T>()) }
}
