//! Who reads and who writes, and which points of the protocol a control leaves out.

use super::SLOTS;
use crate::locker::{Locking, OWNER_LOCK};

/// A thread: its process, and what it does there, how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) slot: u8,
    pub(super) does: Does,
    pub(super) rounds: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    Write,
    /// Reads, or gives up once it has slept.
    ReadInTime,
    /// Writes, or gives up once it has slept.
    WriteInTime,
    /// Reads, if nobody writes.
    TryRead,
    /// Writes, if nobody else does or reads.
    TryWrite,
    /// Writes, then reads without letting go in between.
    Downgrade,
}

impl Does {
    pub(super) fn reads(self) -> bool {
        matches!(self, Does::Read | Does::ReadInTime | Does::TryRead)
    }

    pub(super) fn in_time(self) -> bool {
        matches!(self, Does::ReadInTime | Does::WriteInTime)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) cast: &'static [Part],
    pub(super) locking: Locking,
    /// How many seats are below the mark when all begins; the process of a higher one raises it first.
    pub(super) high: u8,
    /// A writer reads that mark when it has the lock, rather than before.
    pub(super) high_read_late: bool,
    /// A reader counts itself, then looks at the word.
    pub(super) counts_first: bool,
    /// A reader that finds an owner takes its count back.
    pub(super) backs_out: bool,
    /// A reader that slept and got in wakes the others.
    pub(super) wakes_others: bool,
    /// Who takes a marked cell's count to 0 wakes the writer.
    pub(super) wakes_writer: bool,
    /// A writer that slept on a cell looks at it again.
    pub(super) looks_again: bool,
    /// A writer asks whether the process of a cell is dead, and passes over it.
    pub(super) passes_dead: bool,
    /// It passes over a cell only if the answer is yes.
    pub(super) evidence: bool,
    /// Only who finds WRITING notes poison.
    pub(super) writing_decides: bool,
    /// Poison is stored before WRITING goes.
    pub(super) poison_first: bool,
    /// A writer notes a death before it waits for readers, rather than after.
    pub(super) notes_at_once: bool,
    /// A reader that finds DIED notes the death, rather than to go in.
    pub(super) heeds_died: bool,
    /// Who slept looks again before it gives up.
    pub(super) last_look: bool,
}

/// The protocol that ships.
pub(super) const RW_LOCK: Protocol = Protocol {
    cast: &[],
    locking: OWNER_LOCK,
    high: SLOTS as u8,
    high_read_late: true,
    counts_first: true,
    backs_out: true,
    wakes_others: true,
    wakes_writer: true,
    looks_again: true,
    passes_dead: true,
    evidence: true,
    writing_decides: true,
    poison_first: true,
    notes_at_once: true,
    heeds_died: true,
    last_look: true,
};
