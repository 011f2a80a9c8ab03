//! Maps, and chunks of arrays.

use std::time::Duration;

use procshare::Array;

use super::pool;
use crate::pools::maps::{CHUNK, CHUNKS, check_squares, number, per_chunk, seed};
use crate::pools::roles::standing;
use crate::pools::tasks::{WIDTH, leave, mandelbrot, square_of_float, toil};
use crate::pools::uneven::turns;
use crate::report::Row;
use crate::support::{microseconds, milliseconds};

const CHUNKED: &str = "procshare::Pool, for_each_chunk_mut";

pub(in crate::pools) fn squares(length: usize) -> Vec<Row> {
    vec![standing(
        "procshare::Pool, map_into an Array",
        move || {
            let numbers = Array::from_fn(length, number).expect("memory");
            (pool(), numbers, Array::<f64>::zeroed(length).expect("memory"))
        },
        |(pool, numbers, squares)| {
            let time =
                milliseconds(|| pool.map_into(square_of_float, numbers, squares).expect("the workers live"));
            check_squares(squares);
            time
        },
    )]
}

pub(in crate::pools) fn toils(items: usize, expected: u64) -> Vec<Row> {
    vec![standing(
        "procshare::Pool, map",
        move || (pool(), Array::from_fn(items, seed).expect("memory")),
        move |(pool, seeds)| {
            let mut results = None;
            let time = microseconds(|| results = Some(pool.map(toil, seeds).expect("the workers live")));
            let sum = results.iter().flat_map(|results| results.iter().copied()).fold(0, u64::wrapping_add);
            assert_eq!(sum, expected);
            time
        },
    )]
}

pub(in crate::pools) fn chunks(span: Duration) -> Vec<Row> {
    vec![standing(
        CHUNKED,
        || (pool(), Array::<u64>::zeroed(CHUNKS * CHUNK).expect("memory")),
        move |(pool, words)| {
            per_chunk(span, || pool.for_each_chunk_mut(words, CHUNK, leave).expect("the workers live"))
        },
    )]
}

pub(in crate::pools) fn picture(height: usize, expected: u64) -> Vec<Row> {
    vec![standing(
        CHUNKED,
        move || (pool(), Array::<u32>::zeroed(WIDTH * height).expect("memory")),
        move |(pool, points)| {
            points.fill(0);
            let time = milliseconds(|| {
                pool.for_each_chunk_mut(points, WIDTH, mandelbrot).expect("the workers live");
            });
            assert_eq!(turns(points), expected, "the same picture");
            time
        },
    )]
}
