//! What the checker plays with permits: who takes part, what each does, and what must hold then.

// What permits admit to stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Counted;
use std::sync::atomic::AtomicUsize;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::explore;
use super::parkers::{Kernel, Mortal, Spurious, owner, pid};
use super::partial::{Partial, unaware};
use crate::algo::{Borne, Form, Head, Late, Owner, Park, Permits, Refused, Tally, bury};
use crate::shim::{AtomicU64, Ordering};

/// More points than a participant passes in the models below.
const POINTS: u32 = 24;

/// What a model prints when the permits do not add up.
pub(super) const LOST: &str = "permits are lost, or too many";

/// What a model prints when a living one lost what it holds.
pub(super) const ROBBED: &str = "the living one holds its permit";

/// What a model prints when two hold one permit.
pub(super) const TWICE: &str = "either of them has the permit";

/// Seats of a model.
const SEATS: u64 = 3;

/// A semaphore, and something that one at a time may touch.
struct Shared<K> {
    kernel: K,
    head: Head,
    cells: [AtomicU64; 8],
    high: AtomicU64,
    touched: UnsafeCell<u32>,
}

impl<K: Kernel> Shared<K> {
    fn with(total: u32, bound: u32) -> Arc<Self> {
        let zero = |_| AtomicU64::new(0);
        let this = Self {
            kernel: K::new(),
            head: Head::new(),
            cells: std::array::from_fn(zero),
            high: AtomicU64::new(SEATS),
            touched: UnsafeCell::new(0),
        };
        this.permits().make(total, bound);
        Arc::new(this)
    }

    fn tally(&self) -> Tally<'_> {
        Tally::new(&self.cells, 1, &self.high)
    }

    fn permits(&self) -> Permits<'_> {
        Permits::of(&self.head, self.tally())
    }

    fn cell(&self, slot: u16) -> &AtomicU64 {
        self.tally().word(slot).unwrap()
    }

    /// Permits in all.
    fn total(&self) -> u64 {
        self.head.words[2].load(Ordering::Relaxed)
    }

    fn acquire<P: Park>(&self, slot: u16, n: u32, park: &P) {
        self.permits().acquire(owner(slot), n, park).unwrap();
    }

    fn give_back<P: Park>(&self, slot: u16, n: u32, park: &P) {
        self.permits().give_back(owner(slot), n, park).unwrap();
    }

    fn touch(&self) {
        // SAFETY: the only permit is held; the checker reports it if another thread is here, too.
        self.touched.with_mut(|touched| unsafe { *touched += 1 });
    }

    /// Does for the dead participant in `slot` what the sweep does.
    fn sweep<P: Park>(&self, slot: u16, park: &P) {
        let late = Late { slot, pid: pid(slot), returned: false };
        bury(Form::Semaphore, Borne::Head(&self.head, self.tally()), late, park);
        let lock = self.head.lock.owner_lock();
        if lock.orphan(slot, pid(slot)) {
            park.wake(lock.futex_word(), u32::MAX);
        }
    }
}

/// Each of so many participants takes the only permit once, the main thread being the last of them.
pub(super) fn one_at_a_time<K: Kernel>(takers: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::with(1, 1);
        let work = |shared: &Shared<K>, slot| {
            shared.acquire(slot, 1, &shared.kernel);
            shared.touch();
            shared.give_back(slot, 1, &shared.kernel);
        };
        let others: Vec<_> = (1..takers)
            .map(|slot| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || work(&shared, slot))
            })
            .collect();
        work(&shared, 0);
        for other in others {
            other.join().unwrap();
        }
        // SAFETY: all others are gone.
        assert_eq!(shared.touched.with(|touched| unsafe { *touched }), u32::from(takers));
        assert_eq!(shared.permits().available(), 1, "{LOST}");
    }
}

/// Participant 0 takes a permit twice; both are released one by one.
pub(super) fn released_twice<K: Kernel>() {
    let shared = Shared::<K>::with(0, 2);
    let releasing = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            for _ in 0..2 {
                shared.permits().release(owner(1), 1, &shared.kernel).unwrap();
            }
        })
    };
    shared.acquire(0, 1, &shared.kernel);
    shared.acquire(0, 1, &shared.kernel);
    releasing.join().unwrap();
    assert_eq!(shared.permits().release(owner(0), 1, &shared.kernel), Err(Refused::TooMany));
    assert_eq!(shared.permits().available(), 0, "{LOST}");
}

/// Participant 1 wants two permits and 2 wants one; one is released, and another once 2 has its own.
pub(super) fn small_request_passes_a_big_one<K: Kernel>() {
    let shared = Shared::<K>::with(0, 3);
    let takers = [(1, 2), (2, 1)].map(|(slot, n)| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.acquire(slot, n, &shared.kernel))
    });
    let [big, small] = takers;
    shared.permits().release(owner(0), 1, &shared.kernel).unwrap();
    small.join().unwrap();
    shared.permits().release(owner(0), 2, &shared.kernel).unwrap();
    big.join().unwrap();
    assert_eq!(shared.permits().available(), 0, "{LOST}");
}

