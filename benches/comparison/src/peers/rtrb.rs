//! The crate `rtrb`: a ring between two threads.
#![allow(unsafe_code)] // fills slots in place

use rtrb::{Consumer, Producer, RingBuffer};

use crate::queues::payload::{Parcels, Seen, Words};
use crate::queues::roles::{Ends, TryRx, TryTx};

/// Items by value.
pub(crate) fn items<T>(slots: usize) -> Ends<ItemTx<T>, ItemRx<T>> {
    let (to, from) = RingBuffer::new(slots);
    Ends::new((ItemTx(to), ItemRx(from)))
}

#[derive(Debug)]
pub(crate) struct ItemTx<T>(Producer<T>);

#[derive(Debug)]
pub(crate) struct ItemRx<T>(Consumer<T>);

/// For items that are made again for every try: small ones.
impl<P: Parcels<Spare = ()>> TryTx<P> for ItemTx<P::Parcel> {
    fn try_send(&mut self, seed: u64) -> bool {
        self.0.push(P::wrap(seed, &mut ())).is_ok()
    }
}

impl<P: Parcels<Spare = ()>> TryRx<P> for ItemRx<P::Parcel> {
    fn try_recv(&mut self) -> Option<Seen> {
        let parcel = self.0.pop().ok()?;
        Some(P::look(&parcel))
    }
}

/// Items in place: chunks of their words.
pub(crate) fn in_place<const W: usize>(slots: usize) -> Ends<ChunkTx<W>, ChunkRx<W>> {
    let (mut to, mut from) = RingBuffer::new(slots * W);
    // One lap, so that all words have been written, whatever part of an item is.
    while to.push(0).is_ok() {}
    while from.pop().is_ok() {}
    Ends::new((ChunkTx(to), ChunkRx(from)))
}

#[derive(Debug)]
pub(crate) struct ChunkTx<const W: usize>(Producer<u64>);

#[derive(Debug)]
pub(crate) struct ChunkRx<const W: usize>(Consumer<u64>);

impl<const W: usize, P: Words<Item = [u64; W]>> TryTx<P> for ChunkTx<W> {
    fn try_send(&mut self, seed: u64) -> bool {
        let Ok(mut chunk) = self.0.write_chunk_uninit(W) else {
            return false;
        };
        let (slots, _) = chunk.as_mut_slices();
        assert_eq!(slots.len(), W, "there is room for whole items");
        // SAFETY: all words of the ring were written when it was made.
        let words = unsafe { slots.assume_init_mut() };
        P::write(words.try_into().expect("so many words"), seed);
        // SAFETY: as above.
        unsafe { chunk.commit_all() };
        true
    }
}

impl<const W: usize, P: Words<Item = [u64; W]>> TryRx<P> for ChunkRx<W> {
    fn try_recv(&mut self) -> Option<Seen> {
        let chunk = self.0.read_chunk(W).ok()?;
        let (words, _) = chunk.as_slices();
        let seen = P::read(words.try_into().expect("so many words"));
        chunk.commit_all();
        Some(seen)
    }
}
