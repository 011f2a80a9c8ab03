//! Permits as a process holds them, and what both semaphores have in common.

use std::alloc::Layout;
use std::fmt;
use std::time::Duration;

use super::acquire_error::{AcquireError, ReleaseError, TimedAcquireError, TryAcquireError};
use crate::algo::{Form, Permits, Refused};
use crate::message::{DecodeError, Measure, Reader, Writer};
use crate::segment::AllocError;
use crate::segment::bearing::Bearing;
use crate::segment::container::Use;
use crate::segment::member;
use crate::sys::Deadline;

/// How long who only tries waits for somebody who is in the middle of a change: some instructions, unless that one is stopped.
const BRIEFLY: Duration = Duration::from_millis(1);

/// A handle to permits in shared memory.
#[derive(Clone)]
pub(super) struct Supply {
    bearing: Bearing,
}

impl Supply {
    /// Makes `permits`, of which there may be `bound`.
    pub(super) fn new(permits: u32, bound: u32) -> Result<Self, AllocError> {
        let this = Self { bearing: Bearing::allocate(Form::Semaphore, Layout::new::<()>())? };
        this.permits().make(permits, bound);
        Ok(this)
    }

    #[inline]
    pub(super) fn permits(&self) -> Permits<'_> {
        Permits::of(self.bearing.head(), self.bearing.tally())
    }

    /// Takes `count` permits.
    #[inline]
    pub(super) fn acquire(&self, count: u32) -> Result<Permit<'_>, AcquireError> {
        if self.acquire_free(count) {
            return Ok(self.permit(count));
        }
        match self.wait(count, Deadline::never()) {
            Ok(()) => Ok(self.permit(count)),
            Err(Refused::TooMany) => Err(AcquireError::TooMany),
            // Without a deadline nothing times out.
            Err(Refused::Reentered | Refused::NotNow) => Err(AcquireError::WouldDeadlock),
        }
    }

    /// Takes `count` permits if they are free.
    #[inline]
    pub(super) fn try_acquire(&self, count: u32) -> Result<Permit<'_>, TryAcquireError> {
        if self.acquire_free(count) {
            return Ok(self.permit(count));
        }
        match self.try_briefly(count) {
            Ok(()) => Ok(self.permit(count)),
            Err(Refused::NotNow) => Err(TryAcquireError::NoPermits),
            Err(Refused::TooMany) => Err(TryAcquireError::TooMany),
            Err(Refused::Reentered) => Err(TryAcquireError::WouldDeadlock),
        }
    }

    /// Takes `count` permits before `deadline`, which is asked for only when there is need of it.
    #[inline]
    pub(super) fn acquire_by(
        &self,
        count: u32,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<Permit<'_>, TimedAcquireError> {
        if self.acquire_free(count) {
            return Ok(self.permit(count));
        }
        match self.wait(count, deadline()) {
            Ok(()) => Ok(self.permit(count)),
            Err(Refused::NotNow) => Err(TimedAcquireError::TimedOut),
            Err(Refused::TooMany) => Err(TimedAcquireError::TooMany),
            Err(Refused::Reentered) => Err(TimedAcquireError::WouldDeadlock),
        }
    }

    #[inline]
    fn acquire_free(&self, count: u32) -> bool {
        self.permits().acquire_free(member::locker(), count, &member::park())
    }

    #[cold]
    fn wait(&self, count: u32, deadline: Deadline) -> Result<(), Refused> {
        self.permits().acquire(member::locker(), count, &member::park_until(deadline))
    }

    #[cold]
    fn try_briefly(&self, count: u32) -> Result<(), Refused> {
        let park = member::park_until(Deadline::after(BRIEFLY));
        self.permits().try_acquire(member::locker(), count, &park)
    }

    /// Adds `count` permits.
    pub(super) fn release(&self, count: u32) -> Result<(), ReleaseError> {
        self.permits().release(member::locker(), count, &member::park()).map_err(|refused| match refused {
            Refused::TooMany => ReleaseError::TooMany,
            Refused::Reentered | Refused::NotNow => ReleaseError::WouldDeadlock,
        })
    }

    /// Where the permits are: for tests, which damage them.
    #[cfg(test)]
    pub(super) fn bearing(&self) -> &Bearing {
        &self.bearing
    }

    #[inline]
    fn permit(&self, count: u32) -> Permit<'_> {
        Permit { supply: self, count, generation: member::generation() }
    }

    pub(super) fn measure(measure: &mut Measure) {
        measure.handle();
    }

    pub(super) fn encode(self, to: &mut Writer<'_>, used: Use) {
        to.shared(self.bearing.into_block(), used);
    }

    pub(super) fn decode(from: &mut Reader<'_>, used: Use) -> Result<Self, DecodeError> {
        let block = from.shared(used)?;
        Bearing::adopt(block, Form::Semaphore, Layout::new::<()>())
            .map(|bearing| Self { bearing })
            .ok_or(DecodeError::Foreign("the block of a semaphore is not one"))
    }
}

/// Permits of a [`Semaphore`](super::Semaphore) or a [`BoundedSemaphore`](super::BoundedSemaphore) that this process holds. They are
/// given back when it is dropped.
///
/// The process holds them, not the thread: any thread of it may drop them. A child holds nothing of what its parent held when it was
/// forked, and a copy that a fork made gives nothing back. A permit that is leaked ([`std::mem::forget`]) is held for as long as the process
/// lives.
#[must_use = "the permits are given back at once if this is not kept"]
pub struct Permit<'a> {
    supply: &'a Supply,
    count: u32,
    /// Of the process that holds them.
    generation: u64,
}

