//! The owner lock in every interleaving, with deaths and with planted bugs.

// The guarded data stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Tally;
use std::sync::atomic::AtomicUsize;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, owner, pid};
use super::partial::unaware;
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{Acquired, LockError, Owner, OwnerLock, Park};
use crate::shim::{AtomicU64, Ordering};

/// More points than a participant passes in the models below.
const POINTS: u32 = 24;

/// A lock and what it guards: two numbers that are equal whenever nobody is at work on them.
struct Guarded<K> {
    kernel: K,
    lock: OwnerLock,
    pair: UnsafeCell<(u32, u32)>,
}

impl<K: Kernel> Guarded<K> {
    fn new() -> Arc<Self> {
        Arc::new(Self { kernel: K::new(), lock: OwnerLock::new(), pair: UnsafeCell::new((0, 0)) })
    }

    /// Adds 1 to both numbers, in two steps; repairs them first if a dead owner left them unequal.
    fn work(&self, me: Owner, mortal: &Mortal<'_, K>) {
        mortal.pass();
        let found = self.lock.lock(me, mortal).unwrap();
        mortal.pass();
        let (left, right) = self.look();
        if found == Acquired::Clean {
            assert_eq!(left, right, "a clean lock shows half of a change");
        }
        // SAFETY: the lock is held; the checker reports it if another thread is here, too.
        self.pair.with_mut(|pair| unsafe { (*pair).0 = left + 1 });
        mortal.pass();
        // SAFETY: as above.
        self.pair.with_mut(|pair| unsafe { (*pair).1 = left + 1 });
        mortal.pass();
        self.lock.unlock(mortal);
        mortal.pass();
    }

    fn look(&self) -> (u32, u32) {
        // SAFETY: the lock is held; the checker reports it if another thread is writing.
        self.pair.with(|pair| unsafe { *pair })
    }
}

/// `lockers` participants work once each, the main thread being the last of them; then the count is right.
fn all_get_their_turn<K: Kernel>(lockers: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Guarded::<K>::new();
        let others: Vec<_> = (1..lockers)
            .map(|slot| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    Mortal::live(&shared.kernel, slot, None, |mortal| shared.work(owner(slot), mortal));
                })
            })
            .collect();
        Mortal::live(&shared.kernel, 0, None, |mortal| shared.work(owner(0), mortal));
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(shared.look(), (u32::from(lockers), u32::from(lockers)));
    }
}

/// Participant 1 is killed at `point`; the main thread, and 2 if there is one, still get their turn.
fn survivors_get_their_turn<K: Kernel>(
    survivors: u16,
    point: u32,
    deaths: &Tally<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    let deaths = Tally::clone(deaths);
    move || {
        let shared = Guarded::<K>::new();
        let others: Vec<_> = (1..=survivors)
            .map(|slot| {
                let shared = Arc::clone(&shared);
                let deaths = Tally::clone(&deaths);
                let killed_at = (slot == 1).then_some(point);
                thread::spawn(move || {
                    let killed = Mortal::live(&shared.kernel, slot, killed_at, |mortal| {
                        shared.work(owner(slot), mortal);
                    });
                    if killed {
                        deaths.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Mortal::live(&shared.kernel, 0, None, |mortal| shared.work(owner(0), mortal));
        for other in others {
            other.join().unwrap();
        }
    }
}

/// Kills at every point that is ever reached.
fn sweep<K: Kernel>(survivors: u16) {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Tally::new(AtomicUsize::new(0));
        runs += explore(survivors_get_their_turn::<K>(survivors, point, &deaths));
        if deaths.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{survivors} survivors: {killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 5, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

/// Participant 1 dies holding the lock, with half a change made; who saw that orphans the lock; and participant 0,
/// who never learns of the death itself, takes it.
fn orphaned_lock_is_taken<K: Kernel>() {
    let shared = Guarded::<K>::new();
    let dying = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.lock.lock(owner(1), &unaware(&shared.kernel)).unwrap();
            // SAFETY: the lock is held.
            shared.pair.with_mut(|pair| unsafe { (*pair).0 = 1 });
            shared.kernel.bury(1);
            assert_eq!(shared.kernel.death(1), Some(pid(1)));
            if shared.lock.orphan(1, pid(1)) {
                shared.kernel.wake(shared.lock.futex_word(), u32::MAX);
            }
            assert!(!shared.lock.orphan(1, pid(1)), "nothing is left to orphan");
        })
    };
    let park = unaware(&shared.kernel);
    let found = shared.lock.lock(owner(0), &park).unwrap();
    let (left, right) = shared.look();
    match found {
        Acquired::Clean => assert_eq!((left, right), (0, 0), "participant 0 was first"),
        Acquired::Recovered { pid: whose } => {
            assert_eq!((left, right, whose), (1, 0, pid(1)), "participant 1 was half-way");
        }
    }
    shared.lock.unlock(&park);
    dying.join().unwrap();
}

/// A way to the kernel by which the deadline passes during the first sleep.
struct Hasty<'a, K>(&'a K);

impl<K: Kernel> Park for Hasty<'_, K> {
    fn sleep(&self, _word: &AtomicU64, _expected: u32, _round: u32) -> bool {
        thread::yield_now();
        false
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        self.0.release_and_wake(word)
    }

    fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
        self.0.wake(word, count)
    }

    fn death(&self, slot: u16) -> Option<u32> {
        self.0.death(slot)
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        self.0.family_death(slot)
    }

    fn is_due(&self, word: &AtomicU64) -> bool {
        self.0.is_due(word)
    }

    fn relax(&self) {
        self.0.relax();
    }
}

/// Participant 0 gives up, or not, while 1 and 2 take their turns; its leaving must not cost anybody a wake.
fn hasty_locker_leaves<K: Kernel>() {
    let shared = Guarded::<K>::new();
    let others: Vec<_> = [1, 2]
        .map(|slot| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                Mortal::live(&shared.kernel, slot, None, |mortal| shared.work(owner(slot), mortal));
            })
        })
        .into();
    let hasty = Hasty(&shared.kernel);
    match shared.lock.lock(owner(0), &hasty) {
        Ok(_) => shared.lock.unlock(&hasty),
        Err(error) => assert_eq!(error, LockError::TimedOut),
    }
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(shared.look(), (2, 2));
}

