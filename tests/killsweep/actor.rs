//! A standing process that does what it is told, once each time, and answers with what it found.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::board::Board;
use crate::tracee;
use crate::watchdog::Watchdog;
use crate::witness::Verdict;

/// How long a process may take to fall asleep before it counts as one that does not sleep there.
const FALLING_ASLEEP: Duration = Duration::from_secs(2);

/// The tracer's end of it.
#[derive(Debug)]
pub(crate) struct Actor {
    pid: i32,
    ask: PipeWriter,
    answer: PipeReader,
}

impl Actor {
    /// Forks a process that does `work` with each byte that it is told.
    pub(crate) fn start(board: &'static Board, work: &dyn Fn(u8) -> Verdict) -> Self {
        let (asked, ask) = pipe().expect("a pipe to the actor");
        let (answer, answering) = pipe().expect("a pipe from the actor");
        let (mut inherited, mut asked, mut answering) = (Some((ask, answer)), Some(asked), Some(answering));
        let pid = tracee::fork(|| {
            drop(inherited.take());
            if let (Some(asked), Some(answering)) = (asked.take(), answering.take()) {
                serve(board, work, asked, answering);
            }
        });
        let (ask, answer) = inherited.take().expect("the parent's own ends");
        Self { pid, ask, answer }
    }

    /// Tells it to begin.
    pub(crate) fn tell(&mut self, what: u8) {
        // One that is dead does not answer either, which is where it is noticed.
        let _ = self.ask.write_all(&[what]);
    }

    /// Waits for its answer; one that does not answer in time is killed, and its verdict is that it hung.
    pub(crate) fn hear(&mut self, board: &Board, dog: &Watchdog, patience: Duration) -> Verdict {
        let mut byte = [0];
        let (answered, late) = dog.over(self.pid, patience, || self.answer.read_exact(&mut byte).is_ok());
        match (answered, late) {
            (true, _) => Verdict::from_bits(byte[0]),
            (false, true) => Verdict { hung: true, ..Verdict::default() },
            (false, false) => {
                board.remark("a survivor died");
                Verdict { corrupt: true, ..Verdict::default() }
            }
        }
    }

    /// Waits until it sleeps on a futex; `false` if it does not fall asleep.
    pub(crate) fn await_sleep(&self) -> bool {
        let until = Instant::now() + FALLING_ASLEEP;
        while !is_asleep(self.pid) {
            if Instant::now() > until {
                return false;
            }
            sleep(Duration::from_micros(50));
        }
        true
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        tracee::send_kill(self.pid);
        tracee::reap(self.pid);
    }
}

/// Whether a process sleeps on a futex.
pub(crate) fn is_asleep(pid: i32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    call.split(' ').next().and_then(|number| number.parse().ok()) == Some(libc::SYS_futex)
}

fn serve(board: &Board, work: &dyn Fn(u8) -> Verdict, mut asked: PipeReader, mut answering: PipeWriter) {
    let mut byte = [0];
    while asked.read_exact(&mut byte).is_ok() {
        let verdict = catch_unwind(AssertUnwindSafe(|| work(byte[0]))).unwrap_or_else(|panic| {
            let said =
                panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            board.remark(&format!("a survivor panicked: {}", said.unwrap_or("something else than text")));
            Verdict { corrupt: true, ..Verdict::default() }
        });
        if answering.write_all(&[verdict.to_bits()]).is_err() {
            return;
        }
    }
}
