//! Uneven work: a picture of the Mandelbrot set, row by row. A row through the middle takes 50 times as long as one at the edge.

use ::rayon::prelude::*;

use super::roles::standing;
use super::tasks::{HEIGHT, WIDTH, mandelbrot};
use super::{Plan, WORKERS, ours};
use crate::peers::rayon;
use crate::report::{Row, Table, Unit};
use crate::support::milliseconds;

pub(super) fn tables(plan: &Plan) -> Vec<Table> {
    let height = HEIGHT / plan.share as usize;
    let title = "uneven work: the Mandelbrot set, 1200 x 900";
    vec![Table::new(title, Unit::Milliseconds, None, rows(height))]
}

/// All turns of all points, so that pictures can be compared.
pub(super) fn turns(points: &[u32]) -> u64 {
    points.iter().copied().map(u64::from).sum()
}

fn rows(height: usize) -> Vec<Row> {
    let paper = move || vec![0_u32; WIDTH * height];
    let paint = |points: &mut [u32]| {
        points.chunks_mut(WIDTH).enumerate().for_each(|(row, points)| mandelbrot(row, points));
    };
    let mut reference = paper();
    paint(&mut reference);
    let expected = turns(&reference);
    let mut rows = vec![
        standing(
            "rayon, par_chunks_mut (threads)",
            move || (rayon::pool(WORKERS), paper()),
            move |(pool, points)| {
                points.fill(0);
                let time = milliseconds(|| {
                    pool.install(|| {
                        points
                            .par_chunks_mut(WIDTH)
                            .enumerate()
                            .for_each(|(row, points)| mandelbrot(row, points));
                    });
                });
                assert_eq!(turns(points), expected, "the same picture");
                time
            },
        ),
        standing("one thread", paper, move |points| {
            points.fill(0);
            let time = milliseconds(|| paint(points));
            assert_eq!(turns(points), expected, "the same picture");
            time
        }),
    ];
    rows.extend(ours::picture(height, expected));
    rows
}
