//! What works on slices works on arrays: rayon, ndarray, bytemuck.

use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};
use procshare::{Array, scope};
use rayon::prelude::*;

use crate::support::watchdog;

#[test]
fn rayon_reads_and_writes_an_array() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(100_000).expect("800 kB");
    array.par_iter_mut().enumerate().for_each(|(i, x)| *x = i as u64);
    assert_eq!(array.par_iter().sum::<u64>(), 4_999_950_000);
}

#[test]
fn rayon_in_the_parent_does_not_disturb_its_children() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(10_000).expect("80 kB");
    // The pool's threads stand before the fork, and the child does not have them.
    array.par_iter_mut().for_each(|x| *x = 1);
    let ended = scope(|s| {
        for chunk in array.chunks_mut(2500) {
            s.spawn(move || chunk.iter_mut().for_each(|x| *x += 1)).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(array.par_iter().sum::<u64>(), 20_000);
}

#[test]
fn ndarray_views_a_whole_array() {
    watchdog!(60);
    let mut array = Array::from_fn(6, |i| i as f64).expect("48 bytes");
    let mut view = ArrayViewMut2::from_shape((2, 3), &mut array).expect("2 x 3");
    view *= 10.0;
    assert_eq!(view.sum_axis(Axis(1)).to_vec(), [30.0, 120.0]);
    assert_eq!(array[..], [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
}

#[test]
fn children_work_on_ndarray_views_of_their_chunks() {
    watchdog!(60);
    let mut array = Array::from_fn(1000, |i| i as f64).expect("8 kB");
    let ended = scope(|s| {
        for chunk in array.chunks_mut(250) {
            let work = move || {
                let mut view = ArrayViewMut1::from(chunk);
                view.mapv_inplace(|x| x * x);
            };
            s.spawn(work).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert!(array.iter().enumerate().all(|(i, x)| *x == (i * i) as f64));
}

#[test]
fn bytemuck_looks_at_the_same_bytes() {
    watchdog!(60);
    let array = Array::from_slice(&[0x0403_0201_u32]).expect("4 bytes");
    let bytes: &[u8] = bytemuck::cast_slice(&array);
    assert_eq!(bytes, 0x0403_0201_u32.to_ne_bytes());
}
