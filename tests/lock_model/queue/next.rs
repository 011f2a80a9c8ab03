//! What a thread does next.

use super::protocol::Commits;
use crate::locker::{Lock, Unlock};

/// The next step of a thread. Its own side is the one whose position it moves; the other one's lock it takes to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Next {
    /// Moves what is left to move, or goes.
    Begin,
    /// Takes the lock of its own side.
    Lock(Lock),
    /// The control that completes what a dead owner began.
    Complete,
    /// A sender looks whether the queue is closed, or may have no receiver left; then whether it has.
    CheckFlags,
    CheckGone,
    /// Looks at the other side's position, what is remembered of it not being enough.
    Refresh,
    /// Copies the item `at` of `of` into the queue, or out of it.
    Copy {
        from: u8,
        at: u8,
        of: u8,
    },
    /// Moves the position, which was `from`.
    Commit {
        from: u8,
        of: u8,
    },
    /// Looks whether somebody waits.
    LookAwaited {
        moved: u8,
    },
    Ring {
        moved: u8,
        awaited: u8,
    },
    Unlock(Unlock, Then),
    /// Enters the kernel to wake.
    Wake {
        moved: u8,
        awaited: u8,
    },
    /// Says that nobody waits.
    Clear {
        awaited: u8,
    },
    /// Takes the lock of the other side.
    LockOther(Lock),
    /// Looks again at the other side's position.
    LookAgain,
    ReadBell,
    Announce {
        seen: u8,
    },
    /// Looks whether it is over: closed, or nobody left at the other end.
    LookFlags {
        seen: Option<u8>,
    },
    LookGone {
        seen: Option<u8>,
    },
    UnlockOther(Unlock, Then),
    /// Enters the kernel to sleep on the other side's bell.
    Sleep {
        seen: u8,
    },
    Asleep {
        seen: u8,
    },
    /// Closes the queue, or takes its own mark off.
    Say,
    /// Looks whether it was the last one of its side.
    LookLast,
    /// Says that nobody may be left there.
    Desert,
    /// Rings the bell of a side, and wakes all who sleep on it.
    RingEnd(u8),
    WakeEnd(u8),
    Done,
    Dead,
}

/// What comes after a lock has been given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Then {
    Begin,
    Wake {
        moved: u8,
        awaited: u8,
    },
    /// The control that commits without the lock.
    Commit {
        from: u8,
        of: u8,
    },
    Wait,
    LookFlags {
        seen: u8,
    },
    Sleep {
        seen: u8,
    },
    /// Tries again.
    Retry,
    /// Goes without the item, out of time.
    GiveUp,
    /// It is over.
    End,
    /// It is closed: tells those who sleep.
    Tell,
}

impl Next {
    /// Whether the lock of the thread's own side is held, by who commits like this.
    pub(super) fn holds_own(self, commits: Commits) -> bool {
        match self {
            Self::Complete | Self::CheckFlags | Self::CheckGone | Self::Refresh | Self::Copy { .. } => true,
            Self::Commit { .. } | Self::LookAwaited { .. } | Self::Ring { .. } => {
                commits != Commits::Unlocked
            }
            Self::Unlock(at, _) => at.holds(),
            _ => false,
        }
    }

    /// Whether the lock of the other side is held.
    pub(super) fn holds_other(self) -> bool {
        match self {
            Self::LookAgain | Self::ReadBell | Self::Announce { .. } => true,
            Self::UnlockOther(at, _) => at.holds(),
            _ => false,
        }
    }
}
