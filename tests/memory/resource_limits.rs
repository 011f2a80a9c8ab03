//! Limits on the process: address space, file size, descriptors, locked memory.

use procshare::{Array, Process, Value, scope};

use crate::support::{isolated, leftovers, os, skip};

/// The crate's daily work, in small.
fn works() {
    let value = Value::new(1_u64).expect("8 bytes");
    let mut array = Array::<u32>::zeroed(1000).expect("4 kB");
    let ended = scope(|s| {
        for half in array.chunks_mut(500) {
            let work = || {
                half.fill(2);
                value.fetch_add(1);
            };
            s.spawn(work).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!((value.get(), array.iter().sum::<u32>()), (3, 2000));
}

#[test]
fn limited_address_space_is_enough() {
    isolated(60, || {
        os::limit(libc::RLIMIT_AS, leftovers::address_space_bytes() + (1 << 30));
        works();
    });
}

#[test]
fn request_beyond_the_address_space_is_refused() {
    isolated(60, || {
        os::limit(libc::RLIMIT_AS, leftovers::address_space_bytes() + (1 << 30));
        assert!(Array::<u8>::zeroed(2 << 30).is_err());
        works();
    });
}

#[test]
fn arena_leaves_address_space_to_the_program() {
    isolated(60, || {
        os::limit(libc::RLIMIT_AS, leftovers::address_space_bytes() + (1 << 30));
        works();
        let own: Vec<u8> = vec![1; 400 << 20];
        assert_eq!(own[own.len() - 1], 1);
    });
}

#[test]
fn limited_file_size_raises_no_signal() {
    isolated(60, || {
        os::limit(libc::RLIMIT_FSIZE, 64 << 20);
        works();
        assert!(Array::<u8>::zeroed(128 << 20).is_err());
        works();
    });
}

#[test]
fn file_size_of_zero_is_an_error_and_no_signal() {
    isolated(60, || {
        let before = os::limit(libc::RLIMIT_FSIZE, 0);
        let (value, array) = (Value::new(1_u64), Array::<u8>::zeroed(1 << 20));
        // The harness writes files, too.
        os::limit(libc::RLIMIT_FSIZE, before);
        assert!(value.is_err() && array.is_err());
    });
}

#[test]
fn first_use_without_a_descriptor_left_is_an_error() {
    isolated(60, || {
        let before = os::limit(libc::RLIMIT_NOFILE, 3);
        assert!(Value::new(1_u64).is_err());
        os::limit(libc::RLIMIT_NOFILE, before);
        works();
    });
}

#[test]
fn allocation_needs_no_descriptor() {
    isolated(60, || {
        works();
        let before = os::limit(libc::RLIMIT_NOFILE, 3);
        let values: Vec<_> = (0..10_000_u64).map(|i| Value::new(i).expect("8 bytes")).collect();
        let array = Array::<u8>::zeroed(8 << 20).expect("8 MiB");
        os::limit(libc::RLIMIT_NOFILE, before);
        assert_eq!((values[9999].get(), array.len()), (9999, 8 << 20));
    });
}

#[test]
fn program_with_few_descriptors_works() {
    isolated(60, || {
        os::limit(libc::RLIMIT_NOFILE, 64);
        works();
    });
}

#[test]
fn locked_memory_does_not_populate_the_arena() {
    isolated(60, || {
        if !os::lock_all_memory() {
            return skip("mlockall is not allowed here");
        }
        let before = leftovers::resident_bytes();
        works();
        let grown = leftovers::resident_bytes().saturating_sub(before);
        assert!(grown < 256 << 20, "{grown} bytes became resident");
    });
}

#[test]
fn child_that_closes_unknown_descriptors_still_uses_what_is_shared() {
    isolated(60, || {
        let value = Value::new(1_u64).expect("8 bytes");
        let own = value.clone();
        let work = move || {
            os::close_from(3);
            own.fetch_add(1);
            let mut array = Array::<u64>::zeroed(100_000).expect("800 kB");
            array.fill(3);
            array
        };
        let array = Process::spawn(work).expect("spawn").join().expect("join");
        assert_eq!((value.get(), array.iter().sum::<u64>()), (2, 300_000));
    });
}