/// Participants 0 and 1 want the only permit, and give it back, once it is released. Participant 1 gives up after its first sleep, and
/// does not wait for the lock, which is taken once more.
pub(super) fn hurried_taker_costs_nobody_a_wake<K: Kernel>() {
    let shared = Shared::<K>::with(0, 1);
    let releasing = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let (permits, kernel) = (shared.permits(), &shared.kernel);
            permits.release(owner(2), 1, kernel).unwrap();
            permits.enter(owner(2), kernel).unwrap();
            permits.leave(owner(2), kernel);
        })
    };
    let hurrying = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let (permits, kernel) = (shared.permits(), &shared.kernel);
            let shuns = Some(shared.head.lock.owner_lock().futex_word());
            let hurried = Partial { has_time: false, shuns, ..unaware(kernel) };
            if permits.acquire(owner(1), 1, &hurried).is_ok() {
                shared.give_back(1, 1, kernel);
            }
        })
    };
    shared.acquire(0, 1, &shared.kernel);
    shared.give_back(0, 1, &shared.kernel);
    releasing.join().unwrap();
    hurrying.join().unwrap();
    assert_eq!(shared.permits().available(), 1, "{LOST}");
}

/// What the one that will be killed does, in the steps that a death can come between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Takes a permit and gives it back.
    Borrows,
    /// Takes a permit that another thread must give back first, and gives it back.
    Waits,
    /// Takes a permit and forgets it.
    Forgets,
    /// Adds a permit.
    Adds,
    /// Takes the permit from participant 2, who died before.
    Finds,
}

impl Deed {
    fn is_done<K: Kernel>(self, shared: &Shared<K>, mortal: &Mortal<'_, K>) {
        let (me, cell, permits) = (owner(1), shared.cell(1), shared.permits());
        let enter = || {
            mortal.pass();
            permits.enter(me, mortal).unwrap();
            mortal.pass();
        };
        let leave = || {
            mortal.pass();
            permits.leave(me, mortal);
            mortal.pass();
        };
        let leave_and_call = || {
            mortal.pass();
            permits.leave_and_call(me, 1, mortal);
            mortal.pass();
        };
        match self {
            Self::Waits => {
                mortal.pass();
                shared.acquire(1, 1, mortal);
                mortal.pass();
                shared.give_back(1, 1, mortal);
            }
            Self::Borrows | Self::Forgets => {
                enter();
                let free = shared.head.words[1].load(Ordering::Relaxed);
                if free == 0 {
                    return leave(); // the other one has them all
                }
                permits.hold(cell, 1);
                mortal.pass();
                shared.head.words[1].store(free - 1, Ordering::Relaxed);
                leave();
                enter();
                if self == Self::Forgets {
                    permits.shrink(1);
                    mortal.pass();
                    permits.let_go(cell, 1);
                    leave();
                } else {
                    permits.let_go(cell, 1);
                    mortal.pass();
                    permits.add_free(1);
                    leave_and_call();
                }
            }
            Self::Finds => {
                mortal.pass();
                // Not at all, if participant 0 was faster.
                let seen = shared.cell(2).load(Ordering::Relaxed);
                let emptied = 2 << 32;
                assert!(seen == emptied || seen == 1 << 32 | 1);
                if seen != emptied {
                    let _ =
                        shared.cell(2).compare_exchange(seen, emptied, Ordering::Relaxed, Ordering::Relaxed);
                }
                mortal.pass();
                permits.announce(mortal);
                mortal.pass();
            }
            Self::Adds => {
                enter();
                shared.head.words[2].store(shared.total() + 1, Ordering::Relaxed);
                mortal.pass();
                permits.add_free(1);
                leave_and_call();
            }
        }
    }
}

