//! Work that is done once in every interleaving, with deaths and with planted bugs.

// What the work makes stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc as Tally;
use std::sync::atomic::{AtomicU32 as Plain, AtomicUsize, Ordering::Relaxed};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, owner, pid};
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{Completion, Failing, Head, LockError, Owner, Park, Turn};
use crate::shim::AtomicU64;

/// More points than a participant passes in the models below.
const POINTS: u32 = 24;

/// What a model prints when a run that was cut off is not known of.
const FORGOTTEN: &str = "a run was begun and not ended, and nobody says so";
/// What a model prints when a failure is told of somebody who had not begun.
const INVENTED: &str = "a failure of somebody who had not begun";
/// What the checker prints when somebody goes on looking for ever.
const ENDLESS: &str = "maximum number of branches";

/// How participant 1 failed, if it was killed at its work.
fn killed() -> Failing {
    Failing { pid: pid(1), panicked: false }
}

/// Work that makes two numbers, which are equal and not 0 once it is done.
struct Work<K> {
    kernel: K,
    head: Head,
    made: UnsafeCell<(u16, u16)>,
    /// Whether participant 1 has begun. Only looked at where the machine says that it has ended, or is dead.
    begun: Plain,
    commits: Plain,
}

/// What a waiter found.
#[derive(Debug, PartialEq)]
enum End {
    Done,
    Failed(Failing),
    /// Who alone would have run died before it began.
    Nobody,
}

impl<K: Kernel> Work<K> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            kernel: K::new(),
            head: Head::new(),
            made: UnsafeCell::new((0, 0)),
            begun: Plain::new(0),
            commits: Plain::new(0),
        })
    }

    fn words(&self) -> Completion<'_> {
        Completion::of(&self.head)
    }

    fn done(&self) -> Option<()> {
        self.words().is_done().then_some(())
    }

    /// Asks for the work as `me`, and runs it whatever befell others.
    fn ask(&self, me: Owner, mortal: &Mortal<'_, K>) {
        mortal.pass();
        let turn = match self.done() {
            Some(()) => Turn::Done(()),
            None => self.words().begin(me, mortal, || self.done()).unwrap(),
        };
        if let Turn::Mine(failing) = turn {
            if self.begun.load(Relaxed) == 1 {
                assert_eq!(failing, Some(killed()), "{FORGOTTEN}");
            } else {
                assert_eq!(failing, None, "{INVENTED}");
            }
            mortal.pass();
            self.run(me, mortal);
        }
        self.look();
    }

    /// Runs the work. The lock is held by `me`.
    fn run(&self, me: Owner, mortal: &Mortal<'_, K>) {
        self.words().start();
        self.begun.fetch_max(u32::from(me.slot()), Relaxed);
        mortal.pass();
        // SAFETY: the lock is held; the checker reports it if another thread is here, too.
        self.made.with_mut(|made| unsafe { (*made).0 = 7 + me.slot() });
        mortal.pass();
        let rest = || {
            // SAFETY: as above.
            self.made.with_mut(|made| unsafe { (*made).1 = 7 + me.slot() });
            mortal.pass();
        };
        self.words().commit(rest, mortal);
        self.commits.fetch_add(1, Relaxed);
        mortal.pass();
    }

    /// What the work made. It is done.
    fn look(&self) -> u16 {
        // SAFETY: it is done; the checker reports it if another thread is writing.
        let (left, right) = self.made.with(|made| unsafe { *made });
        assert!(left == right && left != 0, "half of the work");
        left
    }

    /// Waits as participant 0 without running anything, for who alone runs, participant 1.
    fn wait(&self) -> End {
        let (me, park) = (owner(0), &self.kernel);
        let look = || match self.words().failing(me, park) {
            _ if self.words().is_done() => Some(End::Done),
            Some(failing) => Some(End::Failed(failing)),
            None => (park.death(1).is_some() && self.begun.load(Relaxed) == 0).then_some(End::Nobody),
        };
        let end = self.words().wait(me, park, look).unwrap();
        if end == End::Done {
            self.look();
        }
        end
    }
}

/// `askers` participants ask; one of them runs, and all see what it made.
fn one_runs_for_all<K: Kernel>(askers: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let work = Work::<K>::new();
        let others: Vec<_> = (1..askers)
            .map(|slot| {
                let work = Arc::clone(&work);
                thread::spawn(move || {
                    Mortal::live(&work.kernel, slot + 1, None, |mortal| work.ask(owner(slot + 1), mortal))
                })
            })
            .collect();
        Mortal::live(&work.kernel, 0, None, |mortal| work.ask(owner(0), mortal));
        let made = work.look();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!((work.commits.load(Relaxed), work.look()), (1, made), "run once, and never again");
    }
}

