//! Queues between threads, many to many: crossbeam's channel and its `ArrayQueue`, kanal's channel.

use std::sync::Arc;

use crossbeam_channel::{self as crossbeam, TrySendError};
use crossbeam_queue::ArrayQueue;

use crate::queues::payload::{Parcels, Seen};
use crate::queues::roles::{Lane, Rx, TryRx, TryTx, Tx};

/// An end, and what was kept of a received item.
pub(crate) struct End<E, P: Parcels> {
    end: E,
    spare: P::Spare,
    /// What did not fit when it was tried.
    pending: Option<P::Parcel>,
}

impl<E, P: Parcels> End<E, P> {
    fn new(end: E) -> Self {
        Self { end, spare: P::Spare::default(), pending: None }
    }

    fn wrap(&mut self, seed: u64) -> P::Parcel {
        self.pending.take().unwrap_or_else(|| P::wrap(seed, &mut self.spare))
    }

    /// Looks at a received item, and keeps what can be kept.
    fn open(&mut self, parcel: P::Parcel) -> Seen {
        let seen = P::look(&parcel);
        P::keep(parcel, &mut self.spare);
        seen
    }
}

/// `crossbeam_channel::bounded`.
pub(crate) struct Crossbeam<P: Parcels>(crossbeam::Sender<P::Parcel>, crossbeam::Receiver<P::Parcel>);

impl<P: Parcels> Crossbeam<P> {
    pub(crate) fn new(slots: usize) -> Self {
        let (to, from) = crossbeam::bounded(slots);
        Self(to, from)
    }
}

impl<P: Parcels> Lane for Crossbeam<P> {
    type Tx = End<crossbeam::Sender<P::Parcel>, P>;
    type Rx = End<crossbeam::Receiver<P::Parcel>, P>;

    fn tx(&self) -> Self::Tx {
        End::new(self.0.clone())
    }

    fn rx(&self) -> Self::Rx {
        End::new(self.1.clone())
    }
}

impl<P: Parcels> Tx<P> for End<crossbeam::Sender<P::Parcel>, P> {
    fn send(&mut self, seed: u64) {
        let parcel = self.wrap(seed);
        assert!(self.end.send(parcel).is_ok(), "somebody receives");
    }

    fn reuse(&mut self, spare: P::Spare) {
        self.spare = spare;
    }
}

impl<P: Parcels> Rx<P> for End<crossbeam::Receiver<P::Parcel>, P> {
    fn recv(&mut self) -> Seen {
        let parcel = self.end.recv().expect("somebody sends");
        self.open(parcel)
    }

    fn spare(&mut self) -> P::Spare {
        std::mem::take(&mut self.spare)
    }
}

impl<P: Parcels> TryTx<P> for End<crossbeam::Sender<P::Parcel>, P> {
    fn try_send(&mut self, seed: u64) -> bool {
        let parcel = self.wrap(seed);
        match self.end.try_send(parcel) {
            Ok(()) => true,
            Err(TrySendError::Full(parcel)) => {
                self.pending = Some(parcel);
                false
            }
            Err(TrySendError::Disconnected(_)) => panic!("somebody receives"),
        }
    }

    fn reuse(&mut self, spare: P::Spare) {
        self.spare = spare;
    }
}

impl<P: Parcels> TryRx<P> for End<crossbeam::Receiver<P::Parcel>, P> {
    fn try_recv(&mut self) -> Option<Seen> {
        let parcel = self.end.try_recv().ok()?;
        Some(self.open(parcel))
    }

    fn spare(&mut self) -> P::Spare {
        std::mem::take(&mut self.spare)
    }
}

/// crossbeam's `ArrayQueue`, which is always polled.
pub(crate) struct Array<P: Parcels>(Arc<ArrayQueue<P::Parcel>>);

impl<P: Parcels> Array<P> {
    pub(crate) fn new(slots: usize) -> Self {
        Self(Arc::new(ArrayQueue::new(slots)))
    }
}

impl<P: Parcels> Lane for Array<P> {
    type Tx = End<Arc<ArrayQueue<P::Parcel>>, P>;
    type Rx = End<Arc<ArrayQueue<P::Parcel>>, P>;

    fn tx(&self) -> Self::Tx {
        End::new(Arc::clone(&self.0))
    }

    fn rx(&self) -> Self::Rx {
        End::new(Arc::clone(&self.0))
    }
}

impl<P: Parcels> TryTx<P> for End<Arc<ArrayQueue<P::Parcel>>, P> {
    fn try_send(&mut self, seed: u64) -> bool {
        let parcel = self.wrap(seed);
        match self.end.push(parcel) {
            Ok(()) => true,
            Err(parcel) => {
                self.pending = Some(parcel);
                false
            }
        }
    }

    fn reuse(&mut self, spare: P::Spare) {
        self.spare = spare;
    }
}

impl<P: Parcels> TryRx<P> for End<Arc<ArrayQueue<P::Parcel>>, P> {
    fn try_recv(&mut self) -> Option<Seen> {
        let parcel = self.end.pop()?;
        Some(self.open(parcel))
    }

    fn spare(&mut self) -> P::Spare {
        std::mem::take(&mut self.spare)
    }
}

/// `kanal::bounded`.
pub(crate) struct Kanal<P: Parcels>(kanal::Sender<P::Parcel>, kanal::Receiver<P::Parcel>);

impl<P: Parcels> Kanal<P> {
    pub(crate) fn new(slots: usize) -> Self {
        let (to, from) = kanal::bounded(slots);
        Self(to, from)
    }
}

impl<P: Parcels> Lane for Kanal<P> {
    type Tx = End<kanal::Sender<P::Parcel>, P>;
    type Rx = End<kanal::Receiver<P::Parcel>, P>;

    fn tx(&self) -> Self::Tx {
        End::new(self.0.clone())
    }

    fn rx(&self) -> Self::Rx {
        End::new(self.1.clone())
    }
}

impl<P: Parcels> Tx<P> for End<kanal::Sender<P::Parcel>, P> {
    fn send(&mut self, seed: u64) {
        let parcel = self.wrap(seed);
        self.end.send(parcel).expect("somebody receives");
    }

    fn reuse(&mut self, spare: P::Spare) {
        self.spare = spare;
    }
}

impl<P: Parcels> Rx<P> for End<kanal::Receiver<P::Parcel>, P> {
    fn recv(&mut self) -> Seen {
        let parcel = self.end.recv().expect("somebody sends");
        self.open(parcel)
    }

    fn spare(&mut self) -> P::Spare {
        std::mem::take(&mut self.spare)
    }
}
