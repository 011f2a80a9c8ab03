//! A handle at one end of a queue: where the queue is, and that this process is registered there.

use std::sync::Arc;

use super::conduit::Conduit;
use crate::message::{DecodeError, Reader, Writer};
use crate::segment::block::Block;
use crate::segment::container::Use;
use crate::segment::registration::Registration;

/// What a queue's items lie in, of whichever kind.
pub(super) trait Store: Clone {
    fn conduit(&self) -> &Conduit;
}

/// A queue and a registration at one of its ends. A clone shares the registration, which is given up with the last of them.
#[derive(Clone, Debug)]
pub(super) struct Attendance<S> {
    store: S,
    /// Kept for what its end does. `None`: this process may not take part any more.
    _registration: Option<Arc<Registration>>,
}

impl<S: Store> Attendance<S> {
    /// Registers this process for what `used` stands for.
    pub(super) fn new(store: &S, used: Use) -> Self {
        let block = store.conduit().bearing().block().clone();
        Self { store: store.clone(), _registration: Registration::new(block, used).map(Arc::new) }
    }

    #[inline]
    pub(super) fn store(&self) -> &S {
        &self.store
    }

    /// Gives the handle up to a message. It gets a registration of its own, so that the end is not deserted in between.
    pub(super) fn encode(self, used: Use, to: &mut Writer<'_>) {
        let block = self.store.conduit().bearing().block().clone();
        match Registration::new(block.clone(), used) {
            Some(end) => to.end(end),
            None => to.shared(block, used),
        }
    }

    /// Takes a handle over from a message, with the registration that the message had. `adopt` finds the queue in its block.
    pub(super) fn decode(
        from: &mut Reader<'_>,
        used: Use,
        adopt: impl FnOnce(Arc<Block>) -> Option<S>,
    ) -> Result<Self, DecodeError> {
        let end = from.end(used)?;
        let store = adopt(end.block().clone())
            .ok_or(DecodeError::Foreign("the block of a queue is not one of such items"))?;
        Ok(Self { store, _registration: Some(Arc::new(end)) })
    }
}
