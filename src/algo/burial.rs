//! What the sweep does for a dead participant at the machines that counted what it held.
//!
//! Runs after the death of the whole process and of all it forked, before anybody else gets its seat, by one sweeper at a
//! time, while the living go on. So each machine's part is without locks, and may be repeated: a sweeper may be
//! killed half way.

use super::{Berths, Crossing, Form, Head, Park, Permits, Tally, rw_lock};

/// A dead participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) slot: u16,
    pub(crate) pid: u32,
    /// It returned what it was asked for: nothing was left half done.
    pub(crate) returned: bool,
}

/// Takes what `late` held in a block of `form` from it, and wakes those who wait for it.
pub(crate) fn bury<P: Park>(form: Form, head: &Head, tally: Tally<'_>, late: Late, park: &P) {
    match form {
        Form::Lock | Form::Words => {}
        Form::RwLock => rw_lock::bury(head, tally, late, park),
        Form::Semaphore => Permits::of(head, tally).bury(late.slot, park),
        Form::Condvar => Berths::of(head, tally).bury(late, park),
        Form::Barrier => Crossing::of(head, tally).bury(late, park),
    }
}
