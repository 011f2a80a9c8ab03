//! Runs of pages: a heap whose every change is one store.
//!
//! ```text
//!   heads   [ Private 3 |  .  |  .  | Free 2 |  .  | Slab 16 |  . …  | Free rest … ]
//!   index        0         1     2      3       4       5                21
//! ```
//!
//! A walk starts at head 0 and adds each extent; heads inside a run are stale and never looked at, except that those
//! inside a slab lead back to its head, and its second says whether somebody freed an object lately. Everything here runs
//! under the heap lock, except that an owner reads and changes the head of its own run at any time.
//!
//! | operation | commit store                              | killed before it                        | killed after it |
//! |-----------|-------------------------------------------|-----------------------------------------|-----------------|
//! | `take`    | head of the run: Free → Private(me)       | a second free run inside the first: the | the block is the dead one's: swept |
//! |           |                                           | walk steps over both as one             |                 |
//! | merge     | head of the first: extent of both         | two free runs side by side              | one free run    |
//! | `release` | head: Private(me) → Free or Warm          | still the dead one's: swept             | free            |
//!
//! I1. From head 0 the extents add up to the number of heads exactly.
//! I2. Splitting writes the tail's head before the commit store; until then the tail lies inside a free run.
//! I3. No head at or beyond `ready` is touched: the caller commits the table's memory first.
//!
//! All orderings here are Relaxed: the heap lock orders one holder after the other, and the bytes of a block travel
//! with whatever made its handle known.

use super::word::{Kind, MAX_EXTENT, Word};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// The heads of all runs.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'a> {
    heads: &'a [AtomicU64],
}

/// A run that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) index: usize,
    pub(crate) tag: u16,
    /// Its pages hold old bytes.
    pub(crate) warm: bool,
    /// No free run begins before this one: where the next walk may start.
    pub(crate) lowest: usize,
}

/// Why no run was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Heads up to and including this index must be ready first; ask again then.
    NeedsHeads(usize),
    /// No free run is long enough.
    Full,
    /// The head at this index is none that this crate writes there.
    Corrupt(usize),
}

/// A step of a walk: where a run begins and what its head said.
pub(crate) type Step = Result<(usize, Word), Refusal>;

impl<'a> Runs<'a> {
    pub(crate) fn new(heads: &'a [AtomicU64]) -> Self {
        Self { heads }
    }

    /// Makes one free run of all pages. The longest extent bounds how many there can be.
    pub(crate) fn format(self) {
        debug_assert!(self.heads.len() as u64 <= MAX_EXTENT);
        self.store(0, Word::free(self.heads.len() as u64, 0));
    }

    pub(crate) fn load(self, index: usize) -> Word {
        self.heads.get(index).map_or(Word::CLOSED, |head| Word::from_bits(head.load(Relaxed)))
    }

    fn store(self, index: usize, word: Word) {
        if let Some(head) = self.heads.get(index) {
            head.store(word.bits(), Relaxed);
        }
    }

    /// Changes the head at `index` if it still is `from`.
    pub(crate) fn exchange(self, index: usize, from: Word, to: Word) -> bool {
        self.heads
            .get(index)
            .is_some_and(|head| head.compare_exchange(from.bits(), to.bits(), Relaxed, Relaxed).is_ok())
    }

    /// Reads the head at `index` and checks that a run can begin there.
    fn step(self, index: usize) -> Step {
        let word = self.load(index);
        let extent = word.extent() as usize;
        if matches!(word.kind(), Kind::Closed | Kind::Inside)
            || extent == 0
            || extent > self.heads.len() - index
        {
            return Err(Refusal::Corrupt(index));
        }
        Ok((index, word))
    }

