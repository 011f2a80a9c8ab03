//! Deadlines: absolute points on the monotonic clock, so that interruptions cannot lengthen a wait.

#![allow(unsafe_code)]
// Unsafe for one reason: the clock as a bare number.

use std::time::{Duration, Instant};

/// Returns the time of the monotonic clock in milliseconds. For intervals, not for deadlines.
pub(crate) fn milliseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live, writable timespec; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.cast_unsigned() * 1000 + now.tv_nsec.cast_unsigned() / 1_000_000
}

/// The moment at which a wait gives up, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// Returns the deadline that never comes.
    pub(crate) const fn never() -> Self {
        Self(None)
    }

    /// Tells whether this is the deadline that never comes.
    pub(crate) const fn is_never(self) -> bool {
        self.0.is_none()
    }

    /// Returns the deadline `timeout` from now. What lies beyond the clock's range never comes.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    /// Returns the deadline at `instant`.
    pub(crate) const fn at(instant: Instant) -> Self {
        Self(Some(instant))
    }

    /// Returns the time left: zero once the deadline has passed, `None` if it never comes.
    pub(crate) fn remaining(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Returns the time left, but `limit` at most: the length of one round of a wait.
    pub(crate) fn remaining_up_to(self, limit: Duration) -> Duration {
        self.remaining().map_or(limit, |left| left.min(limit))
    }

    /// Tells whether the deadline has passed. `true` is final.
    pub(crate) fn expired(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
}

/// Returns `duration` as the kernel takes it. What does not fit becomes the longest that does.
pub(super) fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        // Below 10^9, which every `c_long` holds.
        tv_nsec: duration.subsec_nanos() as libc::c_long,
    }
}
