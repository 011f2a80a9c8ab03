//! A request that cannot be met is refused before a page is touched.

use procshare::{AllocError, Array, Process, arena};

use crate::support::{isolated, leftovers, watchdog};

/// 100 TiB in words.
const HUGE: usize = (100 << 40) / size_of::<u64>();

#[test]
fn hundred_tebibytes_are_refused() {
    watchdog!(60);
    assert!(Array::<u64>::zeroed(HUGE).is_err());
}

#[test]
fn refusal_tells_what_was_asked_for() {
    watchdog!(60);
    let error = Array::<u64>::zeroed(HUGE).expect_err("100 TiB");
    match error {
        AllocError::OutOfMemory { requested, .. } | AllocError::ArenaFull { requested, .. } => {
            assert!(requested >= 100 << 40, "{requested}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn refused_requests_touch_no_memory() {
    isolated(60, || {
        drop(Array::<u64>::zeroed(1000).expect("8 kB"));
        let (stats, resident) = (arena::check().expect("a sound heap"), leftovers::resident_bytes());
        for _ in 0..100 {
            assert!(Array::<u64>::zeroed(HUGE).is_err());
        }
        let now = arena::check().expect("a sound heap");
        assert_eq!((now.used, now.committed, now.blocks), (stats.used, stats.committed, stats.blocks));
        assert!(leftovers::resident_bytes() < resident + (16 << 20));
    });
}

#[test]
fn child_survives_a_refusal_and_tells_of_it() {
    watchdog!(60);
    let ask =
        || Array::<u64>::zeroed(HUGE).map(|array| array.len() as u64).map_err(|error| error.to_string());
    let answer = Process::spawn(ask).expect("spawn").join().expect("the child survives");
    assert!(!answer.expect_err("100 TiB").is_empty());
}

#[test]
fn more_than_the_machine_has_free_is_refused() {
    watchdog!(60);
    let meminfo = std::fs::read_to_string("/proc/meminfo").expect("read /proc/meminfo");
    let field = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")).expect("MemAvailable");
    let available: usize = field.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    // Half as much again: what is free may grow meanwhile, but not by that.
    let too_much = available / 2 * 3 * 1024;
    let error = Array::<u8>::zeroed(too_much).expect_err("more than there is");
    assert!(matches!(error, AllocError::OutOfMemory { .. } | AllocError::ArenaFull { .. }), "{error:?}");
}

#[test]
fn small_requests_are_met_after_a_refusal() {
    watchdog!(60);
    assert!(Array::<u64>::zeroed(HUGE).is_err());
    assert_eq!(Array::from_slice(&[1, 2, 3]).expect("12 bytes")[..], [1, 2, 3]);
}