    /// Walks the runs from the one that begins at `from`; ends after the first corrupt head.
    pub(crate) fn walk(self, from: usize) -> impl Iterator<Item = Step> + 'a {
        let mut next = Some(from);
        std::iter::from_fn(move || {
            let index = next.filter(|index| *index < self.heads.len())?;
            let step = self.step(index);
            next = step.ok().map(|(_, word)| index + word.extent() as usize);
            Some(step)
        })
    }

    /// The slab around the page at `index`, if there is one.
    pub(crate) fn slab_around(self, index: usize) -> Option<(usize, Word)> {
        let word = self.load(index);
        let head = match word.kind() {
            Kind::Slab => index,
            Kind::Inside => index.checked_sub(word.extent() as usize)?,
            _ => return None,
        };
        let slab = self.load(head);
        (slab.kind() == Kind::Slab && index - head < slab.extent() as usize).then_some((head, slab))
    }

    /// Turns the private run at `index` into a slab. Heap lock held; the commit is the last store.
    pub(crate) fn make_slab(self, index: usize, private: Word, slab: Word) -> bool {
        for back in 1..slab.extent() {
            self.store(index + back as usize, Word::inside(back, true));
        }
        self.exchange(index, private, slab)
    }

    /// Says that an object of the slab at `index` was freed.
    #[inline]
    pub(crate) fn note_free(self, index: usize) {
        if !self.load(index + 1).freed() {
            self.exchange(index + 1, Word::inside(1, false), Word::inside(1, true));
        }
    }

    /// Whether an object of the slab at `index` was freed since this was last asked.
    pub(crate) fn had_free(self, index: usize) -> bool {
        self.exchange(index + 1, Word::inside(1, true), Word::inside(1, false))
    }

    /// Joins the free run at `index` with the free runs of its kind behind it; returns its head then.
    fn merge(self, index: usize, mut word: Word) -> Result<Word, Refusal> {
        loop {
            let next = index + word.extent() as usize;
            if next >= self.heads.len() {
                return Ok(word);
            }
            let (_, behind) = self.step(next)?;
            if behind.kind() != word.kind() {
                return Ok(word);
            }
            word = word.resized(word.extent() + behind.extent());
            self.store(index, word); // merge: the commit
        }
    }

    /// Takes a free run of `pages` for `owner`, walking from the run that begins at `from`: the first that is long
    /// enough, or with `prefer_warm` the first warm one if there is any.
    pub(crate) fn take(
        self,
        from: usize,
        pages: u64,
        owner: u16,
        prefer_warm: bool,
        ready: usize,
    ) -> Result<Taken, Refusal> {
        let mut found: Option<(usize, Word)> = None;
        let mut lowest = None;
        let mut index = from;
        while index < self.heads.len() {
            let (_, mut word) = self.step(index)?;
            if word.is_free() {
                word = self.merge(index, word)?;
                lowest = lowest.or(Some(index));
                let better = found.is_none() || word.kind() == Kind::Warm;
                if word.extent() >= pages && better {
                    found = Some((index, word));
                    if !prefer_warm || word.kind() == Kind::Warm {
                        break;
                    }
                }
            }
            index += word.extent() as usize;
        }
        let (index, word) = found.ok_or(Refusal::Full)?;
        let rest = word.extent() - pages;
        let tail = index + pages as usize;
        let reach = tail.min(self.heads.len() - 1);
        if reach >= ready {
            return Err(Refusal::NeedsHeads(reach));
        }
        if rest > 0 {
            self.store(tail, word.resized(rest));
        }
        let tag = word.tag().wrapping_add(1);
        self.store(index, Word::private(pages, owner, tag, false)); // take: the commit
        let behind = index + pages as usize;
        let lowest = lowest.filter(|lowest| *lowest < index).unwrap_or(behind);
        Ok(Taken { index, tag, warm: word.kind() == Kind::Warm, lowest })
    }

    /// Frees the run at `index`, which `expected` says is the caller's. `false`: it is not, and nothing changed.
    pub(crate) fn release(self, index: usize, expected: Word, warm: bool) -> bool {
        let extent = expected.extent();
        let tag = expected.tag();
        let word = if warm { Word::warm(extent, tag) } else { Word::free(extent, tag) };
        self.exchange(index, expected, word) // release: the commit
    }
}
