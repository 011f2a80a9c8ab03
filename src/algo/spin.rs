//! Looking at a word for a while before sleeping on it.

use super::Park;

/// Pauses that are worth spending before a sleep: with the 40 ns that one takes about as long as waking a sleeper does (20 us), so
/// that waiting costs at most twice what the better of the two would have.
const PAUSES: u32 = if cfg!(all(test, loom)) { 0 } else { 500 };

/// The most pauses between two looks. Each look takes the cache line away from who is at work on it; the fewer there are, the more
/// gets done meanwhile.
const MOST: u32 = 64;

/// What is left of one spell of spinning.
#[derive(Debug)]
pub(crate) struct Spin {
    left: u32,
    next: u32,
}

impl Spin {
    pub(crate) const fn new() -> Self {
        Self { left: PAUSES, next: 1 }
    }

    /// Pauses, longer each time, before the next look. `false`: it is time to sleep.
    #[inline]
    pub(crate) fn pause<P: Park>(&mut self, park: &P) -> bool {
        if self.left == 0 {
            return false;
        }
        for _ in 0..self.next {
            park.relax();
        }
        self.left = self.left.saturating_sub(self.next);
        self.next = (self.next * 2).min(MOST);
        true
    }
}
