//! Receiving until it is over.

use std::marker::PhantomData;

use super::frames::Frames;
use crate::message::Message;
use crate::queue::conduit::Patience;

/// Receives messages, waiting for each, until nothing will come any more.
///
/// A message that can not be read ends the iteration; another may be begun then.
#[derive(Debug)]
#[must_use = "iterators are lazy: nothing is received until it is asked for"]
pub struct Iter<'a, M> {
    frames: &'a Frames,
    ends: bool,
    of: PhantomData<fn() -> M>,
}

impl<'a, M> Iter<'a, M> {
    pub(super) fn new(frames: &'a Frames, ends: bool) -> Self {
        Self { frames, ends, of: PhantomData }
    }
}

impl<M: Message> Iterator for Iter<'_, M> {
    type Item = M;

    fn next(&mut self) -> Option<M> {
        self.frames.receive(self.ends, Patience::FOREVER).ok()?.unpack().ok()
    }
}