impl Permit<'_> {
    /// Returns how many permits these are.
    #[doc(alias = "num_permits")]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Gives the permits up without giving them back: the semaphore has so many less, until somebody releases new ones.
    ///
    /// Blocks for some instructions while somebody else changes the semaphore, and longer if that one is stopped there. If this process is
    /// killed meanwhile, the permits are gone, or they come back.
    ///
    /// # Examples
    /// A place is taken for good:
    /// ```
    /// use procshare::sync::Semaphore;
    ///
    /// let places = Semaphore::new(3)?;
    /// places.acquire()?.forget();
    /// assert_eq!(places.available_permits(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget(self) {
        if self.is_ours() {
            // An error means that a signal handler interrupted a change: then they stay held by this process.
            let _ = self.supply.permits().forget(member::locker(), self.count, &member::park());
        }
        std::mem::forget(self);
    }

    #[inline]
    fn is_ours(&self) -> bool {
        self.generation == member::generation()
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.is_ours() {
            // As in `forget`.
            let _ = self.supply.permits().give_back(member::locker(), self.count, &member::park());
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count).finish_non_exhaustive()
    }
}

/// Gives a semaphore, a struct around a [`Supply`], the verbs that do not differ.
macro_rules! semaphore {
    ($name:ident, $used:expr) => {
        impl $name {
            /// Takes a permit.
            ///
            /// Blocks until one is free. Whoever comes first takes it: there is no order among those who wait.
            ///
            /// # Errors
            /// [`AcquireError::TooMany`] if there can never be one.
            #[inline]
            pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
                self.0.acquire(1)
            }

            /// Takes `count` permits, all at once.
            ///
            /// Blocks until so many are free at the same time. Others, who want less, may take theirs meanwhile: nothing is kept back for
            /// a large request.
            ///
            /// # Errors
            /// [`AcquireError::TooMany`] if there can never be so many.
            #[inline]
            pub fn acquire_many(&self, count: u32) -> Result<Permit<'_>, AcquireError> {
                self.0.acquire(count)
            }

            /// Takes a permit if one is free.
            ///
            /// Does not block, but for a millisecond at most if somebody was stopped in the middle of a change. What a dead one held
            /// is found free as soon as its death was noticed, at the latest by a try 50 ms after it.
            ///
            /// # Errors
            /// [`TryAcquireError::NoPermits`] if none is free.
            #[inline]
            pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
                self.0.try_acquire(1)
            }

            /// Takes `count` permits if so many are free, as [`try_acquire`](Self::try_acquire) does.
            ///
            /// # Errors
            /// [`TryAcquireError::NoPermits`] if there are less; [`TryAcquireError::TooMany`] if there can never be so many.
            #[inline]
            pub fn try_acquire_many(&self, count: u32) -> Result<Permit<'_>, TryAcquireError> {
                self.0.try_acquire(count)
            }

            /// Takes a permit, waiting for `timeout` at most. The clock is monotonic.
            ///
            /// # Errors
            /// [`TimedAcquireError::TimedOut`], and those of [`acquire`](Self::acquire).
            #[inline]
            pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, TimedAcquireError> {
                self.0.acquire_by(1, || Deadline::after(timeout))
            }

            /// Takes a permit, waiting until `deadline` at most.
            ///
            /// # Errors
            /// [`TimedAcquireError::TimedOut`], and those of [`acquire`](Self::acquire).
            #[inline]
            pub fn acquire_until(&self, deadline: Instant) -> Result<Permit<'_>, TimedAcquireError> {
                self.0.acquire_by(1, || Deadline::at(deadline))
            }

            /// Takes `count` permits, all at once, waiting for `timeout` at most. The clock is monotonic.
            ///
            /// # Errors
            /// [`TimedAcquireError::TimedOut`], and those of [`acquire_many`](Self::acquire_many).
            #[inline]
            pub fn acquire_many_timeout(
                &self,
                count: u32,
                timeout: Duration,
            ) -> Result<Permit<'_>, TimedAcquireError> {
                self.0.acquire_by(count, || Deadline::after(timeout))
            }

            /// Takes `count` permits, all at once, waiting until `deadline` at most.
            ///
            /// # Errors
            /// [`TimedAcquireError::TimedOut`], and those of [`acquire_many`](Self::acquire_many).
            #[inline]
            pub fn acquire_many_until(
                &self,
                count: u32,
                deadline: Instant,
            ) -> Result<Permit<'_>, TimedAcquireError> {
                self.0.acquire_by(count, || Deadline::at(deadline))
            }

            /// Returns how many permits are free. Never blocks; another process may change that at once.
            ///
            /// What a dead one held is counted once its death was noticed.
            #[doc(alias = "get_value")]
            pub fn available_permits(&self) -> u32 {
                self.0.permits().available()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("available_permits", &self.available_permits())
                    .finish_non_exhaustive()
            }
        }

        /// The handle travels, not the permits: sender and receiver take from the same.
        impl Message for $name {
            fn measure(&self, measure: &mut Measure) {
                Supply::measure(measure);
            }

            fn encode(self, to: &mut Writer<'_>) {
                self.0.encode(to, $used);
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Supply::decode(from, $used).map(Self)
            }
        }
    };
}
pub(super) use semaphore;
