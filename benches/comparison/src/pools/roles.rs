//! What the tables need of a pool, whoever made it.

use crate::report::Row;
use crate::support::{pin, unpin};

/// Does one task, and waits for what comes of it.
pub(crate) trait Trip {
    /// The square of `number`, computed by somebody else.
    fn trip(&mut self, number: u64) -> u64;
    /// Before the trips of one sample.
    fn begin(&mut self) {}
    /// After them.
    fn end(&mut self) {}
}

/// A pool whose workers have moved apart, asked from CPU 0.
#[derive(Debug)]
pub(super) struct Apart<C>(pub(super) C);

impl<C: Trip> Trip for Apart<C> {
    fn trip(&mut self, number: u64) -> u64 {
        self.0.trip(number)
    }

    fn begin(&mut self) {
        pin(0);
    }

    fn end(&mut self) {
        unpin();
    }
}

/// Does many tasks.
pub(crate) trait Bulk {
    /// Hands over the numbers 1 to `last` as a task each, then gathers all squares; gives their sum.
    fn gather(&mut self, last: u64) -> u64;
}

/// A row of samples of a pool that is made for the first of them, stands by during the others' turns, and ends with the
/// table.
pub(super) fn standing<C: 'static>(
    name: &'static str,
    make: impl Fn() -> C + 'static,
    mut sample: impl FnMut(&mut C) -> f64 + 'static,
) -> Row {
    let mut crew = None;
    Row::new(name, move || sample(crew.get_or_insert_with(&make)))
}
