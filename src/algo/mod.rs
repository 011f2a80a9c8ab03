//! The state machines: how words in shared memory may change, and who may change them.
//!
//! Nothing here knows of mappings, system calls, clocks or the heap. Control words come by reference, and what
//! a machine needs from outside (sleeping, waking, knowing the dead) comes as a [`Park`]. So loom, the
//! explicit-state model and the unit tests run the code that ships.
//!
//! | file         | machine                                                              |
//! |--------------|----------------------------------------------------------------------|
//! | `park`       | the trait through which the machines sleep and learn of deaths       |
//! | `owner_lock` | a lock whose word names its owner, so that a survivor can take over  |
//! | `poison_lock` | the same, remembering that an owner failed                        |
//! | `completion` | work that is done once                                               |
//! | `reentrant`  | a lock that its owner may take again                                 |
//! | `rw_lock`    | many readers or one writer                                           |
//! | `permits`    | a number of things to take and give back, that no death loses        |
//! | `permit_words` | how that is packed                                                |
//! | `event`      | set, or not, and who waits for it                                    |
//! | `berths`     | who waits for a notification, and who is meant by one                |
//! | `crossing`   | who waits until all are there                                        |
//! | `fifo`       | a queue with a lock at each end                                      |
//! | `tasks`      | which of its items are done, and which died with who had them        |
//! | `bearing`    | what stands at the start of a block that bears a lock; who holds what |
//! | `task_state` | what has become of a task, in one word                               |
//! | `dispatch`   | tasks of one process, handed to many workers                         |
//! | `chunks`     | which chunks of a job are to be done, in somebody's hands, or done     |
//! | `notices`    | telling that process which of them have ended                        |
//! | `lane`       | a ring of items between one producer and one consumer                |
//! | `burial`     | what the sweep does for the dead at the machines that counted for them |
//! | `participants` | who takes part, who descends from whom, who may not begin any more |
//! | `outcome`    | how a child ended, in one word                                       |
//! | `word`       | what a block is and whose it is, in one word                         |
//! | `runs`       | the heap of page runs, every change one store                        |
//! | `slab`       | small objects with claim words                                       |
//! | `snapshot`   | two copies and a version: a value larger than a word, never torn     |
//! | `spin`       | looking at a word for a while before sleeping on it                  |
//! | `planted`    | bugs that the model checker must find; nothing in an ordinary build  |
//!
//! **Edges.** Each header lists the happens-before edges of its machine under labels such as `E1`. An ordering
//! stronger than `Relaxed` names its edge where it stands, so every label is found at both of its ends. `D`
//! edges are made by the kernel: what a process wrote before its death is seen by who learned of the death.
//!
//! **Deaths.** A process may be killed between any two instructions. Every machine says which single store
//! commits, and why each state on the way there is a legal one to find.

mod bearing;
mod berths;
mod burial;
mod chunks;
mod completion;
mod crossing;
mod dispatch;
mod event;
mod fifo;
mod lane;
mod notices;
mod outcome;
mod owner_lock;
mod park;
mod participants;
mod permit_words;
mod permits;
mod planted;
mod poison_lock;
mod reentrant;
mod runs;
mod rw_lock;
pub(crate) mod slab;
mod snapshot;
mod spin;
mod task_state;
mod tasks;
mod word;

pub(crate) use bearing::{Borne, Form, Head, Tally};
pub(crate) use berths::Berths;
pub(crate) use burial::{Late, bury};
pub(crate) use chunks::{ChunkState, ChunkWords, Chunks, Walk};
pub(crate) use completion::{Completion, Turn};
pub(crate) use crossing::{Broken, Crossing};
pub(crate) use dispatch::{
    ARGUMENT, Dispatch, DispatchWords, Feed, Hand, Left, MOST_WORKERS, RESULT, Records, SPINNERS, TaskWords,
    WorkerWords,
};
pub(crate) use event::Event;
pub(crate) use fifo::{End, Fifo, FifoWords, Held, PLACE};
pub(crate) use lane::{CONSUMER, Halt, Hold, LaneWords, PRODUCER, Unclaimed};
pub(crate) use outcome::Outcome;
#[cfg(all(test, loom))]
pub(crate) use outcome::OutcomeWord;
pub(crate) use owner_lock::{Acquired, LockError, Owner, OwnerLock};
pub(crate) use park::{Lending, Park};
pub(crate) use participants::{INLINE, Kin, Occupant, Participants, Seat};
pub(crate) use permits::{Permits, Refused};
pub(crate) use poison_lock::{Failing, PoisonLock};
pub(crate) use reentrant::Reentrant;
pub(crate) use runs::{Refusal, Runs, Taken};
pub(crate) use rw_lock::{Came, RwLock};
pub(crate) use snapshot::Snapshot;
pub(crate) use spin::Spin;
pub(crate) use task_state::{Phase, Seen};
pub(crate) use tasks::Tasks;
pub(crate) use word::{Kind, MAX_EXTENT, Word};

#[cfg(all(test, loom))]
mod tests;

#[cfg(all(test, not(loom)))]
mod properties;
