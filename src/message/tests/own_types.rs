//! Types of a user as messages.

use bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable};

use super::{decode, encode, round_trip};
use crate::message::{DecodeError, Flat};
use crate::plain_message;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Interval {
    low: f64,
    high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
#[repr(u8)]
enum Phase {
    Rising = 1,
    Falling = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
#[repr(C)]
struct Nothing;

plain_message!(Interval, Phase);
plain_message!(Nothing);

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(transparent)]
struct Metres<T>(T);

#[test]
fn one_line_makes_a_plain_struct_a_message() {
    let interval = Interval { low: 10.5, high: 11.2 };
    assert_eq!(round_trip(interval), interval);
    assert_eq!(round_trip(vec![interval; 3]), [interval; 3]);
    assert_eq!(round_trip([interval; 2]), [interval; 2]);
    assert_eq!(round_trip(Some((Phase::Falling, interval))), Some((Phase::Falling, interval)));
}

#[test]
fn a_vector_of_plain_structs_is_its_bytes_behind_a_length() {
    let intervals = [Interval { low: 1.0, high: 2.0 }; 4];
    let (bytes, _) = encode(intervals.to_vec()).unwrap();
    assert_eq!(bytes[8..], *bytemuck::bytes_of(&intervals));
}

#[test]
fn an_enum_without_the_value_is_an_error() {
    assert_eq!(round_trip(vec![Phase::Rising, Phase::Falling]), [Phase::Rising, Phase::Falling]);
    for bits in [0, 3, 255] {
        assert!(matches!(decode::<Phase>(&[bits], Vec::new()), Err(DecodeError::InvalidBits { .. })));
    }
}

#[test]
fn a_plain_struct_of_no_size_is_a_message() {
    assert_eq!(round_trip(vec![Nothing; 5]).len(), 5);
    assert_eq!(round_trip(Nothing), Nothing);
}

#[test]
fn foreign_and_generic_plain_types_travel_flat() {
    assert_eq!(round_trip(Flat(Metres(2.5_f32))), Flat(Metres(2.5_f32)));
    assert_eq!(round_trip(vec![Flat(Metres(7_u64)); 4]), vec![Flat(Metres(7_u64)); 4]);
    assert!(decode::<Flat<bool>>(&[5], Vec::new()).is_err());
}
