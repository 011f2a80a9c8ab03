//! The path of a recorded run, the cheapest way to any point of it, and which of its points tell something new.

use std::collections::HashMap;

/// So many instructions that led to a boundary make it another boundary than one that others led to.
const HISTORY: usize = 256;
/// How often a boundary with the same history is told apart.
const TURNS: u32 = 2;
/// Base of the rolling hash over a history; odd, else arbitrary.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

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

    /// The boundaries that tell something new: all but those to which the same [`HISTORY`] instructions led
    /// [`TURNS`] times before. Of a loop that does the same in each turn, the first turns are left.
    pub(crate) fn distinct(&self) -> Vec<usize> {
        let leaving = BASE.wrapping_pow(HISTORY as u32);
        let mut history = 0_u64;
        let mut seen = HashMap::new();
        (0..self.len())
            .filter(|k| {
                history = history.wrapping_mul(BASE).wrapping_add(self.boundaries[*k]);
                if let Some(left) = k.checked_sub(HISTORY) {
                    history = history.wrapping_sub(self.boundaries[left].wrapping_mul(leaving));
                }
                let times = seen.entry(history).or_insert(0);
                *times += 1;
                *times <= TURNS
            })
            .collect()
    }

    /// The boundary at or before `k` from which `k` is cheapest: a breakpoint costs two stops each time it is passed, a
    /// step costs one.
    pub(crate) fn approach(&self, k: usize) -> usize {
        let mut best = k;
        for at in (0..k).rev() {
            if k - at >= self.cost(best, k) {
                break; // the steps alone cost more
            }
            if self.cost(at, k) < self.cost(best, k) {
                best = at;
            }
        }
        best
    }

    /// How often a victim is stopped on its cheapest way to `k`.
    pub(crate) fn cost_of(&self, k: usize) -> usize {
        self.cost(self.approach(k), k)
    }

    /// The same, if the last breakpoint stands at `at`.
    fn cost(&self, at: usize, k: usize) -> usize {
        2 * self.occurrence[at] + (k - at)
    }
}
