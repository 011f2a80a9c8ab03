//! Cells are the elements of their array.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::message::Element;
use crate::value::Array;

fn behaves<T: Element + PartialEq + std::fmt::Debug>(first: T, second: T) {
    let mut array = Array::from_slice(&[first; 3]).unwrap();
    let cells = array.cells();
    assert_eq!((cells.len(), cells.is_empty()), (3, false));
    cells.store(1, second);
    assert_eq!((cells.load(0), cells.load(1), cells.load(2)), (first, second, first));
    assert_eq!(cells.swap(1, first), second);
    assert_eq!(cells.update(1, |_| second), first);
    assert_eq!(cells.compare_exchange(1, first, first), Err(second));
    assert_eq!(cells.compare_exchange(1, second, first), Ok(second));
    assert_eq!(cells.swap(2, second), first);
    assert_eq!(array, [first, first, second]);
}

#[test]
fn cells_of_every_width_behave() {
    behaves(1_u8, 255);
    behaves(-1_i8, 1);
    behaves(1_u16, 0xFFFF);
    behaves([1_u8, 2], [3, 4]);
    behaves(1.5_f32, -1.5);
    behaves([1_u16, 2], [3, 4]);
    behaves(1.5_f64, -1.5);
    behaves([1_u8; 8], [2; 8]); // of alignment 1
    behaves([1.0_f32, 2.0], [3.0, 4.0]); // of alignment 4
}

#[test]
fn cells_of_alignment_one_are_driven_by_threads() {
    let mut array = Array::from_slice(&[[0_u8; 8]; 5]).unwrap();
    let cells = array.cells();
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for i in 0..5_000 {
                    cells.update(i % 5, |bytes| (u64::from_ne_bytes(bytes) + 1).to_ne_bytes());
                }
            });
        }
    });
    assert_eq!(array, [2_000_u64.to_ne_bytes(); 5]);
}

#[test]
fn an_index_out_of_bounds_panics() {
    let mut array = Array::<u32>::zeroed(3).unwrap();
    let cells = array.cells();
    for out in [3, usize::MAX] {
        assert!(catch_unwind(AssertUnwindSafe(|| cells.load(out))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| cells.store(out, 1))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| cells.fetch_add(out, 1))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| cells.update(out, |cell| cell))).is_err());
    }
    assert_eq!(array, [0; 3]);
}

#[test]
fn debug_prints_the_elements() {
    assert_eq!(format!("{:?}", Array::from_slice(&[1_u8, 2]).unwrap().cells()), "[1, 2]");
}