/// Two participants try once each; who succeeds works.
fn trying_is_exclusive() {
    let shared = Guarded::<Spurious>::new();
    let attempt = |shared: &Guarded<Spurious>, slot| {
        let park = &shared.kernel;
        if shared.lock.try_lock(owner(slot), park).unwrap().is_some() {
            let (left, _) = shared.look();
            // SAFETY: the lock is held.
            shared.pair.with_mut(|pair| unsafe { *pair = (left + 1, left + 1) });
            assert_eq!(shared.lock.try_lock(owner(slot), park), Err(LockError::WouldDeadlock));
            shared.lock.unlock(&shared.kernel);
        }
    };
    let other = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || attempt(&shared, 1))
    };
    attempt(&shared, 0);
    other.join().unwrap();
    let (left, _) = shared.look();
    assert!((1..=2).contains(&left), "the first one to try succeeds");
}

#[test]
fn lockers_exclude_each_other_without_help_of_the_parker() {
    println!("{} interleavings", explore(all_get_their_turn::<Spurious>(2)));
}

#[test]
fn no_wake_is_lost_between_two() {
    println!("{} interleavings", explore(all_get_their_turn::<Blocking>(2)));
}

#[test]
fn no_wake_is_lost_among_three() {
    println!("{} interleavings", explore(all_get_their_turn::<Blocking>(3)));
}

#[test]
fn survivor_goes_on_wherever_the_other_is_killed() {
    sweep::<Spurious>(1);
}

#[test]
fn sleeping_survivor_goes_on_wherever_the_other_is_killed() {
    sweep::<Blocking>(1);
}

#[test]
fn two_survivors_go_on_wherever_the_third_is_killed() {
    sweep::<Blocking>(2);
}

#[test]
fn orphaned_lock_is_recovered_by_who_knows_of_no_death() {
    println!("{} interleavings", explore(orphaned_lock_is_taken::<Spurious>));
    println!("{} interleavings", explore(orphaned_lock_is_taken::<Blocking>));
}

#[test]
fn passed_deadline_costs_nobody_a_wake() {
    println!("{} interleavings", explore(hasty_locker_leaves::<Blocking>));
}

#[test]
fn trying_takes_a_free_lock_only() {
    println!("{} interleavings", explore(trying_is_exclusive));
}

#[test]
fn relock_by_the_owner_is_refused_and_the_lock_kept() {
    explore(|| {
        let shared = Guarded::<Blocking>::new();
        assert_eq!(shared.lock.lock(owner(1), &shared.kernel), Ok(Acquired::Clean));
        assert_eq!(shared.lock.lock(owner(1), &shared.kernel), Err(LockError::WouldDeadlock));
        let park = &shared.kernel;
        assert_eq!(shared.lock.try_lock(owner(0), park), Ok(None));
        shared.lock.unlock(&shared.kernel);
        assert_eq!(shared.lock.try_lock(owner(0), park), Ok(Some(Acquired::Clean)));
    });
}

#[test]
fn checker_finds_release_that_orders_nothing() {
    finds(Bug::RelaxedRelease, RACE, all_get_their_turn::<Spurious>(2));
}

#[test]
fn checker_finds_acquisition_that_orders_nothing() {
    finds(Bug::RelaxedAcquire, RACE, all_get_their_turn::<Spurious>(2));
}

#[test]
fn checker_finds_missing_wake() {
    finds(Bug::MissingWake, DEADLOCK, all_get_their_turn::<Blocking>(2));
}

#[test]
fn checker_finds_forgotten_waiters() {
    finds(Bug::ForgottenWaiters, DEADLOCK, all_get_their_turn::<Blocking>(3));
}

#[test]
fn checker_finds_theft_from_the_living() {
    finds(Bug::StealFromTheLiving, RACE, all_get_their_turn::<Spurious>(2));
}

#[test]
fn checker_finds_orphaning_that_orders_nothing() {
    finds(Bug::RelaxedOrphan, RACE, orphaned_lock_is_taken::<Spurious>);
}
