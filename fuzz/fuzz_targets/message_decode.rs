//! Whatever the bytes, decoding ends in a value or an error, within the memory that the bytes can fill; and a value
//! that comes out of it goes in and out again unchanged.
//!
//! The first byte of the input chooses the type, the others are the message.
#![no_main]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use procshare::fuzzing::{decode, encode};
use procshare::{Flat, Message, Serde};

fn there_and_back<M: Message>(bytes: &[u8]) {
    let Ok(value) = decode::<M>(bytes) else { return };
    let once = encode(value).expect("a value writes what it measures");
    let value = decode::<M>(&once).expect("what was encoded is decoded");
    let twice = encode(value).expect("a value writes what it measures");
    assert_eq!(once, twice, "the value changed on its way");
}

/// Takes `bytes` for a message of the type that `choice` falls on.
macro_rules! choose {
    ($choice:expr, $bytes:expr; $($type:ty),+ $(,)?) => {{
        let types: &[fn(&[u8])] = &[$(there_and_back::<$type>),+];
        types[usize::from($choice) % types.len()]($bytes);
    }};
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    choose!(choice, bytes;
        bool, char, u64, f64, (), NonZero<u16>, Duration,
        String, Box<str>, OsString, PathBuf,
        Vec<u8>, Vec<u64>, Vec<bool>, Vec<char>, Vec<()>, Vec<String>, Vec<Vec<Vec<u8>>>, Vec<Option<[u64; 64]>>,
        Vec<(u8, String)>, Vec<Result<(), String>>, Box<[f64]>, Box<[String]>, Box<Option<u8>>,
        Option<Vec<u16>>, Result<String, Vec<u8>>, [String; 2], [[char; 2]; 2],
        (Vec<u8>, bool, char), (u8, u16, u32, u64, i8, i16, i32, Vec<i64>),
        Flat<u32>, Vec<Flat<bool>>,
        Serde<String>, Serde<Vec<u64>>, Serde<BTreeMap<String, Vec<bool>>>,
    );
});
