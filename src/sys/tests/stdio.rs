use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};

use super::{Child, asserted_in_child};
use crate::sys::pidfd::ExitStatus;
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
fn every_byte_reaches_standard_error_although_the_pipe_is_small() {
    let text: Vec<u8> = (0..1_000_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let (mut from, to) = std::io::pipe().expect("pipe");
    let expected = text.clone();
    let child = Child::running(move || {
        // SAFETY: dup2 takes two numbers; standard error of this child becomes the pipe.
        unsafe { libc::dup2(to.as_raw_fd(), 2) };
        write_stderr(&text);
        0
    });
    // Not to the end of the pipe: other tests' children hold it open too.
    let mut arrived = vec![0; expected.len()];
    from.read_exact(&mut arrived).expect("read");
    assert!(arrived == expected);
    assert_eq!(child.status(), ExitStatus::Exited(0));
}

#[test]
fn closed_standard_error_is_borne_in_silence() {
    asserted_in_child(|| {
        // SAFETY: no `OwnedFd` owns standard error.
        unsafe { libc::close(2) };
        write_stderr(b"nobody hears this");
    });
}
