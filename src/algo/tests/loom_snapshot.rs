//! The two-copy cell in every interleaving, with deaths and with planted bugs.

use std::sync::Arc as Tally;
use std::sync::atomic::AtomicUsize;

use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, owner};
use super::{explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{Owner, Park, Snapshot};
use crate::shim::AtomicU64;

/// More points than a writer passes in the models below.
const POINTS: u32 = 16;

/// What a model prints when it met half of a value.
const TORN: &str = "half of one value and half of another";

/// A cell of two words that are equal in every value written.
struct Cell<K> {
    kernel: K,
    control: Snapshot,
    copies: [[AtomicU64; 2]; 2],
}

impl<K: Kernel> Cell<K> {
    fn new() -> Arc<Self> {
        let copies = std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Arc::new(Self { kernel: K::new(), control: Snapshot::new(), copies })
    }

    fn copies(&self) -> [&[AtomicU64]; 2] {
        let [even, odd] = &self.copies;
        [even, odd]
    }

    /// Reads the value and its version.
    fn read(&self) -> (u64, u64) {
        let mut words = [0; 2];
        let version = self.control.read(self.copies(), &mut words);
        assert_eq!(words[0], words[1], "{TORN}");
        (words[0], version)
    }

    fn write<P: Park>(&self, value: u64, slot: u16, park: &P) {
        self.control.write(self.copies(), &[value; 2], owner(slot), park).unwrap();
    }

    /// Adds 1 to the value, however often others get in between.
    fn increment<P: Park>(&self, slot: u16, park: &P) {
        loop {
            let (value, seen) = self.read();
            if self.control.write_if(seen, self.copies(), &[value + 1; 2], owner(slot), park).unwrap() {
                return;
            }
        }
    }
}

/// One participant writes 1, then 2, while the other reads twice: whole values, which never go back.
fn reads_are_whole_and_in_order<K: Kernel>() {
    let cell = Cell::<K>::new();
    let writer = {
        let cell = Arc::clone(&cell);
        thread::spawn(move || {
            cell.write(1, 1, &cell.kernel);
            cell.write(2, 1, &cell.kernel);
        })
    };
    let first = cell.read();
    assert_eq!(first.0, first.1, "the version counts the writes");
    let second = cell.read();
    assert!(first <= second, "a later read returned an earlier value");
    writer.join().unwrap();
    assert_eq!(cell.read(), (2, 2));
}

/// A reader meets one write only.
fn one_write_is_read_whole<K: Kernel>() {
    let cell = Cell::<K>::new();
    let writer = {
        let cell = Arc::clone(&cell);
        thread::spawn(move || cell.write(1, 1, &cell.kernel))
    };
    let (value, version) = cell.read();
    assert_eq!(value, version, "{TORN}");
    writer.join().unwrap();
}

/// Two participants add 1 each.
fn increments_are_not_lost<K: Kernel>() {
    let cell = Cell::<K>::new();
    let other = {
        let cell = Arc::clone(&cell);
        thread::spawn(move || cell.increment(1, &cell.kernel))
    };
    cell.increment(0, &cell.kernel);
    other.join().unwrap();
    assert_eq!(cell.read(), (2, 2));
}

/// Participant 1 writes 1 and is killed at `point`; 0 reads meanwhile, then adds 1 to what is there.
fn killed_writer_leaves_a_whole_value<K: Kernel>(
    point: u32,
    deaths: &Tally<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    let deaths = Tally::clone(deaths);
    move || {
        let cell = Cell::<K>::new();
        let dying = {
            let cell = Arc::clone(&cell);
            let deaths = Tally::clone(&deaths);
            thread::spawn(move || {
                let killed =
                    Mortal::live(&cell.kernel, 1, Some(point), |mortal| write_in_steps(&cell, mortal));
                deaths.fetch_add(usize::from(killed), std::sync::atomic::Ordering::Relaxed);
            })
        };
        let (value, version) = cell.read();
        assert_eq!(value, version, "a value that nobody wrote");
        cell.increment(0, &cell.kernel);
        dying.join().unwrap();
        let (value, version) = cell.read();
        assert_eq!(value, version);
        assert!((1..=2).contains(&value), "the write of the dead one happened, or it did not");
    }
}

/// `Snapshot::write` of 1 in the steps that a death can come between.
fn write_in_steps<K: Kernel>(cell: &Cell<K>, mortal: &Mortal<'_, K>) {
    mortal.pass();
    cell.control.lock().lock(owner(1), mortal).unwrap();
    mortal.pass();
    let (before, version) = cell.read();
    let value = [before + 1; 2];
    cell.control.fill(version, cell.copies(), &value[..1]);
    mortal.pass();
    cell.control.fill(version, cell.copies(), &value);
    mortal.pass();
    cell.control.commit(version);
    mortal.pass();
    cell.control.lock().unlock(mortal);
    mortal.pass();
}

/// Kills at every point that is ever reached.
fn sweep<K: Kernel>() {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Tally::new(AtomicUsize::new(0));
        runs += explore(killed_writer_leaves_a_whole_value::<K>(point, &deaths));
        if deaths.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 6, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

#[test]
fn reader_sees_whole_values_in_order() {
    println!("{} interleavings", explore(reads_are_whole_and_in_order::<Spurious>));
}

#[test]
fn conditional_writes_lose_no_increment() {
    println!("{} interleavings", explore(increments_are_not_lost::<Spurious>));
    println!("{} interleavings", explore(increments_are_not_lost::<Blocking>));
}

#[test]
fn reader_and_next_writer_go_on_wherever_a_writer_is_killed() {
    sweep::<Spurious>();
}

#[test]
fn sleeping_writer_goes_on_wherever_the_other_is_killed() {
    sweep::<Blocking>();
}

#[test]
fn checker_finds_version_that_is_not_read_again() {
    finds(Bug::VersionNotReread, TORN, reads_are_whole_and_in_order::<Spurious>);
}

#[test]
fn checker_finds_second_look_that_is_not_ordered() {
    finds(Bug::RereadUnordered, TORN, reads_are_whole_and_in_order::<Spurious>);
}

#[test]
fn checker_finds_copy_begun_too_early() {
    finds(Bug::CopyUnordered, TORN, reads_are_whole_and_in_order::<Spurious>);
}

#[test]
fn checker_finds_write_to_the_current_copy() {
    finds(Bug::CurrentCopyWritten, TORN, one_write_is_read_whole::<Spurious>);
}

#[test]
fn checker_finds_commit_that_orders_nothing() {
    finds(Bug::RelaxedCommit, TORN, one_write_is_read_whole::<Spurious>);
}
