//! Blocks that this process is done with while a child of it may still hold a copy of their handle.
//!
//! A child begins with a copy of every handle its parent had, in statics and wherever else; it may go on reading there
//! after the parent dropped its own. So a block that is older than a living child is not free yet: it waits here
//! until every child that was forked after it was made is gone, with all its descendants.
//!
//! The mark `YOUNGEST` makes the common case one comparison: a block made after the latest fork never waits. The list
//! is private memory; a child begins with an empty one, and the death of its process sweeps whatever waited.

#![allow(unsafe_code)] // a lock-free stack of boxes: a lock could be held by another thread at a fork

use std::ptr;

use super::arena::Arena;
use super::block;
use super::member::{self, YOUNGEST};
use crate::algo::{Participants, Word};
use crate::shim::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// A block that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retired {
    pub(super) unit: u64,
    pub(super) word: Word,
    /// How many forks this process had done when the handle was made.
    pub(super) birth: u64,
}

struct Node {
    retired: Retired,
    next: *mut Node,
}

static HEAD: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());

/// Forgets what the parent's list held: this process is a fresh child, and the parent frees its own.
pub(super) fn forget() {
    HEAD.store(ptr::null_mut(), Relaxed);
}

/// Whether a block of that birth may still be reached by a living child.
#[inline]
pub(super) fn must_wait(birth: u64) -> bool {
    birth < YOUNGEST.load(Acquire) // B1
}

/// Gives a block back now, or when the last child that may reach it is gone.
pub(super) fn retire(arena: &Arena, seat: u16, retired: Retired) {
    if must_wait(retired.birth) && retired.birth < youngest(arena.seats(), seat) {
        super::sweep::sweep_strays_now_and_then(arena); // nobody else notices, and everything older would wait for them for ever
        push(Box::new(Node { retired, next: ptr::null_mut() }));
        if !must_wait(retired.birth) {
            settle(arena); // the last child went while we pushed
        }
    } else {
        block::give_back(arena, seat, retired.unit, retired.word);
    }
}

/// Gives back what need not wait any more. Call after a child's seat was vacated.
pub(crate) fn settle(arena: &Arena) {
    let Some(seat) = member::seat() else { return };
    if HEAD.load(Relaxed).is_null() && YOUNGEST.load(Relaxed) == 0 {
        return;
    }
    let youngest = youngest(arena.seats(), seat);
    // L1 acquire: the nodes that were pushed are whole.
    let mut next = HEAD.swap(ptr::null_mut(), Acquire);
    while !next.is_null() {
        // SAFETY: every pointer in the list came from `Box::into_raw` in `push`, and the swap above took the whole list
        // away from everybody else.
        let node = unsafe { Box::from_raw(next) };
        next = node.next;
        if node.retired.birth < youngest {
            push(node);
        } else {
            block::give_back(arena, seat, node.retired.unit, node.retired.word);
        }
    }
}

/// The latest birth among the children of `seat` that are not swept yet; lowers the mark to it.
fn youngest(participants: Participants<'_>, seat: u16) -> u64 {
    let mark = YOUNGEST.load(Acquire);
    let youngest = participants.youngest_child(seat, member::births() + 1);
    // A child reserved meanwhile raised the mark: then it stays.
    let _ = YOUNGEST.compare_exchange(mark, youngest, AcqRel, Relaxed);
    youngest
}

fn push(node: Box<Node>) {
    let pointer = Box::into_raw(node);
    // L1 release: whoever takes the list sees the node.
    let mut expected = HEAD.load(Relaxed);
    loop {
        // SAFETY: `pointer` is not in the list yet, so it is ours alone.
        unsafe { (*pointer).next = expected };
        match HEAD.compare_exchange_weak(expected, pointer, Release, Relaxed) {
            Ok(_) => return,
            Err(found) => expected = found,
        }
    }
}
