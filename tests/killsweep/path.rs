//! The path of a recorded run, and the cheapest way to any point of it.

use std::collections::HashMap;

/// How far back a cheaper boundary is looked for.
const LOOK_BACK: usize = 4096;

/// The boundaries between the instructions of one recorded run.
#[derive(Debug)]
pub(crate) struct Path {
    boundaries: Vec<u64>,
    /// For each boundary: the how-manieth time its instruction is reached there.
    occurrence: Vec<usize>,
}

impl Path {
    pub(crate) fn new(boundaries: Vec<u64>) -> Self {
        let mut seen = HashMap::new();
        let occurrence = boundaries
            .iter()
            .map(|at| {
                let times = seen.entry(*at).or_insert(0);
                *times += 1;
                *times
            })
            .collect();
        Self { boundaries, occurrence }
    }

    pub(crate) fn len(&self) -> usize {
        self.boundaries.len()
    }

    /// The instruction behind boundary `k`.
    pub(crate) fn instruction(&self, k: usize) -> u64 {
        self.boundaries[k]
    }

    /// The how-manieth time that instruction is reached at boundary `k`.
    pub(crate) fn occurrence(&self, k: usize) -> usize {
        self.occurrence[k]
    }

    /// The boundary at or before `k` from which `k` is cheapest: a breakpoint costs two stops each time it is
    /// passed, a step costs one.
    pub(crate) fn approach(&self, k: usize) -> usize {
        let cost = |at: usize| 2 * self.occurrence[at] + (k - at);
        (k.saturating_sub(LOOK_BACK)..=k).min_by_key(|at| (cost(*at), k - at)).unwrap_or(k)
    }
}
