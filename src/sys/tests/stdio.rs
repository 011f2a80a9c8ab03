use std::os::fd::AsFd;

use super::asserted_in_child;
use crate::sys::stdio::{open_dev_null, stdin_from_dev_null, write_stderr};

#[test]
fn standard_input_ends_at_once_after_it_was_taken_away() {
    asserted_in_child(|| {
        let dev_null = open_dev_null().expect("open");
        stdin_from_dev_null(dev_null.as_fd()).expect("dup2");
        let mut byte = [0_u8; 1];
        // SAFETY: `byte` is one writable byte.
        assert_eq!(unsafe { libc::read(0, byte.as_mut_ptr().cast(), 1) }, 0);
    });
}

#[test]
fn closed_standard_error_is_borne_in_silence() {
    asserted_in_child(|| {
        // SAFETY: no `OwnedFd` owns standard error.
        unsafe { libc::close(2) };
        write_stderr(b"nobody hears this");
    });
}
