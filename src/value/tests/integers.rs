//! Arithmetic is that of the type, in one step.

use std::thread;

use proptest::prelude::*;

use crate::value::{Array, Value};

/// The operations of `std`'s integers, as the model of ours.
macro_rules! like_the_integer {
    ($test:ident: $int:ty) => {
        proptest! {
            #[test]
            fn $test(start: $int, operands: [$int; 7]) {
                let [a, b, c, d, e, f, g] = operands;
                let value = Value::new(start).unwrap();
                let mut array = Array::from_slice(&[<$int>::MIN, start, <$int>::MAX]).unwrap();
                let cells = array.cells();
                let mut model = start;
                let step = |model: &mut $int, next: $int, of_value: $int, of_cell: $int| {
                    prop_assert_eq!((of_value, of_cell), (*model, *model));
                    *model = next;
                    prop_assert_eq!((value.get(), cells.load(1)), (next, next));
                    Ok(())
                };
                let next = model.wrapping_add(a);
                step(&mut model, next, value.fetch_add(a), cells.fetch_add(1, a))?;
                let next = model.wrapping_sub(b);
                step(&mut model, next, value.fetch_sub(b), cells.fetch_sub(1, b))?;
                let next = model.max(c);
                step(&mut model, next, value.fetch_max(c), cells.fetch_max(1, c))?;
                let next = model.min(d);
                step(&mut model, next, value.fetch_min(d), cells.fetch_min(1, d))?;
                let next = model | e;
                step(&mut model, next, value.fetch_or(e), cells.fetch_or(1, e))?;
                let next = model ^ f;
                step(&mut model, next, value.fetch_xor(f), cells.fetch_xor(1, f))?;
                let next = model & g;
                step(&mut model, next, value.fetch_and(g), cells.fetch_and(1, g))?;
                prop_assert_eq!((array[0], array[2]), (<$int>::MIN, <$int>::MAX), "a neighbour changed");
            }
        }
    };
}

like_the_integer!(u8_is_like_u8: u8);
like_the_integer!(u16_is_like_u16: u16);
like_the_integer!(u32_is_like_u32: u32);
like_the_integer!(u64_is_like_u64: u64);
like_the_integer!(usize_is_like_usize: usize);
like_the_integer!(i8_is_like_i8: i8);
like_the_integer!(i16_is_like_i16: i16);
like_the_integer!(i32_is_like_i32: i32);
like_the_integer!(i64_is_like_i64: i64);
like_the_integer!(isize_is_like_isize: isize);

#[test]
fn addition_wraps_at_the_width_of_the_type() {
    let value = Value::new(250_u8).unwrap();
    value.fetch_add(10);
    assert_eq!(value.get(), 4);
    let value = Value::new(i16::MAX).unwrap();
    value.fetch_add(1);
    assert_eq!(value.get(), i16::MIN);
}

#[test]
fn no_increment_is_lost_between_threads() {
    let value = Value::new(0_u16).unwrap();
    let mut array = Array::<i8>::zeroed(3).unwrap();
    let cells = array.cells();
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..10_000 {
                    value.fetch_add(1);
                    cells.fetch_add(1, 1);
                }
            });
        }
    });
    assert_eq!(value.get(), 30_000);
    assert_eq!(array, [0, 30_000_i32 as i8, 0]);
}
