//! What each step of the event does.

use super::protocol::{Part, Protocol};
use super::{Next, State, Word};

impl State {
    pub(super) fn with(&self, me: usize, next: Next) -> Self {
        let mut after = *self;
        after.threads[me].next = next;
        after
    }

    /// Whether a waiter whose call began at the count `since` need not wait any more.
    pub(super) fn lets_through(&self, since: u8, protocol: Protocol) -> bool {
        self.word.set || !protocol.auto && self.word.count != since
    }

    /// What the kernel compares.
    fn low(word: Word, protocol: Protocol) -> (bool, bool, u8) {
        (word.set, word.waiters, if protocol.count_compared { word.count } else { 0 })
    }

    /// Wakes every sleeper.
    fn wake_all(&mut self) {
        for thread in &mut self.threads {
            if let Next::Asleep { since } = thread.next {
                thread.next = Next::Look { since: Some(since), timed_out: false };
            }
        }
    }

    /// Adds what a wake of one sleeper leads to, whichever it is; returns whether somebody slept.
    fn wake_one(&self, to: &mut Vec<Self>) -> bool {
        let before = to.len();
        for (sleeper, thread) in self.threads.iter().enumerate() {
            if let Next::Asleep { since } = thread.next {
                to.push(self.with(sleeper, Next::Look { since: Some(since), timed_out: false }));
            }
        }
        to.len() > before
    }

    /// Adds the states after thread `me` took its next step.
    pub(super) fn step(&self, me: usize, protocol: Protocol, to: &mut Vec<Self>) {
        let word = self.word;
        let mut after = *self;
        let next = match self.threads[me].next {
            Next::Begin if self.threads[me].rounds == 0 => Next::Done,
            Next::Begin => {
                after.threads[me].rounds -= 1;
                match protocol.cast[me] {
                    Part::Waits(_) | Part::WaitsInTime => Next::Look { since: None, timed_out: false },
                    Part::Sets(_) => Next::SetLook,
                    Part::Clears(_) => Next::ClearLook,
                }
            }
            Next::Look { since, timed_out } => {
                if since.is_some() && !timed_out && protocol.cast[me] == Part::WaitsInTime {
                    // Its time ran out while it slept, woken or not.
                    let look = Next::Look { since, timed_out: true };
                    to.push(self.with(me, if protocol.last_look { look } else { Next::Begin }));
                }
                let since = since.unwrap_or(word.count);
                match self.lets_through(since, protocol) {
                    true if protocol.auto => Next::Consume { seen: word, since, timed_out },
                    true => Next::Begin,
                    false if timed_out => Next::Begin,
                    false => Next::Announce { seen: word, since },
                }
            }
            Next::Consume { seen, since, timed_out } if word != seen && protocol.exchanged => {
                Next::Look { since: Some(since), timed_out }
            }
            Next::Consume { seen, .. } => {
                after.word = Word { set: false, waiters: seen.waiters && protocol.sticky, ..seen };
                after.consumed += 1;
                Next::Begin
            }
            Next::Announce { seen, since } if seen.waiters => Next::Sleep { seen, since },
            Next::Announce { seen, since } if word == seen => {
                after.word.waiters = true;
                Next::Sleep { seen: after.word, since }
            }
            Next::Announce { since, .. } => Next::Look { since: Some(since), timed_out: false },
            Next::Sleep { seen, since } => {
                if !protocol.compared || Self::low(word, protocol) == Self::low(seen, protocol) {
                    Next::Asleep { since }
                } else {
                    Next::Look { since: Some(since), timed_out: false }
                }
            }
            Next::Asleep { since } => {
                if !protocol.bounded && protocol.cast[me] != Part::WaitsInTime {
                    return;
                }
                Next::Look { since: Some(since), timed_out: false }
            }
            Next::SetLook if word.set => Next::Begin,
            Next::SetLook => Next::Set(word),
            Next::Set(seen) if word == seen => {
                let count = if protocol.counted { (word.count + 1) % 8 } else { word.count };
                after.word = Word { set: true, waiters: word.waiters && protocol.auto, count };
                after.sets += 1;
                if seen.waiters { Next::Wake(after.word) } else { Next::Begin }
            }
            Next::Set(_) => Next::SetLook,
            Next::Wake(_) if !protocol.auto => {
                after.wake_all();
                Next::Begin
            }
            Next::Wake(made) => {
                if after.with(me, Next::Begin).wake_one(to) {
                    return;
                }
                Next::Tidy(made)
            }
            Next::Tidy(made) => {
                if word == made {
                    after.word.waiters = false;
                }
                Next::Begin
            }
            Next::ClearLook if !word.set => Next::Begin,
            Next::ClearLook => Next::Clear(word),
            Next::Clear(seen) if word == seen => {
                after.word.set = false;
                Next::Begin
            }
            Next::Clear(_) => Next::ClearLook,
            Next::Done | Next::Dead => return,
        };
        to.push(after.with(me, next));
    }
}
