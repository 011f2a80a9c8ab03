//! A place at an end of a queue, for as long as it is kept: the queue counts who is there.

use std::sync::Arc;

use super::arena::{Arena, existing};
use super::block::Block;
use super::container::{self, Use};
use super::{bearing, envelope, member, queued, shares};
use crate::algo::{End, Fifo, Kind};

/// One registration of this process at an end of a queue, and the queue's block.
#[derive(Debug)]
pub(crate) struct Registration {
    block: Arc<Block>,
    used: Use,
    end: End,
    /// Of the process that is registered; a copy that fork made takes nothing back.
    generation: u64,
}

impl Registration {
    /// Registers this process for what `used` stands for. `None`: that is no end of a queue, or the block is none.
    pub(crate) fn new(block: Arc<Block>, used: Use) -> Option<Self> {
        let end = used.end()?;
        let (arena, seat) = member::membership()?;
        let _ = member::locker(); // so that the sweep of this process looks
        with_queue(arena, &block, |fifo| fifo.join(end, seat))?;
        Some(Self { block, used, end, generation: member::generation() })
    }

    /// The queue's block.
    pub(crate) fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// What it stands for.
    pub(crate) fn used(&self) -> Use {
        self.used
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.generation == member::generation()
            && let Some((arena, seat)) = member::membership()
        {
            with_queue(arena, &self.block, |fifo| fifo.leave(self.end, seat, &member::park()));
        }
    }
}

fn with_queue<R>(arena: &Arena, block: &Block, run: impl FnOnce(Fifo<'_>) -> R) -> Option<R> {
    bearing::queue_in(arena, block.unit(), shares::load(arena, block.unit())).map(run)
}

/// Whether nobody is left at an end of the queue in `block`: no living process is registered, and no message holds a registration.
/// Asks for deaths only now and then, unless `urgent`.
pub(crate) fn is_deserted(fifo: &Fifo<'_>, block: &Block, end: End, urgent: bool) -> bool {
    let park = member::park();
    let joins = fifo.joins();
    fifo.is_deserted(end, urgent, &park) && !is_carried(block.unit(), end) && fifo.joins() == joins
}

/// Whether a message that is in some queue, or on its way there or from there, holds a registration at `end` of the queue at `unit`.
fn is_carried(unit: u64, end: End) -> bool {
    let Some(arena) = existing() else { return false };
    let carries = |message| {
        container::entries(arena, message)
            .any(|(at, used)| at == unit && used.and_then(Use::end) == Some(end))
    };
    let carriers = || {
        shares::with_shares(arena, || {
            let words =
                shares::messages(arena, unit).map(|message| (message, queued::word_of(arena, message)));
            words
                .filter(|(message, word)| word.kind() == Kind::Private && carries(*message))
                .collect::<Vec<_>>()
        })
    };
    // Not knowing means that somebody may come.
    let Ok(found) = carriers() else { return true };
    if found.is_empty() {
        return false;
    }
    // Deaths are asked for without the lock. Whatever was given or taken meanwhile has another word: its tag has changed.
    let stranded = found.iter().all(|(message, word)| envelope::is_stranded(arena, *message, *word));
    !stranded || carriers() != Ok(found)
}
