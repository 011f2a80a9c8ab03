//! Looking at a word for a while before sleeping on it.

use super::Park;

/// The most pauses between two looks. Each look takes the cache line away from who is at work on it; the fewer there are, the more
/// gets done meanwhile.
const MOST: u32 = 64;

/// The first pauses of one who waits for others to get something done.
const FIRST: u32 = 2;

/// Pauses before such a one offers its processor to others: those it waits for may be waiting for that.
const ALONE: u32 = 60;

/// What an offer that nobody takes costs, in pauses.
const OFFER: u32 = 10;

/// What is left of one spell of spinning: as many pauses as are worth one wake ([`Park::patience`]), so that waiting costs at most twice
/// what the better of spinning and sleeping would have.
#[derive(Debug)]
pub(crate) struct Spin {
    /// `None`: nobody asked yet. Most waits end before their first pause.
    left: Option<u32>,
    next: u32,
    /// The most pauses between two looks.
    most: u32,
    /// Pauses to come before the processor is offered to others.
    alone: u32,
}

impl Spin {
    pub(crate) const fn new() -> Self {
        Self { left: None, next: 1, most: MOST, alone: u32::MAX }
    }

    /// For one who waits until others have got something done, and who may share a processor with them.
    pub(crate) const fn for_others() -> Self {
        Self { next: FIRST, alone: ALONE, ..Self::new() }
    }

    /// One that looks after every pause: for a word that its writer changes once for each time that it is looked at. Two who wait for each
    /// other by turns, each a little late because the other one was, so come back to being quick.
    pub(crate) const fn steady() -> Self {
        Self { most: 1, alone: ALONE, ..Self::new() }
    }

    /// Pauses, longer each time, before the next look. `false`: it is time to sleep.
    #[inline]
    pub(crate) fn pause<P: Park>(&mut self, park: &P) -> bool {
        let left = self.left.unwrap_or_else(|| park.patience());
        if left == 0 {
            self.left = Some(0);
            return false;
        }
        if self.alone == 0 {
            park.offer();
            self.left = Some(left.saturating_sub(OFFER));
            return true;
        }
        for _ in 0..self.next {
            park.relax();
        }
        self.left = Some(left.saturating_sub(self.next));
        self.alone = self.alone.saturating_sub(self.next);
        self.next = (self.next * 2).min(self.most);
        true
    }
}
