//! The survivor's eye on the arena: works with it, walks it, and compares it with what it was at rest.

use std::cell::Cell;
use std::thread::sleep;
use std::time::{Duration, Instant};

use procshare::{Array, Value, arena};

use crate::board::Board;
use crate::witness::Verdict;

/// How long the leavings of the dead may take to come back before they count as leaked.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the state of rest is looked for.
const SETTLE: Duration = Duration::from_millis(300);
/// What a test array is filled with, so that a page that is handed out again unwiped is noticed.
pub(crate) const FILL: u64 = 0xa5a5_5a5a_a5a5_5a5a;
/// Elements of a `u64` array that is one of the largest small objects.
pub(crate) const LARGEST_SMALL: usize = 256;
/// Elements of a `u64` array that takes three pages.
pub(crate) const THREE_PAGES: usize = 3 * 4096 / 8;

/// What must be the same before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    used: u64,
    blocks: u64,
    participants: u64,
}

impl Size {
    fn of(stats: &arena::Stats) -> Self {
        Self { used: stats.used, blocks: stats.blocks, participants: stats.participants }
    }

    fn exceeds(self, other: Self) -> bool {
        self.used > other.used || self.blocks > other.blocks || self.participants > other.participants
    }
}

/// The arena as one witness sees it.
#[derive(Debug)]
pub(crate) struct Heap {
    board: &'static Board,
    rest: Cell<Option<Size>>,
}

impl Heap {
    pub(crate) fn new(board: &'static Board) -> Self {
        Self { board, rest: Cell::new(None) }
    }

    /// Takes down the smallest size that the arena comes to while nobody is killed.
    pub(crate) fn rest(&self) {
        let until = Instant::now() + SETTLE;
        let mut rest: Option<Size> = None;
        while Instant::now() < until {
            if let Ok(size) = work() {
                rest = Some(rest.map_or(size, |rest| if rest.exceeds(size) { size } else { rest }));
            }
            sleep(Duration::from_millis(1));
        }
        self.rest.set(rest);
    }

    /// Allocates, writes, frees and walks, until the arena is as large as it was at rest.
    pub(crate) fn examine(&self) -> Verdict {
        let Some(rest) = self.rest.get() else { return Verdict::default() };
        let found = Size::of(&arena::stats());
        let mut verdict = Verdict::default();
        let began = Instant::now();
        loop {
            let size = match work() {
                Ok(size) => size,
                Err(what) => {
                    self.board.remark(&what);
                    verdict.corrupt = true;
                    return verdict;
                }
            };
            if size == rest {
                verdict.recovered = found.used > rest.used || found.blocks > rest.blocks;
                return verdict;
            }
            if began.elapsed() >= PATIENCE {
                self.board.remark(&format!("at rest {rest:?}, now {size:?}"));
                self.rest.set(Some(size));
                // Smaller than at rest: something was freed that somebody still holds.
                verdict.leaked = size.exceeds(rest);
                verdict.corrupt = !verdict.leaked;
                return verdict;
            }
            sleep(Duration::from_micros(200));
        }
    }
}

/// One round of work by a survivor, and the size after it; an error says what was wrong.
fn work() -> Result<Size, String> {
    let value = Value::new([FILL; 4]).map_err(|error| format!("Value::new: {error}"))?;
    value.set([1, 2, 3, 4]);
    if value.get() != [1, 2, 3, 4] {
        return Err(format!("a fresh value reads {:x?}", value.get()));
    }
    drop(value);
    for length in [8, THREE_PAGES] {
        let mut array = Array::<u64>::zeroed(length).map_err(|error| format!("Array::zeroed: {error}"))?;
        if let Some(stale) = array.iter().position(|word| *word != 0) {
            return Err(format!("element {stale} of a zeroed array of {length} reads {:#x}", array[stale]));
        }
        array.fill(FILL);
    }
    let stats = arena::check().map_err(|corrupt| format!("arena::check: {corrupt}"))?;
    Ok(Size::of(&stats))
}
