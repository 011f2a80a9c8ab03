//! The crate `ipc-channel`: its channel of bytes, and the one of anything that serde knows. Both go over a Unix socket.

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcReceiver, IpcSender};

use crate::queues::payload::{Bytes, Parcels, Seen, Text, Words};
use crate::queues::roles::{Ends, Rx, Tx};

/// Items of a fixed size, as bytes.
pub(crate) struct FixedTx<T> {
    to: IpcBytesSender,
    item: Box<T>,
}

pub(crate) struct FixedRx<T> {
    from: IpcBytesReceiver,
    /// What was received lies anywhere: here it is aligned.
    item: Box<T>,
}

pub(crate) fn fixed<T: bytemuck::Zeroable>() -> Ends<FixedTx<T>, FixedRx<T>> {
    let (to, from) = ipc::bytes_channel().expect("a channel");
    Ends::new((FixedTx { to, item: bytemuck::zeroed_box() }, FixedRx { from, item: bytemuck::zeroed_box() }))
}

impl<P: Words> Tx<P> for FixedTx<P::Item> {
    fn send(&mut self, seed: u64) {
        P::write(&mut self.item, seed);
        self.to.send(bytemuck::bytes_of(&*self.item)).expect("somebody receives");
    }
}

impl<P: Words> Rx<P> for FixedRx<P::Item> {
    fn recv(&mut self) -> Seen {
        let bytes = self.from.recv().expect("somebody sends");
        if let Ok(item) = bytemuck::try_from_bytes(&bytes) {
            return P::read(item);
        }
        bytemuck::bytes_of_mut(&mut *self.item).copy_from_slice(&bytes);
        P::read(&self.item)
    }
}

/// Items of any size, as bytes.
pub(crate) struct BytesTx {
    to: IpcBytesSender,
    buffer: Vec<u8>,
}

pub(crate) struct BytesRx(IpcBytesReceiver);

pub(crate) fn bytes() -> Ends<BytesTx, BytesRx> {
    let (to, from) = ipc::bytes_channel().expect("a channel");
    Ends::new((BytesTx { to, buffer: Vec::new() }, BytesRx(from)))
}

impl<P: Bytes> Tx<P> for BytesTx {
    fn send(&mut self, seed: u64) {
        self.buffer.clear();
        P::append(&mut self.buffer, seed);
        self.to.send(&self.buffer).expect("somebody receives");
    }
}

impl<P: Bytes> Rx<P> for BytesRx {
    fn recv(&mut self) -> Seen {
        P::parse(&self.0.recv().expect("somebody sends"))
    }
}

/// Strings as strings.
pub(crate) struct StringTx(IpcSender<String>);

pub(crate) struct StringRx(IpcReceiver<String>);

pub(crate) fn strings() -> Ends<StringTx, StringRx> {
    let (to, from) = ipc::channel().expect("a channel");
    Ends::new((StringTx(to), StringRx(from)))
}

impl Tx<Text> for StringTx {
    fn send(&mut self, seed: u64) {
        self.0.send(Text::wrap(seed, &mut ())).expect("somebody receives");
    }
}

impl Rx<Text> for StringRx {
    fn recv(&mut self) -> Seen {
        Text::look(&self.0.recv().expect("somebody sends"))
    }
}
