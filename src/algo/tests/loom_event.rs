//! The event in every interleaving, with deaths and with planted bugs.

// What an event announces stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Counted;
use std::sync::atomic::AtomicUsize;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious};
use super::partial::late;
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{Event, Head, Park};
use crate::shim::Ordering;

/// More points than a participant passes in the models below.
const POINTS: u32 = 24;

/// Fields of the event's word.
const WAITERS: u64 = 1 << 31;
const SETS: u64 = (1 << 30) - 1;

/// What a model prints when an auto event let the wrong number pass.
const COUNT: &str = "one waiter passes for each set";

/// An event, another one by which a waiter says that it passed, and something that stands before a set.
struct Shared<K> {
    kernel: K,
    head: Head,
    answer: Head,
    news: UnsafeCell<u32>,
}

impl<K: Kernel> Shared<K> {
    fn new(auto: bool) -> Arc<Self> {
        let this =
            Self { kernel: K::new(), head: Head::new(), answer: Head::new(), news: UnsafeCell::new(0) };
        if auto {
            this.event().make_auto();
        }
        Arc::new(this)
    }

    fn event(&self) -> Event<'_> {
        Event::of(&self.head)
    }

    fn word(&self) -> u64 {
        self.head.words[0].load(Ordering::Relaxed)
    }

    fn write_news(&self) {
        // SAFETY: nobody reads before the event is set; the checker reports it if somebody does.
        self.news.with_mut(|news| unsafe { *news = 7 });
    }

    fn read_news(&self) {
        // SAFETY: the event was set, which is after the writing; the checker reports it if it is not.
        assert_eq!(self.news.with(|news| unsafe { *news }), 7);
    }

    /// Waits, and says so when it passed.
    fn wait_and_answer<P: Park>(&self, park: &P) -> bool {
        let passed = self.event().wait(park);
        if passed {
            Event::of(&self.answer).set(park);
        }
        passed
    }

    fn wait_for_answer(&self) {
        assert!(Event::of(&self.answer).wait(&self.kernel));
    }
}

/// So many waiters pass a manual event, and see what was written before it was set.
fn all_pass<K: Kernel>(waiters: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(false);
        let waiters: Vec<_> = (0..waiters)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    assert!(shared.event().wait(&shared.kernel));
                    shared.read_news();
                })
            })
            .collect();
        shared.write_news();
        shared.event().set(&shared.kernel);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert!(shared.event().is_set());
    }
}

/// One waiter passes an auto event, and sees what was written before it was set.
fn one_passes<K: Kernel>() {
    let shared = Shared::<K>::new(true);
    let waiter = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            assert!(shared.event().wait(&shared.kernel));
            shared.read_news();
        })
    };
    shared.write_news();
    shared.event().set(&shared.kernel);
    waiter.join().unwrap();
    assert!(!shared.event().is_set(), "{COUNT}");
}

/// A manual event is set and, if somebody waits for it, reset at once: who waited passes.
fn pulse_is_not_missed<K: Kernel>() {
    let shared = Shared::<K>::new(false);
    let waiter = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            assert!(shared.event().wait(&shared.kernel));
            shared.read_news();
        })
    };
    let is_awaited = shared.word() & WAITERS != 0;
    shared.write_news();
    shared.event().set(&shared.kernel);
    if is_awaited {
        shared.event().reset();
    }
    waiter.join().unwrap();
}

/// Two wait for an auto event, which is set twice, the second time when one has passed: both pass.
fn two_pass_two_sets<K: Kernel>() {
    let shared = Shared::<K>::new(true);
    let waiters = [0, 1].map(|_| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.wait_and_answer(&shared.kernel))
    });
    shared.event().set(&shared.kernel);
    shared.wait_for_answer();
    shared.event().set(&shared.kernel);
    for waiter in waiters {
        assert!(waiter.join().unwrap());
    }
    assert!(!shared.event().is_set(), "{COUNT}");
}

/// Two try to pass an auto event that was set once.
fn one_of_two_passes() {
    let shared = Shared::<Spurious>::new(true);
    shared.event().set(&shared.kernel);
    let other = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.event().try_pass())
    };
    let passed = shared.event().try_pass();
    assert!(passed != other.join().unwrap(), "{COUNT}");
}

/// As `two_pass_two_sets`, but one of the two is out of time after its first sleep.
fn out_of_time_costs_no_wake<K: Kernel>() {
    let shared = Shared::<K>::new(true);
    let waiters = [false, true].map(|hurries| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || match hurries {
            true => shared.wait_and_answer(&late(&shared.kernel)),
            false => shared.wait_and_answer(&shared.kernel),
        })
    });
    shared.event().set(&shared.kernel);
    shared.wait_for_answer();
    shared.event().set(&shared.kernel);
    let [patient, hurried] = waiters.map(|waiter| waiter.join().unwrap());
    assert!(patient);
    assert_eq!(shared.event().is_set(), !hurried, "{COUNT}");
}

