//! Handles in messages: the memory stays where it is.

use proptest::prelude::*;

use super::{REPORT, Wide};
use crate::message::tests::{decode, encode, round_trip};
use crate::message::{DecodeError, Message};
use crate::value::{Array, Frozen, Value};

#[test]
fn a_value_that_travels_is_the_same_value() {
    let (narrow, wide) = (Value::new('x').unwrap(), Value::new(Wide::of(1)).unwrap());
    let (there, behind) = round_trip((narrow.clone(), wide.clone()));
    there.set('y');
    wide.set(Wide::of(2));
    assert_eq!((narrow.get(), behind.get()), ('y', Wide::of(2)));
}

#[test]
fn an_array_that_travels_is_the_same_memory() {
    let array = Array::from_slice(&[1.5_f64, 2.5]).unwrap();
    let start = array.as_ptr();
    let array = round_trip(array);
    assert_eq!((array.as_ptr(), &array[..]), (start, &[1.5, 2.5][..]));
    let frozen = array.freeze();
    let there = round_trip(frozen.clone());
    assert_eq!((there.as_ptr(), &there), (start, &frozen));
}

#[test]
fn handles_travel_inside_other_messages() {
    let values = vec![Value::new(1_u8).unwrap(), Value::new(2_u8).unwrap()];
    let message = (String::from("x"), Some(Array::<u8>::zeroed(0).unwrap()), Ok::<_, String>(values.clone()));
    let (text, empty, there) = round_trip(message);
    assert_eq!((text.as_str(), empty.map(|array| array.len())), ("x", Some(0)));
    there.unwrap()[1].fetch_add(5);
    assert_eq!((values[0].get(), values[1].get()), (1, 7));
}

#[test]
fn empty_and_sizeless_handles_travel() {
    assert_eq!(round_trip(Array::<f64>::zeroed(0).unwrap()).len(), 0);
    assert_eq!(round_trip(Array::<()>::zeroed(9).unwrap()).len(), 9);
    assert_eq!(round_trip(Array::<()>::zeroed(9).unwrap().freeze()).len(), 9);
    round_trip(Value::new(()).unwrap()).get();
}

/// Decodes the blocks of one message as another type.
fn mistaken<S: Message, R: Message>(sent: S) -> DecodeError {
    let (bytes, manifest) = encode(sent).unwrap();
    match decode::<R>(&bytes, manifest) {
        Ok(_) => panic!("taken for a {}", std::any::type_name::<R>()),
        Err(error) => error,
    }
}

#[test]
fn a_block_that_is_too_small_is_refused() {
    let small = || Value::new(1_u8).unwrap();
    assert!(matches!(mistaken::<_, Value<u64>>(small()), DecodeError::Foreign(_)));
    assert!(matches!(mistaken::<_, Value<Wide>>(small()), DecodeError::Foreign(_)));
    let array = || Array::<u8>::zeroed(20).unwrap();
    assert!(matches!(mistaken::<_, Array<u64>>(array()), DecodeError::Foreign(_)));
    assert!(matches!(mistaken::<_, Frozen<u64>>(array().freeze()), DecodeError::Foreign(_)));
}

#[test]
fn a_length_beyond_the_block_is_refused() {
    for len in [21_usize, 1 << 60, usize::MAX] {
        let (_, manifest) = encode(Array::<u8>::zeroed(20).unwrap()).unwrap();
        let (bytes, _) = encode(len).unwrap();
        assert!(matches!(decode::<Array<u8>>(&bytes, manifest), Err(DecodeError::Foreign(_))), "{len}");
    }
}

#[test]
fn moved_is_not_taken_for_shared() {
    let array = Array::<u64>::zeroed(8).unwrap();
    assert!(matches!(mistaken::<_, Frozen<u64>>(array), DecodeError::Foreign(_)));
    let frozen = Array::<u64>::zeroed(8).unwrap().freeze();
    assert!(matches!(mistaken::<_, Array<u64>>(frozen), DecodeError::Foreign(_)));
    assert!(matches!(decode::<Value<u8>>(&[], Vec::new()), Err(DecodeError::Foreign(_))));
}

#[test]
fn a_value_with_invalid_bits_does_not_arrive() {
    let bytes = Value::new([7_u8; 1]).unwrap();
    assert!(matches!(mistaken::<_, Value<bool>>(bytes), DecodeError::InvalidBits { .. }));
    let wide = Value::new([0xFF_u8; size_of_val(&REPORT)]).unwrap();
    assert!(matches!(mistaken::<_, Value<super::Report>>(wide), DecodeError::InvalidBits { .. }));
}

proptest! {
    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40), blocks in 0..4_u8) {
        fn survives<M: Message>(bytes: &[u8], blocks: u8) {
            let manifest = (0..blocks).flat_map(|i| match i % 2 {
                0 => encode(Array::<u16>::zeroed(5).unwrap()).unwrap().1,
                _ => encode(Value::new([i; 12]).unwrap()).unwrap().1,
            });
            drop(decode::<M>(bytes, manifest.collect()));
        }
        survives::<Value<u64>>(&bytes, blocks);
        survives::<Value<Wide>>(&bytes, blocks);
        survives::<Array<f64>>(&bytes, blocks);
        survives::<Frozen<u8>>(&bytes, blocks);
        survives::<Vec<Array<u8>>>(&bytes, blocks);
        survives::<(Option<Array<()>>, Option<Value<bool>>)>(&bytes, blocks);
    }
}
