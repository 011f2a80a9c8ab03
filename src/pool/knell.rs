//! Telling the supervisor that a worker is gone.

use std::sync::Arc;

use crate::segment::board::Board;
use crate::segment::member;

/// Part of what a worker runs. The parent drops its copy of that when the worker is gone, with everything it spawned: then the supervisor looks
/// around.
#[derive(Debug)]
pub(super) struct Knell {
    board: Arc<Board>,
    generation: u64,
}

impl Knell {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { board, generation: member::generation() }
    }
}

impl Drop for Knell {
    fn drop(&mut self) {
        if self.generation == member::generation() {
            self.board.dispatch().ring(&member::park());
        }
    }
}
