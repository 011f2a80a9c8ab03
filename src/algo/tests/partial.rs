//! Ways to the kernel that lack something: knowledge of deaths, or time.

use super::parkers::Kernel;
use crate::algo::Park;
use crate::shim::AtomicU64;

/// Sleeps and wakes as the kernel does, and else does what it is told.
pub(super) struct Partial<'a, K, D> {
    pub(super) kernel: &'a K,
    /// Who is dead.
    pub(super) death: D,
    /// Whom the dead ones forked is alive.
    pub(super) family_lives: bool,
    /// The deadline never comes. Else it has passed when the first sleep ends, for whatever reason that ended.
    pub(super) has_time: bool,
    /// The word on which it gives up at once.
    pub(super) shuns: Option<&'a AtomicU64>,
    /// Whether it is always this one's turn to look for the dead, or never.
    pub(super) looks: bool,
}

/// A way to the kernel that knows of no death.
pub(super) fn unaware<K: Kernel>(kernel: &K) -> Partial<'_, K, impl Fn(u16) -> Option<u32>> {
    Partial { kernel, death: |_| None, family_lives: false, has_time: true, shuns: None, looks: true }
}

/// A way to the kernel by which the deadline passes during the first sleep.
pub(super) fn late<K: Kernel>(kernel: &K) -> Partial<'_, K, impl Fn(u16) -> Option<u32>> {
    Partial { has_time: false, ..unaware(kernel) }
}

impl<K: Kernel, D: Fn(u16) -> Option<u32>> Park for Partial<'_, K, D> {
    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
        if self.shuns.is_some_and(|shunned| std::ptr::eq(shunned, word)) {
            return false;
        }
        self.kernel.sleep(word, expected, round) && self.has_time
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        self.kernel.release_and_wake(word)
    }

    fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
        self.kernel.wake(word, count)
    }

    fn death(&self, slot: u16) -> Option<u32> {
        (self.death)(slot)
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        if self.family_lives { None } else { self.death(slot) }
    }

    fn is_due(&self, _word: &AtomicU64) -> bool {
        self.looks
    }

    fn relax(&self) {
        self.kernel.relax();
    }
}
