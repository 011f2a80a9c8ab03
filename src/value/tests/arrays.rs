//! An array is a vector in shared memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use crate::segment::AllocError;
use crate::value::Array;

proptest! {
    #[test]
    fn an_array_holds_what_it_was_made_of(elements: Vec<u32>) {
        let array = Array::from_slice(&elements).unwrap();
        prop_assert_eq!(&array, &elements);
        prop_assert_eq!(array.to_vec(), elements.clone());
        let same = Array::from_fn(elements.len(), |i| elements[i]).unwrap();
        prop_assert_eq!(&same, &array);
        prop_assert_eq!(&*array.freeze(), &elements[..]);
    }
}

#[test]
fn a_zeroed_array_is_zero_even_where_another_one_was() {
    for len in [1, 7, 64, 5_000] {
        drop(Array::from_fn(len, |_| u64::MAX).unwrap());
        assert!(Array::<u64>::zeroed(len).unwrap().iter().all(|&element| element == 0));
    }
}

#[test]
fn it_is_used_like_a_slice() {
    let mut array = Array::from_slice(&[3_i32, 1, 2]).unwrap();
    array[0] += 1;
    array.sort_unstable();
    assert_eq!(array, [1, 2, 4]);
    for element in &mut array {
        *element *= 10;
    }
    assert_eq!((&array).into_iter().sum::<i32>(), 70);
    assert_eq!(array.as_ref().len(), array.as_mut().len());
    assert_eq!(array.chunks_mut(2).count(), 2);
    assert_eq!(format!("{array:?}"), "[10, 20, 40]");
    assert_eq!(format!("{:?}", array.freeze()), "[10, 20, 40]");
}

#[test]
fn lengths_and_sizes_of_zero_are_fine() {
    let mut empty = Array::<f64>::zeroed(0).unwrap();
    assert!(empty.is_empty());
    assert_eq!(empty.iter_mut().count(), 0);
    assert!(empty.cells().is_empty());
    let mut nothings = Array::<()>::zeroed(1_000).unwrap();
    assert_eq!(nothings.iter_mut().count(), 1_000);
    assert_eq!(nothings.freeze().len(), 1_000);
    assert_eq!(Array::from_slice(&[[0_u64; 0]; 3]).unwrap().len(), 3);
}

#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Aligned([u8; 64]);

#[test]
fn elements_are_aligned() {
    let bytes = Array::<u8>::zeroed(3).unwrap();
    let aligned = Array::<Aligned>::zeroed(3).unwrap();
    assert_eq!(aligned.as_ptr().addr() % 64, 0);
    assert_eq!(bytes.as_ptr().addr() % 8, 0);
}

#[test]
fn a_size_that_no_address_can_count_is_an_error() {
    assert_eq!(Array::<u64>::zeroed(usize::MAX).unwrap_err(), AllocError::Overflow);
    assert_eq!(Array::<u8>::zeroed(usize::MAX).unwrap_err(), AllocError::Overflow);
    assert_eq!(Array::<[u8; 1 << 20]>::zeroed(1 << 44).unwrap_err(), AllocError::Overflow);
    let mut calls = 0;
    let absurd = Array::from_fn(1 << 44, |_| {
        calls += 1;
        0_u64
    });
    assert!(absurd.is_err());
    assert_eq!(calls, 0);
}

#[test]
fn a_panic_while_filling_passes_through() {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        Array::from_fn(100, |i| if i == 50 { panic!("on purpose") } else { i as u64 })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(Array::<u64>::zeroed(100).unwrap(), [0; 100]);
}

#[test]
#[should_panic(expected = "out of bounds")]
fn an_index_out_of_bounds_panics() {
    let array = Array::<u8>::zeroed(3).unwrap();
    let index = array.len();
    let _ = array[index];
}

#[test]
fn clones_of_a_frozen_array_are_the_same_memory() {
    let array = Array::from_slice(&[1_u16, 2, 3]).unwrap();
    let start = array.as_ptr();
    let frozen = array.freeze();
    let same = frozen.clone();
    drop(frozen);
    assert_eq!(same, [1, 2, 3]);
    assert_eq!(same.as_ptr(), start, "nothing was copied");
}
