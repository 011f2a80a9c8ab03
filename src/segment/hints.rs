//! Where this thread may find a free small object: guesses, nothing more.
//!
//! A guess costs nothing when it is wrong (the claim decides), so nothing here is shared, ordered or repaired. Fork
//! copies it, a thread's end forgets it.

use std::cell::Cell;

use crate::algo::slab::CLASSES;

const DEPTH: usize = 16;

struct Stack {
    units: [Cell<u64>; DEPTH],
    len: Cell<usize>,
}

thread_local! {
    static STACKS: [Stack; CLASSES] = const { [const { Stack { units: [const { Cell::new(0) }; DEPTH], len: Cell::new(0) } }; CLASSES] };
}

/// Remembers that the object at `unit` may be free. `false`: there are enough guesses already.
#[inline]
pub(super) fn push(class: usize, unit: u64) -> bool {
    STACKS.with(|stacks| {
        let Some(stack) = stacks.get(class) else { return false };
        let len = stack.len.get();
        match stack.units.get(len) {
            Some(free) => {
                free.set(unit);
                stack.len.set(len + 1);
                true
            }
            None => false,
        }
    })
}

/// The latest guess.
#[inline]
pub(super) fn pop(class: usize) -> Option<u64> {
    STACKS.with(|stacks| {
        let stack = stacks.get(class)?;
        let len = stack.len.get().checked_sub(1)?;
        stack.len.set(len);
        stack.units.get(len).map(Cell::get)
    })
}
