//! How a pool ends.

use std::time::Duration;

/// How a pool ends. See [`Pool::shutdown`](super::Pool::shutdown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shutdown {
    /// What was submitted is done first; what is not done within that time is cancelled, and its workers killed.
    #[doc(alias = "close")]
    Finish {
        /// How long the work may take.
        within: Duration,
    },
    /// What runs is finished, within that time; what is queued is cancelled.
    #[doc(alias = "cancel_futures")]
    CancelQueued {
        /// How long what runs may take.
        within: Duration,
    },
    /// What is queued is cancelled, and what runs is killed.
    #[doc(alias = "terminate")]
    Abort,
}

impl Shutdown {
    /// How long it may take before it becomes an [`Abort`](Self::Abort).
    pub(super) fn within(self) -> Duration {
        match self {
            Self::Finish { within } | Self::CancelQueued { within } => within,
            Self::Abort => Duration::ZERO,
        }
    }
}
