//! Workers are alike: a state in which they are sorted stands for all those in which they are not.

use super::next::{Post, Submit, Waking, Watch, Work};
use super::protocol::Protocol;
use super::{NOBODY, State, WORKERS};

impl State {
    /// The same with other numbers for the workers.
    pub(super) fn in_order(&self, protocol: Protocol) -> Self {
        let all = protocol.workers.len();
        let mut order: [usize; WORKERS] = std::array::from_fn(|me| me);
        order[..all].sort_unstable_by_key(|&me| (self.workers[me], self.spinners >> me & 1));
        if order.is_sorted() {
            return *self;
        }
        let mut numbers = [0; WORKERS];
        (0_u8..).zip(order).for_each(|(new, old)| numbers[old] = new);
        let new = |w: u8| if w == NOBODY { w } else { numbers[usize::from(w)] };
        let all_new =
            |set: u8| (0..all as u8).filter(|w| set >> w & 1 != 0).fold(0, |set, w| set | 1 << new(w));
        let mut after = *self;
        after.workers = order.map(|old| {
            let mut worker = self.workers[old];
            if let Work::MoreWake { i, at } = worker.next {
                worker.next = Work::MoreWake { i, at: whom(at, new) };
            }
            worker
        });
        after.records.iter_mut().for_each(|record| record.worker = new(record.worker));
        for set in [&mut after.spinners, &mut after.gone, &mut after.heard, &mut after.empty] {
            *set = all_new(*set);
        }
        after.submit = match self.submit {
            Submit::Post(at) => Submit::Post(posted(at, new)),
            Submit::Sleep { i, mut seen } => {
                seen.worker = new(seen.worker);
                Submit::Sleep { i, seen }
            }
            Submit::Kill { worker, generation } => Submit::Kill { worker: new(worker), generation },
            same => same,
        };
        after.watch = match self.watch {
            Watch::Post(at) => Watch::Post(posted(at, new)),
            Watch::ClearSlot { w } => Watch::ClearSlot { w: new(w) },
            Watch::ClearBit { w } => Watch::ClearBit { w: new(w) },
            Watch::Lease { w } => Watch::Lease { w: new(w) },
            Watch::Record { w, i } => Watch::Record { w: new(w), i },
            Watch::Ended { w, i, seq } => Watch::Ended { w: new(w), i, seq },
            Watch::Deliver { w, i, seq } => Watch::Deliver { w: new(w), i, seq },
            Watch::WakeWaiter { w, i } => Watch::WakeWaiter { w: new(w), i },
            same => same,
        };
        after
    }
}

fn whom(at: Waking, new: impl Fn(u8) -> u8) -> Waking {
    match at {
        Waking::Call(w) => Waking::Call(new(w)),
        Waking::Kick(w) => Waking::Kick(new(w)),
        same => same,
    }
}

fn posted(at: Post, new: impl Fn(u8) -> u8) -> Post {
    match at {
        Post::EarlyWake(at) => Post::EarlyWake(whom(at, new)),
        Post::Wake(at) => Post::Wake(whom(at, new)),
        same => same,
    }
}
