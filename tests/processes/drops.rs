//! Who drops what: the caller's frames once and in the parent, moved captures once in each process.

use std::{fs, path::Path};

use procshare::{Process, Value, scope};

use crate::support::{os, watchdog};

/// Counts its drops: in the process that made it, and in any other.
struct Counted {
    made_by: u32,
    here: Value<u32>,
    elsewhere: Value<u32>,
}

impl Counted {
    fn new() -> (Counted, Value<u32>, Value<u32>) {
        let (here, elsewhere) = (Value::new(0).expect("4 bytes"), Value::new(0).expect("4 bytes"));
        let counted = Counted { made_by: os::pid(), here: here.clone(), elsewhere: elsewhere.clone() };
        (counted, here, elsewhere)
    }

    fn touch(&self) {}
}

impl Drop for Counted {
    fn drop(&mut self) {
        let count = if os::pid() == self.made_by { &self.here } else { &self.elsewhere };
        count.fetch_add(1);
    }
}

/// A file that is removed when its guard is dropped.
struct Scratch<'a>(&'a Path);

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        fs::remove_file(self.0).expect("remove the file, once");
    }
}

#[test]
fn value_on_the_parents_stack_is_dropped_once_and_in_the_parent() {
    watchdog!(60);
    let (counted, here, elsewhere) = Counted::new();
    Process::spawn(|| ()).expect("spawn").join().expect("join");
    drop(counted);
    assert_eq!((here.get(), elsewhere.get()), (1, 0));
}

#[test]
fn value_that_a_child_borrowed_is_dropped_once_and_in_the_parent() {
    watchdog!(60);
    let (counted, here, elsewhere) = Counted::new();
    let ended = scope(|s| {
        s.spawn(|| counted.touch()).expect("spawn").join().expect("join");
    });
    ended.expect("no failure");
    drop(counted);
    assert_eq!((here.get(), elsewhere.get()), (1, 0));
}

#[test]
fn value_on_the_stack_survives_a_child_that_panics() {
    watchdog!(60);
    let (counted, here, elsewhere) = Counted::new();
    let ended = scope(|s| {
        let work = || {
            counted.touch();
            panic!("and unwind")
        };
        let result: Result<(), _> = s.spawn(work).expect("spawn").join();
        assert!(result.is_err());
    });
    ended.expect("joined");
    assert_eq!(
        (here.get(), elsewhere.get()),
        (0, 0),
        "neither unwinding nor the end of the child dropped it"
    );
    drop(counted);
    assert_eq!((here.get(), elsewhere.get()), (1, 0));
}

#[test]
fn captured_value_is_dropped_once_in_each_process() {
    watchdog!(60);
    let (counted, here, elsewhere) = Counted::new();
    let work = move || counted.touch();
    Process::spawn(work).expect("spawn").join().expect("join");
    assert_eq!((here.get(), elsewhere.get()), (1, 1));
}

#[test]
fn value_made_and_dropped_by_the_child_is_dropped_there_once() {
    watchdog!(60);
    let drops = Value::new(0_u32).expect("4 bytes");
    let count = drops.clone();
    let work = move || {
        let elsewhere = count.clone();
        drop(Counted { made_by: os::pid(), here: count.clone(), elsewhere });
    };
    Process::spawn(work).expect("spawn").join().expect("join");
    assert_eq!(drops.get(), 1);
}

#[test]
fn temporary_file_of_the_parent_outlives_its_children() {
    watchdog!(60);
    let directory = tempfile::tempdir().expect("a scratch directory");
    let path = directory.path().join("kept");
    fs::write(&path, "kept").expect("write the file");
    let scratch = Scratch(&path);
    let ended = scope(|s| {
        for _ in 0..3 {
            s.spawn(|| scratch.0.exists()).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert!(path.exists(), "a child removed its parent's file");
    drop(scratch);
    assert!(!path.exists());
}
