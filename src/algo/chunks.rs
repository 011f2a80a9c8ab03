//! The chunks of a job: each is done by one of the tickets that work on the job, any of which may be killed anywhere.
//!
//! ```text
//!            claim               done
//!   Open ────────────▶ Taken(t) ──────▶ Done
//!    ▲                   │    │
//!    └───── reopen ──────┘    └─ fail ─▶ Failed         both by the parent, once ticket t has ended
//!
//!   part 0   │   part 1         a ticket of worker 1 walks through part 1 from the front,
//!   ──────▶  │  ◀──────           then through the others from their ends, until nothing is open
//! ```
//!
//! A ticket is one run of one worker: it walks through the chunks, takes each that is open, works, says that it is done, and goes on. It begins
//! in a part that is its worker's in every job: so what a worker wrote in the last job it reads in the next, and finds its pages there. Where it
//! helps others it comes from the other end, so that the two meet once. What counts is the chunk's word:
//!
//! | bits   | field  | meaning                                              |
//! |--------|--------|------------------------------------------------------|
//! | 0..32  | ticket | who took it, if it is taken                          |
//! | 32..64 | kind   | 0 open, 1 taken, 2 done, 3 failed; all else: failed  |
//!
//! | edge | release side         | acquire side    | publishes                                              |
//! |------|----------------------|-----------------|--------------------------------------------------------|
//! | CH1  | `mark`, of `done`    | `state`         | what the chunk's holder wrote                          |
//! | CH2  | `reopen`, the word   | `take`          | what the parent put right before it reopened the chunk |
//!
//! Invariants:
//! - I1. A chunk becomes taken by an exchange of the whole word, from open: so by one ticket, whatever the cursor says.
//! - I2. A ticket takes a chunk only when it is done with the last one. So it has one at most, and leaves one at most when it ends.
//! - I3. Only who took a chunk is done with it, and only the parent changes what an ended ticket left. No two tickets
//!   of a job have the same number.
//! - I4. `progress` is never more than the items of the chunks that are done.
//!
//! **Deaths.** The parent's ends the job, and the workers with it. A ticket's:
//!
//! | operation | commit store            | killed before it                              | killed after it                    |
//! |-----------|-------------------------|-----------------------------------------------|------------------------------------|
//! | `claim`   | word: Open → Taken(t)   | open                                          | taken: `taken_by(t)`               |
//! | `done`    | word: Taken(t) → Done   | taken: `taken_by(t)`                          | done; perhaps not counted (I4)     |
//!
//! So the parent, whenever a ticket has ended without a result, looks for what that had taken, and reopens or fails it. And when all tickets
//! have ended and the job was not stopped, it looks for the `first_open`: a chunk that was reopened when nobody came by any more. Another ticket does
//! that. A ticket that panics leaves what one leaves that is killed.
//!
//! **Cost.** A claim is a look at a word and an exchange of it, in a line that nobody else is after, but for the last few chunks. There is no counter that all
//! draw from: that alone cost 90 ns a chunk between two threads.
//!
//! Relaxed, where nothing else is said: a number that carries nothing, or a word that its last writer made known otherwise (D1 for the
//! dead).

use super::planted::{Bug, planted};
use crate::shim::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// A word on cache lines of its own: two, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(C, align(128))]
struct Line(AtomicU64);

/// What all who work on a job share, besides a word for each chunk. Zeroed, it is a job that nobody began.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct ChunkWords {
    /// Not 0: nobody is to begin another chunk.
    stopped: Line,
    /// Items of chunks that are done.
    done: Line,
}

/// The chunks of one job. The word of each, zeroed, is that of an open one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks<'a> {
    words: &'a ChunkWords,
    states: &'a [AtomicU64],
}

/// How it stands with a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkState {
    /// Nobody began it, or it is to be begun again.
    Open,
    /// The ticket of this number has it, or ended with it.
    Taken(u32),
    /// What its holder wrote is there.
    Done,
    /// It was given up. So reads also a damaged word, and a chunk that there is not: nobody claims it.
    Failed,
}

/// A ticket's way through the chunks.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// The part that it begins with, and how many there are.
    home: usize,
    parts: usize,
    /// Parts that it is through with, and steps into the next one.
    through: usize,
    steps: usize,
}

impl Walk {
    /// Begins in the part `home` of so many, at least one.
    pub(crate) fn new(home: usize, parts: usize) -> Self {
        let parts = parts.max(1);
        Self { home: home % parts, parts, through: 0, steps: 0 }
    }

    /// The next of `count` chunks.
    #[inline]
    pub(super) fn next(&mut self, count: usize) -> Option<usize> {
        while self.through < self.parts {
            let part = (self.home + self.through) % self.parts;
            // Fewer than 2^32 chunks, and than 2^16 parts.
            let (first, end) = (part * count / self.parts, (part + 1) * count / self.parts);
            let step = self.steps;
            if first + step < end {
                self.steps += 1;
                return Some(if self.through == 0 { first + step } else { end - 1 - step });
            }
            self.through += 1;
            self.steps = 0;
        }
        None
    }
}

impl ChunkState {
    const TAKEN: u64 = 1 << 32;

    fn of(word: u64) -> Self {
        match word >> 32 {
            0 if word == 0 => Self::Open,
            1 => Self::Taken(word as u32),
            2 => Self::Done,
            _ => Self::Failed,
        }
    }

    fn word(self) -> u64 {
        match self {
            Self::Open => 0,
            Self::Taken(ticket) => Self::TAKEN | u64::from(ticket),
            Self::Done => 2 << 32,
            Self::Failed => 3 << 32,
        }
    }
}

