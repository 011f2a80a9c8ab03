//! Whatever the bytes, a decoder ends in a value or an error, and allocates no more than the bytes can fill.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::decode;
use crate::message::{DecodeError, Flat, Message};

/// Decodes `bytes` as an `M`, which may succeed or fail.
fn survives<M: Message>(bytes: &[u8]) {
    drop(decode::<M>(bytes, Vec::new()));
}

/// Decodes `bytes` as each of the types.
macro_rules! all_survive {
    ($bytes:expr; $($type:ty),+ $(,)?) => { $( survives::<$type>($bytes); )+ };
}

fn every_decoder_survives(bytes: &[u8]) {
    all_survive!(bytes;
        u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, char, (),
        NonZero<u8>, NonZero<u64>, std::convert::Infallible,
        String, Box<str>, OsString, PathBuf, Duration,
        Vec<u8>, Vec<u64>, Vec<bool>, Vec<char>, Vec<()>, Vec<String>, Vec<Vec<Vec<u8>>>, Vec<NonZero<u16>>,
        Vec<Option<[u64; 64]>>, Vec<[(); 3]>, Vec<(u8, String)>, Vec<Result<(), ()>>,
        Box<[f64]>, Box<[String]>, Box<Option<u8>>,
        Option<bool>, Option<Vec<u16>>, Result<String, u8>, Result<(), Vec<()>>,
        [u8; 0], [u8; 5], [bool; 4], [String; 2], [Vec<()>; 2], [[char; 2]; 2],
        (u8,), (u8, String), (Vec<u8>, bool, char), (u8, u16, u32, u64, i8, i16, i32, Vec<i64>),
        Flat<u32>, Vec<Flat<bool>>,
    );
    #[cfg(feature = "serde")]
    all_survive!(bytes;
        crate::message::Serde<String>, crate::message::Serde<Vec<u64>>,
        crate::message::Serde<std::collections::BTreeMap<String, Vec<bool>>>,
    );
}

proptest! {
    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        every_decoder_survives(&bytes);
    }

    #[test]
    fn a_random_length_is_survived(shift in 0..64_u32, low: u8, rest in prop::collection::vec(0..3_u8, 0..200)) {
        let length = (1_u64 << shift).wrapping_add(low.into());
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&rest);
        every_decoder_survives(&bytes);
        bytes.insert(0, 1); // as a tag before the length
        every_decoder_survives(&bytes);
    }
}

#[test]
fn an_absurd_length_is_an_error_before_anything_is_allocated() {
    fn refused<M: Message + std::fmt::Debug>() {
        for shift in 5..64 {
            let length = 1_u64 << shift;
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend_from_slice(&[0; 31]);
            let refused = decode::<M>(&bytes, Vec::new());
            assert!(
                matches!(refused, Err(DecodeError::Length { length: l, remaining: 31 }) if l == length),
                "{length}: {refused:?}"
            );
        }
    }
    refused::<Vec<u8>>();
    refused::<Vec<f64>>();
    refused::<Vec<bool>>();
    refused::<Vec<()>>();
    refused::<Vec<[u64; 0]>>();
    refused::<Vec<String>>();
    refused::<Vec<Option<[u64; 1000]>>>();
    refused::<Box<[Flat<u32>]>>();
    refused::<String>();
    refused::<PathBuf>();
}

#[test]
fn a_length_that_fits_in_number_but_not_in_bytes_is_an_error() {
    let mut bytes = 10_u64.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&[0; 79]);
    assert_eq!(
        decode::<Vec<u64>>(&bytes, Vec::new()),
        Err(DecodeError::Length { length: 10, remaining: 79 })
    );
    bytes.push(0);
    assert_eq!(decode::<Vec<u64>>(&bytes, Vec::new()), Ok(vec![0; 10]));
}

/// Elements that are large in memory and small in the message: room is made for those that come, not for those that
/// are promised.
#[test]
fn elements_larger_than_their_bytes_are_not_believed_in() {
    type Large = Option<[u64; 1 << 13]>;
    let promised = 8 << 20; // half a terabyte of them
    let mut bytes = (promised as u64).to_ne_bytes().to_vec();
    bytes.resize(size_of::<u64>() + promised, 2);
    let refused = decode::<Vec<Large>>(&bytes, Vec::new());
    assert!(matches!(refused, Err(DecodeError::Tag { found: 2, .. })), "{:?}", refused.err());
}

#[test]
fn bits_that_are_no_value_are_errors() {
    let invalid = |type_name| DecodeError::InvalidBits { type_name };
    assert_eq!(decode::<bool>(&[2], Vec::new()), Err(invalid("bool")));
    assert_eq!(decode::<char>(&0xD800_u32.to_ne_bytes(), Vec::new()), Err(invalid("char")));
    assert!(decode::<NonZero<u8>>(&[0], Vec::new()).is_err());
    assert_eq!(decode::<[bool; 3]>(&[0, 1, 255], Vec::new()), Err(invalid("bool")));
    let mut bytes = 2_u64.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&[1, 7]);
    assert_eq!(decode::<Vec<bool>>(&bytes, Vec::new()), Err(invalid("bool")));
    assert!(decode::<Option<u8>>(&[2, 0], Vec::new()).is_err());
    assert!(decode::<Result<u8, u8>>(&[9, 0], Vec::new()).is_err());
    let mut late = 0_u64.to_ne_bytes().to_vec();
    late.extend_from_slice(&1_000_000_000_u32.to_ne_bytes());
    assert_eq!(decode::<Duration>(&late, Vec::new()), Err(invalid("core::time::Duration")));
    let mut text = 1_u64.to_ne_bytes().to_vec();
    text.push(0xFF);
    assert_eq!(decode::<String>(&text, Vec::new()), Err(DecodeError::Utf8));
}
