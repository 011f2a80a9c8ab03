//! The arena's size and table are the program's to choose, once.

use procshare::{AllocError, Array, Value, arena};

use crate::support::{Program, as_program, isolated, leftovers, watchdog};

const MIB: usize = 1 << 20;

#[test]
fn capacity_of_the_builder_bounds_the_arena() {
    isolated(60, || {
        arena::Builder::new().capacity(32 * MIB).build().expect("nobody used the arena before");
        assert!(arena::stats().capacity <= 32 << 20, "{:?}", arena::stats());
        let error = Array::<u8>::zeroed(64 << 20).expect_err("twice the arena");
        assert!(matches!(error, AllocError::ArenaFull { .. } | AllocError::OutOfMemory { .. }), "{error:?}");
        drop(Array::<u8>::zeroed(16 << 20).expect("half the arena"));
    });
}

#[test]
fn full_arena_is_an_error_until_something_is_dropped() {
    isolated(60, || {
        arena::Builder::new().capacity(32 * MIB).build().expect("nobody used the arena before");
        let mut arrays = Vec::new();
        while let Ok(array) = Array::<u8>::zeroed(1 << 20) {
            arrays.push(array);
            assert!(arrays.len() <= 32);
        }
        assert!(arrays.len() >= 24, "only {} MiB of 32", arrays.len());
        arrays.pop();
        drop(Array::<u8>::zeroed(1 << 20).expect("what was just given back"));
    });
}

#[test]
fn arena_is_built_once() {
    isolated(60, || {
        arena::Builder::new().capacity(32 * MIB).build().expect("nobody used the arena before");
        assert!(arena::Builder::new().build().is_err());
    });
}

#[test]
fn arena_in_use_is_not_built_again() {
    isolated(60, || {
        let value = Value::new(1_u8).expect("1 byte");
        assert!(arena::Builder::new().capacity(32 * MIB).build().is_err());
        assert_eq!(value.get(), 1);
    });
}

#[test]
fn allocation_is_resident_from_the_start() {
    isolated(60, || {
        drop(Value::new(1_u8).expect("1 byte"));
        let before = leftovers::resident_bytes();
        let array = Array::<u8>::zeroed(32 << 20).expect("32 MiB");
        assert!(leftovers::resident_bytes() >= before + (32 << 20));
        drop(array);
    });
}

#[test]
fn allocation_without_prepopulation_is_resident_when_touched() {
    isolated(60, || {
        arena::Builder::new().prepopulate(false).build().expect("nobody used the arena before");
        drop(Value::new(1_u8).expect("1 byte"));
        let before = leftovers::resident_bytes();
        let mut array = Array::<u8>::zeroed(32 << 20).expect("32 MiB");
        assert!(leftovers::resident_bytes() < before + (16 << 20));
        array.fill(1);
        assert!(leftovers::resident_bytes() >= before + (32 << 20));
    });
}

#[test]
fn arena_without_warm_pages_works() {
    isolated(60, || {
        arena::Builder::new().warm(0).build().expect("nobody used the arena before");
        for _ in 0..20 {
            drop(Array::<u8>::zeroed(1 << 20).expect("1 MiB"));
        }
        assert_eq!(arena::stats().warm, 0);
    });
}

#[test]
fn absurd_capacity_is_an_error_or_halved_and_no_crash() {
    isolated(60, || {
        // Either is right, as long as the process lives and can say so.
        if arena::Builder::new().capacity(usize::MAX).build().is_ok() {
            drop(Value::new(1_u8).expect("1 byte"));
        }
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_configured_by_the_environment() {
    as_program(60, || {
        let value = Value::new(1_u8).expect("1 byte");
        assert!(arena::stats().capacity <= 32 << 20, "{:?}", arena::stats());
        assert!(Array::<u8>::zeroed(64 << 20).is_err());
        assert_eq!(value.get(), 1);
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_with_a_broken_environment() {
    as_program(60, || {
        assert_eq!(Value::new(1_u8).map(|value| value.get()).unwrap_or(1), 1);
    });
}

#[test]
fn environment_sets_the_capacity() {
    watchdog!(60);
    for capacity in ["33554432", "32768K", "32M"] {
        let program = Program::of(program_configured_by_the_environment);
        assert!(program.env("PROCSHARE_CAPACITY", capacity).run().ran(), "{capacity}");
    }
}

#[test]
fn nonsense_in_the_environment_does_not_crash() {
    watchdog!(60);
    for nonsense in ["", "lots", "-1", "0", "M", "99999999999999999999", "9999999T"] {
        let program = Program::of(program_with_a_broken_environment);
        let program = program.env("PROCSHARE_CAPACITY", nonsense).env("PROCSHARE_PARTICIPANTS", nonsense);
        assert!(program.env("PROCSHARE_WARM", nonsense).run().ran(), "{nonsense:?}");
    }
}
