use crate::sys::copy::{copy_in, copy_out};

/// What stands around the copied bytes, and must stay.
const FRAME: u8 = 0xee;

type Copy = unsafe fn(*mut u8, *const u8, usize);

/// Copies `len` bytes from `from` bytes behind a word boundary to `to` bytes behind one, and checks every
/// byte.
fn check(copy: Copy, len: usize, from: usize, to: usize) {
    let source: Vec<u64> = (0..(len / 8 + 4) as u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let source = bytes(&source);
    let mut target = vec![u64::from_ne_bytes([FRAME; 8]); len / 8 + 4];
    let target = target.as_mut_ptr().cast::<u8>();
    // SAFETY: both vectors are at least `len + 24` bytes long and offsets are below 16; nobody else has them.
    unsafe { copy(target.wrapping_add(to), source.as_ptr().wrapping_add(from), len) };
    // SAFETY: the vector is `len + 25` bytes long at least, initialised, and no longer written.
    let target = unsafe { std::slice::from_raw_parts(target, len + 24) };
    assert_eq!(&target[to..to + len], &source[from..from + len], "{len} bytes from {from} to {to}");
    let mut frame = target[..to].iter().chain(&target[to + len..]);
    assert!(frame.all(|&byte| byte == FRAME), "{len} bytes from {from} to {to}: wrote beside");
}

fn bytes(words: &[u64]) -> &[u8] {
    // SAFETY: the words' memory is initialised, as long as said, and borrowed as long.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

#[test]
fn every_byte_arrives_and_none_beside_at_every_alignment() {
    for copy in [copy_in as Copy, copy_out as Copy] {
        for len in (0..40).chain([1000, 1023, 1024, 1025, 1033, 4099, 70_001]) {
            for from in 0..9 {
                for to in 0..9 {
                    check(copy, len, from, to);
                }
            }
        }
    }
}

#[test]
fn copying_nothing_touches_nothing() {
    for copy in [copy_in as Copy, copy_out as Copy] {
        // SAFETY: no bytes are good at any address.
        unsafe { copy(std::ptr::dangling_mut(), std::ptr::dangling(), 0) };
    }
}
