//! Lanes: one sends, one receives.

use std::time::Duration;

use procshare::spsc::{Consumer, Producer, Ring};

use super::item;
use crate::queues::flows;
use crate::queues::payload::{Handed, Seen, Small, Words};
use crate::queues::roles::{Both, Lane, Polled, Rx, TryRx, TryTx, Tx};
use crate::queues::stream::slots;
use crate::queues::talk::SLOTS;
use crate::queues::trips::{Pace, row};
use crate::queues::workers::By::Processes;
use crate::report::Row;

pub(super) fn awake<const W: usize>(pace: Pace) -> Vec<Row> {
    vec![
        row::<Small<W>, _>("procshare lane, polled", Processes, pace, || {
            let lane = || Polled(lane::<Small<W>>(SLOTS));
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("procshare lane in place, polled", Processes, pace, || {
            let lane = || Polled(InPlace(lane::<Small<W>>(SLOTS)));
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("procshare lane", Processes, pace, || Both(lane::<Small<W>>(SLOTS), lane(SLOTS))),
    ]
}

pub(super) fn handed<const W: usize>(pace: Pace) -> Row {
    row::<Handed<W>, _>("procshare lane in place, polled", Processes, pace, || {
        let lane = || Polled(InPlace(lane::<Handed<W>>(SLOTS)));
        Both(lane(), lane())
    })
}

pub(super) fn asleep(pace: Pace) -> Row {
    type Word = Small<1>;
    row::<Word, _>("procshare lane", Processes, pace, || Both(lane::<Word>(SLOTS), lane(SLOTS)))
}

pub(super) fn polled<P: Words, const W: usize>(span: Duration) -> Vec<Row> {
    let slots = slots(W);
    let lap = slots as u64;
    vec![
        flows::row::<P, _>("procshare lane, polled", Processes, span, lap, move || Polled(lane::<P>(slots))),
        flows::row::<P, _>("procshare lane in place, polled", Processes, span, lap, move || {
            Polled(InPlace(lane::<P>(slots)))
        }),
    ]
}

pub(super) fn sleeping<P: Words, const W: usize>(span: Duration) -> Vec<Row> {
    let slots = slots(W);
    let lap = slots as u64;
    vec![
        flows::row::<P, _>("procshare lane", Processes, span, lap, move || lane::<P>(slots)),
        flows::row::<P, _>("procshare lane in place", Processes, span, lap, move || {
            InPlace(lane::<P>(slots))
        }),
    ]
}

/// Items that are copied in and out.
struct ByValue<P: Words>(Ring<P::Item>);

/// Items that are written and read where they lie.
struct InPlace<E>(E);

fn lane<P: Words>(slots: usize) -> ByValue<P> {
    ByValue(Ring::new(slots).expect("a lane"))
}

/// Each worker claims its own end.
impl<P: Words> Lane for ByValue<P> {
    type Tx = Producer<P::Item>;
    type Rx = Consumer<P::Item>;

    fn tx(&self) -> Self::Tx {
        self.0.producer().expect("it is free")
    }

    fn rx(&self) -> Self::Rx {
        self.0.consumer().expect("it is free")
    }
}

impl<P: Words> Tx<P> for Producer<P::Item> {
    fn send(&mut self, seed: u64) {
        assert!(Producer::send(self, item::<P>(seed)).is_ok(), "somebody receives");
    }
}

impl<P: Words> Rx<P> for Consumer<P::Item> {
    fn recv(&mut self) -> Seen {
        P::read(&Consumer::recv(self).expect("somebody sends"))
    }
}

impl<P: Words> TryTx<P> for Producer<P::Item> {
    fn try_send(&mut self, seed: u64) -> bool {
        Producer::try_send(self, item::<P>(seed)).is_ok()
    }
}

impl<P: Words> TryRx<P> for Consumer<P::Item> {
    fn try_recv(&mut self) -> Option<Seen> {
        Consumer::try_recv(self).ok().map(|item| P::read(&item))
    }
}

/// Items that are written and read where they lie.
impl<P: Words> Lane for InPlace<ByValue<P>> {
    type Tx = InPlace<Producer<P::Item>>;
    type Rx = InPlace<Consumer<P::Item>>;

    fn tx(&self) -> Self::Tx {
        InPlace(self.0.tx())
    }

    fn rx(&self) -> Self::Rx {
        InPlace(self.0.rx())
    }
}

impl<P: Words> Tx<P> for InPlace<Producer<P::Item>> {
    fn send(&mut self, seed: u64) {
        while !TryTx::<P>::try_send(self, seed) {
            self.0.wait_for_room().expect("somebody receives");
        }
    }
}

impl<P: Words> Rx<P> for InPlace<Consumer<P::Item>> {
    fn recv(&mut self) -> Seen {
        loop {
            if let Some(seen) = TryRx::<P>::try_recv(self) {
                return seen;
            }
            self.0.wait_for_item().expect("somebody sends");
        }
    }
}

impl<P: Words> TryTx<P> for InPlace<Producer<P::Item>> {
    fn try_send(&mut self, seed: u64) -> bool {
        let Some(mut place) = self.0.reserve(1) else {
            return false;
        };
        P::write(&mut place[0], seed);
        place.commit();
        true
    }
}

impl<P: Words> TryRx<P> for InPlace<Consumer<P::Item>> {
    fn try_recv(&mut self) -> Option<Seen> {
        let place = self.0.peek(1)?;
        let seen = P::read(&place[0]);
        place.release();
        Some(seen)
    }
}
