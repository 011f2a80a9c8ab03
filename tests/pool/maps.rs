//! Maps and folds that go well.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use procshare::{
    Array, Pool, Value,
    pool::{MapError, Progress},
};

use super::leaving::leaving_nothing;
use crate::support::{eventually, isolated, watchdog};

#[test]
fn map_of_any_length_and_chunk_is_whole() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let double = |x: u32| u64::from(x) * 2;
    for len in [0, 1, 2, 3, 63, 64, 65, 1000, 4097] {
        let input: Vec<u32> = (0..len).collect();
        let doubled: Vec<u64> = input.iter().map(|x| double(*x)).collect();
        assert_eq!(*pool.map(double, &input).expect("a map"), doubled);
        for chunk in [1, 2, 64, 1000, 1_000_000, usize::MAX] {
            let mapped = pool.mapping().chunk(chunk).map(double, &input).expect("a map");
            assert_eq!(*mapped, doubled, "{len} elements by {chunk}");
        }
        let there = Array::from_slice(&input).expect("an array");
        assert_eq!(*pool.map(double, &there).expect("a map"), doubled);
        if len > 2 {
            assert_eq!(*pool.map(double, &there[1..]).expect("a map"), doubled[1..]);
        }
    }
}

#[test]
fn chunk_of_nothing_is_refused() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let mut array = Array::<u32>::zeroed(10).expect("an array");
    let refused = pool.for_each_chunk_mut(&mut array, 0, |_, chunk| chunk.fill(1));
    assert_eq!(refused, Err(MapError::EmptyChunk));
    assert_eq!(
        pool.mapping().chunk(0).map(|x: u32| x, &[1]).map(drop),
        Err(MapError::EmptyChunk).map_err(|error: MapError<Array<u32>>| error)
    );
    let refused = pool.mapping().chunk(0).fold(&[1_u32], || 0, |sum, x| sum + x, |a, b| a + b);
    assert_eq!(refused, Err(MapError::EmptyChunk));
    assert_eq!(*array, [0; 10]);
}

#[test]
fn output_of_another_length_is_refused() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let mut output = Array::<u32>::zeroed(3).expect("an array");
    let refused = pool.map_into(|x: u32| x + 1, &[1, 2], &mut output);
    assert_eq!(refused, Err(MapError::LengthsDiffer { input: 2, output: 3 }));
    assert_eq!(*output, [0; 3]);
    pool.map_into(|x: u32| x + 1, &[1, 2, 3], &mut output).expect("a map");
    assert_eq!(*output, [2, 3, 4]);
}

#[test]
fn chunks_are_numbered_and_only_the_last_one_is_short() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let mut array = Array::<[u32; 2]>::zeroed(103).expect("an array");
    let work = |number: usize, chunk: &mut [[u32; 2]]| {
        let len = chunk.len() as u32;
        chunk.fill([number as u32, len]);
    };
    pool.for_each_chunk_mut(&mut array, 10, work).expect("a map");
    for (at, element) in (0..).zip(array.iter()) {
        assert_eq!(*element, [at / 10, if at < 100 { 10 } else { 3 }]);
    }
}

#[test]
fn fold_is_the_same_with_any_number_of_workers() {
    watchdog!(60);
    let input: Vec<f64> = (0..100_000).map(|n| 1.0 / f64::from(n + 1)).collect();
    let sum = |pool: &Pool| pool.reduce(&input, || 0.0, |a, b| a + b).expect("a sum");
    let sums = [1, 2, 3].map(|workers| sum(&Pool::new(workers).expect("a pool")).to_bits());
    assert_eq!(sums, [sums[0]; 3]);
    let pool = Pool::new(2).expect("a pool");
    assert_eq!(pool.reduce(&[], || 7_u64, |a, b| a + b), Ok(7));
    assert_eq!(pool.fold(&[5_u8], || 1_u64, |sum, x| sum + u64::from(x), |a, b| a * b), Ok(6));
    // In order: what is combined is not commutative.
    let last = |pool: &Pool| pool.fold(&input, || 0.0, |_, x| x, |_, x| x);
    assert_eq!(last(&pool), Ok(1.0 / 100_000.0));
    let count = pool.mapping().chunk(7).fold(&input, || 0_u64, |count, _| count + 1, |a, b| a + b);
    assert_eq!(count, Ok(100_000));
}

#[test]
fn map_takes_what_it_needs_beside_the_elements() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let calls = Value::new(0_u64).expect("8 bytes");
    let table = Array::from_fn(256, |n| n as u32 * 3).expect("an array").freeze();
    let look_up = |(table, calls): &(procshare::Frozen<u32>, Value<u64>), x: u8| {
        calls.fetch_add(1);
        table[usize::from(x)]
    };
    let input: Vec<u8> = (0..=255).collect();
    let found = pool.mapping().with((table, calls.clone())).map(look_up, &input).expect("a map");
    assert!((0..).zip(found.iter()).all(|(n, found)| *found == n * 3));
    assert_eq!(calls.get(), 256);
}

#[test]
fn progress_goes_from_nothing_to_all() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let (progress, go) = (Progress::new(), Value::new(0_u32).expect("4 bytes"));
    assert!(!progress.is_finished());
    let mut told = Vec::new();
    thread::scope(|s| {
        let watcher = s.spawn(|| {
            // The second half is done only when the first one was seen.
            eventually(|| match progress.done() {
                done if done >= 50 => Ok(()),
                done => Err(format!("{done} elements are done")),
            });
            assert_eq!((progress.total(), progress.is_finished()), (100, false));
            go.set(1);
        });
        let work = |go: &Value<u32>, x: u32| {
            while x >= 50 && go.get() == 0 {
                thread::yield_now();
            }
            x
        };
        let mapping =
            pool.mapping().chunk(1).progress(&progress).on_progress(|done, all| told.push((done, all)));
        mapping.with(go.clone()).map(work, &(0..100).collect::<Vec<u32>>()).expect("a map");
        watcher.join().expect("the watcher");
    });
    assert_eq!((progress.done(), progress.total(), progress.is_finished()), (100, 100, true));
    assert_eq!(told.last(), Some(&(100, 100)));
    assert!(told.is_sorted() && told.len() >= 2, "{told:?}");
    pool.mapping().progress(&progress).map(|x: u32| x, &[1, 2, 3]).expect("a map");
    assert_eq!((progress.done(), progress.total()), (103, 103));
}

#[test]
fn panic_of_who_watches_stops_the_map_and_the_array_is_the_callers() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let mut array = Array::<u32>::zeroed(10_000).expect("an array");
            let work = |_: usize, chunk: &mut [u32]| {
                thread::sleep(std::time::Duration::from_millis(1));
                chunk.fill(1);
            };
            let mapping = pool.mapping().chunk(1).on_progress(|done, _| assert_eq!(done, 0, "enough"));
            let panicked = catch_unwind(AssertUnwindSafe(|| mapping.for_each_chunk_mut(&mut array, work)));
            assert!(panicked.is_err());
            let done = array.iter().sum::<u32>();
            assert!(0 < done && done < 10_000, "{done} elements are done");
            array.fill(5);
            thread::sleep(std::time::Duration::from_millis(20));
            assert!(array.iter().all(|element| *element == 5), "somebody still writes");
            pool.for_each_chunk_mut(&mut array, 100, |_, chunk| chunk.fill(6)).expect("a map");
            assert!(array.iter().all(|element| *element == 6));
        });
    });
}
