//! Why something that is to be done once was not.

use super::error::Cause;

/// Why a call of something that is done once did not end well.
///
/// A [`OnceValue`](super::OnceValue) is never poisoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnceError {
    /// Somebody began it and failed. It is not done; [`call_once_force`](super::Once::call_once_force) tries again.
    #[error("what was to be done once failed: {0}")]
    Poisoned(Cause),
    /// The calling thread is the one that is doing it. It goes on.
    #[error("this thread is doing it already")]
    WouldDeadlock,
}

/// Why a call that does not wait did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryOnceError {
    /// Somebody began it and failed. It is not done.
    #[error("what was to be done once failed: {0}")]
    Poisoned(Cause),
    /// The calling thread is the one that is doing it. It goes on.
    #[error("this thread is doing it already")]
    WouldDeadlock,
    /// Somebody else is at it. Nothing was run.
    #[error("somebody else is doing it")]
    WouldBlock,
}

/// Why a call that waits with a limit did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimedOnceError {
    /// Somebody began it and failed. It is not done.
    #[error("what was to be done once failed: {0}")]
    Poisoned(Cause),
    /// The calling thread is the one that is doing it. It goes on.
    #[error("this thread is doing it already")]
    WouldDeadlock,
    /// The time was up before it was done. Nothing was run.
    #[error("it was not done in time")]
    TimedOut,
}

impl TimedOnceError {
    /// The error of a call without a limit.
    pub(super) fn untimed(self) -> OnceError {
        match self {
            Self::Poisoned(cause) => OnceError::Poisoned(cause),
            // Without a deadline nothing times out.
            Self::WouldDeadlock | Self::TimedOut => OnceError::WouldDeadlock,
        }
    }
}

impl From<crate::algo::LockError> for TimedOnceError {
    fn from(error: crate::algo::LockError) -> Self {
        match error {
            crate::algo::LockError::TimedOut => Self::TimedOut,
            crate::algo::LockError::WouldDeadlock => Self::WouldDeadlock,
        }
    }
}
