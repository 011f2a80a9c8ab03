//! What each step of the readers-writer lock does.

use super::protocol::{Does, Part, Protocol};
use super::{Next, State, Then};
use crate::locker::{Lock, Locked, Unlock, Unlocked, Who};

impl State {
    pub(super) fn with(&self, me: usize, next: Next) -> Self {
        let mut after = *self;
        after.threads[me].next = next;
        after
    }

    /// The word of the lock on which a thread sleeps, and what it does next.
    fn up(next: Next) -> Option<Next> {
        match next {
            Next::Lock(Lock::Asleep(seen)) => Some(Next::Lock(Lock::Look(Some(seen)))),
            Next::Wait(Lock::Asleep(seen)) => Some(Next::Wait(Lock::Look(Some(seen)))),
            _ => None,
        }
    }

    /// Adds what a wake of one sleeper of the word leads to, whichever it is; returns whether somebody slept.
    pub(super) fn wake_one(&self, to: &mut Vec<Self>) -> bool {
        let before = to.len();
        for sleeper in 0..self.threads.len() {
            if let Some(next) = Self::up(self.threads[sleeper].next) {
                to.push(self.with(sleeper, next));
            }
        }
        to.len() > before
    }

    pub(super) fn wake_all(&mut self) {
        for thread in &mut self.threads {
            thread.next = Self::up(thread.next).unwrap_or(thread.next);
        }
    }

    /// Wakes the writer that sleeps on the cell of `slot`.
    fn wake_writer(&mut self, slot: u8) {
        for thread in &mut self.threads {
            if let Next::AsleepOn { cell, seen } = thread.next
                && cell == slot
            {
                thread.next = Next::Drain { cell, slept_on: Some(seen) };
            }
        }
    }

    pub(super) fn after(then: Then) -> Next {
        match then {
            Then::Begin => Next::Begin,
            Then::Again => Next::Count,
            Then::Wait => Next::Wait(Lock::Look(None)),
            Then::Try => Next::Lock(Lock::Try),
            Then::Reading => Next::Reading,
        }
    }

    /// What follows the noting of a death.
    fn noted(does: Does, protocol: Protocol) -> Next {
        match does {
            _ if does.reads() => Next::Unlock(Unlock::Look, Then::Again),
            _ if protocol.notes_at_once => Next::ReadHigh,
            _ => Next::SetWriting,
        }
    }

    /// Takes a step of who takes the owner lock; `wrap` makes the thread's next step of the lock's.
    pub(super) fn lock(
        &mut self,
        me: usize,
        at: Lock,
        protocol: Protocol,
        wrap: fn(Lock) -> Next,
        to: &mut Vec<Self>,
    ) -> Option<Next> {
        let Part { slot, does, .. } = protocol.cast[me];
        let in_time = does.in_time();
        match at {
            Lock::Asleep(_) if !protocol.locking.bounded && !in_time => return None,
            Lock::Sleep(_) => self.threads[me].slept = true,
            // Out of time, after a look at what it woke to.
            Lock::Announce(_) if in_time && self.threads[me].slept => to.push(self.with(me, Next::Begin)),
            _ => {}
        }
        let before = *self;
        let who = Who { thread: me as u8, slot };
        Some(match self.word.lock(who, at, protocol.locking, |slot| before.is_dead(slot, protocol)) {
            Locked::Not(at) => wrap(at),
            Locked::Recovered if protocol.notes_at_once => Next::Note,
            Locked::Refused => Next::Begin,
            // A reader that tries notes no death, and takes the lock for nothing.
            Locked::Clean if does.reads() => Next::Unlock(Unlock::Look, Then::Again),
            Locked::Clean => Next::ReadHigh,
            Locked::Recovered => {
                self.threads[me].owes_note = true;
                Next::ReadHigh
            }
        })
    }

    /// Adds the states after thread `me` took its next step.
    pub(super) fn step(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let Part { slot, does, .. } = protocol.cast[me];
        let mut after = *self;
        if let Next::Lock(Lock::Look(Some(_))) | Next::Wait(Lock::Look(Some(_))) = self.threads[me].next
            && does.in_time()
            && !protocol.last_look
        {
            to.push(self.with(me, Next::Begin));
        }
        let next = match self.threads[me].next {
            Next::Done | Next::Dead => return,
            Next::Begin if slot >= self.high => Next::Join,
            Next::Join => {
                after.high = self.high.max(slot + 1);
                Next::Begin
            }
            Next::Begin => {
                let Some(rounds) = self.threads[me].rounds.checked_sub(1) else {
                    return to.push(self.with(me, Next::Done));
                };
                after.threads[me].rounds = rounds;
                after.threads[me].slept = false;
                after.threads[me].high = if protocol.high_read_late { 0 } else { self.high };
                match does {
                    _ if does.reads() => Next::Count,
                    Does::TryWrite => Next::Lock(Lock::Try),
                    _ => Next::Lock(Lock::Fast),
                }
            }
            Next::ClearMark(then) => {
                let cell = &mut after.cells[usize::from(slot)];
                cell.mark &= cell.count > 0;
                Next::WakeWriter(then)
            }
            Next::WakeWriter(then) => {
                after.wake_writer(slot);
                Self::after(then)
            }
            Next::Unlock(at, then) => match after.word.unlock(at, protocol.locking) {
                Unlocked::Not(at) => Next::Unlock(at, then),
                Unlocked::Done => Self::after(then),
                Unlocked::WakesOneOr(otherwise) => {
                    if after.with(me, Self::after(then)).wake_one(to) {
                        return;
                    }
                    otherwise.map_or(Self::after(then), |at| Next::Unlock(at, then))
                }
            },
            Next::Note if self.writing || !protocol.writing_decides => {
                if protocol.poison_first {
                    Next::Poison
                } else {
                    Next::Forgive
                }
            }
            Next::Note => Self::noted(does, protocol),
            Next::Poison => {
                after.poison = true;
                if protocol.poison_first { Next::Forgive } else { Self::noted(does, protocol) }
            }
            Next::Forgive => {
                after.writing = false;
                if protocol.poison_first { Self::noted(does, protocol) } else { Next::Poison }
            }
            at @ (Next::Count
            | Next::Check
            | Next::BackOut
            | Next::Wait(_)
            | Next::WakeOthers
            | Next::Reading) => match after.read(me, at, protocol, to) {
                Some(next) => next,
                None => return,
            },
            at => match after.write(me, at, protocol, to) {
                Some(next) => next,
                None => return,
            },
        };
        to.push(after.with(me, next));
    }
}
