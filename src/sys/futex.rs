//! Sleeping on a word of shared memory, and waking who sleeps there, between processes.
//!
//! The word is 64 bits wide; the kernel sees its low half, wherever the byte order puts that:
//!
//! ```text
//!   bits 63..32   not the kernel's business          bits 31..0   the futex
//! ```
//!
//! Always a shared futex: the kernel knows it by file and offset, so every process that maps the memory meets
//! the others, at whatever address. And always a timed one: an untimed sleep cannot be written here, not even
//! by asking for a long one, because whoever should wake the sleeper may have been killed.
//!
//! | edge | release side         | acquire side            | publishes                   |
//! |------|----------------------|-------------------------|-----------------------------|
//! | F1   | `release_and_wake`   | the CAS of a new owner  | what the lock guards        |
//!
//! # Source
//! futex(2): FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAKE_OP.
#![allow(unsafe_code)]
// Unsafe for one reason: the futex system call takes addresses.

use std::mem;
use std::ptr;
use std::time::Duration;

use crate::shim::{AtomicU64, Ordering, fence};
use crate::sys::clock::timespec;
use crate::sys::errno;
use crate::sys::poll::ROUND;

/// The bit of the low half that says "somebody may sleep here": all that [`release_and_wake`] leaves behind.
const WAITERS: u32 = 1 << 31;

/// The low half of a word, as a mask.
const LOW: u64 = u32::MAX as u64;

/// How a sleep ended. Each is only a reason to look at the word again: none says what it holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Somebody woke this thread.
    Woken,
    /// The word differed from what was expected: there was no sleep.
    Changed,
    /// The time is up, or the longest that one sleep may take.
    TimedOut,
    /// A signal handler ran, or the kernel could not sleep on the word.
    Interrupted,
}

/// Sleeps while the low half of `word` equals `expected`, for `timeout` at most, and for a second at the very
/// most.
///
/// Blocks this thread. Makes no edge: what was published is acquired by the load that follows.
pub(crate) fn wait(word: &AtomicU64, expected: u32, timeout: Duration) -> Wait {
    let limit = timespec(timeout.min(ROUND));
    // SAFETY: the address is that of four bytes inside a live AtomicU64, aligned to four; `limit` lives
    // across the call; FUTEX_WAIT only reads both, and ignores the arguments that follow.
    let result = unsafe {
        libc::syscall(libc::SYS_futex, low_half(word), libc::FUTEX_WAIT, expected, &raw const limit)
    };
    if result == 0 {
        return Wait::Woken;
    }
    match errno::last() {
        libc::EAGAIN => Wait::Changed,
        libc::ETIMEDOUT => Wait::TimedOut,
        _ => Wait::Interrupted,
    }
}

/// The most words that the kernel sleeps on at once.
const MOST_WORDS: usize = libc::FUTEX_WAITV_MAX as usize;

/// A nap on one of several words, where the kernel can not sleep on all of them.
const BLIND: Duration = Duration::from_millis(1);

