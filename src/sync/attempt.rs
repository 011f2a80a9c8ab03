//! One run of what is to be done once: it ends by a commit, or by a panic.

use crate::algo::{Completion, Failing, Owner};
use crate::segment::member;

/// The right to do the work. Dropped without a commit, the work is to be done still.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    work: Completion<'a>,
    /// Who holds the lock: a copy of the attempt that fork made is in other hands, and ends nothing.
    me: Owner,
    /// Whether others are to hear of a panic.
    poisons: bool,
}

impl<'a> Attempt<'a> {
    /// Begins `work`, whose lock `me`, this thread, has just taken.
    pub(super) fn start(work: Completion<'a>, me: Owner, poisons: bool) -> Self {
        work.start();
        Self { work, me, poisons }
    }

    /// Says that the work is done, once `fill` has stored the last of it.
    pub(super) fn commit(self, fill: impl FnOnce()) {
        if member::is_locker(self.me) {
            self.work.commit(fill, &member::park());
        }
        std::mem::forget(self);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if member::is_locker(self.me) {
            let failing = Failing { pid: std::process::id(), panicked: true };
            self.work.fail(self.poisons.then_some(failing), &member::park());
        }
    }
}
