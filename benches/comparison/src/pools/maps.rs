//! Maps: a large one that memory limits, a small one of longer tasks, and chunks in which there is nothing to do.

use std::time::{Duration, Instant};

use ::rayon::prelude::*;

use super::roles::standing;
use super::tasks::{leave, square_of_float, toil};
use super::{Plan, WORKERS, ours, python};
use crate::peers::hand_pool::Halves;
use crate::peers::{rayon, thread_pool::ThreadPool};
use crate::report::Unit::{Microseconds, Milliseconds, Nanoseconds};
use crate::report::{Row, Table};
use crate::support::{microseconds, milliseconds, nanoseconds_each};

/// Numbers to be squared.
const LARGE: usize = 10_000_000;

/// Items of some 10 µs each.
const ITEMS: usize = 1000;

/// Chunks, and the words of one.
pub(super) const CHUNKS: usize = 256;
pub(super) const CHUNK: usize = 8;

pub(super) fn tables(plan: &Plan) -> Vec<Table> {
    let share = plan.share as usize;
    vec![
        Table::new(
            "map: 10,000,000 squares into warm memory",
            Milliseconds,
            None,
            squares(plan, LARGE / share),
        ),
        Table::new("map: 1000 items of some 10 µs", Microseconds, None, toils(plan, ITEMS / share)),
        Table::new("256 empty chunks, per chunk", Nanoseconds, None, chunks(plan.span)),
    ]
}

/// The numbers that are squared.
pub(super) fn number(at: usize) -> f64 {
    at as f64 * 0.5
}

/// Looks at some of the squares.
///
/// # Panics
/// If one is wrong.
pub(super) fn check_squares(squares: &[f64]) {
    for at in (0..squares.len()).step_by(997) {
        assert_eq!(squares[at].to_bits(), square_of_float(number(at)).to_bits(), "square {at}");
    }
}

fn squares(plan: &Plan, length: usize) -> Vec<Row> {
    let numbers = move || -> Vec<f64> { (0..length).map(number).collect() };
    let mut rows = vec![
        standing(
            "rayon, zip into a Vec (threads)",
            move || (rayon::pool(WORKERS), numbers(), vec![0.0; length]),
            |(pool, numbers, squares)| {
                let time = milliseconds(|| {
                    pool.install(|| {
                        squares
                            .par_iter_mut()
                            .zip(&*numbers)
                            .for_each(|(square, &number)| *square = square_of_float(number));
                    });
                });
                check_squares(squares);
                time
            },
        ),
        standing(
            "one thread",
            move || (numbers(), vec![0.0; length]),
            |(numbers, squares)| {
                let time = milliseconds(|| {
                    for (square, &number) in squares.iter_mut().zip(&*numbers) {
                        *square = square_of_float(number);
                    }
                });
                check_squares(squares);
                time
            },
        ),
        standing(
            "two processes by hand, a half each, futex",
            move || Halves::new(length, number, square_of_float),
            |halves| {
                let time = milliseconds(|| halves.run());
                check_squares(halves.results());
                time
            },
        ),
    ];
    rows.extend(python::squares(plan, length));
    rows.extend(ours::squares(length));
    rows
}

/// The numbers to toil over.
pub(super) fn seed(at: usize) -> u64 {
    at as u64 + 1
}

/// What comes of `toil` for so many items, added up.
pub(super) fn sum_of_toils(items: usize) -> u64 {
    (0..items).map(|at| toil(seed(at))).fold(0, u64::wrapping_add)
}

fn toils(plan: &Plan, items: usize) -> Vec<Row> {
    let expected = sum_of_toils(items);
    let sum = |results: &[u64]| results.iter().copied().fold(0, u64::wrapping_add);
    let mut rows = vec![
        standing(
            "rayon, collect (threads)",
            move || (rayon::pool(WORKERS), (0..items).map(seed).collect::<Vec<u64>>()),
            move |(pool, seeds)| {
                let mut results = Vec::new();
                let time = microseconds(|| {
                    results = pool.install(|| seeds.par_iter().map(|&seed| toil(seed)).collect::<Vec<u64>>());
                });
                assert_eq!(sum(&results), expected);
                time
            },
        ),
        Row::new("one thread", move || {
            let mut result = 0;
            let time = microseconds(|| result = sum_of_toils(items));
            assert_eq!(result, expected);
            time
        }),
        standing(
            "crossbeam-channel pool, a task each (threads)",
            move || ThreadPool::new(WORKERS, items),
            move |pool| {
                let mut result = 0;
                let time = microseconds(|| result = pool.each(toil, (0..items).map(seed)));
                assert_eq!(result, expected);
                time
            },
        ),
    ];
    rows.extend(python::toils(plan, items));
    rows.extend(ours::toils(items, expected));
    rows
}

/// So many turns of `turn`, at least one, in nanoseconds a chunk.
pub(super) fn per_chunk(span: Duration, mut turn: impl FnMut()) -> f64 {
    turn();
    let mut turns = 0;
    let mut time = 0.0;
    let began = Instant::now();
    while turns == 0 || began.elapsed() < span {
        time += nanoseconds_each(1, |_| turn());
        turns += 1;
    }
    time / f64::from(turns) / CHUNKS as f64
}

fn chunks(span: Duration) -> Vec<Row> {
    let mut rows = vec![
        standing(
            "rayon, par_chunks_mut (threads)",
            || (rayon::pool(WORKERS), vec![0_u64; CHUNKS * CHUNK]),
            move |(pool, words)| {
                per_chunk(span, || {
                    pool.install(|| {
                        words.par_chunks_mut(CHUNK).enumerate().for_each(|(at, chunk)| leave(at, chunk));
                    });
                })
            },
        ),
        standing(
            "crossbeam-channel pool, a task each (threads)",
            || ThreadPool::new(WORKERS, CHUNKS),
            move |pool| {
                per_chunk(span, || {
                    pool.each(|_| 0, 0..CHUNKS as u64);
                })
            },
        ),
    ];
    rows.extend(ours::chunks(span));
    rows
}
