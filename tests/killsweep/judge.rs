//! Whether what one finds who takes a lock fits with what happened before.

use std::hint::black_box;

use procshare::sync::{Cause, CauseKind};

use crate::board::Board;
use crate::stage::Phase;
use crate::witness::Verdict;

/// What a lock guards: whole while all words are the same.
pub(crate) type Data = [u64; 4];

/// Data at rest.
pub(crate) const WHOLE: Data = [0; 4];

/// In the victim, which has the lock: changes the data word by word.
pub(crate) fn change(data: &mut Data) {
    for word in data {
        *black_box(word) += 1;
    }
}

/// Changes the data by half.
pub(crate) fn break_in_two(data: &mut Data) {
    data[0] += 1;
}

/// How a lock of one kind says that somebody failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    pub(crate) board: &'static Board,
    /// The victim panics.
    pub(crate) panics: bool,
    /// Whoever has the lock poisons it by its death, also one that did not touch the data yet.
    pub(crate) exact: bool,
}

impl Judge {
    /// Judges what stood there when the lock was taken, and what was said of it.
    pub(crate) fn found(self, data: &Data, cause: Option<Cause>) -> Verdict {
        let board = self.board;
        let (phase, late, victim) = (board.phase(), board.late(), board.victim());
        let half = data.iter().any(|word| *word != data[0]);
        let by_victim = cause.is_some_and(|cause| cause.pid == victim);
        let bad = |what: &str| {
            let free = board.was_free_in_gap();
            board.corrupt(&format!(
                "{what}: {phase:?}, {data:?}, {cause:?}, victim {victim}, late {late}, {free:?}"
            ))
        };
        if half && cause.is_none() {
            return bad("half changed and not poisoned");
        }
        if let Some(cause) = cause
            && (cause.kind == CauseKind::Panicked && !self.panics || !by_victim && cause.pid != late)
        {
            return bad("poisoned by somebody else");
        }
        if by_victim && !board.is_doomed() && !self.panics {
            return bad("taken from the living");
        }
        let had = match (phase, board.was_free_in_gap()) {
            (Phase::Inside, _) => Some(true),
            (Phase::Out, _) => Some(false),
            // Found taken, when nobody else had it: by the victim. Where somebody died with it, it may have been that one.
            (_, Some(free)) if late == 0 && (self.exact || free) => Some(!free),
            _ => None,
        };
        if had.is_some_and(|had| had != by_victim) {
            return bad("poisoned is not what it is");
        }
        Verdict { recovered: by_victim, ..Verdict::default() }
    }
}
