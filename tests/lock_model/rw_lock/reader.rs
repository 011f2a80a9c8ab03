//! What the steps of a reader do.

use super::protocol::{Does, Protocol};
use super::{Next, State, Then};
use crate::locker::Lock;

impl State {
    /// Takes a reader's count back, and says what comes next.
    fn uncount(&mut self, slot: u8, then: Then, protocol: Protocol) -> Next {
        let cell = &mut self.cells[usize::from(slot)];
        cell.count -= 1;
        let awaited = cell.mark && cell.count == 0 && protocol.wakes_writer;
        if awaited { Next::ClearMark(then) } else { Self::after(then) }
    }

    /// What a reader's step does; `None` if it cannot take one.
    pub(super) fn read(
        &mut self,
        me: usize,
        at: Next,
        protocol: Protocol,
        to: &mut Vec<Self>,
    ) -> Option<Next> {
        let slot = protocol.cast[me].slot;
        let enters = !(self.word.has_owner() || self.word.died && protocol.heeds_died);
        let woken = self.threads[me].slept && protocol.cast[me].does != Does::TryRead;
        let inside = if woken && protocol.wakes_others { Next::WakeOthers } else { Next::Reading };
        Some(match at {
            Next::Count if protocol.counts_first => {
                self.cells[usize::from(slot)].count += 1;
                Next::Check
            }
            // The control looks first.
            Next::Count if enters => Next::Check,
            Next::Count => Next::Wait(Lock::Look(None)),
            Next::Check if !protocol.counts_first => {
                self.cells[usize::from(slot)].count += 1;
                inside
            }
            Next::Check if enters => inside,
            Next::Check if protocol.backs_out => Next::BackOut,
            Next::Check => Next::Wait(Lock::Look(None)),
            Next::BackOut => {
                let then = match protocol.cast[me].does {
                    Does::TryRead if self.threads[me].slept => Then::Begin,
                    Does::TryRead => Then::Try,
                    _ => Then::Wait,
                };
                self.threads[me].slept |= then == Then::Try;
                self.uncount(slot, then, protocol)
            }
            Next::Wait(Lock::Look(_)) if enters => {
                if protocol.backs_out {
                    Next::Count
                } else {
                    Next::Check
                }
            }
            Next::Wait(at) => return self.lock(me, at, protocol, Next::Wait, to),
            Next::WakeOthers => {
                self.wake_all();
                Next::Reading
            }
            _ => self.uncount(slot, Then::Begin, protocol),
        })
    }
}
