//! What each step of the condition variable does, but for those of a wait and of a notify.

use super::State;
use super::next::{Next, Place, Then, Waited};
use super::protocol::{Does, Protocol, Undone};

impl State {
    pub(super) fn with(&self, me: usize, next: Next) -> Self {
        let mut after = *self;
        after.threads[me].next = next;
        after
    }

    /// Wakes everybody who sleeps on a word of berths, or, without a slot, in the crowd.
    pub(super) fn wake(&mut self, slot: Option<u8>, protocol: Protocol) {
        for (thread, part) in self.threads.iter_mut().zip(protocol.cast) {
            if let Next::Asleep(place) = thread.next
                && slot == matches!(place, Place::Berth(_)).then_some(part.slot)
            {
                thread.next = Next::Look(place);
            }
        }
    }

    /// Adds the states after thread `me` took its next step.
    pub(super) fn step(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let does = protocol.cast[me].does;
        let mut after = *self;
        let next = match self.threads[me].next {
            Next::Done | Next::Dead => return,
            Next::Begin => {
                let Some(rounds) = self.threads[me].rounds.checked_sub(1) else {
                    return to.push(self.with(me, Next::Done));
                };
                after.threads[me].rounds = rounds;
                if let Does::Notify(_) | Does::NotifyAll = does { Next::Touch } else { Next::Lock }
            }
            Next::Lock | Next::Relock(..) if self.mutex.is_some() => return,
            Next::Lock => {
                after.mutex = Some(me as u8);
                if let Does::Produce(_) = does { Next::Add } else { Next::Inside(Waited::Not) }
            }
            Next::Add => {
                after.items += 1;
                Next::UnlockToNotify
            }
            Next::UnlockToNotify => {
                after.mutex = None;
                Next::Touch
            }
            Next::Unlock => {
                after.mutex = None;
                Next::Begin
            }
            Next::Close { dead, place } => {
                let word = &mut after.words[usize::from(dead)];
                word.taken &= word.granted;
                let undone = match protocol.undone {
                    Undone::Always => true,
                    Undone::IfTouched => word.granted != 0 || self.touched & 1 << dead != 0,
                    Undone::IfGranted => word.granted != 0,
                    Undone::Never => false,
                };
                if !protocol.emptied_last {
                    (word.taken, word.granted) = (0, 0);
                }
                if undone {
                    Next::CallCrowd(Then::Buried { dead, place })
                } else {
                    Next::Empty { dead, place }
                }
            }
            Next::Empty { dead, place } => {
                let word = &mut after.words[usize::from(dead)];
                (word.taken, word.granted) = (0, 0);
                after.swept |= 1 << dead;
                after.sweeper = None;
                Next::Look(place)
            }
            at => {
                let next = match at {
                    Next::Touch
                    | Next::CallCrowd(_)
                    | Next::WakeCrowd(_)
                    | Next::ReadArrivals(_)
                    | Next::CheckServed(..)
                    | Next::Grant { .. }
                    | Next::GrantByStore { .. }
                    | Next::WakeWord { .. }
                    | Next::Serve(..)
                    | Next::GrantAll { .. }
                    | Next::WakeGranted { .. }
                    | Next::WakeTaken { .. } => after.notify(me, at, protocol, to),
                    at => after.wait(me, at, protocol, to),
                };
                let Some(next) = next else { return };
                next
            }
        };
        to.push(after.with(me, next));
    }
}
