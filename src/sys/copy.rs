//! Copying bytes that other processes may be writing at the same time.
//!
//! Rust has no bytewise atomic memcpy yet (RFC 3301), and a plain one is undefined behaviour when somebody
//! else writes. What stands in for it here races with nobody:
//!
//! ```text
//!   below BULK, or no x86-64     relaxed atomic words, relaxed atomic bytes at the ragged ends
//!   BULK and above, on x86-64    `rep movsb`, opaque to the compiler: it may do what relaxed atomic bytes may
//! ```
//!
//! So the bytes that arrive may be a mixture of old and new, in any grain. Nothing is ordered: all accesses
//! are Relaxed, and edges are made by whoever publishes.
//!
//! Measured, in GB/s (128 B, 1 KiB, 64 KiB, 1 MiB): word loop 20, 38, 32, 30; `rep movsb` 9, 56, 57, 48.
#![allow(unsafe_code)]
// Unsafe for one reason: raw pointers into shared memory.

use crate::shim::{AtomicU8, AtomicU64, Ordering};

/// From how many bytes on `rep movsb` is the faster one.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const BULK: usize = 1024;

/// The size of a word.
const WORD: usize = size_of::<u64>();

/// Copies `len` bytes out of shared memory into private memory.
///
/// # Safety
/// - `src` is good for reads and writes of `len` bytes (it is only read), which others may be writing, though
///   not this process by other than atomic accesses.
/// - `dst` is good for writes of `len` bytes that nobody else reads or writes meanwhile.
#[inline]
pub(crate) unsafe fn copy_out(dst: *mut u8, src: *const u8, len: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if len >= BULK {
        // SAFETY: `src` is good for reads and `dst` for writes of `len` bytes, by the caller's promise.
        return unsafe { bulk(dst, src, len) };
    }
    let head = src.align_offset(WORD).min(len);
    let words = (len - head) / WORD;
    let tail = head + words * WORD;
    for at in (0..head).chain(tail..len) {
        // SAFETY: `at < len`, so the byte is good for reads and writes, by the caller's promise; a byte is
        // aligned.
        let byte = unsafe { AtomicU8::from_ptr(src.wrapping_add(at).cast_mut()) }.load(Ordering::Relaxed);
        // SAFETY: `at < len`, so the byte is good for a write, by the caller's promise.
        unsafe { dst.wrapping_add(at).write(byte) };
    }
    for at in (head..tail).step_by(WORD) {
        // SAFETY: `at + WORD <= tail <= len`, so the word is good for reads and writes, by the caller's
        // promise. It is aligned: `head` steps lead to a multiple of WORD, whole words from there on.
        let word =
            unsafe { AtomicU64::from_ptr(src.wrapping_add(at).cast_mut().cast()) }.load(Ordering::Relaxed);
        // SAFETY: `at + WORD <= len`, so the bytes are good for a write, by the caller's promise.
        unsafe { dst.wrapping_add(at).cast::<u64>().write_unaligned(word) };
    }
}

/// Copies `len` bytes of private memory into shared memory.
///
/// # Safety
/// - `dst` is good for reads and writes of `len` bytes, which others may be reading or writing, though not
///   this process by other than atomic accesses.
/// - `src` is good for reads of `len` bytes that nobody writes meanwhile.
#[inline]
pub(crate) unsafe fn copy_in(dst: *mut u8, src: *const u8, len: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if len >= BULK {
        // SAFETY: `src` is good for reads and `dst` for writes of `len` bytes, by the caller's promise.
        return unsafe { bulk(dst, src, len) };
    }
    let head = dst.align_offset(WORD).min(len);
    let words = (len - head) / WORD;
    let tail = head + words * WORD;
    for at in (0..head).chain(tail..len) {
        // SAFETY: `at < len`, so the byte is good for a read, by the caller's promise.
        let byte = unsafe { src.wrapping_add(at).read() };
        // SAFETY: `at < len`, so the byte is good for reads and writes, by the caller's promise; a byte is
        // aligned.
        unsafe { AtomicU8::from_ptr(dst.wrapping_add(at)) }.store(byte, Ordering::Relaxed);
    }
    for at in (head..tail).step_by(WORD) {
        // SAFETY: `at + WORD <= tail <= len`, so the bytes are good for a read, by the caller's promise.
        let word = unsafe { src.wrapping_add(at).cast::<u64>().read_unaligned() };
        // SAFETY: `at + WORD <= len`, so the word is good for reads and writes, by the caller's promise. It
        // is aligned: `head` steps lead to a multiple of WORD, whole words from there on.
        unsafe { AtomicU64::from_ptr(dst.wrapping_add(at).cast()) }.store(word, Ordering::Relaxed);
    }
}

/// Copies by one instruction.
///
/// # Safety
/// - `src` is good for reads and `dst` for writes of `len` bytes; they do not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
unsafe fn bulk(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the instruction reads `len` bytes at `src` and writes as many at `dst`, good for that by the
    // caller's promise, upwards, since the direction flag is clear wherever Rust code runs. It changes the
    // three registers named and nothing else. As an opaque block it may do what bytewise relaxed atomic
    // accesses may.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") len => _,
            inout("rdi") dst => _,
            inout("rsi") src => _,
            options(nostack, preserves_flags)
        );
    }
}
