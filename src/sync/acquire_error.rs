//! Why permits of a semaphore were not taken, or not added.

/// Why permits were not taken, though their time was not limited. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// More permits were asked for than the semaphore can ever have.
    #[error("the semaphore never has so many permits")]
    TooMany,
    /// The calling thread is in the middle of a change of this semaphore already: a signal handler interrupted it there.
    #[error("this thread is at work on the semaphore already")]
    WouldDeadlock,
}

/// Why permits were not taken that were only tried for. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// Not so many are free, or somebody was stopped in the middle of a change, and that was waited for in vain for a millisecond.
    #[error("not so many permits are free")]
    NoPermits,
    /// More permits were asked for than the semaphore can ever have.
    #[error("the semaphore never has so many permits")]
    TooMany,
    /// The calling thread is in the middle of a change of this semaphore already: a signal handler interrupted it there.
    #[error("this thread is at work on the semaphore already")]
    WouldDeadlock,
}

/// Why permits were not taken in time. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimedAcquireError {
    /// The time was up before so many were free.
    #[error("not so many permits came free in time")]
    TimedOut,
    /// More permits were asked for than the semaphore can ever have.
    #[error("the semaphore never has so many permits")]
    TooMany,
    /// The calling thread is in the middle of a change of this semaphore already: a signal handler interrupted it there.
    #[error("this thread is at work on the semaphore already")]
    WouldDeadlock,
}

/// Why permits were not added. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// There would be more than the bound of the semaphore, or more than 2^32 - 1.
    #[error("the semaphore would have more permits than it may")]
    TooMany,
    /// The calling thread is in the middle of a change of this semaphore already: a signal handler interrupted it there.
    #[error("this thread is at work on the semaphore already")]
    WouldDeadlock,
}
