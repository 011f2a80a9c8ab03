//! What becomes of tasks, and what may: each ends once, none runs twice, and only what was in dead hands is lost.

use std::fmt::Debug;
use std::sync::atomic::Ordering::Relaxed;

use procshare::pool::TaskFailure;

use crate::board::Board;
use crate::gate;
use crate::witness::Verdict;

/// How many tasks there may be for one victim: the number of each is that of the word of the board that counts its runs.
pub(crate) const MOST: usize = 40;

/// What became of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It came to what it was to come to.
    Right,
    /// The process of that pid died with it, of that signal.
    Died { pid: u32, signal: Option<i32> },
    /// It came to something else.
    Wrong(String),
    /// It did not end.
    Hung,
}

impl Fate {
    /// That of a task of which the pool says so; `right` says whether it is what it is to be, unless somebody died.
    pub(crate) fn of<R: Debug>(
        outcome: &Result<R, TaskFailure>,
        right: impl FnOnce(&Result<R, TaskFailure>) -> bool,
    ) -> Self {
        match outcome {
            outcome if right(outcome) => Self::Right,
            Err(failure) => Self::of_failure(failure),
            Ok(result) => Self::Wrong(format!("{result:?}").chars().take(100).collect()),
        }
    }

    pub(crate) fn of_failure(failure: &TaskFailure) -> Self {
        match failure {
            TaskFailure::WorkerDied { worker, signal, .. } => Self::Died { pid: worker.pid, signal: *signal },
            TaskFailure::Unfinished => Self::Hung,
            failure => Self::Wrong(failure.to_string()),
        }
    }
}

/// In a worker: the task of that number runs.
pub(crate) fn runs(number: u64) {
    if let Some(board) = gate::board() {
        board.words[number as usize % MOST].fetch_add(1, Relaxed);
    }
}

/// In the tracer: nothing has run.
pub(crate) fn begin(board: &Board) {
    board.words[..MOST].iter().for_each(|word| word.store(0, Relaxed));
}

/// How often the task of that number ran, or began to.
pub(crate) fn count(board: &Board, number: usize) -> u64 {
    board.words[number].load(Relaxed)
}

/// Judges the fates of all tasks, after `victim` was killed; `retried`: those that its death interrupts are run again.
pub(crate) fn judge(board: &Board, fates: &[(usize, Fate)], victim: u32, retried: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let mut dead = 0;
    for (number, fate) in fates {
        let count = count(board, *number);
        let most = if retried { 2 } else { 1 };
        let is_possible = match fate {
            Fate::Hung => {
                verdict.hung = true;
                false
            }
            Fate::Right => {
                verdict.recovered |= count == 2;
                (1..=most).contains(&count)
            }
            Fate::Died { pid, signal } => {
                verdict.recovered = true;
                dead += 1;
                (*pid, *signal) == (victim, Some(libc::SIGKILL)) && count <= 1 && !retried
            }
            Fate::Wrong(_) => false,
        };
        // One at a time is in a worker's hands.
        if !is_possible || dead > 1 {
            verdict.corrupt = !verdict.hung;
            board.remark(&format!("task {number} of {fates:?}: runs {count}, victim {victim}"));
            break;
        }
    }
    verdict
}
