//! `Queue`: many send, many receive.

use procshare::Queue;

use super::item;
use crate::queues::payload::{Seen, Words};
use crate::queues::roles::{Lane, Rx, TryRx, TryTx, Tx};

pub(super) fn queue<P: Words>(slots: usize) -> Shelf<P> {
    Shelf(Queue::bounded(slots).expect("a queue"))
}

/// The queue of which all workers have a handle.
pub(super) struct Shelf<P: Words>(Queue<P::Item>);

impl<P: Words> Lane for Shelf<P> {
    type Tx = Queue<P::Item>;
    type Rx = Queue<P::Item>;

    fn tx(&self) -> Self::Tx {
        self.0.clone()
    }

    fn rx(&self) -> Self::Rx {
        self.0.clone()
    }
}

impl<P: Words> Tx<P> for Queue<P::Item> {
    fn send(&mut self, seed: u64) {
        assert!(Queue::send(self, item::<P>(seed)).is_ok(), "it is open");
    }
}

impl<P: Words> Rx<P> for Queue<P::Item> {
    fn recv(&mut self) -> Seen {
        P::read(&Queue::recv(self).expect("it is open"))
    }
}

impl<P: Words> TryTx<P> for Queue<P::Item> {
    fn try_send(&mut self, seed: u64) -> bool {
        Queue::try_send(self, item::<P>(seed)).is_ok()
    }
}

impl<P: Words> TryRx<P> for Queue<P::Item> {
    fn try_recv(&mut self) -> Option<Seen> {
        Queue::try_recv(self).ok().map(|item| P::read(&item))
    }
}
