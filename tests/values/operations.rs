//! What a value's operations return, held against std's atomics.

use procshare::Value;

use crate::support::watchdog;

/// Checks the integer operations of one type against wrapping arithmetic, at the edges.
macro_rules! integer {
    ($($name:ident: $int:ty;)*) => {$(
        #[test]
        fn $name() {
            watchdog!(60);
            let edges = [0, 1, 2, <$int>::MAX, <$int>::MIN, <$int>::MAX - 1, 0x55];
            for a in edges {
                for b in edges {
                    let after = |run: fn(&Value<$int>, $int) -> $int| {
                        let value = Value::new(a).expect("a word");
                        assert_eq!(run(&value, b), a, "the previous value");
                        value.get()
                    };
                    assert_eq!(after(|v, b| v.fetch_add(b)), a.wrapping_add(b), "{a} + {b}");
                    assert_eq!(after(|v, b| v.fetch_sub(b)), a.wrapping_sub(b), "{a} - {b}");
                    assert_eq!(after(|v, b| v.fetch_max(b)), a.max(b), "max of {a}, {b}");
                    assert_eq!(after(|v, b| v.fetch_min(b)), a.min(b), "min of {a}, {b}");
                    assert_eq!(after(|v, b| v.fetch_and(b)), a & b, "{a} & {b}");
                    assert_eq!(after(|v, b| v.fetch_or(b)), a | b, "{a} | {b}");
                    assert_eq!(after(|v, b| v.fetch_xor(b)), a ^ b, "{a} ^ {b}");
                    assert_eq!(after(|v, b| v.swap(b)), b, "swap of {a}, {b}");
                    assert_eq!(after(|v, b| v.update(|a| a ^ b)), a ^ b, "update of {a}, {b}");
                }
            }
        }
    )*};
}

integer! {
    u8_counts_as_atomics_do: u8;
    u16_counts_as_atomics_do: u16;
    u32_counts_as_atomics_do: u32;
    u64_counts_as_atomics_do: u64;
    usize_counts_as_atomics_do: usize;
    i8_counts_as_atomics_do: i8;
    i16_counts_as_atomics_do: i16;
    i32_counts_as_atomics_do: i32;
    i64_counts_as_atomics_do: i64;
    isize_counts_as_atomics_do: isize;
}

#[test]
fn compare_exchange_of_a_word_replaces_only_what_it_expected() {
    watchdog!(60);
    let value = Value::new(5_u64).expect("8 bytes");
    assert_eq!(value.compare_exchange(4, 9), Err(5));
    assert_eq!(value.compare_exchange(5, 9), Ok(5));
    assert_eq!(value.get(), 9);
}

#[test]
fn compare_exchange_of_a_large_value_replaces_only_what_it_expected() {
    watchdog!(60);
    let value = Value::new([5_u64; 9]).expect("72 bytes");
    let mut almost = [5_u64; 9];
    almost[8] = 4;
    assert_eq!(value.compare_exchange(almost, [9; 9]), Err([5; 9]));
    assert_eq!(value.compare_exchange([5; 9], [9; 9]), Ok([5; 9]));
    assert_eq!(value.get(), [9; 9]);
}

#[test]
fn panic_in_an_update_changes_nothing() {
    watchdog!(60);
    let value = Value::new([1_u64; 4]).expect("32 bytes");
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        value.update(|_| panic!("in the closure"));
    }));
    assert!(unwound.is_err());
    assert_eq!(value.get(), [1; 4]);
    value.set([2; 4]);
    assert_eq!(value.get(), [2; 4]);
}

#[test]
fn update_may_use_its_own_value() {
    watchdog!(60);
    let value = Value::new([1_u64; 4]).expect("32 bytes");
    // User code runs under no lock: reading the same value inside is allowed.
    value.update(|words| {
        assert_eq!(value.get(), words);
        words.map(|word| word + 1)
    });
    assert_eq!(value.get(), [2; 4]);
}

#[test]
fn value_shows_what_it_holds() {
    watchdog!(60);
    let value = Value::new(4711_u32).expect("4 bytes");
    assert!(format!("{value:?}").contains("4711"), "{value:?}");
}

#[test]
fn clones_are_the_same_value() {
    watchdog!(60);
    let value = Value::new(1_u16).expect("2 bytes");
    let clone = value.clone();
    clone.set(2);
    assert_eq!(value.get(), 2);
}
