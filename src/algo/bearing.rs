//! What stands at the start of a block that bears a lock, and the cells that count what each process holds.
//!
//! ```text
//!  0          32        64                                             64 + 8 × cells
//!  ┌──────────┬─────────┬───────────────────────────────────────────────┬───────
//!  │PoisonLock│ 4 words │ a cell for every seat, neighbours far apart   │ data
//!  └──────────┴─────────┴───────────────────────────────────────────────┴───────
//! ```
//!
//! What many may hold at once (readers, permits, tickets, parties) is counted in the cell of the process that holds it. The cells alone
//! are the truth: when a process dies, what it held is what its cell says. Totals are derived from them.
//!
//! I1. The cell of a seat is changed by the process in that seat, or, after its death, by its sweep, or by a survivor who has evidence
//!     of the death, with an exchange that fails if somebody else has got the seat (`permits`), or that harms nobody who has (`berths`).
//! I2. Seats from `high` on were never taken, so their cells are zero.

use super::{FifoWords, LaneWords, PoisonLock};
use crate::shim::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// What stands in a block that bears a lock: it tells the sweep what else there is to put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Form {
    /// A lock alone.
    Lock = 0,
    RwLock = 1,
    Semaphore = 2,
    Condvar = 3,
    Barrier = 4,
    /// A lock and the words beside it.
    Words = 5,
    /// A queue, and who is registered at its ends.
    Queue = 6,
    /// A queue that also counts what was done.
    Tasks = 7,
    /// A ring: behind the head, its words, and then its slots.
    Lane = 8,
}

/// The first 64 bytes of a block that bears cells.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    pub(crate) lock: PoisonLock,
    /// The machine's own.
    pub(crate) words: [AtomicU64; 4],
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Head>() == 64);

/// The cells of a block, `width` words each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally<'a> {
    words: &'a [AtomicU64],
    width: usize,
    /// Cache lines, less one, and their binary logarithm.
    mask: usize,
    shift: u32,
    /// As many cells as there are.
    cells: usize,
    high: &'a AtomicU64,
}

/// Words of a cache line.
const LINE: usize = 8;

impl Form {
    /// Whatever the word says: a damaged one reads as a lock alone.
    pub(crate) fn of(lock: &PoisonLock) -> Self {
        match lock.form.load(Relaxed) {
            1 => Self::RwLock,
            2 => Self::Semaphore,
            3 => Self::Condvar,
            4 => Self::Barrier,
            5 => Self::Words,
            6 => Self::Queue,
            7 => Self::Tasks,
            8 => Self::Lane,
            _ => Self::Lock,
        }
    }

    /// Says what stands in the block. Before anybody else knows of it.
    pub(crate) fn set(self, lock: &PoisonLock) {
        lock.form.store(self as u64, Relaxed);
    }

    /// Words of a cell.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Lock | Self::Words | Self::Lane => 0,
            Self::RwLock | Self::Semaphore | Self::Barrier | Self::Queue => 1,
            Self::Condvar => 2,
            Self::Tasks => 4,
        }
    }

    /// Whether a queue stands there, of whichever kind.
    pub(crate) const fn is_queue(self) -> bool {
        matches!(self, Self::Queue | Self::Tasks)
    }

    /// Words that the cells of `seats` seats take: a power of two, so that a cell is found without a division.
    pub(crate) fn words(self, seats: usize) -> usize {
        if self.width() == 0 { 0 } else { (seats * self.width()).next_power_of_two().max(LINE) }
    }
}

/// What the sweep finds in a block beside its first lock, according to the block's form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Borne<'a> {
    /// A head, and cells.
    Head(&'a Head, Tally<'a>),
    /// A queue, and the cells of its ends.
    Queue(&'a FifoWords, Tally<'a>),
    /// A lane.
    Lane(&'a LaneWords),
}

impl Head {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self { lock: PoisonLock::new(), words: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl<'a> Tally<'a> {
    /// The cells in `words`, of `width` words each; no seat from `high` on was ever taken. `words` are [`Form::words`] many.
    pub(crate) fn new(words: &'a [AtomicU64], width: usize, high: &'a AtomicU64) -> Self {
        let width = width.clamp(1, LINE);
        let lines = words.len() / LINE; // none, or a power of two
        let cells = lines * (LINE / width);
        Self { words, width, mask: lines.wrapping_sub(1), shift: lines.trailing_zeros(), cells, high }
    }

    /// The words of the cell of `seat`. `None`: there is no such seat.
    ///
    /// The first seats are those most in use, and lie in cache lines of their own.
    #[inline]
    pub(crate) fn cell(&self, seat: u16) -> Option<&'a [AtomicU64]> {
        let at = self.place(seat)?;
        self.words.get(at..at + self.width)
    }

    /// The number of the first word of the cell of `seat`.
    #[inline]
    fn place(&self, seat: u16) -> Option<usize> {
        let seat = usize::from(seat);
        (seat < self.cells).then(|| (seat & self.mask) * LINE + (seat >> self.shift) * self.width)
    }

    /// The first word of the cell of `seat`.
    #[inline]
    pub(crate) fn word(&self, seat: u16) -> Option<&'a AtomicU64> {
        self.words.get(self.place(seat)?)
    }

    /// The seats that may ever have been taken, with their cells.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = (u16, &'a [AtomicU64])> {
        // SeqCst: see `Participants::raise`. Whoever changed its cell before, in the order of all SeqCst accesses, is below.
        let high = self.high.load(SeqCst).min(u64::from(u16::MAX)) as u16;
        (0..high).map_while(move |seat| Some((seat, self.cell(seat)?)))
    }
}
