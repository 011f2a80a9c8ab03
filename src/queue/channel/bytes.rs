//! Messages that are bytes, and are sent from and read where they lie.

#![allow(unsafe_code)] // a slice of the block that a message has to itself

use super::frames::Frames;
use super::{Channel, Sender};
use crate::message::posted::{self, Misfit, Packed, Unpacked};
use crate::message::{Measure, Message, Writer};
use crate::queue::attendance::Store;
use crate::queue::conduit::Patience;
use crate::queue::error::{NotReceived, NotSent, SendError, Unsent};

mod sealed {
    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for Box<[u8]> {}
    impl Sealed for String {}
}

/// Messages that are a sequence of bytes: `Vec<u8>`, `Box<[u8]>`, `String`. Sealed.
pub trait Bytes: Message + sealed::Sealed {}

impl Bytes for Vec<u8> {}
impl Bytes for Box<[u8]> {}
impl Bytes for String {}

/// Bytes before those of a sequence: how many there are.
const COUNT: usize = size_of::<u64>();

impl Packed {
    /// Lets `read` look at the bytes of a message that is a sequence of them. `None`: it is none.
    fn with_bytes<R>(self, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match self {
            Self::Small(bytes) => sequence(&bytes).map(read),
            Self::Large(envelope) => {
                let (payload, len) = envelope.payload();
                // SAFETY: the envelope's block is this process's alone since `claim`: no other process writes there, as none writes to
                // an `Array` of this one. It is initialised memory, and kept until after the reading.
                let bytes = unsafe { std::slice::from_raw_parts(payload.as_ptr(), len) };
                sequence(bytes).map(read)
            }
        }
    }
}

/// The bytes of a sequence, as `Writer::sequence` wrote it.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    let (count, rest) = bytes.split_first_chunk::<COUNT>()?;
    rest.get(..usize::try_from(u64::from_ne_bytes(*count)).ok()?)
}

impl Frames {
    /// Sends a message.
    pub(super) fn send_message<M: Message>(
        &self,
        message: M,
        ends: bool,
        patience: Patience,
    ) -> Result<(), Unsent<M>> {
        // What can be known beforehand is not worth packing for.
        if self.conduit().fifo().is_closed() {
            return Err(Unsent { value: Some(message), why: NotSent::Closed });
        }
        let packed = posted::pack(message, self.most()).map_err(|unpacked| {
            let Unpacked { message, why } = unpacked;
            Unsent { value: message, why: why.into() }
        })?;
        self.send(packed, ends, patience).map_err(|(packed, why)| Unsent { value: packed.unpack().ok(), why })
    }

    /// Receives a message.
    pub(super) fn receive_message<M: Message>(
        &self,
        ends: bool,
        patience: Patience,
    ) -> Result<M, NotReceived> {
        self.receive(ends, patience)?.unpack().map_err(NotReceived::Undecodable)
    }

    /// Receives a message that is bytes, and lets `read` look at them.
    pub(super) fn receive_bytes<R>(
        &self,
        ends: bool,
        patience: Patience,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, NotReceived> {
        let undecodable = crate::message::DecodeError::Foreign("these are no bytes");
        self.receive(ends, patience)?.with_bytes(read).ok_or(NotReceived::Undecodable(undecodable))
    }

    /// Sends bytes as a message that is a sequence of them.
    fn send_bytes(&self, bytes: &[u8], ends: bool) -> Result<(), Unsent<()>> {
        let unsent = |why| Unsent { value: Some(()), why };
        let mut measure = Measure::default();
        measure.sequence(bytes.len(), |measure| measure.bytes(bytes.len()));
        let encode = |to: &mut Writer<'_>| to.sequence(bytes.len(), |to| to.bytes(bytes));
        let packed = posted::pack_by(measure, self.most(), encode).map_err(|why| unsent(why.into()))?;
        self.send(packed, ends, Patience::FOREVER).map_err(|(_, why)| unsent(why))
    }
}

impl From<Misfit> for NotSent {
    fn from(why: Misfit) -> Self {
        match why {
            Misfit::Refused(error) => Self::Refused(error),
            Misfit::TooLarge => Self::TooLarge,
            Misfit::Borrowed => Self::Borrowed,
            Misfit::Mismeasured(error) => Self::Mismeasured(error),
        }
    }
}

impl<M: Bytes> Channel<M> {
    /// Sends bytes, without a vector to be made for them.
    ///
    /// Blocks until there is room for them. For a channel of `String`s these should be UTF-8: others can not be received as one.
    ///
    /// # Errors
    /// [`SendError`]: nothing was sent.
    pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), SendError<()>> {
        Ok(self.frames().send_bytes(bytes, false)?)
    }
}

impl<M: Bytes> Sender<M> {
    /// Sends bytes, without a vector to be made for them.
    ///
    /// Blocks until there is room for them. For a channel of `String`s these should be UTF-8: others can not be received as one.
    ///
    /// # Errors
    /// [`SendError`]: nothing was sent.
    pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), SendError<()>> {
        Ok(self.frames().send_bytes(bytes, true)?)
    }
}
