//! What the steps of a notify do, and of whoever grants everybody.

use super::next::{Next, Then, Waited};
use super::protocol::{Does, Part, Protocol};
use super::{SLOTS, State};

impl State {
    /// What comes after a notify, or after granting everybody.
    fn after_notify(&mut self, then: Then, protocol: Protocol) -> Next {
        match then {
            Then::Notified { all, waiting, given } => {
                self.passed_by |= (all || !given) && self.waiting(protocol) & waiting != 0;
                Next::Begin
            }
            Then::Looked(place) => Next::Look(place),
            Then::Buried { dead, place } => Next::Empty { dead, place },
        }
    }

    /// Whether a waiter that waits once, whatever for, has no berth yet.
    fn somebody_is_about_to_wait(&self, protocol: Protocol) -> bool {
        self.threads.iter().zip(protocol.cast).any(|(thread, part)| {
            part.does.waits_for_anything()
                && match thread.next {
                    Next::Begin => thread.rounds > 0,
                    Next::Lock | Next::Inside(Waited::Not) | Next::Part(None) => true,
                    Next::CountEarly | Next::TakeBerth | Next::CountArrival(_) | Next::JoinCrowd => true,
                    _ => false,
                }
        })
    }

    /// Goes on to the next word, or ends the search.
    fn next_word(&mut self, at: u8, left: u8, arrivals: u8, then: Then, protocol: Protocol) -> Next {
        match then {
            Then::Notified { all: false, given: true, .. } if protocol.heeds_count => {
                self.after_notify(then, protocol)
            }
            _ if left > 1 => Next::Grant { at: (at + 1) % SLOTS, left: left - 1, arrivals, then },
            _ => Next::Serve(then, if protocol.arrivals_read_first { arrivals } else { self.arrivals }),
        }
    }

    /// What a step of a notify does; `None` if it cannot be taken yet.
    pub(super) fn notify(
        &mut self,
        me: usize,
        at: Next,
        protocol: Protocol,
        to: &mut Vec<Self>,
    ) -> Option<Next> {
        let Part { slot, does } = protocol.cast[me];
        Some(match at {
            Next::Touch if self.somebody_is_about_to_wait(protocol) => return None,
            Next::Touch => {
                self.touched |= 1 << slot;
                let (all, waiting) = (does == Does::NotifyAll, self.waiting(protocol));
                Next::CallCrowd(Then::Notified { all, waiting, given: false })
            }
            Next::CallCrowd(then) if self.crowd.some && protocol.calls_crowd => {
                self.crowd.some = false;
                self.crowd.calls += 1;
                Next::WakeCrowd(then)
            }
            Next::CallCrowd(then) => Self::crowd_called(then),
            Next::WakeCrowd(then) => {
                self.wake(None, protocol);
                Self::crowd_called(then)
            }
            Next::ReadArrivals(then) => Next::CheckServed(then, self.arrivals),
            Next::CheckServed(then, arrivals) if self.served == arrivals => self.after_notify(then, protocol),
            Next::CheckServed(then, arrivals) => {
                let left = if protocol.looks_everywhere { SLOTS } else { 1 };
                to.extend((1..SLOTS).map(|at| self.with(me, Next::Grant { at, left, arrivals, then })));
                Next::Grant { at: 0, left, arrivals, then }
            }
            Next::Grant { at, left, arrivals, then } => {
                let seen = self.words[usize::from(at)];
                if seen.waiting() == 0 {
                    return Some(self.next_word(at, left, arrivals, then, protocol));
                }
                let store = Next::GrantByStore { at, left, arrivals, then, seen };
                if protocol.exchanged { self.notify(me, store, protocol, to)? } else { store }
            }
            Next::GrantByStore { at, left, arrivals, then, seen } => {
                let Then::Notified { all, waiting, .. } = then else { unreachable!("grants everybody") };
                let count = if all || !protocol.heeds_count { u32::MAX } else { 1 };
                let word = seen.granting(count.min(8));
                self.words[usize::from(at)] = word;
                let granted = (word.granted & !seen.granted).count_ones() as u8;
                self.given += if protocol.heeds_count { granted } else { 1 };
                let then = Then::Notified { all, waiting, given: true };
                if seen.sleeps && protocol.wakes {
                    Next::WakeWord { at, left, arrivals, then }
                } else {
                    self.next_word(at, left, arrivals, then, protocol)
                }
            }
            Next::WakeWord { at, left, arrivals, then } => {
                self.wake(Some(at), protocol);
                self.next_word(at, left, arrivals, then, protocol)
            }
            Next::Serve(then, arrivals) => {
                self.served = arrivals;
                self.after_notify(then, protocol)
            }
            Next::GrantAll { at: SLOTS, then } => self.after_notify(then, protocol),
            Next::GrantAll { at, then } => {
                let word = &mut self.words[usize::from(at)];
                let seen = *word;
                if seen.waiting() != 0 {
                    *word = seen.granting(8);
                }
                if seen.waiting() != 0 && seen.sleeps {
                    Next::WakeGranted { at, then }
                } else {
                    Next::WakeTaken { at, then }
                }
            }
            Next::WakeGranted { at, then } => {
                self.wake(Some(at), protocol);
                Next::WakeTaken { at, then }
            }
            Next::WakeTaken { at, then } => {
                if self.words[usize::from(at)].taken != 0 {
                    self.wake(Some(at), protocol);
                }
                Next::GrantAll { at: at + 1, then }
            }
            _ => unreachable!("a waiter's step"),
        })
    }

    /// What comes after the crowd was called.
    fn crowd_called(then: Then) -> Next {
        if let Then::Notified { .. } = then {
            Next::ReadArrivals(then)
        } else {
            Next::GrantAll { at: 0, then }
        }
    }
}
