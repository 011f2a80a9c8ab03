//! Arrays: owned like a `Vec`, lent in chunks.

use procshare::{Array, Failure, scope};

use crate::support::{failure, watchdog};

#[test]
fn seed_array_is_doubled_element_by_element() {
    watchdog!(60);
    let mut array = Array::from_slice(&[1.0_f64, 2.0, 3.0]).expect("24 bytes");
    for _ in 0..3 {
        let ended = scope(|s| {
            for element in array.iter_mut() {
                s.spawn(move || *element *= 2.0).expect("spawn");
            }
        });
        ended.expect("no failure");
    }
    assert_eq!(array[..], [8.0, 16.0, 24.0]);
}

#[test]
fn three_processes_double_the_whole_seed_array_at_once() {
    watchdog!(60);
    let mut array = Array::from_slice(&[1.0_f64, 2.0, 3.0]).expect("24 bytes");
    let cells = array.cells();
    let ended = scope(|s| {
        for _ in 0..3 {
            let double = || {
                for i in 0..cells.len() {
                    cells.update(i, |x| x * 2.0);
                }
            };
            s.spawn(double).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(array[..], [8.0, 16.0, 24.0]);
}

#[test]
fn chunks_filled_by_seven_children_are_all_there() {
    watchdog!(60);
    const LEN: usize = 100_003;
    let mut array = Array::<u64>::zeroed(LEN).expect("800 kB");
    let ended = scope(|s| {
        for (i, chunk) in array.chunks_mut(LEN.div_ceil(7)).enumerate() {
            let first = i * LEN.div_ceil(7);
            let fill = move || chunk.iter_mut().enumerate().for_each(|(j, x)| *x = (first + j) as u64);
            s.spawn(fill).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert!(array.iter().copied().eq(0..LEN as u64));
}

#[test]
fn index_out_of_range_in_a_child_is_a_panic_at_join() {
    watchdog!(60);
    let mut array = Array::from_slice(&[1_u32, 2, 3]).expect("12 bytes");
    let failed = scope(|s| {
        let all = &mut array[..];
        let overrun = move || all[std::hint::black_box(3)] = 9;
        failure(s.spawn(overrun).expect("spawn").join())
    });
    let failed = failed.expect("joined");
    let Failure::Panicked { panic, .. } = &failed else { panic!("{failed:?}") };
    assert!(panic.message.contains("the len is 3 but the index is 3"), "{}", panic.message);
}

#[test]
fn index_out_of_range_in_a_child_leaves_memory_intact() {
    watchdog!(60);
    let mut arrays = [1, 2, 3].map(|n| Array::from_slice(&[n; 16]).expect("64 bytes"));
    let failed = scope(|s| {
        let middle = &mut arrays[1][..];
        let overrun = move || middle[std::hint::black_box(16)] = 9_u32;
        s.spawn(overrun).expect("spawn").join().is_err()
    });
    assert!(failed.expect("joined"));
    let [before, array, after] = &arrays;
    assert_eq!((&before[..], &array[..], &after[..]), (&[1; 16][..], &[2; 16][..], &[3; 16][..]));
}

#[test]
fn array_is_used_like_a_slice() {
    watchdog!(60);
    let mut array = Array::from_fn(5, |i| i as i32 * 10).expect("20 bytes");
    array[1] = 7;
    for x in &mut array {
        *x += 1;
    }
    assert_eq!(array.len(), 5);
    assert_eq!(array[..], [1, 8, 21, 31, 41]);
    assert_eq!(array.to_vec(), [1, 8, 21, 31, 41]);
    assert_eq!((&array).into_iter().sum::<i32>(), 102);
    assert_eq!(array.iter().rev().copied().max(), Some(41));
    array.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(array.first(), Some(&41));
}

#[test]
fn array_shows_its_elements() {
    watchdog!(60);
    let array = Array::from_slice(&[1_u8, 2]).expect("2 bytes");
    assert!(format!("{array:?}").contains("[1, 2]"), "{array:?}");
}

#[test]
fn zeroed_array_is_zero_although_its_memory_was_used() {
    watchdog!(60);
    for round in 0..50 {
        let mut array = Array::<u64>::zeroed(10_000).expect("80 kB");
        assert!(array.iter().all(|x| *x == 0), "round {round}: stale bytes");
        array.fill(u64::MAX);
    }
}

#[test]
fn zeroed_array_is_zero_although_a_child_used_its_memory() {
    watchdog!(60);
    for round in 0..20 {
        let mut array = Array::<u64>::zeroed(10_000).expect("80 kB");
        let clean = array.iter().all(|x| *x == 0);
        assert!(clean, "round {round}: stale bytes");
        let ended = scope(|s| {
            for half in array.chunks_mut(5000) {
                s.spawn(move || half.fill(u64::MAX)).expect("spawn");
            }
        });
        ended.expect("no failure");
    }
}

#[test]
fn what_a_killed_child_wrote_in_its_chunk_can_be_read() {
    watchdog!(60);
    let mut array = Array::<u32>::zeroed(8).expect("32 bytes");
    let ended = scope(|s| {
        let half = &mut array[..4];
        let work = move || -> () {
            half.fill(3);
            crate::support::os::raise(libc::SIGKILL);
        };
        s.spawn(work).expect("spawn").join().is_err()
    });
    assert!(ended.expect("joined"));
    assert_eq!(array[..], [3, 3, 3, 3, 0, 0, 0, 0]);
}
