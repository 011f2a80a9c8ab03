//! What a thread does next.

use super::{Crowd, Word};

/// Where a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Berth(u8),
    Crowd(Crowd),
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Next {
    Begin,
    Lock,
    /// Has the mutex for the first time, or after a wait that ended like this.
    Inside(Waited),
    /// The control counts its arrival before it has a berth.
    CountEarly,
    TakeBerth,
    CountArrival(Place),
    JoinCrowd,
    /// Lets the mutex go to wait; the control takes its berth only then.
    Part(Option<Place>),
    Look(Place),
    SaySleeps(u8, Word),
    Sleep(Place, Word),
    Asleep(Place),
    /// Ran out of time.
    GiveUp(Place),
    Relock(Waited, Option<Place>),
    FreeBerth(Waited, Place),
    Unlock,
    /// Adds an item.
    Add,
    UnlockToNotify,
    /// Says that the process takes part.
    Touch,
    CallCrowd(Then),
    WakeCrowd(Then),
    ReadArrivals(Then),
    CheckServed(Then, u8),
    /// Looks for somebody to grant, `left` words unseen.
    Grant {
        at: u8,
        left: u8,
        arrivals: u8,
        then: Then,
    },
    /// The control stores what it made of the word that it saw.
    GrantByStore {
        at: u8,
        left: u8,
        arrivals: u8,
        then: Then,
        seen: Word,
    },
    WakeWord {
        at: u8,
        left: u8,
        arrivals: u8,
        then: Then,
    },
    Serve(Then, u8),
    /// Grants everything in this word.
    GrantAll {
        at: u8,
        then: Then,
    },
    WakeGranted {
        at: u8,
        then: Then,
    },
    /// Wakes those whom somebody granted and did not wake.
    WakeTaken {
        at: u8,
        then: Then,
    },
    /// The waiters of the dead wait no more.
    Close {
        dead: u8,
        place: Place,
    },
    Empty {
        dead: u8,
        place: Place,
    },
    Done,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Waited {
    Not,
    Granted,
    InVain,
}

/// What a notify is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Then {
    /// A notify of one or all; those who waited when it began, a bit each, and whether it has granted something.
    Notified { all: bool, waiting: u8, given: bool },
    /// A sleeper's look at the others.
    Looked(Place),
    /// The burial of a dead process.
    Buried { dead: u8, place: Place },
}
