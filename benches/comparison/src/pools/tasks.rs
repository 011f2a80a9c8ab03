//! What is to be done.

use crate::support::pin;

/// Next to nothing.
pub(crate) fn square(number: u64) -> u64 {
    number.wrapping_mul(number)
}

/// Where workers are that are kept apart from who submits, who is on CPU 0.
const WORKERS_CPU: usize = 1;

/// What such a worker does first.
pub(crate) fn move_apart() {
    pin(WORKERS_CPU);
}

/// Next to nothing, with a float.
pub(crate) fn square_of_float(number: f64) -> f64 {
    number * number
}

/// The sum of the squares of 1 to `last`.
pub(super) fn sum_of_squares(last: u64) -> u64 {
    (1..=last).map(square).fold(0, u64::wrapping_add)
}

/// Steps of `toil`, each of which needs the one before: some 10 µs on the machine of the project's figures.
const STEPS: u32 = 5_500;

/// Work that takes a while, always the same, and needs no memory.
pub(crate) fn toil(number: u64) -> u64 {
    let mut state = number | 1;
    for _ in 0..STEPS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}

/// The picture of the Mandelbrot set.
pub(crate) const WIDTH: usize = 1200;
pub(crate) const HEIGHT: usize = 900;

/// Turns after which a point is taken to belong to the set.
const LIMIT: u32 = 256;

/// Computes one row of the picture: for each point, the turns after which it has escaped.
pub(crate) fn mandelbrot(row: usize, points: &mut [u32]) {
    let im = (row as f64 / HEIGHT as f64 - 0.5) * 2.25;
    for (column, point) in points.iter_mut().enumerate() {
        let re = column as f64 / WIDTH as f64 * 3.0 - 2.0;
        *point = escape(re, im);
    }
}

fn escape(re: f64, im: f64) -> u32 {
    let (mut x, mut y) = (0.0, 0.0);
    for turn in 0..LIMIT {
        let (xx, yy) = (x * x, y * y);
        if xx + yy > 4.0 {
            return turn;
        }
        y = 2.0 * x * y + im;
        x = xx - yy + re;
    }
    LIMIT
}

/// Nothing at all.
pub(crate) fn leave(_: usize, _: &mut [u64]) {}
