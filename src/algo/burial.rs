//! What the sweep does for a dead participant at the machines that counted what it held.
//!
//! Runs after the death of the whole process and of all it forked, before anybody else gets its seat, by one sweeper at a
//! time, while the living go on. So each machine's part is without locks, and may be repeated: a sweeper may be
//! killed half way.

use super::{Berths, Borne, Crossing, Fifo, Form, Park, Permits, rw_lock, tasks};

/// A dead participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) slot: u16,
    pub(crate) pid: u32,
    /// It returned what it was asked for: nothing was left half done.
    pub(crate) returned: bool,
}

/// Takes what `late` held in a block of `form` from it, and wakes those who wait for it.
pub(crate) fn bury<P: Park>(form: Form, borne: Borne<'_>, late: Late, park: &P) {
    match (form, borne) {
        (Form::RwLock, Borne::Head(head, tally)) => rw_lock::bury(head, tally, late, park),
        (Form::Semaphore, Borne::Head(head, tally)) => Permits::of(head, tally).bury(late.slot, park),
        (Form::Condvar, Borne::Head(head, tally)) => Berths::of(head, tally).bury(late, park),
        (Form::Barrier, Borne::Head(head, tally)) => Crossing::of(head, tally).bury(late, park),
        (Form::Queue, Borne::Queue(words, ends)) => Fifo::of(words, ends).bury(late.slot, late.pid, park),
        (Form::Tasks, Borne::Queue(words, ends)) => {
            Fifo::of(words, ends).bury(late.slot, late.pid, park);
            tasks::bury(words, ends, late.slot, park);
        }
        (Form::Lane, Borne::Lane(words)) => words.bury(late, park),
        _ => {}
    }
}
