//! What a worker writes of a task that went wrong.

use super::failure::TaskFailure;
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::process::{Panic, Worker};

/// What went wrong, as the worker saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    kind: u8,
    text: String,
    location: Option<String>,
}

const PANICKED: u8 = 0;
const BAD_ARGUMENT: u8 = 1;
const UNSENDABLE: u8 = 2;

impl Account {
    pub(super) fn panicked(panic: Panic) -> Self {
        Self { kind: PANICKED, text: panic.message, location: panic.location }
    }

    pub(super) fn bad_argument(error: &DecodeError) -> Self {
        Self { kind: BAD_ARGUMENT, text: error.to_string(), location: None }
    }

    pub(super) fn unsendable(reason: String) -> Self {
        Self { kind: UNSENDABLE, text: reason, location: None }
    }

    pub(super) fn into_failure(self, worker: Worker) -> TaskFailure {
        let Self { kind, text, location } = self;
        match kind {
            BAD_ARGUMENT => TaskFailure::BadArgument { worker, reason: text },
            UNSENDABLE => TaskFailure::Unsendable { worker, reason: text },
            _ => TaskFailure::Panicked { worker, panic: Panic::new(text, location) },
        }
    }
}

impl Message for Account {
    fn measure(&self, measure: &mut Measure) {
        self.kind.measure(measure);
        self.text.measure(measure);
        self.location.measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.kind.encode(to);
        self.text.encode(to);
        self.location.encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: Message::decode(from)?,
            text: Message::decode(from)?,
            location: Message::decode(from)?,
        })
    }
}
