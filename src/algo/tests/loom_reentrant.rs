//! The lock that its owner may take again, in every interleaving, with deaths and with planted bugs.

// The guarded data stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Tally;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, owner, pid};
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{Failing, Head, Owner, Reentrant};

/// More points than a participant passes in the models below.
const POINTS: u32 = 24;

/// A lock and what it guards: two numbers that are equal whenever nobody is at work on them.
struct Guarded<K> {
    kernel: K,
    head: Head,
    pair: UnsafeCell<(u32, u32)>,
}

impl<K: Kernel> Guarded<K> {
    fn new() -> Arc<Self> {
        Arc::new(Self { kernel: K::new(), head: Head::new(), pair: UnsafeCell::new((0, 0)) })
    }

    fn look(&self) -> (u32, u32) {
        // SAFETY: the lock is held; the checker reports it if another thread is writing.
        self.pair.with(|pair| unsafe { *pair })
    }

    /// Adds 1 to both numbers, one at each depth; says whether somebody died here before.
    fn work(&self, me: Owner, mortal: &Mortal<'_, K>) -> bool {
        let lock = Reentrant::of(&self.head);
        mortal.pass();
        let failing = lock.lock(me, mortal).unwrap();
        assert!(failing.is_none_or(|failing| failing == Failing { pid: pid(1), panicked: false }));
        mortal.pass();
        let (left, right) = self.look();
        assert!(failing.is_some() || left == right, "a clean lock shows half of a change");
        assert_eq!(lock.lock(me, mortal), Ok(failing), "the inner one is told the same");
        // SAFETY: the lock is held; the checker reports it if another thread is here, too.
        self.pair.with_mut(|pair| unsafe { (*pair).0 = left + 1 });
        mortal.pass();
        lock.unlock(me, mortal);
        mortal.pass();
        // SAFETY: as above: it is held once still.
        self.pair.with_mut(|pair| unsafe { (*pair).1 = left + 1 });
        mortal.pass();
        lock.unlock(me, mortal);
        mortal.pass();
        failing.is_some()
    }
}

/// Participants 0 and 1, and 2 if there is one, work once each; 1 is killed at `point`, if that is one.
fn all_get_their_turn<K: Kernel>(
    others: u16,
    point: Option<u32>,
    deaths: Tally<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Guarded::<K>::new();
        let others: Vec<_> = (1..=others)
            .map(|slot| {
                let (shared, deaths) = (Arc::clone(&shared), Tally::clone(&deaths));
                let killed_at = point.filter(|_| slot == 1);
                thread::spawn(move || {
                    let killed = Mortal::live(&shared.kernel, slot, killed_at, |mortal| {
                        shared.work(owner(slot), mortal);
                    });
                    deaths.fetch_add(usize::from(killed), Relaxed);
                })
            })
            .collect();
        Mortal::live(&shared.kernel, 0, None, |mortal| {
            shared.work(owner(0), mortal);
        });
        for other in others {
            other.join().unwrap();
        }
        // Free, or left by the dead one: taken in either case.
        let lock = Reentrant::of(&shared.head);
        Mortal::live(&shared.kernel, 3, None, |mortal| {
            lock.lock(owner(3), mortal).unwrap();
            shared.look();
            lock.unlock(owner(3), mortal);
        });
    }
}

/// Kills at every point that is ever reached.
fn sweep<K: Kernel>(others: u16) {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Tally::new(AtomicUsize::new(0));
        runs += explore(all_get_their_turn::<K>(others, Some(point), Tally::clone(&deaths)));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 6, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

#[test]
fn nested_takings_exclude_the_others_until_the_last_is_given_back() {
    println!("{} interleavings", explore(all_get_their_turn::<Spurious>(1, None, Tally::default())));
    println!("{} interleavings", explore(all_get_their_turn::<Blocking>(1, None, Tally::default())));
}

#[test]
fn survivor_goes_on_at_whatever_depth_the_other_is_killed() {
    sweep::<Spurious>(1);
}

#[test]
fn sleeping_survivors_go_on_at_whatever_depth_the_other_is_killed() {
    sweep::<Blocking>(1);
}

#[test]
fn one_who_does_not_hold_the_lock_releases_nothing() {
    explore(|| {
        let shared = Guarded::<Blocking>::new();
        let (lock, park) = (Reentrant::of(&shared.head), &shared.kernel);
        assert_eq!(lock.try_lock(owner(1), park), Some(None));
        assert_eq!(lock.try_lock(owner(1), park), Some(None));
        lock.unlock(owner(0), park);
        lock.unlock(owner(1), park);
        assert_eq!(lock.try_lock(owner(0), park), None);
        lock.unlock(owner(1), park);
        lock.unlock(owner(1), park);
        assert_eq!(lock.try_lock(owner(0), park), Some(None));
    });
}

#[test]
fn checker_finds_depth_of_the_last_owner() {
    finds(Bug::DepthKept, DEADLOCK, all_get_their_turn::<Blocking>(1, None, Tally::default()));
}

#[test]
fn checker_finds_release_at_the_first_unlocking() {
    finds(Bug::DepthIgnored, RACE, all_get_their_turn::<Spurious>(1, None, Tally::default()));
}
