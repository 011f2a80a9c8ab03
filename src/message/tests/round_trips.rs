//! Every type comes back as it was sent.

use std::ffi::OsString;
use std::num::NonZero;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::{decode, encode, round_trip};
use crate::message::{DecodeError, Measure, Message};

fn returns<M: Message + Clone + PartialEq + std::fmt::Debug>(value: &M) {
    assert_eq!(round_trip(value.clone()), *value);
    let (bytes, _) = encode(value.clone()).unwrap();
    if !bytes.is_empty() {
        let short = decode::<M>(&bytes[..bytes.len() - 1], Vec::new());
        assert!(short.is_err(), "{short:?} from a message that lacks its last byte");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn integers_return(a: u8, b: i16, c: u32, d: i64, e: u128, f: usize, g: isize, h: i128) {
        returns(&(a, b, c, d, e, f, g, h));
        returns(&(i8::from_ne_bytes([a]), c as i32, c as u16, d as u64));
        returns(&NonZero::new(f));
        returns(&NonZero::new(b));
    }

    #[test]
    fn floats_return_bit_by_bit(a: u64, b: u32, many: Vec<u64>) {
        prop_assert_eq!(round_trip(f64::from_bits(a)).to_bits(), a);
        prop_assert_eq!(round_trip(f32::from_bits(b)).to_bits(), b);
        let floats: Vec<f64> = many.iter().copied().map(f64::from_bits).collect();
        let returned: Vec<u64> = round_trip(floats).into_iter().map(f64::to_bits).collect();
        prop_assert_eq!(returned, many);
    }

    #[test]
    fn truths_and_characters_return(a: bool, b: char, c: Vec<bool>, d: Vec<char>) {
        returns(&(a, b, c, d));
    }

    #[test]
    fn text_returns(a: String, b: Vec<u8>, c in any::<Vec<String>>()) {
        returns(&a);
        returns(&Box::<str>::from(a.as_str()));
        returns(&OsString::from_vec(b.clone()));
        returns(&PathBuf::from(OsString::from_vec(b)));
        returns(&c);
    }

    #[test]
    fn vectors_return(a: Vec<u8>, b: Vec<u128>, c: Vec<Vec<i16>>, d: Vec<(u8, Option<String>)>, e: Vec<()>) {
        returns(&a.clone().into_boxed_slice());
        returns(&a);
        returns(&b);
        returns(&c);
        returns(&d);
        returns(&e);
        returns(&(e, a));
    }

    #[test]
    fn options_and_results_return(a: Option<u32>, b: Result<String, i8>, c: Option<Option<Vec<u64>>>, d: Vec<Option<u64>>) {
        returns(&a);
        returns(&b);
        returns(&c);
        returns(&d);
        returns(&Box::new(b));
    }

    #[test]
    fn arrays_return(a: [u64; 3], b: [Option<bool>; 5], c: [[f32; 2]; 2], d: [String; 2], e: [(); 4]) {
        returns(&a);
        returns(&b);
        returns(&d);
        returns(&e);
        prop_assert_eq!(round_trip(c).map(|row| row.map(f32::to_bits)), c.map(|row| row.map(f32::to_bits)));
    }

    #[test]
    fn durations_return(seconds: u64, nanoseconds in 0..1_000_000_000_u32) {
        returns(&Duration::new(seconds, nanoseconds));
    }
}

#[test]
fn every_tuple_returns() {
    returns(&());
    returns(&(1_u8,));
    returns(&(1_u8, 2_u16));
    returns(&(1_u8, 2_u16, 3_u32));
    returns(&(1_u8, 2_u16, 3_u32, 4_u64));
    returns(&(1_u8, 2_u16, 3_u32, 4_u64, 5_i8));
    returns(&(1_u8, 2_u16, 3_u32, 4_u64, 5_i8, 'f'));
    returns(&(1_u8, 2_u16, 3_u32, 4_u64, 5_i8, 'f', true));
    returns(&(1_u8, 2_u16, 3_u32, 4_u64, 5_i8, 'f', true, String::from("h")));
}

#[test]
fn empty_things_return() {
    returns(&Vec::<String>::new());
    returns(&Vec::<f64>::new().into_boxed_slice());
    returns(&String::new());
    returns(&[0_u64; 0]);
    returns(&vec![[0_u8; 0]; 7]);
    returns(&vec![Vec::<()>::new(); 3]);
}

#[test]
fn numbers_in_quantity_are_their_bytes_behind_a_length() {
    let numbers = [1.5_f64, -2.5, f64::INFINITY];
    let (bytes, _) = encode(numbers.to_vec()).unwrap();
    assert_eq!(bytes[..8], 3_u64.to_ne_bytes());
    assert_eq!(bytes[8..], *bytemuck::bytes_of(&numbers));
}

#[test]
fn elements_without_bytes_take_one_each() {
    let mut measure = Measure::new();
    vec![(); 100].measure(&mut measure);
    assert_eq!(measure.total_bytes(), 8 + 100);
    assert_eq!(
        decode::<Vec<()>>(&100_u64.to_ne_bytes(), Vec::new()),
        Err(DecodeError::Length { length: 100, remaining: 0 })
    );
}

/// Boxes all the way down: a type of which messages can be nested without end.
#[derive(Clone, Debug, PartialEq)]
struct Chain(Option<Box<Chain>>);

impl Message for Chain {
    fn measure(&self, measure: &mut Measure) {
        self.0.measure(measure);
    }
    fn encode(self, to: &mut crate::message::Writer<'_>) {
        self.0.encode(to);
    }
    fn decode(from: &mut crate::message::Reader<'_>) -> Result<Self, DecodeError> {
        Option::decode(from).map(Self)
    }
}

fn chain(links: usize) -> Chain {
    (0..links).fold(Chain(None), |rest, _| Chain(Some(Box::new(rest))))
}

#[test]
fn recursive_types_return_up_to_the_limit() {
    returns(&chain(128));
    let (bytes, _) = encode(chain(129)).unwrap();
    assert_eq!(decode::<Chain>(&bytes, Vec::new()), Err(DecodeError::TooDeep { limit: 128 }));
    assert_eq!(
        decode::<Chain>(&vec![1; 1 << 20], Vec::new()),
        Err(DecodeError::TooDeep { limit: 128 }),
        "a hostile depth must not exhaust the stack"
    );
}
