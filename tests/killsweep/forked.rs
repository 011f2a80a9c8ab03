//! The subject of most sweeps: an operation on the arena in a process that was forked behind the crate's back.

use procshare::{Array, arena};

use crate::engine::Victim;
use crate::heap::{Heap, THREE_PAGES};
use crate::sweep::Subject;
use crate::turn::Turn;
use crate::watchdog::Watchdog;
use crate::witness::Verdict;

/// An operation, what comes before it, and what must hold after it.
pub(crate) struct Forked<'a> {
    heap: Heap,
    before: &'a dyn Fn(),
    ready: &'a dyn Fn(),
    operation: &'a dyn Fn(),
    after: &'a dyn Fn() -> Verdict,
}

/// Takes a turn with the arena: made now if there is none, with nothing in it that only waits to be swept.
pub(crate) fn take_turn() -> Turn {
    let turn = Turn::take();
    // The first use makes the arena; it must stand before the first fork, for what a family shares is what it inherits.
    Watchdog::start().over_tracer("before the sweep", || {
        earn_credit();
        arena::check().expect("a legal heap before anybody is killed");
    });
    turn
}

/// Allocates pages once: a process that does so first asks the kernel how much memory there is, in half a million
/// instructions without optimisation. Later ones draw on the answer.
pub(crate) fn earn_credit() {
    drop(Array::<u64>::zeroed(THREE_PAGES));
}

/// Small objects of every size: as long as they are kept, nobody makes a slab or closes one.
pub(crate) fn open_slabs() -> impl Sized {
    [8, 16, 32, 64, 128, 256].map(|length| Array::<u64>::zeroed(length).expect("an array"))
}

impl<'a> Forked<'a> {
    /// Nothing before the operation, and nothing after it but the look at the heap.
    pub(crate) fn new(turn: &Turn, operation: &'a dyn Fn()) -> Self {
        Self {
            heap: Heap::new(turn.board),
            before: &|| (),
            ready: &earn_credit,
            operation,
            after: &Verdict::default,
        }
    }

    /// With something for the witness to do before each victim.
    pub(crate) fn before(self, before: &'a dyn Fn()) -> Self {
        Self { before, ..self }
    }

    /// With something else than [`earn_credit`] for the victim to do before the first point.
    pub(crate) fn ready(self, ready: &'a dyn Fn()) -> Self {
        Self { ready, ..self }
    }

    /// With something for the witness to look at after each victim, before it looks at the heap.
    pub(crate) fn after(self, after: &'a dyn Fn() -> Verdict) -> Self {
        Self { after, ..self }
    }
}

impl Subject for Forked<'_> {
    fn launch(&mut self) -> Victim {
        Victim::fork(self.ready, self.operation)
    }

    fn rest(&self) {
        self.heap.rest();
    }

    fn prepare(&self) {
        (self.before)();
    }

    fn examine(&self) -> Verdict {
        let mut verdict = (self.after)();
        verdict |= self.heap.examine();
        verdict
    }
}
