//! `pipe`: two who talk to each other.

use std::sync::Mutex;

use procshare::Message;
use procshare::pipe::{Pipe, pipe};

use crate::queues::payload::{Parcels, Seen};
use crate::queues::roles::{Link, Rx, Tx};

/// The two ends, until each worker takes its own.
pub(super) struct Ends<P: Parcels<Parcel: Message>> {
    asker: Mutex<Option<End<P>>>,
    answerer: Mutex<Option<End<P>>>,
}

/// One end: it sends and receives the same kind of message.
pub(super) struct End<P: Parcels<Parcel: Message>>(Pipe<P::Parcel, P::Parcel>);

pub(super) fn both_ways<P: Parcels<Parcel: Message>>() -> Ends<P> {
    let (asker, answerer) = pipe().expect("a pipe");
    Ends { asker: Mutex::new(Some(End(asker))), answerer: Mutex::new(Some(End(answerer))) }
}

impl<P: Parcels<Parcel: Message>> Link for Ends<P> {
    type Asker = End<P>;
    type Answerer = End<P>;

    fn asker(&self) -> End<P> {
        self.asker.lock().expect("nobody panicked").take().expect("one asker")
    }

    fn answerer(&self) -> End<P> {
        self.answerer.lock().expect("nobody panicked").take().expect("one answerer")
    }
}

impl<P: Parcels<Parcel: Message>> Tx<P> for End<P> {
    fn send(&mut self, seed: u64) {
        let message = P::wrap(seed, &mut P::Spare::default());
        assert!(self.0.send(message).is_ok(), "somebody receives");
    }
}

impl<P: Parcels<Parcel: Message>> Rx<P> for End<P> {
    fn recv(&mut self) -> Seen {
        P::look(&self.0.recv().expect("somebody sends"))
    }
}
