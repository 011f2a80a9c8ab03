//! `Channel`: messages of any size. As values, or as bytes that are read where they lie.

use procshare::{Channel, Message};

use crate::queues::payload::{Bytes, Parcels, Seen};
use crate::queues::roles::{Lane, Rx, Tx};

/// A channel with room for so many bytes.
pub(super) fn channel<P: Parcels<Parcel: Message>>(bytes: usize) -> Values<P> {
    Values(Channel::bounded(bytes).expect("a channel"))
}

/// The channel of which all workers have a handle.
pub(super) struct Values<P: Parcels<Parcel: Message>>(Channel<P::Parcel>);

impl<P: Parcels<Parcel: Message>> Lane for Values<P> {
    type Tx = Self;
    type Rx = Self;

    fn tx(&self) -> Self {
        Self(self.0.clone())
    }

    fn rx(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: Parcels<Parcel: Message>> Tx<P> for Values<P> {
    fn send(&mut self, seed: u64) {
        let message = P::wrap(seed, &mut P::Spare::default());
        assert!(self.0.send(message).is_ok(), "it is open");
    }
}

impl<P: Parcels<Parcel: Message>> Rx<P> for Values<P> {
    fn recv(&mut self) -> Seen {
        P::look(&self.0.recv().expect("it is open"))
    }
}

/// The same for bytes that lie where the sender has them, and are read where they arrive.
pub(super) struct InBytes {
    channel: Channel<Vec<u8>>,
    buffer: Vec<u8>,
}

pub(super) fn byte_channel(bytes: usize) -> InBytes {
    InBytes { channel: Channel::bounded(bytes).expect("a channel"), buffer: Vec::new() }
}

impl Lane for InBytes {
    type Tx = Self;
    type Rx = Self;

    fn tx(&self) -> Self {
        Self { channel: self.channel.clone(), buffer: Vec::new() }
    }

    fn rx(&self) -> Self {
        self.tx()
    }
}

impl<P: Bytes> Tx<P> for InBytes {
    fn send(&mut self, seed: u64) {
        self.buffer.clear();
        P::append(&mut self.buffer, seed);
        assert!(self.channel.send_bytes(&self.buffer).is_ok(), "it is open");
    }
}

impl<P: Bytes> Rx<P> for InBytes {
    fn recv(&mut self) -> Seen {
        self.channel.recv_with(P::parse).expect("it is open")
    }
}
