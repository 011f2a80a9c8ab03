//! Cells: single elements that several processes use at once.

use procshare::{Array, Cells, Element, scope};

use crate::support::{scaled, watchdog};

#[test]
fn three_children_count_in_the_same_elements() {
    watchdog!(240);
    let each = scaled(50_000) as u32;
    let mut array = Array::<u32>::zeroed(5).expect("20 bytes");
    let cells = array.cells();
    let ended = scope(|s| {
        for _ in 0..3 {
            let count = || {
                for n in 0..each {
                    cells.fetch_add(n as usize % 5, 1);
                }
            };
            s.spawn(count).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(array.iter().sum::<u32>(), 3 * each);
}

#[test]
fn neighbouring_bytes_do_not_disturb_each_other() {
    watchdog!(240);
    let each = scaled(50_000);
    let mut array = Array::<u8>::zeroed(8).expect("8 bytes");
    let cells = array.cells();
    let ended = scope(|s| {
        for i in 0..4 {
            let count = move || {
                for _ in 0..each {
                    cells.fetch_add(i, 1);
                }
            };
            s.spawn(count).expect("spawn");
        }
    });
    ended.expect("no failure");
    let one = (each % 256) as u8;
    assert_eq!(array[..], [one, one, one, one, 0, 0, 0, 0]);
}

#[test]
fn cells_of_every_width_load_what_was_stored() {
    watchdog!(60);
    fn check<T: Element + PartialEq + std::fmt::Debug>(low: T, high: T) {
        let mut array = Array::from_slice(&[low; 3]).expect("a few bytes");
        let cells = array.cells();
        cells.store(1, high);
        assert_eq!([cells.load(0), cells.load(1), cells.load(2)], [low, high, low]);
        assert_eq!(array[..], [low, high, low]);
    }
    check(0_u8, u8::MAX);
    check(0_i16, i16::MIN);
    check(0.0_f32, f32::MAX);
    check(0.0_f64, f64::MIN);
    check([0_u8; 4], [1, 2, 3, 4]);
}

#[test]
fn operations_on_a_cell_return_what_was_there() {
    watchdog!(60);
    let mut array = Array::<i16>::zeroed(3).expect("6 bytes");
    let cells: &Cells<i16> = array.cells();
    cells.store(1, -5);
    assert_eq!((cells.load(0), cells.load(1), cells.swap(2, 7), cells.load(2)), (0, -5, 0, 7));
    assert_eq!(cells.update(1, |x| x * 2), -5);
    assert_eq!((cells.load(1), cells.len(), cells.is_empty()), (-10, 3, false));
}

#[test]
#[should_panic(expected = "3")]
fn cell_out_of_range_is_a_panic() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(3).expect("24 bytes");
    array.cells().load(3);
}

#[test]
fn floating_point_cells_lose_no_update() {
    watchdog!(240);
    let each = scaled(50_000);
    let mut array = Array::<f64>::zeroed(1).expect("8 bytes");
    let cells = array.cells();
    let ended = scope(|s| {
        for _ in 0..3 {
            let add = || {
                for _ in 0..each {
                    cells.update(0, |x| x + 0.5);
                }
            };
            s.spawn(add).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(array[0], 1.5 * each as f64);
}
