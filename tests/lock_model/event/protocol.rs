//! Who waits and who sets, and which points of the protocol a control leaves out.

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Waits so many times.
    Waits(u8),
    /// Waits once, and may run out of time while it sleeps.
    WaitsInTime,
    /// Sets the event so many times.
    Sets(u8),
    /// Clears it so many times.
    Clears(u8),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) cast: &'static [Part],
    /// A set lets one waiter through, who takes it back.
    pub(super) auto: bool,
    /// Sleeps end by themselves.
    pub(super) bounded: bool,
    /// The count is in the half of the word that the kernel compares.
    pub(super) count_compared: bool,
    /// Every set is counted.
    pub(super) counted: bool,
    /// The kernel compares the word before it lets somebody sleep.
    pub(super) compared: bool,
    /// SET is taken back by an exchange of the word that was seen, not by a store.
    pub(super) exchanged: bool,
    /// Who slept looks again before it leaves, out of time or not.
    pub(super) last_look: bool,
    /// A consumer of SET keeps WAITERS.
    pub(super) sticky: bool,
}

pub(super) const MANUAL: Protocol = Protocol {
    cast: &[],
    auto: false,
    bounded: true,
    count_compared: true,
    counted: true,
    compared: true,
    exchanged: true,
    last_look: true,
    sticky: true,
};

pub(super) const AUTO: Protocol = Protocol { auto: true, ..MANUAL };
