//! Bugs that the model checker must find: without them, a model that passes could be a model that sees nothing.
//!
//! Each machine asks [`planted`] where a bug could sit. In an ordinary build the answer is the constant `false`
//! and costs nothing; in the model checker's build a test plants one bug at a time and expects a failure.

/// A mistake that a machine makes when a test asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(test, loom)), allow(dead_code, reason = "some sit in the checker's own kernel"))]
pub(crate) enum Bug {
    /// `OwnerLock::unlock` does not order the guarded writes before the release.
    RelaxedRelease,
    /// `OwnerLock::lock` does not order the guarded reads after the acquisition.
    RelaxedAcquire,
    /// The kernel's one-step release wakes nobody (planted in the checker's own kernel).
    MissingWake,
    /// `OwnerLock::lock` drops the WAITERS bit that it found.
    ForgottenWaiters,
    /// `OwnerLock::lock` takes from an owner without asking whether it is dead.
    StealFromTheLiving,
    /// `OwnerLock::orphan` does not hand on what the dead owner did.
    RelaxedOrphan,
    /// `PoisonLock::lock` does not note that the last owner died.
    CauseForgotten,
    /// `Snapshot::read` does not look at the version again after copying.
    VersionNotReread,
    /// `Snapshot::read` looks at the version again, but nothing orders that after the copying.
    RereadUnordered,
    /// `Snapshot::write` writes the copy that readers are directed to.
    CurrentCopyWritten,
    /// `Snapshot::write` starts on a copy without ordering that after the version that retired it.
    CopyUnordered,
    /// `Snapshot::write` publishes the version without ordering the copy before it.
    RelaxedCommit,
    /// `Seat::close` does not order its store before the scan that follows.
    CloseUnfenced,
    /// `OutcomeWord::commit` does not order the bytes before the word.
    RelaxedOutcome,
}

/// Returns whether the running test planted `bug`: never, outside the model checker's build.
#[cfg(not(all(test, loom)))]
#[inline(always)]
pub(super) const fn planted(_bug: Bug) -> bool {
    false
}

#[cfg(all(test, loom))]
pub(super) use super::tests::planted;
