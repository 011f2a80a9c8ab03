//! Whatever stands in the memory of a channel, and wherever its head and tail are said to be: receiving, and sending after it, ends in
//! messages or errors.
//!
//! The input: head, length up to the tail, how often the tail is moved on, and the bytes from the head on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use procshare::fuzzing::channel_ring;

fuzz_target!(|input: &[u8]| {
    let Some((head, rest)) = input.split_first_chunk() else { return };
    let Some((length, rest)) = rest.split_first_chunk() else { return };
    let Some((&choice, bytes)) = rest.split_first() else { return };
    let head = u64::from_le_bytes(*head);
    // Mostly a legal one: an illegal one is an error at once.
    let head = if choice & 1 == 0 { head & !7 } else { head };
    let length = u64::from(u16::from_le_bytes(*length));
    if choice & 2 == 0 {
        channel_ring::<Vec<u8>>(head, head.wrapping_add(length), bytes);
    } else {
        channel_ring::<(String, Option<Box<[u64]>>)>(head, head.wrapping_add(length), bytes);
    }
});