/// Participant 1 asks and is killed at `point`, if that is one; so do the survivors, 0 and 2, who are not.
fn survivors_get_it_done<K: Kernel>(
    survivors: u16,
    point: Option<u32>,
    deaths: Tally<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let work = Work::<K>::new();
        let others: Vec<_> = (1..=survivors)
            .map(|slot| {
                let (work, deaths) = (Arc::clone(&work), Tally::clone(&deaths));
                let killed_at = point.filter(|_| slot == 1);
                thread::spawn(move || {
                    let killed =
                        Mortal::live(&work.kernel, slot, killed_at, |mortal| work.ask(owner(slot), mortal));
                    deaths.fetch_add(usize::from(killed), Relaxed);
                })
            })
            .collect();
        Mortal::live(&work.kernel, 0, None, |mortal| work.ask(owner(0), mortal));
        let made = work.look();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(work.look(), made, "done again after it was done");
    }
}

/// Participant 1 asks and is killed at `point`, if that is one; participant 0 only waits.
fn waiter_learns_the_end<K: Kernel>(
    point: Option<u32>,
    deaths: Tally<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let work = Work::<K>::new();
        let running = {
            let (work, deaths) = (Arc::clone(&work), Tally::clone(&deaths));
            thread::spawn(move || {
                let killed = Mortal::live(&work.kernel, 1, point, |mortal| work.ask(owner(1), mortal));
                deaths.fetch_add(usize::from(killed), Relaxed);
            })
        };
        let end = work.wait();
        running.join().unwrap();
        match end {
            End::Done => assert!(work.words().is_done()),
            End::Failed(failing) => assert_eq!(failing, killed()),
            End::Nobody => assert_eq!(work.begun.load(Relaxed), 0, "{FORGOTTEN}"),
        }
    }
}

/// Kills at every point that is ever reached.
fn sweep<M: Fn() + Send + Sync + 'static>(model: impl Fn(u32, Tally<AtomicUsize>) -> M) {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Tally::new(AtomicUsize::new(0));
        runs += explore(model(point, Tally::clone(&deaths)));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 7, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

/// Participant 1 begins and fails; participant 0 waits, is told, and then gets it done.
fn failure_is_told_and_mended<K: Kernel>() {
    let work = Work::<K>::new();
    let panicked = Failing { pid: pid(1), panicked: true };
    let failing = {
        let work = Arc::clone(&work);
        thread::spawn(move || {
            let (words, park) = (work.words(), &work.kernel);
            assert_eq!(words.begin(owner(1), park, || work.done()), Ok(Turn::Mine(None)));
            words.start();
            // SAFETY: the lock is held.
            work.made.with_mut(|made| unsafe { (*made).0 = 1 });
            words.fail(Some(panicked), park);
        })
    };
    assert_eq!(work.wait(), End::Failed(panicked));
    let turn = work.words().begin(owner(0), &work.kernel, || work.done());
    assert_eq!(turn, Ok(Turn::Mine(Some(panicked))));
    Mortal::live(&work.kernel, 0, None, |mortal| work.run(owner(0), mortal));
    failing.join().unwrap();
    assert_eq!(work.wait(), End::Done);
}

/// A way to the kernel on which the participant is stopped when it is about to wake others.
struct Stopping<'a, K>(&'a K);

