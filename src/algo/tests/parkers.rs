//! What the machines sleep on in the model checker's build, and the deaths in it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use loom::sync::atomic::AtomicBool;
use loom::sync::{Condvar, Mutex};
use loom::thread::yield_now;

use super::planted;
use crate::algo::planted::Bug;
use crate::algo::{Owner, Park};
use crate::shim::{AtomicU64, Ordering};

/// Participants that a model may have.
const SLOTS: usize = 4;
const WAITERS: u64 = 1 << 31;
const LOW: u64 = (1 << 32) - 1;

/// The process id of the participant in `slot`.
pub(super) fn pid(slot: u16) -> u32 {
    1000 + u32::from(slot)
}

/// The one thread of the participant in `slot`.
pub(super) fn owner(slot: u16) -> Owner {
    Owner::new(100 + u32::from(slot), slot, u64::from(slot))
}

/// What the kernel knows.
pub(super) trait Kernel: Park + Send + Sync + 'static {
    fn new() -> Self;
    /// The participant in `slot` is gone; from now on sleeps end by themselves.
    fn bury(&self, slot: u16);
}

/// Who is dead. The flag is the edge `D1`.
struct Graves([AtomicBool; SLOTS]);

impl Graves {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicBool::new(false)))
    }

    fn bury(&self, slot: u16) {
        // D1 release.
        self.0[usize::from(slot)].store(true, Ordering::Release);
    }

    fn hold(&self, slot: u16) -> bool {
        // D1 acquire.
        self.0[usize::from(slot)].load(Ordering::Acquire)
    }
}

/// Stores what the kernel's one-step release stores.
fn release(word: &AtomicU64) {
    let mut seen = word.load(Ordering::Relaxed);
    while let Err(now) =
        word.compare_exchange(seen, seen & !LOW | WAITERS, Ordering::Relaxed, Ordering::Relaxed)
    {
        seen = now;
    }
}

/// Sleeps until woken, so that a wake that nobody sends is a deadlock, which the checker reports. Once somebody
/// died, sleeps end at once instead: that stands for the bound on every sleep.
pub(super) struct Blocking {
    graves: Graves,
    beds: Mutex<Beds>,
    bell: Condvar,
}

#[derive(Default)]
struct Beds {
    /// The word slept on and the sleeper's ticket, in the order of going to sleep.
    taken: Vec<(usize, usize)>,
    tickets: usize,
    bounded: bool,
}

fn address(word: &AtomicU64) -> usize {
    std::ptr::from_ref(word).addr()
}

impl Park for Blocking {
    fn sleep(&self, word: &AtomicU64, expected: u32, _round: u32) -> bool {
        let mut beds = self.beds.lock().unwrap();
        if word.load(Ordering::Relaxed) as u32 != expected {
            return true;
        }
        beds.tickets += 1;
        let ticket = beds.tickets;
        beds.taken.push((address(word), ticket));
        while !beds.bounded && beds.taken.iter().any(|bed| bed.1 == ticket) {
            beds = self.bell.wait(beds).unwrap();
        }
        beds.taken.retain(|bed| bed.1 != ticket);
        let bounded = beds.bounded;
        drop(beds);
        if bounded {
            yield_now();
        }
        true
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        let mut beds = self.beds.lock().unwrap();
        release(word);
        let Some(first) = beds.taken.iter().position(|bed| bed.0 == address(word)) else {
            return 0;
        };
        if planted(Bug::MissingWake) {
            return 1;
        }
        beds.taken.remove(first);
        self.bell.notify_all();
        1
    }

    fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
        let mut beds = self.beds.lock().unwrap();
        let mut woken = 0;
        while woken < count
            && let Some(first) = beds.taken.iter().position(|bed| bed.0 == address(word))
        {
            beds.taken.remove(first);
            woken += 1;
        }
        self.bell.notify_all();
        woken
    }

    fn death(&self, slot: u16) -> Option<u32> {
        self.graves.hold(slot).then(|| pid(slot))
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        self.death(slot)
    }

    fn is_due(&self, _word: &AtomicU64) -> bool {
        true
    }

    fn relax(&self) {
        yield_now();
    }
}

impl Kernel for Blocking {
    fn new() -> Self {
        Self { graves: Graves::new(), beds: Mutex::new(Beds::default()), bell: Condvar::new() }
    }

    fn bury(&self, slot: u16) {
        self.graves.bury(slot);
        self.beds.lock().unwrap().bounded = true;
        self.bell.notify_all();
    }
}

/// Never sleeps: every sleep returns for no reason, and no lock of this parker orders anything.
pub(super) struct Spurious {
    graves: Graves,
}

impl Park for Spurious {
    fn sleep(&self, _word: &AtomicU64, _expected: u32, _round: u32) -> bool {
        yield_now();
        true
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        release(word);
        0
    }

    fn wake(&self, _word: &AtomicU64, _count: u32) -> u32 {
        0
    }

    fn death(&self, slot: u16) -> Option<u32> {
        self.graves.hold(slot).then(|| pid(slot))
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        self.death(slot)
    }

    fn is_due(&self, _word: &AtomicU64) -> bool {
        true
    }

    fn relax(&self) {
        yield_now();
    }
}

impl Kernel for Spurious {
    fn new() -> Self {
        Self { graves: Graves::new() }
    }

    fn bury(&self, slot: u16) {
        self.graves.bury(slot);
    }
}

/// One participant's way to the kernel, on which it can be killed: each call into the kernel, and each
/// [`Mortal::pass`] in the model, is a point; the one numbered `killed_at` is not survived.
pub(super) struct Mortal<'a, K> {
    kernel: &'a K,
    killed_at: Option<u32>,
    passed: Cell<u32>,
}

/// What a death unwinds with, past code that has nothing to clean up.
struct Killed;

impl<'a, K: Kernel> Mortal<'a, K> {
    /// Lives `life` as the participant in `slot`. Returns whether it was killed; then it was also buried.
    pub(super) fn live(
        kernel: &'a K,
        slot: u16,
        killed_at: Option<u32>,
        life: impl FnOnce(&Mortal<'a, K>),
    ) -> bool {
        let mortal = Mortal { kernel, killed_at, passed: Cell::new(0) };
        match catch_unwind(AssertUnwindSafe(|| life(&mortal))) {
            Ok(()) => false,
            Err(cause) if cause.is::<Killed>() => {
                kernel.bury(slot);
                true
            }
            Err(cause) => resume_unwind(cause),
        }
    }

    /// A point at which the participant may be killed.
    pub(super) fn pass(&self) {
        let point = self.passed.replace(self.passed.get() + 1);
        if self.killed_at == Some(point) {
            resume_unwind(Box::new(Killed));
        }
    }
}

impl<K: Kernel> Park for Mortal<'_, K> {
    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
        self.pass();
        let in_time = self.kernel.sleep(word, expected, round);
        self.pass();
        in_time
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        self.pass();
        let woken = self.kernel.release_and_wake(word);
        self.pass();
        woken
    }

    fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
        self.pass();
        let woken = self.kernel.wake(word, count);
        self.pass();
        woken
    }

    fn death(&self, slot: u16) -> Option<u32> {
        let dead = self.kernel.death(slot);
        self.pass();
        dead
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        self.death(slot)
    }

    fn is_due(&self, word: &AtomicU64) -> bool {
        self.kernel.is_due(word)
    }

    fn relax(&self) {
        self.kernel.relax();
    }
}
