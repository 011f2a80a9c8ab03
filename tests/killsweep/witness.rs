//! The survivor: a process of its own that works on after each kill, so that a survivor that hangs can be counted.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::ops::BitOrAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::board::Board;
use crate::tracee;
use crate::watchdog::Watchdog;

/// The word of the board that carries the verdict; the others are the subjects'.
const VERDICT: usize = 63;

/// What a survivor found after a kill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The survivor waited for ever.
    pub(crate) hung: bool,
    /// The survivor met a state that no completed operation leaves, or an error it should not have met.
    pub(crate) corrupt: bool,
    /// Something of the dead one did not come back.
    pub(crate) leaked: bool,
    /// A value was neither the old nor the new one.
    pub(crate) torn: bool,
    /// Something of the dead one was found, and came back.
    pub(crate) recovered: bool,
}

impl Verdict {
    pub(crate) fn is_bad(self) -> bool {
        self.hung || self.corrupt || self.leaked || self.torn
    }

    fn to_word(self) -> u64 {
        let flags = [self.hung, self.corrupt, self.leaked, self.torn, self.recovered];
        flags.into_iter().rev().fold(0, |word, flag| word << 1 | u64::from(flag))
    }

    fn from_word(word: u64) -> Self {
        let [hung, corrupt, leaked, torn, recovered] = [0, 1, 2, 3, 4].map(|bit| word >> bit & 1 == 1);
        Self { hung, corrupt, leaked, torn, recovered }
    }
}

impl BitOrAssign for Verdict {
    fn bitor_assign(&mut self, other: Self) {
        *self = Self::from_word(self.to_word() | other.to_word());
    }
}

/// What the witness is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Take down what the state of rest is, before anybody is killed.
    Rest,
    /// Bring things into the state that the operation starts from.
    Prepare,
    /// Work on after the kill, and say what was found.
    Examine,
}

/// The tracer's end of a standing survivor.
#[derive(Debug)]
pub(crate) struct Witness {
    pid: i32,
    ask: PipeWriter,
    answer: PipeReader,
}

impl Witness {
    /// Forks a witness that does `work` each time it is asked.
    pub(crate) fn start(board: &'static Board, work: &dyn Fn(Task) -> Verdict) -> Self {
        let (asked, ask) = pipe().expect("a pipe to the witness");
        let (answer, answering) = pipe().expect("a pipe from the witness");
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

    /// Asks for a task; a witness that does not answer in time is killed, and its verdict is that it hung.
    pub(crate) fn work(&mut self, board: &Board, task: Task, dog: &Watchdog, patience: Duration) -> Verdict {
        let mut byte = [task as u8];
        let (answered, late) = dog.over(self.pid, patience, || {
            self.ask.write_all(&byte).is_ok() && self.answer.read_exact(&mut byte).is_ok()
        });
        match (answered, late) {
            (true, _) => Verdict::from_word(board.words[VERDICT].load(Relaxed)),
            (false, true) => Verdict { hung: true, ..Verdict::default() },
            (false, false) => {
                board.remark("the witness died");
                Verdict { corrupt: true, ..Verdict::default() }
            }
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        tracee::send_kill(self.pid);
        tracee::reap(self.pid);
    }
}

fn serve(board: &Board, work: &dyn Fn(Task) -> Verdict, mut asked: PipeReader, mut answering: PipeWriter) {
    let mut byte = [0];
    while asked.read_exact(&mut byte).is_ok() {
        let task = match byte {
            [0] => Task::Rest,
            [1] => Task::Prepare,
            _ => Task::Examine,
        };
        let verdict = catch_unwind(AssertUnwindSafe(|| work(task))).unwrap_or_else(|panic| {
            let said =
                panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            board.remark(&format!("the witness panicked: {}", said.unwrap_or("something else than text")));
            Verdict { corrupt: true, ..Verdict::default() }
        });
        board.words[VERDICT].store(verdict.to_word(), Relaxed);
        if answering.write_all(&byte).is_err() {
            return;
        }
    }
}
