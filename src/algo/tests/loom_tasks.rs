//! The count of what is done in every interleaving, with deaths and with planted bugs.

use std::sync::Arc as Counted;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::sync::Arc;
use loom::thread;

use super::fifo_deaths::sweep_points;
use super::fifo_models::{Life, Shared};
use super::parkers::{Blocking, Kernel, Mortal, Spurious};
use super::partial::unaware;
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{End, Form, Park};

/// What a model prints when the count is wrong.
const COUNT: &str = "what is neither done nor gone with the dead is unfinished";

/// Waits as `JoinableQueue::join` does, for one who was told of so many lost values: returns how many more are.
fn join<K: Kernel>(shared: &Shared<K>, told: u64, park: &impl Park) -> u64 {
    let tail = || shared.fifo().position(End::Send);
    let mut round = 0;
    loop {
        let left = shared.tasks().unfinished(tail);
        if left.written_off > told || left.items == 0 {
            return left.written_off - told;
        }
        let is_over = || {
            let now = shared.tasks().unfinished(tail);
            now.items == 0 || now.written_off != left.written_off
        };
        assert!(shared.tasks().wait(park, round, is_over));
        round += 1;
    }
}

/// A queue with so many values.
fn with_values<K: Kernel + Life>(values: u32) -> Arc<Shared<K>> {
    let shared = Shared::<K>::new(Form::Tasks, 2);
    (1..=values).for_each(|value| shared.send(0, false, value, &shared.kernel).unwrap());
    shared
}

/// So many workers receive a value each and work on it; somebody waits until all is done.
fn all_is_done<K: Kernel + Life>(workers: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = with_values::<K>(workers.into());
        let threads: Vec<_> = (1..=workers)
            .map(|me| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.recv(me, false, &shared.kernel).unwrap();
                    shared.work(me);
                    assert!(shared.tasks().done(me, &shared.kernel));
                })
            })
            .collect();
        assert_eq!(join(&shared, 0, &shared.kernel), 0, "{COUNT}");
        (1..=workers).for_each(|worker| assert_eq!(shared.result(worker), 1, "{COUNT}"));
        for worker in threads {
            worker.join().unwrap();
        }
    }
}

/// Two threads of a process have a value each in hand, and say three times that they are done.
fn nothing_is_done_twice() {
    let shared = with_values::<Spurious>(2);
    assert_eq!(shared.drain(1, &shared.kernel), [1, 2]);
    let other = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.tasks().done(1, &shared.kernel))
    };
    let mine = [0, 1].map(|_| shared.tasks().done(1, &shared.kernel));
    let done = [mine[0], mine[1], other.join().unwrap()];
    assert_eq!(done.into_iter().filter(|done| *done).count(), 2, "{COUNT}");
}

/// A worker died with a value in hand. It is buried while somebody waits who knows of no death.
fn burial_ends_the_wait<K: Kernel + Life>() {
    let shared = with_values::<K>(1);
    let burying = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.recv(1, false, &shared.kernel).unwrap();
            shared.work(1);
            shared.sweep(1, &unaware(&shared.kernel));
        })
    };
    assert_eq!(join(&shared, 0, &unaware(&shared.kernel)), 1, "{COUNT}");
    assert_eq!(shared.result(1), 1);
    assert_eq!(join(&shared, 1, &unaware(&shared.kernel)), 0, "{COUNT}");
    burying.join().unwrap();
}

/// A worker is killed at `point`, while another one works. Two values.
fn survivor_deals_with_the_rest<K: Kernel + Life>(
    point: u32,
    deaths: Counted<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = with_values::<K>(2);
        let dying = {
            let (shared, deaths) = (Arc::clone(&shared), Counted::clone(&deaths));
            thread::spawn(move || {
                let killed = Mortal::live(&shared.kernel, 1, Some(point), |mortal| {
                    mortal.pass();
                    shared.recv(1, false, mortal).unwrap();
                    mortal.pass();
                    assert!(shared.tasks().done(1, mortal));
                    mortal.pass();
                });
                if killed {
                    shared.sweep(1, &shared.kernel);
                }
                deaths.fetch_add(usize::from(killed), Relaxed);
                killed
            })
        };
        let deal = || {
            let got = shared.receive(0, (false, false), &shared.kernel, || {})?.ok()?;
            let left = shared.tasks().unfinished(|| shared.fifo().position(End::Send));
            assert!(left.items >= 1, "{COUNT}");
            assert!(shared.tasks().done(0, &shared.kernel));
            Some(got)
        };
        let mut dealt = u64::from(deal().is_some());
        let killed = dying.join().unwrap();
        while deal().is_some() {
            dealt += 1;
        }
        let lost = join(&shared, 0, &shared.kernel);
        assert_eq!(join(&shared, lost, &shared.kernel), 0, "{COUNT}");
        assert!(lost == 0 || killed && lost == 1, "{COUNT}");
        // One that was killed in the act counts as having died with a value that the other one got.
        let done = dealt + shared.done_by(1);
        assert!(done + lost == 2 || done == 2 && lost == 1, "{COUNT}");
        let left = shared.tasks().unfinished(|| shared.fifo().position(End::Send));
        assert_eq!(left.items, 0, "{COUNT}");
    }
}

#[test]
fn join_waits_for_the_last_value() {
    println!("{} interleavings", explore(all_is_done::<Spurious>(1)));
    println!("{} interleavings", explore(all_is_done::<Blocking>(1)));
}

#[test]
fn join_waits_for_two_workers() {
    println!("{} interleavings", explore(all_is_done::<Blocking>(2)));
}

#[test]
fn value_is_done_once() {
    println!("{} interleavings", explore(nothing_is_done_twice));
}

#[test]
fn join_learns_from_the_burial() {
    println!("{} interleavings", explore(burial_ends_the_wait::<Spurious>));
    println!("{} interleavings", explore(burial_ends_the_wait::<Blocking>));
}

#[test]
fn count_is_right_wherever_a_worker_is_killed() {
    sweep_points("spurious", survivor_deals_with_the_rest::<Spurious>);
    sweep_points("blocking", survivor_deals_with_the_rest::<Blocking>);
}

#[test]
fn checker_finds_worker_that_overlooks_who_waits() {
    finds(Bug::DoneLooksRelaxed, DEADLOCK, all_is_done::<Blocking>(1));
}

#[test]
fn checker_finds_head_that_is_looked_at_late() {
    finds(Bug::HeadReadLate, RACE, all_is_done::<Spurious>(1));
}

/// Killed when the head has moved, and before that is counted.
#[test]
fn checker_finds_value_that_is_counted_late() {
    let point = 3;
    finds(Bug::TakenLate, COUNT, survivor_deals_with_the_rest::<Spurious>(point, Counted::default()));
}
