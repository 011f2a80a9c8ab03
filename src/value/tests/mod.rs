//! Values and arrays within one process; between processes they are tested in `tests/`.

mod arrays;
mod cells;
mod handles;
mod integers;
mod scribbled;
mod travel;
mod values;

use bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable};

/// Larger than a word, and of a size that is not a whole number of words.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Wide {
    pub(super) parts: [u32; 7],
}

impl Wide {
    /// One value in every part, so that a torn one is seen.
    pub(super) fn of(part: u32) -> Self {
        Self { parts: [part; 7] }
    }
}

/// A value with invalid bit patterns, of one byte.
#[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
#[repr(u8)]
pub(super) enum Phase {
    Rising = 1,
    Falling = 2,
}

/// A value with invalid bit patterns, larger than a word.
#[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
#[repr(C)]
pub(super) struct Report {
    pub(super) count: u64,
    pub(super) phase: Phase,
    pub(super) rest: [u8; 7],
}

pub(super) const REPORT: Report = Report { count: 3, phase: Phase::Falling, rest: [9; 7] };
