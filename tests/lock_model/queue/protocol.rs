//! Who sends and who receives, and which points of the protocol a control leaves out.

use crate::locker::{Locking, OWNER_LOCK};

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Sends one item after the other.
    Send,
    /// Sends as many of two at a time as there is room for.
    SendSlices,
    /// Sends two at a time, or waits.
    SendPairs,
    /// Sends one item after the other, and may run out of time while it sleeps.
    SendInTime,
    /// Receives one item after the other.
    Receive,
    /// Receives as many of two at a time as there are.
    ReceiveSlices,
    /// Receives one item after the other, and may run out of time while it sleeps.
    ReceiveInTime,
    /// Closes the queue.
    Close,
}

impl Does {
    pub(super) fn sends(self) -> bool {
        matches!(self, Self::Send | Self::SendSlices | Self::SendPairs | Self::SendInTime)
    }

    pub(super) fn receives(self) -> bool {
        matches!(self, Self::Receive | Self::ReceiveSlices | Self::ReceiveInTime)
    }

    pub(super) fn in_time(self) -> bool {
        matches!(self, Self::SendInTime | Self::ReceiveInTime)
    }

    /// How many items it moves at once, at most.
    pub(super) fn at_once(self) -> u8 {
        if matches!(self, Self::SendSlices | Self::SendPairs | Self::ReceiveSlices) { 2 } else { 1 }
    }
}

/// A thread, a process of its own, and how many items it moves before it is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) does: Does,
    pub(super) items: u8,
}

/// When an operation commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commits {
    /// Behind its copies, with the lock.
    Last,
    /// Before them.
    First,
    /// Behind them, having given the lock up.
    Unlocked,
}

/// How a waiter says that it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announces {
    /// By the bell's next stroke.
    Stroke,
    /// By a flag that is always the same.
    Flag,
    /// Not at all.
    Not,
}

/// When who saw that somebody waits says that nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clears {
    /// When it woke fewer than it could have, and by an exchange of what it saw.
    ExchangeIfFewer,
    /// The same, by a store.
    StoreIfFewer,
    /// In any case, by an exchange.
    Exchange,
}

/// How whoever closes, or goes as the last of its side, tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// It says so, then rings both bells, and wakes all who sleep on them.
    SaysThenRings,
    /// It rings first.
    RingsThenSays,
    /// It wakes all, and rings no bell.
    Silent,
    /// It rings only the bell of one side.
    RingsOnce,
    /// It wakes one of each side.
    WakesOne,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) cast: &'static [Part],
    /// Room for how many items: 1 or 2.
    pub(super) capacity: u8,
    /// Who is done gives its end of the queue up; otherwise it keeps it, and others wait for it for ever.
    pub(super) leaves: bool,
    /// The two locks; `bounded`, also of the sleeps on the bells.
    pub(super) locking: Locking,
    pub(super) send_commits: Commits,
    pub(super) receive_commits: Commits,
    /// A waiter takes the other side's lock to announce itself.
    pub(super) waits_locked: bool,
    /// It looks at the other side's position again under that lock.
    pub(super) looks_again: bool,
    pub(super) announces: Announces,
    /// It looks whether it is over after it has read the bell.
    pub(super) bell_read_first: bool,
    /// A receiver that finds that it is over tries once more before it goes.
    pub(super) tries_again: bool,
    /// Who closes takes the lock of the senders for it.
    pub(super) closes_locked: bool,
    /// The kernel compares the bell before it lets somebody sleep.
    pub(super) compared: bool,
    /// Who commits looks whether somebody waits before it gives the lock up, and rings.
    pub(super) rings: bool,
    /// It wakes.
    pub(super) wakes: bool,
    /// It wakes as many as it moved, rather than one.
    pub(super) wakes_as_many: bool,
    /// It wakes everybody.
    pub(super) wakes_all: bool,
    pub(super) clears: Clears,
    pub(super) ends: Ends,
    /// Who is out of time tries once more before it goes.
    pub(super) last_look: bool,
    /// The position of the other side is looked at again when what is remembered of it is not enough.
    pub(super) refreshes: bool,
    /// Who takes a lock from a dead owner commits what that one may have been about to.
    pub(super) completes: bool,
}

/// The protocol that ships.
pub(super) const QUEUE: Protocol = Protocol {
    cast: &[],
    capacity: 1,
    leaves: true,
    locking: OWNER_LOCK,
    send_commits: Commits::Last,
    receive_commits: Commits::Last,
    waits_locked: true,
    looks_again: true,
    announces: Announces::Stroke,
    bell_read_first: true,
    tries_again: true,
    closes_locked: true,
    compared: true,
    rings: true,
    wakes: true,
    wakes_as_many: true,
    wakes_all: false,
    clears: Clears::ExchangeIfFewer,
    ends: Ends::SaysThenRings,
    last_look: true,
    refreshes: true,
    completes: false,
};
