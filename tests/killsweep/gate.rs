//! The gate in front of a path: a process that the tracer did not fork waits there until it is traced.
//!
//! A worker is forked by its pool, some of them on a thread of the pool's own, so none can ask its parent to trace it. It says
//! who it is, waits, and the tracer seizes it. What goes on in a worker are functions that capture nothing: so the board is found by a static,
//! which it inherits.

use std::io::Error;
use std::ptr;
use std::sync::atomic::{
    AtomicBool, AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};
use std::thread::sleep;
use std::time::Duration;

use crate::board::Board;
use crate::engine::{self, Victim};

/// The words of the board that the gate takes. Those before them are the subjects'.
const FIRST: usize = 40;
/// Where the next one who comes by is the victim.
const ARMED: usize = FIRST;
/// Its pid, when it waits.
const WAITING: usize = FIRST + 1;
/// It may go on.
const OPEN: usize = FIRST + 2;

/// Where the path of a victim begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Where the first process that comes there calls [`begin_path`].
    InTheBody = 1,
    /// In the fork handlers of the next process that anybody forks.
    AtTheFork = 2,
}

static BOARD: AtomicPtr<Board> = AtomicPtr::new(ptr::null_mut());
/// Not shared: whether this process is the victim.
static VICTIM: AtomicBool = AtomicBool::new(false);

/// The board of the subject, if it has a gate.
pub(crate) fn board() -> Option<&'static Board> {
    // SAFETY: null, or a board, which is never unmapped.
    unsafe { BOARD.load(Relaxed).as_ref() }
}

/// In the tracer, before there are workers: puts the gate onto `board`. The victim is who comes to it after [`arm`].
pub(crate) fn stand_on(board: &'static Board) {
    BOARD.store(ptr::from_ref(board).cast_mut(), Relaxed);
}

/// In the tracer: the next one who comes there is the victim.
pub(crate) fn arm(board: &Board, beginning: Beginning) {
    [WAITING, OPEN].iter().for_each(|word| board.words[*word].store(0, Relaxed));
    board.words[ARMED].store(beginning as u64, Release);
}

/// In a worker: the path begins behind this call, if this is the victim.
pub(crate) fn begin_path() {
    come_from(Beginning::InTheBody);
}

/// In a fresh process, before any other fork handler.
pub(crate) fn come_from_the_fork() {
    come_from(Beginning::AtTheFork);
}

/// In a worker: the path ends here, if this is the victim.
pub(crate) fn end_path() {
    if VICTIM.load(Relaxed) {
        engine::mark_end();
    }
}

fn come_from(beginning: Beginning) {
    let Some(board) = board() else { return };
    if board.words[ARMED].compare_exchange(beginning as u64, 0, Acquire, Relaxed).is_err() {
        return;
    }
    VICTIM.store(true, Relaxed);
    // SAFETY: asks for a number; unlike the standard library's, it is not one that was kept from before the fork.
    let pid = unsafe { libc::getpid() };
    board.words[WAITING].store(u64::from(pid.cast_unsigned()), Release);
    while board.words[OPEN].load(Acquire) == 0 {
        sleep(Duration::from_micros(20));
    }
    engine::mark_start();
}

/// In the tracer: waits for the victim; gives its pid.
pub(crate) fn await_victim(board: &Board) -> i32 {
    loop {
        match board.words[WAITING].load(Acquire) {
            0 => sleep(Duration::from_micros(20)), // the tracer has a watchdog
            pid => return (pid as u32).cast_signed(),
        }
    }
}

/// In the tracer: seizes the victim, which waits, and takes it to its start.
pub(crate) fn admit(board: &Board, pid: i32) -> Victim {
    let die_with_tracer = libc::PTRACE_O_EXITKILL as libc::c_long;
    // SAFETY: no pointer goes in; the victim is ours, and alive or a zombie.
    let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0 as libc::c_long, die_with_tracer) };
    assert_eq!(seized, 0, "the victim is seized: {}", Error::last_os_error());
    board.words[OPEN].store(1, Release);
    Victim::at_start(pid).expect("the victim reaches its start mark")
}
