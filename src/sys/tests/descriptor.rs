use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

use super::{asserted_in_child, set_limit};
use crate::sys::descriptor::{FileId, close_if, open_for_reading, raise};

fn null() -> OwnedFd {
    File::open("/dev/null").expect("open").into()
}

#[test]
fn raised_descriptor_is_high_close_on_exec_and_the_same_file() {
    asserted_in_child(|| {
        set_limit(libc::RLIMIT_NOFILE, 200);
        let low = null();
        let file = FileId::of(low.as_raw_fd(), "null");
        let high = raise(low);
        assert!(high.as_raw_fd() >= 100);
        assert_eq!(FileId::of(high.as_raw_fd(), "null"), file);
        // SAFETY: F_GETFD takes no memory.
        assert_eq!(unsafe { libc::fcntl(high.as_raw_fd(), libc::F_GETFD) }, libc::FD_CLOEXEC);
    });
}

#[test]
fn descriptor_stays_where_it_is_when_no_high_number_is_free() {
    asserted_in_child(|| {
        let low = null();
        let number = low.as_raw_fd();
        // Half of this is above every number allowed.
        set_limit(libc::RLIMIT_NOFILE, 0);
        assert_eq!(raise(low).as_raw_fd(), number);
    });
}

#[test]
fn file_is_told_from_another_with_the_same_number() {
    asserted_in_child(|| {
        let (ours, _writer) = std::io::pipe().expect("pipe");
        let ours = OwnedFd::from(ours).into_raw_fd();
        let file = FileId::of(ours, "pipe").expect("fstat");
        assert!(file.is_at(ours));
        // SAFETY: `ours` was made a bare number above, so nobody owns it. /dev/null takes its place.
        assert_eq!(unsafe { libc::dup2(null().as_raw_fd(), ours) }, ours);
        assert!(!file.is_at(ours));
        close_if(ours, file);
        assert!(FileId::of(ours, "null").is_ok(), "a stranger's file was closed");
    });
}

#[test]
fn path_that_does_not_fit_is_an_error_and_no_other_file() {
    let path = format!("/dev/null{}", "/".repeat(100));
    let error = open_for_reading(format_args!("{path}"), "path").expect_err("opened");
    assert_eq!(error.errno(), libc::ENAMETOOLONG);
    assert!(open_for_reading(format_args!("/dev/{}", "null"), "path").is_ok());
}
