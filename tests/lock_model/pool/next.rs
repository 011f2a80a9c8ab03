//! What everybody does next.

/// A worker's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Work {
    /// `take`: reads `head`, the entry there, and `head` again if the entry is another one.
    TakeHead,
    TakeEntry {
        h: u8,
    },
    TakeAgain {
        h: u8,
    },
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
    RingAsked {
        won: Option<u8>,
    },
    KickAsked {
        won: Option<u8>,
    },
    /// Gives its slot back; `i` is what it claimed, if anything.
    GiveBack {
        i: Option<u8>,
    },
    /// Looks whether there is more, and wakes somebody.
    MoreHead {
        i: Option<u8>,
    },
    MoreEntry {
        i: Option<u8>,
        h: u8,
    },
    MoreAgain {
        i: Option<u8>,
        h: u8,
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
    LastHead {
        v: u8,
    },
    LastEntry {
        v: u8,
        h: u8,
    },
    LastAgain {
        v: u8,
        h: u8,
    },
    Sleep {
        v: u8,
    },
    Asleep {
        v: u8,
    },
    ClearIdle,
    Dead,
}

/// How somebody idle is woken: no spinner, a bit taken, `call` counted up, the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Waking {
    Spin,
    Bit,
    Call(u8),
    Kick(u8),
    /// Burial: every sleeper from this one on.
    AllCall(u8),
    AllKick(u8),
}

/// How the ring is filled from the backlog, with the parent's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Submit {
    Begin,
    /// Makes the record Queued.
    Queue {
        i: u8,
    },
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
}

/// The supervisor's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Watch {
    /// Takes RUNG back.
    Begin,
    /// Hears of deaths.
    Hear,
    /// Takes the list, and walks it.
    Take,
    Walk {
        at: u8,
    },
    Lease {
        w: u8,
    },
    State {
        w: u8,
        i: u8,
    },
    WakeWaiter {
        w: u8,
        i: u8,
    },
    ClearSlot {
        w: u8,
    },
    ClearBit {
        w: u8,
    },
    Refill,
    Post(Post),
    Hire,
    Rest,
    Sleep,
    Asleep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flags {
    pub(super) waited: bool,
    pub(super) noticed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Low {
    pub(super) worker: u8,
    pub(super) flags: Flags,
    pub(super) phase: Phase,
}

/// The word `noticed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Noticed {
    /// Index + 1 of the record on top.
    pub(super) top: u8,
    pub(super) rung: bool,
    pub(super) asleep: bool,
}
