//! Where descriptors are short, spawning fails; it does not break, and it loses nothing.

use std::{
    fs::File,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use procshare::{Array, Process, arena, scope};

use crate::support::{eventually, isolated, os, scaled, table};

fn open() -> Option<File> {
    File::open("/dev/null").ok()
}

#[test]
fn descriptor_shortage_leaks_no_seat() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = arena::check().expect("a sound heap");
        let arrays: Vec<_> = (0..4).map(|_| Array::<u64>::zeroed(1 << 17).expect("1 MiB")).collect();
        let limit = os::limit(libc::RLIMIT_NOFILE, 64);
        let mut held: Vec<_> = std::iter::from_fn(open).collect();
        held.truncate(held.len() - 2);
        let over = AtomicBool::new(false);
        let (mut spawned, mut refused, mut harmed) = (0, 0, Vec::new());
        thread::scope(|threads| {
            // Takes the last two and gives them back, so that a spawn finds none at any of its steps.
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let taken = (open(), open());
                    thread::sleep(Duration::from_micros(300));
                    drop(taken);
                    thread::sleep(Duration::from_micros(100));
                }
            });
            let (start, time) = (Instant::now(), Duration::from_millis(scaled(2000) as u64));
            while start.elapsed() < time {
                match Process::spawn(|| ()) {
                    Ok(child) => {
                        spawned += 1;
                        harmed.extend(child.join().err());
                    }
                    Err(_) => refused += 1,
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        drop(held);
        os::limit(libc::RLIMIT_NOFILE, limit);
        assert!(refused > 0, "{spawned} spawns, and no shortage");
        assert_eq!(harmed, [], "of {spawned} children that were spawned");
        drop(arrays);
        eventually(|| {
            let after = arena::check().expect("a sound heap");
            let left = (after.participants, after.used, table::own_children().len());
            if left == (before.participants, before.used, 0) {
                return Ok(());
            }
            Err(format!("(participants, bytes, children) {left:?} after {spawned} spawns, {refused} refused"))
        });
    });
}

#[test]
fn scope_that_was_opened_without_descriptors_works_once_there_are_some() {
    isolated(60, || {
        let limit = os::limit(libc::RLIMIT_NOFILE, 3);
        let ended = scope(|s| {
            assert!(s.spawn(|| ()).is_err(), "spawned without a descriptor");
            os::limit(libc::RLIMIT_NOFILE, limit);
            let first = s.spawn(|| 1_u32).expect("spawn").join().expect("join");
            first + s.spawn(|| 2_u32).expect("spawn").join().expect("join")
        });
        assert_eq!(ended.expect("no failure"), 3);
    });
}