impl ChunkWords {
    /// Words as shared memory has them that was never written.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        let line = || Line(AtomicU64::new(0));
        Self { stopped: line(), done: line() }
    }

    /// All words: for tests, which damage them.
    #[cfg(test)]
    pub(crate) fn all(&self) -> [&AtomicU64; 2] {
        [&self.stopped, &self.done].map(|line| &line.0)
    }
}

impl<'a> Chunks<'a> {
    pub(crate) const fn of(words: &'a ChunkWords, states: &'a [AtomicU64]) -> Self {
        Self { words, states }
    }

    /// Takes the next open chunk on its walk for `ticket`, the caller, who is done with the last one. `None`: the walk is over, or the job was
    /// stopped. Never waits. In a job with damaged words it ends as well, and what it returns is the index of a chunk.
    #[inline]
    pub(crate) fn claim(&self, ticket: u32, walk: &mut Walk) -> Option<usize> {
        while !self.is_stopped() {
            let chunk = walk.next(self.states.len())?;
            if self.take(chunk, ticket) {
                return Some(chunk);
            }
        }
        None
    }

    /// Takes `chunk` if it is open: the commit.
    #[inline]
    pub(super) fn take(&self, chunk: usize, ticket: u32) -> bool {
        let Some(state) = self.states.get(chunk) else { return false };
        let (open, taken) = (ChunkState::Open.word(), ChunkState::Taken(ticket).word());
        if planted(Bug::ChunkTakenByStore) {
            let is_open = state.load(Acquire) == open;
            if is_open {
                state.store(taken, Relaxed);
            }
            return is_open;
        }
        // A look first, which leaves the line to others where there is nothing to take.
        if state.load(Relaxed) != open {
            return false;
        }
        let order = if planted(Bug::ChunkTakenUnordered) { Relaxed } else { Acquire };
        // CH2 acquire. Who reads that it is taken knows by other means that the ticket ended.
        state.compare_exchange(open, taken, order, Relaxed).is_ok()
    }

    /// Says that `chunk`, which the caller claimed, is done: so many items. What it wrote is there for whoever sees that.
    #[inline]
    pub(crate) fn done(&self, chunk: usize, items: u64) {
        self.mark(chunk);
        self.count(items);
    }

    /// Marks `chunk` as done: the first step, and the commit.
    #[inline]
    pub(super) fn mark(&self, chunk: usize) {
        let order = if planted(Bug::ChunkDoneUnordered) { Relaxed } else { Release };
        if let Some(state) = self.states.get(chunk) {
            state.store(ChunkState::Done.word(), order); // CH1
        }
    }

    /// Counts the items of a chunk that was marked: the second step.
    #[inline]
    pub(super) fn count(&self, items: u64) {
        self.words.done.0.fetch_add(items, Relaxed);
    }

    /// Has nobody claim a chunk any more; who is claiming one at this moment may still get it. For good.
    pub(crate) fn stop(&self) {
        self.words.stopped.0.store(1, Relaxed);
    }

    /// Whether the job was stopped.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        // Relaxed: who does not see it yet claims one chunk more.
        self.words.stopped.0.load(Relaxed) != 0
    }

    /// The chunk that `ticket` left when it ended, if it left one. Looks at every chunk.
    ///
    /// For the parent, when it knows that the ticket ended: else the answer may be old when it comes.
    pub(crate) fn taken_by(&self, ticket: u32) -> Option<usize> {
        let taken = ChunkState::Taken(ticket).word();
        // Relaxed: the end of the ticket made it known, that of a dead one by D1.
        self.states.iter().position(|state| state.load(Relaxed) == taken)
    }

    /// Gives up `chunk`, which an ended ticket left, or which nobody began. `false`: it is done, or there is no such chunk.
    ///
    /// For the parent, which alone looks whether a chunk failed.
    pub(crate) fn fail(&self, chunk: usize) -> bool {
        match self.state(chunk) {
            ChunkState::Done => false,
            ChunkState::Failed => chunk < self.states.len(),
            // Relaxed: nobody but the parent goes by it.
            seen => self.states.get(chunk).is_some_and(|state| {
                state.compare_exchange(seen.word(), ChunkState::Failed.word(), Relaxed, Relaxed).is_ok()
            }),
        }
    }

    /// Has `chunk` done again that an ended ticket left. `false`: it is done or failed, or there is no such chunk.
    ///
    /// For the parent. Those still at work may come by. Whether they do is known when they have ended: then `first_open` says what is left.
    pub(crate) fn reopen(&self, chunk: usize) -> bool {
        let order = if planted(Bug::ReopenUnordered) { Relaxed } else { Release };
        match self.state(chunk) {
            ChunkState::Open => true,
            // CH2 release. Another word now: the holder has not ended, and is done with it.
            seen @ ChunkState::Taken(_) => self.states.get(chunk).is_some_and(|state| {
                state.compare_exchange(seen.word(), ChunkState::Open.word(), order, Relaxed).is_ok()
            }),
            ChunkState::Done | ChunkState::Failed => false,
        }
    }

    /// How it stands with `chunk`. That it is done, or failed, stays true.
    pub(crate) fn state(&self, chunk: usize) -> ChunkState {
        // CH1 acquire.
        self.states.get(chunk).map_or(ChunkState::Failed, |state| ChunkState::of(state.load(Acquire)))
    }

    /// The first chunk that is open. Looks at every chunk up to that one. `None` stays true unless the parent reopens one.
    pub(crate) fn first_open(&self) -> Option<usize> {
        // Relaxed: to find it is all.
        self.states.iter().position(|state| state.load(Relaxed) == ChunkState::Open.word())
    }

    /// How many items are done: never more than that, and fewer by those of tickets that died right after they were done.
    pub(crate) fn progress(&self) -> u64 {
        self.words.done.0.load(Relaxed)
    }
}
