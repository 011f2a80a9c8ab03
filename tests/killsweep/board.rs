//! One shared page on which victim, witness and tracer tell each other what the subject itself cannot carry.

use std::io::Error;
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Longest remark that is kept.
const REMARK: usize = 512;

/// Words for the subjects' own use, and the remark of whoever last found something wrong.
///
/// Relaxed everywhere: the pipes and the deaths between the processes order what is said here.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) words: [AtomicU64; 64],
    remark: [AtomicU8; REMARK],
}

impl Board {
    /// Maps a board, zeroed, which every process forked from here on shares. It is never unmapped.
    pub(crate) fn map() -> &'static Self {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh mapping, placed by the kernel.
        let page = unsafe { libc::mmap(ptr::null_mut(), size_of::<Self>(), access, kind, -1, 0) };
        assert!(page != libc::MAP_FAILED, "mmap: {}", Error::last_os_error());
        // SAFETY: page-aligned, as long as a board, zeroed, of atomics only, and mapped for ever.
        unsafe { &*page.cast::<Self>() }
    }

    /// Writes a remark in place of the one that stands here.
    pub(crate) fn remark(&self, text: &str) {
        let padded = text.bytes().chain(std::iter::repeat(0));
        for (place, byte) in self.remark.iter().zip(padded) {
            place.store(byte, Relaxed);
        }
    }

    /// Takes the remark off the board.
    pub(crate) fn take_remark(&self) -> String {
        let bytes: Vec<u8> =
            self.remark.iter().map(|byte| byte.swap(0, Relaxed)).take_while(|b| *b != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