/// One waiter is killed at `point`; another one, if there is a crowd, and who sets do not notice.
fn killed_waiter_hurts_nobody<K: Kernel>(
    auto: bool,
    crowd: bool,
    point: u32,
    deaths: Counted<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(auto);
        let dying = {
            let shared = Arc::clone(&shared);
            let deaths = Counted::clone(&deaths);
            thread::spawn(move || {
                let killed = Mortal::live(&shared.kernel, 1, Some(point), |mortal| {
                    mortal.pass();
                    assert!(shared.event().wait(mortal));
                    mortal.pass();
                });
                deaths.fetch_add(usize::from(killed), std::sync::atomic::Ordering::Relaxed);
            })
        };
        let living = crowd.then(|| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || assert!(shared.event().wait(&shared.kernel)))
        });
        shared.event().set(&shared.kernel);
        dying.join().unwrap();
        // Whether the dead one took the first set of an auto event back or not, the next waiter passes.
        shared.event().set(&shared.kernel);
        match living {
            Some(living) => living.join().unwrap(),
            None => assert!(shared.event().wait(&shared.kernel)),
        }
        assert_eq!(shared.event().is_set(), !auto, "{COUNT}");
    }
}

/// Who sets is killed at `point`: if the event is set then, the waiter passes.
fn killed_setter_has_set_or_not<K: Kernel>(
    auto: bool,
    point: u32,
    deaths: Counted<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(auto);
        let dying = {
            let shared = Arc::clone(&shared);
            let deaths = Counted::clone(&deaths);
            thread::spawn(move || {
                let killed = Mortal::live(&shared.kernel, 1, Some(point), |mortal| {
                    mortal.pass();
                    shared.event().set(mortal);
                    mortal.pass();
                });
                deaths.fetch_add(usize::from(killed), std::sync::atomic::Ordering::Relaxed);
            })
        };
        let waiting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_and_answer(&shared.kernel))
        };
        dying.join().unwrap();
        if shared.word() & SETS == 0 {
            shared.event().set(&shared.kernel);
        }
        assert!(waiting.join().unwrap());
        assert_eq!(shared.event().is_set(), !auto, "{COUNT}");
    }
}

/// Kills at every point that is ever reached.
fn sweep<M: Fn() + Send + Sync + 'static>(name: &str, model: impl Fn(u32, Counted<AtomicUsize>) -> M) {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Counted::new(AtomicUsize::new(0));
        runs += explore(model(point, Counted::clone(&deaths)));
        if deaths.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{name}: {killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 2, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

#[test]
fn set_is_seen_without_help_of_the_parker() {
    println!("{} interleavings", explore(all_pass::<Spurious>(1)));
    println!("{} interleavings", explore(one_passes::<Spurious>));
}

#[test]
fn set_wakes_all_who_wait() {
    println!("{} interleavings", explore(all_pass::<Blocking>(1)));
    println!("{} interleavings", explore(all_pass::<Blocking>(2)));
}

#[test]
fn set_of_an_auto_event_wakes_one() {
    println!("{} interleavings", explore(one_passes::<Blocking>));
    println!("{} interleavings", explore(two_pass_two_sets::<Blocking>));
}

#[test]
fn auto_event_lets_one_pass() {
    println!("{} interleavings", explore(one_of_two_passes));
}

#[test]
fn waiter_passes_an_event_that_was_reset_at_once() {
    println!("{} interleavings", explore(pulse_is_not_missed::<Blocking>));
}

#[test]
fn waiter_out_of_time_costs_nobody_a_wake() {
    println!("{} interleavings", explore(out_of_time_costs_no_wake::<Blocking>));
}

#[test]
fn others_go_on_wherever_a_waiter_is_killed() {
    for auto in [false, true] {
        sweep("spurious", |point, deaths| killed_waiter_hurts_nobody::<Spurious>(auto, false, point, deaths));
        sweep("blocking", |point, deaths| killed_waiter_hurts_nobody::<Blocking>(auto, false, point, deaths));
    }
    sweep("crowd", |point, deaths| killed_waiter_hurts_nobody::<Blocking>(false, true, point, deaths));
}

#[test]
fn waiter_goes_on_wherever_the_setter_is_killed() {
    for auto in [false, true] {
        sweep("spurious", |point, deaths| killed_setter_has_set_or_not::<Spurious>(auto, point, deaths));
        sweep("blocking", |point, deaths| killed_setter_has_set_or_not::<Blocking>(auto, point, deaths));
    }
}

#[test]
fn checker_finds_set_that_orders_nothing() {
    finds(Bug::SetUnordered, RACE, all_pass::<Spurious>(1));
}

#[test]
fn checker_finds_waiter_that_orders_nothing() {
    finds(Bug::PassUnordered, RACE, one_passes::<Spurious>);
}

#[test]
fn checker_finds_set_that_wakes_nobody() {
    finds(Bug::SetUnheard, DEADLOCK, all_pass::<Blocking>(1));
}

#[test]
fn checker_finds_set_that_two_pass() {
    finds(Bug::PassedByStore, COUNT, one_of_two_passes);
}

#[test]
fn checker_finds_waiter_that_takes_the_mark_of_others() {
    finds(Bug::WaitersTaken, DEADLOCK, two_pass_two_sets::<Blocking>);
}

#[test]
fn checker_finds_missed_pulse() {
    finds(Bug::PulseMissed, DEADLOCK, pulse_is_not_missed::<Blocking>);
}

#[test]
fn checker_finds_waiter_that_leaves_without_a_last_look() {
    finds(Bug::NoLastLook, DEADLOCK, out_of_time_costs_no_wake::<Blocking>);
}
