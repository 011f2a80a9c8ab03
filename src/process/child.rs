//! The child's side: set up, run the body, say how it ended, leave.
//!
//! ```text
//!   forked ─▶ bound to the parent's life ─▶ stdin, signals ─▶ body ─┬─ returns ─▶ result written ─▶ commit ─┐
//!                                                                   └─ panics ──▶ text written ───▶ commit ─┴─▶ flush ─▶ _exit
//! ```
//!
//! Between the fork and the body nothing allocates and no lock is taken. A child never unwinds into the frames it copied from
//! its parent and never runs their destructors.

#![allow(unsafe_code)] // writes the small result into the record, and keeps a pointer to the name

use std::io::Write;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::panics;
use crate::algo::Outcome;
use crate::message::{Message, parcel};
use crate::segment::member;
use crate::segment::record::INLINE;
use crate::shim::{
    AtomicPtr, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sys::{self, DeathPipe};

/// What the builder says of a child's surroundings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    pub(super) inherit_stdin: bool,
    pub(super) keep_signals: bool,
}

/// Exit code of a child whose body panicked, as of a thread-less program that panics.
const PANICKED: i32 = 101;
/// Exit code of a child that found its family gone before it began.
const NO_FAMILY: i32 = 70;

/// The process id of the parent, in a child of ours; 0 elsewhere.
static PARENT: AtomicU64 = AtomicU64::new(0);
static NAME: AtomicPtr<String> = AtomicPtr::new(ptr::null_mut());

/// The name this process was given; of a process that is no child of ours, none.
pub(super) fn name() -> &'static str {
    // SAFETY: null, or the name in the frame of `run`, which is never left, and which nobody changes.
    unsafe { NAME.load(Acquire).as_ref() }.map_or("", String::as_str) // N2
}

/// Returns whether the process that spawned this one is alive. `true` in a process that this crate did not spawn.
///
/// Does not block. `false` is final; `true` may be stale at once. A child does not have to ask: its parent's death kills
/// it.
///
/// # Examples
/// ```
/// let child = procshare::Process::spawn(procshare::parent_alive)?;
/// assert!(child.join()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// # Source
/// getppid(2)
pub fn parent_alive() -> bool {
    let parent = PARENT.load(Relaxed);
    parent == 0 || parent == u64::from(sys::parent_pid().cast_unsigned())
}

/// Runs the body that `take` gives, and ends the process.
pub(super) fn run<F, R>(
    pipe: DeathPipe,
    dev_null: BorrowedFd<'_>,
    manner: Manner,
    name: String,
    take: impl FnOnce() -> F,
) -> !
where
    F: FnOnce() -> R,
    R: Message,
{
    pipe.bind_child();
    PARENT.store(u64::from(sys::parent_pid().cast_unsigned()), Relaxed);
    if !manner.inherit_stdin {
        // If it can not be had, the child shares its parent's: what the parent reads it does not.
        let _ = sys::stdin_from_dev_null(dev_null);
    }
    if !manner.keep_signals {
        sys::default_signals();
    }
    sys::restore_signals();
    panics::enter_child();
    let Some((arena, seat)) = member::membership() else { sys::exit_now(NO_FAMILY) };
    sys::set_process_name(&name);
    NAME.store((&raw const name).cast_mut(), Release); // N2: threads of the body read it
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let body = take();
        report(body())
    }));
    let code = match ended {
        Ok(outcome) => {
            arena.record(seat).outcome.commit(outcome);
            0
        }
        Err(payload) => {
            arena.record(seat).outcome.commit(Outcome::Panicked);
            std::mem::forget(payload); // its destructor might panic again
            PANICKED
        }
    };
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    sys::exit_now(code)
}

/// Writes the result where the parent will look for it. The commit is still to come.
fn report<R: Message>(result: R) -> Outcome {
    let Some((arena, seat)) = member::membership() else { return Outcome::Unsaid };
    // SAFETY: the record's page was committed by the parent before the fork, and until this process is dead only this
    // thread writes there.
    match unsafe { parcel::pack_inline(result, arena.inline_result(seat), INLINE) } {
        Ok(bytes) => Outcome::ReturnedInline { bytes },
        Err(result) => {
            let bytes = parcel::size_of_message(&result) as u64;
            match parcel::pack(result) {
                Ok(container) => {
                    let unit = container.unit();
                    container.forget(); // the parent's, or swept with this process
                    Outcome::Returned { unit }
                }
                Err(unpacked) => {
                    assert!(unpacked.message.is_some(), "a message wrote more than it measured");
                    Outcome::OutOfMemory { bytes }
                }
            }
        }
    }
}