/// Participant 1 is killed at `point` of its deed; participant 0 takes a permit meanwhile, and then all there are.
fn survivor_gets_all<K: Kernel>(
    deed: Deed,
    swept: bool,
    point: u32,
    deaths: &Counted<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    let deaths = Counted::clone(deaths);
    move || {
        // Its permits are those of participant 0, and, if it wants to forget one, one more.
        let shared = Shared::<K>::with(if deed == Deed::Forgets { 2 } else { 1 }, 3);
        if deed == Deed::Finds {
            shared.acquire(2, 1, &shared.kernel);
            shared.kernel.bury(2);
        }
        let dying = {
            let shared = Arc::clone(&shared);
            let deaths = Counted::clone(&deaths);
            thread::spawn(move || {
                let killed =
                    Mortal::live(&shared.kernel, 1, Some(point), |mortal| deed.is_done(&shared, mortal));
                if killed {
                    deaths.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                if killed && swept {
                    shared.sweep(1, &shared.kernel);
                }
            })
        };
        let kernel = &shared.kernel;
        shared.acquire(0, 1, kernel);
        shared.give_back(0, 1, kernel);
        dying.join().unwrap();
        let total = u32::try_from(shared.total()).unwrap();
        shared.acquire(0, total, kernel);
        assert_eq!(shared.permits().available(), 0, "{LOST}");
        let more = shared.permits().try_acquire(owner(0), 1, kernel);
        assert_eq!(more, Err(Refused::NotNow), "{LOST}");
        shared.give_back(0, total, kernel);
        assert_eq!(shared.permits().available(), total, "{LOST}");
    }
}

/// Kills at every point that is ever reached.
pub(super) fn sweep<K: Kernel>(deed: Deed, swept: bool) {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Counted::new(AtomicUsize::new(0));
        runs += explore(survivor_gets_all::<K>(deed, swept, point, &deaths));
        if deaths.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{deed:?}: {killed_somewhere} kill points, {runs} interleavings");
    let at_least = match deed {
        Deed::Waits => 1,
        Deed::Finds => 3,
        Deed::Borrows | Deed::Forgets | Deed::Adds => 5,
    };
    assert!(killed_somewhere >= at_least, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

/// Participant 1 died holding the only permit. It is buried while participant 0, who knows of no death, wants the permit.
pub(super) fn buried_ones_permit_comes_back<K: Kernel>() {
    let shared = Shared::<K>::with(1, 1);
    let burying = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.acquire(1, 1, &shared.kernel);
            shared.touch();
            shared.sweep(1, &unaware(&shared.kernel));
        })
    };
    shared.acquire(0, 1, &unaware(&shared.kernel));
    shared.touch();
    shared.give_back(0, 1, &unaware(&shared.kernel));
    burying.join().unwrap();
    assert_eq!(shared.permits().available(), 1, "{LOST}");
}

/// Participant 1 died holding the only permit. It is buried while participant 0 tries to get the permit, once or twice.
pub(super) fn trying_while_one_is_buried() {
    let shared = Shared::<Spurious>::with(1, 1);
    shared.acquire(1, 1, &shared.kernel);
    let burying = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.touch();
            shared.sweep(1, &unaware(&shared.kernel));
        })
    };
    let got = shared.permits().try_acquire(owner(0), 1, &unaware(&shared.kernel)).is_ok();
    if got {
        shared.touch();
    }
    burying.join().unwrap();
    // What the first try left is recounted only if somebody said so.
    let idle = Partial { looks: false, ..unaware(&shared.kernel) };
    let again = shared.permits().try_acquire(owner(0), 1, &idle).is_ok();
    assert!(got != again, "{LOST}");
}

/// Participant 1 died holding the first of two permits, and is buried; somebody else gets its seat, and takes a permit. Meanwhile
/// participant 0 looks for the dead.
pub(super) fn successor_keeps_its_permit() {
    let shared = Shared::<Spurious>::with(2, 2);
    shared.acquire(1, 1, &shared.kernel);
    // Who sits in seat 1: 1, who is dead; nobody; or another one, alive.
    let seat = Arc::new(AtomicU64::new(1));
    let succeeding = {
        let (shared, seat) = (Arc::clone(&shared), Arc::clone(&seat));
        thread::spawn(move || {
            shared.sweep(1, &shared.kernel);
            // As `Seat::vacate` and `Participants::occupy` order it.
            assert!(seat.compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed).is_ok());
            assert!(seat.compare_exchange(0, 2, Ordering::AcqRel, Ordering::Relaxed).is_ok());
            shared.acquire(1, 1, &shared.kernel);
        })
    };
    let death = |slot| {
        let dead = slot == 1 && seat.load(Ordering::Acquire) != 2;
        dead.then(|| pid(1))
    };
    let looking = Partial {
        kernel: &shared.kernel,
        death,
        family_lives: false,
        has_time: true,
        shuns: None,
        looks: true,
    };
    shared.permits().look(&looking);
    succeeding.join().unwrap();
    assert_eq!(shared.permits().available(), 1, "{ROBBED}");
}

/// Participant 1 is killed when it has counted the only permit as its own, before anything followed from that; whom it forked is
/// alive. Participant 0 tries to get the permit.
pub(super) fn family_keeps_the_permit() {
    let shared = Shared::<Spurious>::with(1, 1);
    let dying = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            Mortal::live(&shared.kernel, 1, Some(2), |mortal| Deed::Borrows.is_done(&shared, mortal));
        })
    };
    let heir = Partial {
        kernel: &shared.kernel,
        death: |slot| shared.kernel.death(slot),
        family_lives: true,
        has_time: true,
        shuns: None,
        looks: false,
    };
    let got = shared.permits().try_acquire(owner(0), 1, &heir).is_ok();
    dying.join().unwrap();
    let theirs = shared.cell(1).load(Ordering::Relaxed) as u32;
    assert_eq!(u32::from(got) + theirs, 1, "{TWICE}");
}
