//! A child's panic reaches the parent with its message and its place.

use procshare::{Failure, Panic, Process, Value, scope};

use crate::support::{failure, isolated, os, watchdog};

/// The line of the panic in `fails`.
const LINE_OF_THE_PANIC: u32 = line!() + 4;

/// Panics with a text made at run time.
fn fails(n: u32) -> u32 {
    panic!("cannot resample {n} values")
}

/// The record of a child that must have panicked.
#[track_caller]
fn panic_of<R>(result: Result<R, Failure>) -> Panic {
    match failure(result) {
        Failure::Panicked { panic, .. } => panic,
        other => panic!("a panic was due: {other:?}"),
    }
}

/// A value whose destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("second, in a destructor");
    }
}

#[test]
fn text_made_at_run_time_arrives() {
    watchdog!(60);
    let child = Process::spawn(|| fails(12)).expect("spawn");
    assert_eq!(panic_of(child.join()).message, "cannot resample 12 values");
}

#[test]
fn static_text_arrives() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { panic!("plain words") }).expect("spawn");
    assert_eq!(panic_of(child.join()).message, "plain words");
}

#[test]
fn place_of_the_panic_arrives() {
    watchdog!(60);
    let child = Process::spawn(|| fails(1)).expect("spawn");
    let location = panic_of(child.join()).location.expect("a location");
    let expected = format!("{}:{LINE_OF_THE_PANIC}:", file!());
    assert!(location.starts_with(&expected), "{location} does not start with {expected}");
}

#[test]
fn payload_of_any_type_is_a_panic_with_a_place() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { std::panic::panic_any(42_u64) }).expect("spawn");
    let location = panic_of(child.join()).location.expect("a location");
    assert!(location.contains(file!()), "{location}");
}

#[test]
fn payload_that_panics_when_dropped_is_still_only_a_panic() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { std::panic::panic_any(Bomb) }).expect("spawn");
    let failed = failure(child.join());
    // Whether the destructor of the payload runs at all in the child is its own affair.
    assert!(
        matches!(failed, Failure::Panicked { .. } | Failure::Signaled { panic: Some(_), .. }),
        "{failed:?}"
    );
}

#[test]
fn very_long_text_arrives_cut_and_not_broken() {
    watchdog!(60);
    let child = Process::spawn(|| -> u32 { panic!("{}", "ü".repeat(5000)) }).expect("spawn");
    let message = panic_of(child.join()).message;
    assert!(message.starts_with("üüüüüüüüüüüüüüüüüüüü"), "{} bytes", message.len());
}

#[test]
fn panic_that_the_child_caught_itself_does_not_matter() {
    watchdog!(60);
    let work = || std::panic::catch_unwind(|| fails(3)).is_err();
    assert!(Process::spawn(work).expect("spawn").join().expect("join"));
}

#[test]
fn panic_after_one_that_was_caught_is_the_one_reported() {
    watchdog!(60);
    let work = || -> u32 {
        let _ = std::panic::catch_unwind(|| fails(3));
        panic!("the one that counts")
    };
    assert_eq!(panic_of(Process::spawn(work).expect("spawn").join()).message, "the one that counts");
}

#[test]
fn panic_of_a_thread_in_the_child_is_not_the_childs() {
    watchdog!(60);
    let work = || std::thread::spawn(|| fails(3)).join().is_err();
    assert!(Process::spawn(work).expect("spawn").join().expect("join"));
}

#[test]
fn siblings_of_a_child_that_panics_go_on() {
    watchdog!(60);
    let good = Process::spawn(|| 1_u32).expect("spawn");
    let bad = Process::spawn(|| fails(0)).expect("spawn");
    let late = Process::spawn(|| 2_u32).expect("spawn");
    assert!(bad.join().is_err());
    assert_eq!((good.join().expect("join"), late.join().expect("join")), (1, 2));
}

#[test]
fn panic_in_a_destructor_during_unwinding_is_an_abort() {
    watchdog!(60);
    let work = || -> u32 {
        let _bomb = Bomb;
        panic!("first")
    };
    let failed = failure(Process::spawn(work).expect("spawn").join());
    assert!(matches!(failed, Failure::Signaled { signal: libc::SIGABRT, .. }), "{failed:?}");
}

#[test]
fn abort_by_a_second_panic_still_tells_what_the_child_said() {
    watchdog!(60);
    let work = || -> u32 {
        let _bomb = Bomb;
        panic!("first")
    };
    let failed = failure(Process::spawn(work).expect("spawn").join());
    let Failure::Signaled { panic: Some(panic), .. } = &failed else { panic!("no panic record: {failed:?}") };
    assert!(!panic.message.is_empty());
}

#[test]
fn panic_of_a_borrowing_child_leaves_its_chunk_readable() {
    watchdog!(60);
    let mut array = procshare::Array::<u32>::zeroed(4).expect("16 bytes");
    let ended = scope(|s| {
        let half = &mut array[..2];
        let work = move || {
            half[0] = 9;
            fails(2)
        };
        panic_of(s.spawn(work).expect("spawn").join()).message
    });
    assert_eq!(ended.expect("joined"), "cannot resample 2 values");
    assert_eq!(array[..], [9, 0, 0, 0]);
}

#[test]
fn panic_hook_of_the_program_is_called_in_the_parent_only() {
    isolated(60, || {
        let (here, elsewhere) = (Value::new(0_u32).expect("4 bytes"), Value::new(0_u32).expect("4 bytes"));
        let (parent, counts) = (os::pid(), [here.clone(), elsewhere.clone()]);
        std::panic::set_hook(Box::new(move |_| {
            counts[usize::from(os::pid() != parent)].fetch_add(1);
        }));
        assert_eq!(
            panic_of(Process::spawn(|| fails(3)).expect("spawn").join()).message,
            "cannot resample 3 values"
        );
        assert!(std::panic::catch_unwind(|| fails(4)).is_err());
        assert_eq!((here.get(), elsewhere.get()), (1, 0));
    });
}
