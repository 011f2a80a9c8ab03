//! Who waits and who notifies, and which points of the protocol a control leaves out.

/// A thread: its process, and what it does there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) slot: u8,
    pub(super) does: Does,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Waits once, whatever for.
    Wait,
    /// The same, and may run out of time.
    WaitInTime,
    /// Waits until there is an item, and takes it.
    Consume,
    /// The same, or goes without once it ran out of time.
    ConsumeInTime,
    /// Notifies one waiter, so many times, once those who wait whatever for have a berth.
    Notify(u8),
    /// Notifies all.
    NotifyAll,
    /// Adds an item and notifies one, so many times.
    Produce(u8),
}

impl Does {
    pub(super) fn in_time(self) -> bool {
        matches!(self, Does::WaitInTime | Does::ConsumeInTime)
    }

    pub(super) fn waits_for_anything(self) -> bool {
        matches!(self, Does::Wait | Does::WaitInTime)
    }
}

/// For which deaths the burial grants everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// All: nobody died in order.
    Always,
    /// Of who waited or notified before, or was granted.
    IfTouched,
    /// Of who was granted: all died in order.
    IfGranted,
    Never,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) cast: &'static [Part],
    /// Berths of a cell: 1 or 2.
    pub(super) berths: u8,
    /// Sleeps end by themselves, and the sleeper then looks after the dead.
    pub(super) bounded: bool,
    pub(super) undone: Undone,
    /// The dead one's cell is emptied when everybody has been granted, rather than before.
    pub(super) emptied_last: bool,
    /// The berth is taken before the mutex is let go.
    pub(super) berth_first: bool,
    /// It is taken before the arrival is counted.
    pub(super) counted_last: bool,
    /// Arrivals are read before the berths are looked through.
    pub(super) arrivals_read_first: bool,
    /// The kernel compares the grants before it lets somebody sleep.
    pub(super) compared: bool,
    /// It compares who is next, too.
    pub(super) turn_compared: bool,
    /// A sleeper says that it sleeps.
    pub(super) says_sleeps: bool,
    /// A notify looks at every cell, not just at one.
    pub(super) looks_everywhere: bool,
    /// It grants by an exchange of what it saw, not by a store.
    pub(super) exchanged: bool,
    /// It wakes whoever sleeps on the word that it granted in.
    pub(super) wakes: bool,
    /// It grants no more than it was asked to.
    pub(super) heeds_count: bool,
    /// It calls those who found no berth.
    pub(super) calls_crowd: bool,
    /// Who runs out of time looks whether it was granted.
    pub(super) last_look: bool,
    /// And frees its berth.
    pub(super) frees: bool,
}

/// The protocol that ships.
pub(super) const CONDVAR: Protocol = Protocol {
    cast: &[],
    berths: 2,
    bounded: true,
    undone: Undone::Always,
    emptied_last: true,
    berth_first: true,
    counted_last: true,
    arrivals_read_first: true,
    compared: true,
    turn_compared: true,
    says_sleeps: true,
    looks_everywhere: true,
    exchanged: true,
    wakes: true,
    heeds_count: true,
    calls_crowd: true,
    last_look: true,
    frees: true,
};
