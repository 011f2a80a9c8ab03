//! What the processes of a case say, one line each on the same pipe, and how it is read from outside.
//!
//! ```text
//!   begin STEP NS          a step that may hang begins, at this time of the monotonic clock
//!   end STEP NS TEXT       it is done, with this result
//!   kill PID               please kill this process, in a moment: a step begins that waits for it
//!   none                   the library has nothing to play this with
//!   over                   all is done
//! ```
//!
//! Fields are separated by tabs. A line is written at once, so lines of several processes do not mix.
#![allow(unsafe_code)] // asks the kernel for the time

use std::io::{Write, stdout};
use std::mem::MaybeUninit;

/// Nanoseconds of the monotonic clock, which all processes share, Python's `time.monotonic_ns` too.
pub(super) fn now() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the place is as large as the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) };
    // SAFETY: integers, zeroed above.
    let time = unsafe { time.assume_init() };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Writes one line. Without a reader there is nobody left to tell.
fn say(line: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

/// Runs a step that may hang, and says how it went.
pub(super) fn step(name: &str, act: impl FnOnce() -> String) {
    say(&format!("begin\t{name}\t{}", now()));
    let text = act();
    say(&format!("end\t{name}\t{}\t{text}", now()));
}

/// Asks that a process be killed in a moment.
pub(super) fn please_kill(pid: u32) {
    say(&format!("kill\t{pid}"));
}

pub(super) fn has_none() {
    say("none");
}

pub(super) fn over() {
    say("over");
}

/// What was said, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Begin { step: String, at: u64 },
    End { step: String, at: u64, text: String },
    Kill { pid: i32 },
    HasNone,
    Over,
}

impl Line {
    /// `None` for a line that is not of this form.
    pub(super) fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim_end().split('\t').collect();
        Some(match *fields.as_slice() {
            ["begin", step, at] => Self::Begin { step: step.to_owned(), at: at.parse().ok()? },
            ["end", step, at, text] => {
                Self::End { step: step.to_owned(), at: at.parse().ok()?, text: text.to_owned() }
            }
            ["kill", pid] => Self::Kill { pid: pid.parse().ok()? },
            ["none"] => Self::HasNone,
            ["over"] => Self::Over,
            _ => return None,
        })
    }
}
