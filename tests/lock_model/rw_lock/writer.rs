//! What the steps of a writer do.

use super::protocol::{Does, Part, Protocol};
use super::{Cell, Next, State, Then, Thread};
use crate::locker::Unlock;

impl State {
    /// What a writer's step does; `None` if it cannot take one.
    pub(super) fn write(
        &mut self,
        me: usize,
        at: Next,
        protocol: Protocol,
        to: &mut Vec<Self>,
    ) -> Option<Next> {
        let Part { slot, does, .. } = protocol.cast[me];
        let Thread { owes_note, high, .. } = self.threads[me];
        let drained = |cell: u8| match owes_note {
            _ if cell + 1 < high => Next::Drain { cell: cell + 1, slept_on: None },
            true => Next::Note,
            false => Next::SetWriting,
        };
        let give_up = self.with(me, Next::Unlock(Unlock::Look, Then::Begin));
        Some(match at {
            Next::Lock(at) => return self.lock(me, at, protocol, Next::Lock, to),
            Next::ReadHigh => {
                if protocol.high_read_late {
                    self.threads[me].high = self.high;
                }
                Next::Drain { cell: 0, slept_on: None }
            }
            Next::Drain { cell, slept_on } => match self.cells[usize::from(cell)] {
                Cell { count: 0, .. } => drained(cell),
                _ if slept_on.is_some() && !protocol.looks_again => drained(cell),
                seen if slept_on == Some(seen) || does == Does::TryWrite => Next::AskFor { cell, seen },
                seen => {
                    if slept_on.is_some() && does == Does::WriteInTime {
                        to.push(give_up);
                    }
                    Next::Mark { cell, seen }
                }
            },
            Next::AskFor { cell, .. } if !protocol.evidence => drained(cell),
            Next::AskFor { cell, .. } if protocol.passes_dead && self.is_dead(cell, protocol) => {
                drained(cell)
            }
            Next::AskFor { .. } if does == Does::TryWrite => Next::Unlock(Unlock::Look, Then::Begin),
            Next::AskFor { cell, seen } => {
                if does == Does::WriteInTime {
                    to.push(give_up);
                }
                Next::Mark { cell, seen }
            }
            Next::Mark { cell, seen } if seen.mark => Next::SleepOn { cell, seen },
            Next::Mark { cell, seen } if self.cells[usize::from(cell)] == seen => {
                let seen = Cell { mark: true, ..seen };
                self.cells[usize::from(cell)] = seen;
                Next::SleepOn { cell, seen }
            }
            Next::Mark { cell, .. } => Next::Drain { cell, slept_on: None },
            Next::SleepOn { cell, seen } if self.cells[usize::from(cell)] == seen => {
                Next::AsleepOn { cell, seen }
            }
            Next::AsleepOn { .. } if !protocol.locking.bounded && does != Does::WriteInTime => return None,
            Next::SleepOn { cell, seen } | Next::AsleepOn { cell, seen } => {
                Next::Drain { cell, slept_on: Some(seen) }
            }
            Next::SetWriting => {
                self.writing = true;
                Next::Writing
            }
            Next::Writing if does == Does::Downgrade => Next::Keep,
            Next::Writing => Next::EndWriting(Then::Begin),
            Next::Keep => {
                self.cells[usize::from(slot)].count += 1;
                Next::EndWriting(Then::Reading)
            }
            Next::EndWriting(then) => {
                self.writing = false;
                Next::Unlock(Unlock::Look, then)
            }
            _ => unreachable!("a reader's step"),
        })
    }
}
