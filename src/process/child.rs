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
use std::os::fd::{BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use super::panics;
use super::spawn::default_name;
use crate::algo::{INLINE, Outcome, Seat};
use crate::message::Message;
use crate::message::parcel::{self, PackError};
use crate::segment::member::{self, Reservation};
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

/// Where a child comes from.
pub(super) struct Origin<'a> {
    pub(super) pipe: DeathPipe,
    pub(super) ear: Option<OwnedFd>,
    pub(super) dev_null: BorrowedFd<'a>,
    /// The parent's seat and process id.
    pub(super) parent: u16,
    pub(super) pid: i32,
    pub(super) reservation: Reservation,
}

/// Exit code of a child whose body panicked, as of a thread-less program that panics.
const PANICKED: i32 = 101;
/// Exit code of a child that found its family gone before it began.
const NO_FAMILY: i32 = 70;

/// The process id of the parent, in a child of ours; 0 elsewhere.
static PARENT: AtomicU64 = AtomicU64::new(0);
static NAME: AtomicPtr<String> = AtomicPtr::new(ptr::null_mut());

/// How many children the parent had spawned, this one included.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The name of this process, a child of ours.
pub(super) fn name() -> String {
    // SAFETY: null, or the name in the frame of `run`, which is never left, and which nobody changes.
    unsafe { NAME.load(Acquire).as_ref() }.map_or_else(|| default_name(NUMBER.load(Relaxed)), String::clone) // N2
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

/// In a fresh child: who its parent is, is said when it is set up, or never.
pub(super) fn forget_parent() {
    PARENT.store(0, Relaxed);
}

/// Runs the body that `take` gives, and ends the process.
pub(super) fn run<F, R>(
    origin: Origin<'_>,
    manner: Manner,
    name: Option<String>,
    number: u64,
    take: impl FnOnce() -> F,
) -> !
where
    F: FnOnce() -> R,
    R: Message,
{
    origin.pipe.bind_child(origin.ear);
    PARENT.store(u64::from(origin.pid.cast_unsigned()), Relaxed);
    if !manner.inherit_stdin {
        // If it can not be had, the child shares its parent's: what the parent reads it does not.
        let _ = sys::stdin_from_dev_null(origin.dev_null);
    }
    if !manner.keep_signals {
        sys::default_signals();
    }
    sys::restore_signals();
    panics::enter_child();
    if !member::begin(origin.parent, origin.reservation) {
        sys::exit_now(NO_FAMILY);
    }
    let Some(seat) = seat() else { sys::exit_now(NO_FAMILY) };
    NUMBER.store(number, Relaxed); // before any thread of the body
    NAME.store(ptr::null_mut(), Relaxed); // a child of a child begins with its parent's
    if let Some(name) = &name {
        sys::set_process_name(name);
        NAME.store(ptr::from_ref(name).cast_mut(), Release); // N2: threads of the body read it
    }
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let body = take();
        report(body())
    }));
    let code = match ended {
        Ok(outcome) => {
            seat.outcome.commit(outcome);
            0
        }
        Err(payload) => {
            if let Some((arena, number)) = member::membership() {
                panics::confirm(arena, number, &*payload);
            }
            seat.outcome.commit(Outcome::Panicked);
            std::mem::forget(payload); // its destructor might panic again
            PANICKED
        }
    };
    let _ = std::io::stdout().flush();
    sys::exit_now(code)
}

/// This process's seat.
fn seat() -> Option<&'static Seat> {
    let (arena, number) = member::membership()?;
    arena.seats().seat(number)
}

/// Writes the result where the parent will look for it. The commit is still to come.
fn report<R: Message>(result: R) -> Outcome {
    let Some(seat) = seat() else { return Outcome::Unsaid };
    // SAFETY: the seat's `INLINE` bytes are atomics in shared memory, so they may be written through a shared reference; until
    // this process is dead only this thread does.
    match unsafe { parcel::pack_inline(result, NonNull::from(&seat.inline).cast(), INLINE) } {
        Ok(Ok(bytes)) => Outcome::ReturnedInline { bytes },
        Ok(Err(error)) => panic!("the result was not sent: {error}"),
        Err(result) => {
            let bytes = parcel::size_of_message(&result) as u64;
            match parcel::pack(result) {
                Ok(container) => {
                    let unit = container.unit();
                    container.forget(); // the parent's, or swept with this process
                    Outcome::Returned { unit }
                }
                Err(PackError::Refused { .. }) => Outcome::OutOfMemory { bytes },
                Err(PackError::Mismeasured(error)) => panic!("the result was not sent: {error}"),
            }
        }
    }
}
