//! Children that are killed at a bad moment, and children that begin or end at a bad one, harm nobody else.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use procshare::{Failure, Process, Value};

use crate::support::{eventually, failure, isolated, os, scaled, table, wait_until};

#[test]
fn writer_killed_in_set_blocks_nobody_after_its_seat_is_reused() {
    isolated(60, || {
        // 32 KiB: most of a writer's time passes between taking and giving back the lock.
        let value = Value::new([0_u64; 4096]).expect("32 KiB");
        for round in 0..scaled(40) {
            let (own, writes) = (value.clone(), Value::new(0_u32).expect("4 bytes"));
            let wrote = writes.clone();
            let work = move || -> () {
                for i in 0_u64.. {
                    own.set([i; 4096]);
                    wrote.fetch_add(1);
                }
            };
            let writer = Process::spawn(work).expect("spawn");
            wait_until(|| writes.get() > 2);
            thread::sleep(Duration::from_micros(37 * round as u64 % 1000));
            writer.kill().expect("kill");
            assert!(writer.join().is_err());
            // Gets the dead one's seat, and lives.
            let innocent = Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
            value.set([1; 4096]);
            assert_eq!(value.get(), [1; 4096]);
            innocent.kill().expect("kill");
            assert!(innocent.join().is_err());
        }
    });
}

/// Counts its drops in the process that made it.
struct CountsAtHome {
    made_by: u32,
    drops: Value<u32>,
}

impl CountsAtHome {
    fn touch(&self) {}
}

impl Drop for CountsAtHome {
    fn drop(&mut self) {
        if os::pid() == self.made_by {
            self.drops.fetch_add(1);
        }
    }
}

#[test]
fn fork_that_outlives_its_child_delays_no_other_childs_end() {
    isolated(60, || {
        // Captured by reference, so that the closure has no destructor, and no thread of its own to be settled on.
        let count = || -> &'static Value<u32> { Box::leak(Box::new(Value::new(0).expect("4 bytes"))) };
        let (stray, over, drops, test) = (count(), count(), count(), os::pid());
        let work = move || {
            if os::foreign_fork().is_none() {
                stray.set(os::pid());
                // Lives on after its parent, though not after the test.
                wait_until(|| over.get() == 1 || !os::kill(test, 0));
                os::exit_now(0);
            }
            wait_until(|| stray.get() != 0);
        };
        let first = Process::spawn(work).expect("spawn");
        let pid = first.pid();
        drop(first);
        wait_until(|| !table::is_alive(pid));
        let counts = CountsAtHome { made_by: test, drops: drops.clone() };
        let other = Process::spawn(move || counts.touch()).expect("spawn");
        let pid = other.pid();
        drop(other);
        eventually(|| match (drops.get(), table::entry(pid)) {
            (1, None) => Ok(()),
            (drops, entry) => Err(format!("{drops} drops of the other child's closure; itself: {entry:?}")),
        });
        let stray = stray.get();
        assert!(table::is_alive(stray), "the fork was to outlive its parent");
        over.set(1);
        wait_until(|| !table::is_alive(stray));
    });
}

/// Spawns when it is dropped.
struct SpawnsAtTheEnd<'a>(&'a Cell<u8>);

impl Drop for SpawnsAtTheEnd<'_> {
    fn drop(&mut self) {
        if let Ok(child) = Process::spawn(|| 7_u8)
            && let Ok(seven) = child.join()
        {
            self.0.set(seven);
        }
    }
}

#[test]
fn first_spawn_in_a_destructor_while_unwinding_works() {
    isolated(60, || {
        let result = Cell::new(0);
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _spawns = SpawnsAtTheEnd(&result);
            panic!("unwind");
        }));
        assert!(unwound.is_err());
        assert_eq!(result.get(), 7);
    });
}

#[test]
fn panic_of_a_child_is_told_with_its_place_though_the_first_spawn_was_while_unwinding() {
    isolated(60, || {
        // While a thread panics no hook can be set.
        let result = Cell::new(0);
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _spawns = SpawnsAtTheEnd(&result);
            panic!("unwind");
        }));
        assert!(unwound.is_err());
        let failure = failure(Process::spawn(|| -> () { panic!("words") }).expect("spawn").join());
        let Failure::Panicked { panic, .. } = &failure else { panic!("{failure:?}") };
        assert_eq!(panic.message, "words");
        assert!(panic.location.as_ref().is_some_and(|at| at.contains("dying.rs")), "{panic:?}");
    });
}

#[test]
fn concurrent_joins_and_spawns_harm_no_child() {
    isolated(120, || {
        let time = Duration::from_millis(scaled(3000) as u64);
        let start = Instant::now();
        // A child, and below it another: its parent's seat is closed and taken anew all the time.
        let family = || {
            let below = Process::spawn(|| 1_u8).map_err(|error| error.to_string())?;
            below.join().map_err(|failure| failure.to_string())
        };
        thread::scope(|threads| {
            for _ in 0..6 {
                threads.spawn(|| {
                    while start.elapsed() < time {
                        let result = Process::spawn(family).expect("spawn").join();
                        assert!(matches!(result, Ok(Ok(1))), "{result:?}");
                    }
                });
            }
        });
    });
}
