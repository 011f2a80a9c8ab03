//! What everybody does next.

/// A worker's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Work {
    /// `take`: looks what is at `head`.
    Take(Look),
    Lease {
        h: u8,
        i: u8,
    },
    /// Looks at the record; claims it by an exchange of what was seen.
    Claim {
        h: u8,
        i: u8,
    },
    ClaimSeen {
        h: u8,
        i: u8,
        flags: Flags,
    },
    /// The control that writes its lease late.
    LateLease {
        h: u8,
        i: u8,
    },
    /// Moves `head`; `won` is the record that was claimed.
    Advance {
        h: u8,
        won: Option<u8>,
    },
    /// Looks whether there is a backlog, and rings for it.
    LookAsked {
        won: Option<u8>,
        h: u8,
    },
    /// Takes the wish for more away, as it was seen; rings; wakes the supervisor.
    TakeAsked {
        won: Option<u8>,
        wanted: u8,
    },
    RingAsked {
        won: Option<u8>,
    },
    KickAsked {
        won: Option<u8>,
    },
    /// Clears its lease: it did not get the task.
    DropLease,
    /// Gives its slot back; `i` is what it claimed, if anything.
    GiveBack {
        i: Option<u8>,
    },
    /// Looks whether there is more, and wakes somebody.
    More {
        i: Option<u8>,
        at: Look,
    },
    MoreWake {
        i: Option<u8>,
        at: Waking,
    },
    Run {
        i: u8,
    },
    /// It may take a slot before it ends the task.
    EarlySlot {
        i: u8,
    },
    /// The final state.
    End {
        i: u8,
    },
    EndStore {
        i: u8,
        flags: Flags,
    },
    /// Wakes who waits.
    WakeWaiter {
        i: u8,
        flags: Flags,
    },
    PushLook {
        i: u8,
    },
    PushLink {
        i: u8,
        seen: Noticed,
    },
    Push {
        i: u8,
        seen: Noticed,
    },
    KickSupervisor {
        i: u8,
    },
    ClearLease,
    /// Found its task condemned.
    Stopped,
    TrySlot,
    /// Spins, for as long as it likes.
    Spin,
    ReadCall,
    SetIdle {
        v: u8,
    },
    /// The last look before it sleeps: whether there is nothing more to come, and at the ring.
    IsOver {
        v: u8,
    },
    Last {
        v: u8,
        at: Look,
    },
    Sleep {
        v: u8,
    },
    Asleep {
        v: u8,
    },
    ClearIdle {
        ends: bool,
    },
    /// Whether it may end.
    MayEnd,
    Dead,
}

/// How somebody idle is woken: no spinner, a bit taken, `call` counted up, the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Waking {
    Spin,
    Bit,
    Call(u8),
    Kick(u8),
}

/// A look at the ring: `head`, the entry there, and `head` again if the entry is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Look {
    Head,
    Entry { h: u8 },
    Again { h: u8 },
}

/// How the ring is filled from the backlog, with the parent's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Post {
    /// The control that looks at the spinners first.
    EarlyWake(Waking),
    Room,
    Entry,
    Ask,
    RoomAgain,
    Wake(Waking),
}

/// The submitting thread's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Submit {
    Begin,
    Post(Post),
    /// Looks at the state; sets WAITED.
    Look {
        i: u8,
    },
    Sleep {
        i: u8,
        seen: Low,
    },
    Asleep {
        i: u8,
    },
    Kill {
        worker: u8,
        generation: u8,
    },
    /// Rings for the end, and waits for that.
    RingEnd,
    WakeEnd,
    AwaitEnd,
}

/// The supervisor's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Watch {
    /// Takes RUNG back.
    Answer,
    /// Learns who is gone.
    Hear,
    /// Takes the list, and walks it.
    Take,
    Walk {
        at: u8,
    },
    /// Burial: the slot, the bit, the lease, the record.
    ClearSlot {
        w: u8,
    },
    ClearBit {
        w: u8,
    },
    Lease {
        w: u8,
    },
    Record {
        w: u8,
        i: u8,
    },
    /// Wakes who waits for what the dead worker ended, and delivers that use of the record.
    Ended {
        w: u8,
        i: u8,
        seq: u8,
    },
    Deliver {
        w: u8,
        i: u8,
        seq: u8,
    },
    WakeWaiter {
        w: u8,
        i: u8,
    },
    Refill,
    Post(Post),
    /// Whether all is done that is to be done before the end: the ring and the backlog, then each lease.
    IsDrained,
    IsLeased {
        w: u8,
    },
    /// Says that there is nothing more to come, and calls everybody.
    SayOver,
    EndCall {
        w: u8,
    },
    EndKick {
        w: u8,
    },
    HireSoon,
    Rest,
    Sleep,
    Asleep,
    /// Has slept.
    Woken,
    Over,
}

/// The thread that hires workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Hirer {
    No,
    Hires,
    Hired,
}

/// Whoever rings for a death, or because somebody was hired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Knell {
    No,
    Rings,
    Wakes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Flags {
    pub(super) waited: bool,
    pub(super) noticed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    Free,
    Queued,
    Running,
    Condemned,
    Returned,
    Died,
    Cancelled,
    TimedOut,
}

impl Phase {
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Returned | Self::Died | Self::Cancelled | Self::TimedOut)
    }
}

/// The half of a state that the kernel compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Low {
    pub(super) worker: u8,
    pub(super) flags: Flags,
    pub(super) phase: Phase,
}

/// The word `noticed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Noticed {
    /// Index + 1 of the record on top.
    pub(super) top: u8,
    pub(super) rung: bool,
    pub(super) asleep: bool,
}
