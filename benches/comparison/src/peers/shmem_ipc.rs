//! The crate `shmem-ipc`: a ring in shared memory, for one sender and one receiver; who sleeps, sleeps on an eventfd.
#![allow(unsafe_code)] // its slots are raw pointers

use shmem_ipc::sharedring::{Receiver, Sender};
use zerocopy::{AsBytes, FromBytes};

use crate::queues::payload::{Seen, Words};
use crate::queues::roles::{Ends, Rx, TryRx, TryTx, Tx};

pub(crate) struct RingTx<T>(Sender<T>);

pub(crate) struct RingRx<T>(Receiver<T>);

pub(crate) fn ring<T: Copy + AsBytes + FromBytes>(slots: usize) -> Ends<RingTx<T>, RingRx<T>> {
    let sender = Sender::new(slots).expect("a ring");
    let copy = |file: &std::fs::File| file.try_clone().expect("a descriptor");
    let memory = copy(sender.memfd().as_file());
    let receiver = Receiver::open(slots, memory, copy(sender.empty_signal()), copy(sender.full_signal()));
    Ends::new((RingTx(sender), RingRx(receiver.expect("its other end"))))
}

/// Fills the slot.
fn put<P: Words>(slot: *mut P::Item, seed: u64) -> usize {
    // SAFETY: the ring lends a free slot, which nobody else uses; any bytes are an item.
    P::write(unsafe { &mut *slot }, seed);
    1
}

/// Reads the slot.
fn get<P: Words>(slot: *const P::Item, seen: &mut Option<Seen>) -> usize {
    // SAFETY: the ring lends a slot that was filled, which nobody changes; any bytes are an item.
    *seen = Some(P::read(unsafe { &*slot }));
    1
}

/// The lowest level, which wakes nobody.
impl<P: Words<Item: Copy + AsBytes>> TryTx<P> for RingTx<P::Item> {
    fn try_send(&mut self, seed: u64) -> bool {
        let mut sent = 0;
        let put = |slot, _| {
            sent = put::<P>(slot, seed);
            sent
        };
        self.0.sender_mut().send(put).expect("a sound ring");
        sent == 1
    }
}

impl<P: Words<Item: Copy + FromBytes>> TryRx<P> for RingRx<P::Item> {
    fn try_recv(&mut self) -> Option<Seen> {
        let mut seen = None;
        self.0.receiver_mut().recv(|slot, _| get::<P>(slot, &mut seen)).expect("a sound ring");
        seen
    }
}

impl<P: Words<Item: Copy + AsBytes>> Tx<P> for RingTx<P::Item> {
    fn send(&mut self, seed: u64) {
        let mut sent = 0;
        while sent == 0 {
            let put = |slot, _| {
                sent = put::<P>(slot, seed);
                sent
            };
            self.0.send_raw(put).expect("a sound ring");
            if sent == 0 {
                self.0.block_until_writable().expect("a sound ring");
            }
        }
    }
}

impl<P: Words<Item: Copy + FromBytes>> Rx<P> for RingRx<P::Item> {
    fn recv(&mut self) -> Seen {
        let mut seen = None;
        loop {
            self.0.receive_raw(|slot, _| get::<P>(slot, &mut seen)).expect("a sound ring");
            if let Some(seen) = seen {
                return seen;
            }
            self.0.block_until_readable().expect("a sound ring");
        }
    }
}