/// Sleeps while the low half of each word equals what is expected of it, for `timeout` at most, and for a second at the very
/// most. A kernel before 5.16, or more than 128 words: it sleeps on the first, for a millisecond.
///
/// Blocks this thread. Makes no edge, as [`wait`].
pub(crate) fn wait_any(words: &[(&AtomicU64, u32)], timeout: Duration) -> Wait {
    let Some((word, expected)) = words.first() else { return Wait::Changed };
    let timeout = timeout.min(ROUND);
    if words.len() == 1 {
        return wait(word, *expected, timeout);
    }
    let entry = |&(word, expected): &(&AtomicU64, u32)| {
        // SAFETY: a struct of numbers, for which zeroes are a value; one field is reserved and private.
        let mut entry: libc::futex_waitv = unsafe { mem::zeroed() };
        entry.val = u64::from(expected);
        entry.uaddr = low_half(word).expose_provenance() as u64;
        entry.flags = libc::FUTEX2_SIZE_U32 as u32; // not PRIVATE: a shared futex
        entry
    };
    let entries: Vec<_> = words.iter().take(MOST_WORDS).map(entry).collect();
    let mut until = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `until` is a live, writable timespec; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut until) };
    let nanoseconds = until.tv_nsec as u128 + timeout.as_nanos();
    until.tv_sec += (nanoseconds / 1_000_000_000) as libc::time_t;
    until.tv_nsec = (nanoseconds % 1_000_000_000) as libc::c_long;
    let (list, count) = (entries.as_ptr(), entries.len());
    // SAFETY: `list` are `count` live entries, each with the address of four bytes inside a live AtomicU64, aligned to four; `until`
    // lives across the call; the kernel only reads all of them.
    let result = unsafe {
        libc::syscall(libc::SYS_futex_waitv, list, count, 0, &raw const until, libc::CLOCK_MONOTONIC)
    };
    if result >= 0 && words.len() <= MOST_WORDS {
        return Wait::Woken;
    }
    match errno::last() {
        libc::EAGAIN => Wait::Changed,
        libc::ETIMEDOUT => Wait::TimedOut,
        libc::EINTR => Wait::Interrupted,
        _ => wait(word, *expected, timeout.min(BLIND)),
    }
}

/// Wakes up to `count` of those who sleep on `word`, in whatever process, and returns how many it woke.
pub(crate) fn wake(word: &AtomicU64, count: u32) -> u32 {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    // SAFETY: the address is that of four bytes inside a live AtomicU64, aligned to four; FUTEX_WAKE does not
    // even read them, and ignores the arguments that follow.
    let woken = unsafe { libc::syscall(libc::SYS_futex, low_half(word), libc::FUTEX_WAKE, count) };
    u32::try_from(woken).unwrap_or(0)
}

/// Sets the low half of `word` to bit 31 alone and wakes one sleeper, in one system call: no process can be
/// killed between the two. Returns how many it woke (0 or 1).
///
/// F1 release: whoever acquires the word after this sees everything this thread wrote before.
pub(crate) fn release_and_wake(word: &AtomicU64) -> u32 {
    // FUTEX_WAKE_OP: the operation SET, with its argument given as a shift (1 << 31), and a comparison whose
    // outcome does not matter, since it would only wake nobody (val2 = 0) on the same word.
    const SET_TO_WAITERS: u32 = ((libc::FUTEX_OP_SET | libc::FUTEX_OP_OPARG_SHIFT) << 28
        | libc::FUTEX_OP_CMP_NE << 24
        | 31 << 12) as u32;
    // F1 release: the kernel's write is atomic; that it releases too on every architecture is nowhere
    // promised.
    fence(Ordering::Release);
    let address = low_half(word);
    // SAFETY: both addresses are those of four bytes inside a live AtomicU64, aligned to four, so that the
    // kernel may write them atomically at any time; the fourth argument is a count (val2), not a pointer, for
    // this operation.
    let woken = unsafe {
        libc::syscall(libc::SYS_futex, address, libc::FUTEX_WAKE_OP, 1, 0_usize, address, SET_TO_WAITERS)
    };
    u32::try_from(woken).unwrap_or_else(|_| release_then_wake(word))
}

/// Pauses for a moment while spinning on a word, without giving up the processor.
#[inline]
pub(crate) fn relax() {
    std::hint::spin_loop();
}

/// What is left when the kernel refuses the combined step: the lock must come free all the same.
#[cold]
pub(super) fn release_then_wake(word: &AtomicU64) -> u32 {
    // F1 release on success. Relaxed on failure: the value is only the next guess.
    let mut seen = word.load(Ordering::Relaxed);
    while let Err(now) = word.compare_exchange_weak(
        seen,
        seen & !LOW | u64::from(WAITERS),
        Ordering::Release,
        Ordering::Relaxed,
    ) {
        seen = now;
    }
    wake(word, 1)
}

/// Returns the address of the half of `word` that the kernel sees.
fn low_half(word: &AtomicU64) -> *mut u32 {
    let halves = ptr::from_ref(word).cast_mut().cast::<u32>();
    if cfg!(target_endian = "little") { halves } else { halves.wrapping_add(1) }
}