impl<K: Kernel> Park for Stopping<'_, K> {
    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
        self.0.sleep(word, expected, round)
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        self.0.release_and_wake(word)
    }

    fn wake(&self, _word: &AtomicU64, _count: u32) -> u32 {
        resume_unwind(Box::new(()))
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

/// Participant 1 begins, and is stopped for ever right behind the commit, the lock in its hands; participant 0 asks.
fn stopped_runner_holds_nobody_up<K: Kernel>() {
    let work = Work::<K>::new();
    let park = &work.kernel;
    assert_eq!(work.words().begin(owner(1), park, || work.done()), Ok(Turn::Mine(None)));
    let stopped = {
        let work = Arc::clone(&work);
        thread::spawn(move || {
            work.words().start();
            // SAFETY: the lock is held.
            work.made.with_mut(|made| unsafe { *made = (1, 1) });
            let commit = || work.words().commit(|| (), &Stopping(&work.kernel));
            assert!(catch_unwind(AssertUnwindSafe(commit)).is_err());
        })
    };
    assert_eq!(work.words().begin(owner(0), park, || work.done()), Ok(Turn::Done(())));
    work.look();
    stopped.join().unwrap();
}

/// Two participants try once each: nobody waits, and nobody runs beside another.
fn trying_runs_it_once<K: Kernel>() {
    let work = Work::<K>::new();
    let tries = |work: &Work<K>, slot| {
        let turn = work.words().try_begin(owner(slot), &work.kernel, || work.done()).unwrap();
        match turn {
            Some(Turn::Mine(failing)) => {
                assert_eq!(failing, None);
                Mortal::live(&work.kernel, slot, None, |mortal| work.run(owner(slot), mortal));
            }
            Some(Turn::Done(())) => drop(work.look()),
            None => {}
        }
    };
    let other = {
        let work = Arc::clone(&work);
        thread::spawn(move || tries(&work, 2))
    };
    tries(&work, 0);
    other.join().unwrap();
    assert_eq!(work.commits.load(Relaxed), 1);
    work.look();
}

#[test]
fn one_run_is_enough_for_all() {
    println!("{} interleavings", explore(one_runs_for_all::<Spurious>(2)));
    println!("{} interleavings", explore(one_runs_for_all::<Blocking>(2)));
}

#[test]
fn one_run_is_enough_for_three() {
    println!("{} interleavings", explore(one_runs_for_all::<Blocking>(3)));
}

#[test]
fn survivor_gets_it_done_wherever_the_other_is_killed() {
    sweep(|point, deaths| survivors_get_it_done::<Spurious>(1, Some(point), deaths));
}

#[test]
fn sleeping_survivor_gets_it_done_wherever_the_other_is_killed() {
    sweep(|point, deaths| survivors_get_it_done::<Blocking>(1, Some(point), deaths));
}

#[test]
fn two_survivors_get_it_done_wherever_the_third_is_killed() {
    sweep(|point, deaths| survivors_get_it_done::<Blocking>(2, Some(point), deaths));
}

#[test]
fn waiter_learns_the_end_wherever_the_runner_is_killed() {
    sweep(|point, deaths| waiter_learns_the_end::<Spurious>(Some(point), deaths));
}

#[test]
fn sleeping_waiter_learns_the_end_wherever_the_runner_is_killed() {
    sweep(|point, deaths| waiter_learns_the_end::<Blocking>(Some(point), deaths));
}

#[test]
fn waiter_is_woken_by_the_commit() {
    println!("{} interleavings", explore(waiter_learns_the_end::<Blocking>(None, Tally::default())));
}

#[test]
fn failure_is_told_to_waiters_and_to_the_next_runner() {
    println!("{} interleavings", explore(failure_is_told_and_mended::<Spurious>));
    println!("{} interleavings", explore(failure_is_told_and_mended::<Blocking>));
}

#[test]
fn runner_that_is_stopped_behind_the_commit_holds_nobody_up() {
    println!("{} interleavings", explore(stopped_runner_holds_nobody_up::<Spurious>));
}

#[test]
fn trying_waits_for_nobody() {
    println!("{} interleavings", explore(trying_runs_it_once::<Spurious>));
}

#[test]
fn runner_that_asks_for_its_own_work_is_refused() {
    explore(|| {
        let work = Work::<Blocking>::new();
        let (words, park, me) = (work.words(), &work.kernel, owner(1));
        assert_eq!(words.begin(me, park, || work.done()), Ok(Turn::Mine(None)));
        words.start();
        assert_eq!(words.begin(me, park, || work.done()), Err(LockError::WouldDeadlock));
        assert_eq!(words.try_begin(me, park, || work.done()), Err(LockError::WouldDeadlock));
        assert_eq!(words.wait(me, park, || work.done()), Err(LockError::WouldDeadlock));
        words.fail(None, park);
        assert_eq!(words.try_begin(me, park, || work.done()), Ok(Some(Turn::Mine(None))));
        words.decline(park);
        assert_eq!(words.begin(owner(0), park, || work.done()), Ok(Turn::Mine(None)));
    });
}

#[test]
fn checker_finds_done_that_orders_nothing() {
    finds(Bug::DoneUnordered, RACE, one_runs_for_all::<Spurious>(2));
}

#[test]
fn checker_finds_done_stored_too_early() {
    finds(Bug::DoneTooEarly, RACE, one_runs_for_all::<Spurious>(2));
}

#[test]
fn checker_finds_commit_that_wakes_nobody() {
    finds(Bug::DoneUnheard, DEADLOCK, waiter_learns_the_end::<Blocking>(None, Tally::default()));
}

#[test]
fn checker_finds_failure_that_a_waiter_sleeps_through() {
    finds(Bug::FailureUncounted, DEADLOCK, failure_is_told_and_mended::<Blocking>);
}

#[test]
fn checker_finds_failure_that_is_counted_before_it_is_seen() {
    finds(Bug::FailureUnordered, DEADLOCK, failure_is_told_and_mended::<Blocking>);
}

#[test]
fn checker_finds_failure_that_is_not_noted() {
    // The points: asking, having the turn, having begun.
    finds(Bug::CauseForgotten, FORGOTTEN, survivors_get_it_done::<Spurious>(1, Some(2), Tally::default()));
}

#[test]
fn checker_finds_failure_of_one_who_had_not_begun() {
    // The points: asking, having the turn.
    finds(Bug::FailureOfNobody, INVENTED, survivors_get_it_done::<Spurious>(1, Some(1), Tally::default()));
}

#[test]
fn checker_finds_waiting_for_what_is_done() {
    finds(Bug::DoneOverlooked, ENDLESS, stopped_runner_holds_nobody_up::<Spurious>);
}
