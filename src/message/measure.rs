//! How much room a message needs.

/// A count of the bytes and handles that a message takes.
///
/// # Examples
/// ```
/// use procshare::message::{Measure, Message};
///
/// let mut measure = Measure::new();
/// (7_u32, [1.0_f64; 4]).measure(&mut measure);
/// assert_eq!(measure.total_bytes(), 4 + 4 * 8);
/// assert_eq!(measure.total_handles(), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    bytes: usize,
    handles: usize,
}

impl Measure {
    /// Makes a count of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `count` bytes. A sum beyond `usize::MAX` stays there: no region has that much room.
    pub fn bytes(&mut self, count: usize) {
        self.bytes = self.bytes.saturating_add(count);
    }

    /// Adds one handle of shared memory.
    pub fn handle(&mut self) {
        self.handles = self.handles.saturating_add(1);
    }

    /// Adds a sequence of `count` elements: its length, what `elements` adds, and the filling of elements
    /// that take no bytes. The counterpart of [`Writer::sequence`](super::Writer::sequence).
    pub fn sequence(&mut self, count: usize, elements: impl FnOnce(&mut Self)) {
        self.bytes(size_of::<u64>());
        let start = self.bytes;
        elements(self);
        self.bytes = self.bytes.max(start.saturating_add(count));
    }

    /// Returns how many bytes were added.
    pub fn total_bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how many handles were added.
    pub fn total_handles(&self) -> usize {
        self.handles
    }
}
