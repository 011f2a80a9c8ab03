//! Killed while it repairs: the second victim dies in the middle of what the first one's death left to do.

use std::hint::black_box;

use procshare::Array;

use crate::engine::Victim;
use crate::forked::{earn_credit, take_turn};
use crate::heap::{Heap, LARGEST_SMALL, THREE_PAGES};
use crate::path::Path;
use crate::sweep::{Subject, sweep};
use crate::tracee;
use crate::turn::Turn;
use crate::witness::Verdict;

/// At how many points the first victim is tried, to find the one that leaves most to do.
const TRIED: usize = 16;

/// How cheap those points are to come to: the first victim runs there before each second one.
const NEAR: usize = 100;

/// A participant that joins: what the crate does in a fresh child, before any code of the program's runs there.
struct Joining {
    heap: Heap,
}

impl Subject for Joining {
    fn launch(&mut self) -> Victim {
        Victim::fork_under_trace()
    }

    fn rest(&self) {
        self.heap.rest();
    }

    fn examine(&self) -> Verdict {
        self.heap.examine()
    }
}

/// Two victims of the same operation: the first dies at one point, the second anywhere.
struct Nested {
    heap: Heap,
    operation: fn(),
    first: Path,
    at: usize,
}

impl Nested {
    /// Looks for the point of the first victim's death after which the second has most to do.
    fn new(turn: &Turn, operation: fn()) -> Self {
        let mut nested = Self { heap: Heap::new(turn.board), operation, first: recorded(operation), at: 0 };
        let near: Vec<usize> =
            nested.first.distinct().into_iter().filter(|at| nested.first.cost_of(*at) < NEAR).collect();
        let longest = near.iter().copied().step_by(near.len().div_ceil(TRIED)).max_by_key(|at| {
            nested.at = *at;
            let victim = nested.launch();
            let length = victim.record().map_or(0, |path| path.len());
            bury(&victim);
            length
        });
        nested.at = longest.unwrap_or(0);
        nested
    }
}

impl Subject for Nested {
    fn launch(&mut self) -> Victim {
        let first = Victim::fork(earn_credit, self.operation);
        first.run_to(&self.first, self.at);
        bury(&first);
        Victim::fork(earn_credit, self.operation)
    }

    fn rest(&self) {
        self.heap.rest();
    }

    fn examine(&self) -> Verdict {
        self.heap.examine()
    }
}

fn bury(victim: &Victim) {
    victim.kill();
    tracee::reap(victim.pid());
}

fn recorded(operation: fn()) -> Path {
    let victim = Victim::fork(earn_credit, operation);
    let path = victim.record().expect("the operation runs to its end under single steps");
    bury(&victim);
    path
}

#[test]
fn a_fresh_child_killed_while_it_joins_gives_its_seat_back() {
    let turn = take_turn();
    sweep("a foreign fork joins", &turn, &mut Joining { heap: Heap::new(turn.board) }).assert_clean();
}

#[test]
fn a_process_killed_while_it_repairs_what_a_killed_one_left_leaves_a_legal_heap() {
    fn object_and_pages() {
        let object = Array::<u64>::zeroed(LARGEST_SMALL);
        let pages = Array::<u64>::zeroed(black_box(THREE_PAGES));
        drop(object);
        drop(pages);
    }
    let turn = take_turn();
    // A slab of few objects: the repair looks at all of them.
    let _slab = Array::<u64>::zeroed(LARGEST_SMALL).expect("an array");
    object_and_pages();
    let mut nested = Nested::new(&turn, object_and_pages);
    sweep("recovery from a kill in the same operation", &turn, &mut nested).assert_clean();
}
