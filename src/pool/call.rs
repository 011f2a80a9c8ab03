//! A function as a number that a worker can call: what is written into a task's record, and what runs there.
//!
//! Submitter and workers are forks of one process, so a function has the same address in all of them. Functions are of size 0
//! (`fn` items, closures that capture nothing), so their type is all there is to say: the number is that of [`run`], made for the function,
//! its argument and its result.
//!
//! Words in shared memory can be written by any process of the family. So that no stray one is called, a seal stands beside the number, which
//! only those can make who know the pool's key, which is in private memory.

#![allow(unsafe_code)] // calls a number, and makes a value of a type without bytes

use std::ptr::NonNull;

use super::account::Account;
use super::worker;
use crate::algo::{ARGUMENT, Phase, RESULT, TaskWords};
use crate::message::posted::{self, Misfit};
use crate::message::{DecodeError, Message, parcel};
use crate::segment::container::{Container, Delivery};
use crate::segment::queued::QueueId;
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// A function made for its argument and result.
pub(super) type Run = fn(&Order<'_>) -> Phase;

/// One task, as the worker that runs it knows it.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) task: &'a TaskWords,
    /// Which task it is: see [`position`].
    pub(super) position: u64,
    /// The seat of who submitted it.
    pub(super) submitter: u16,
    /// What large results belong to until they are taken.
    pub(super) results: QueueId,
    /// The argument may be needed again.
    pub(super) may_repeat: bool,
}

/// Bytes of an argument that is written into the record.
pub(super) const SMALL_ARGUMENT: usize = ARGUMENT * 8;
/// Bytes of a result that is written beside the state.
const SMALL_RESULT: usize = RESULT * 8;

/// What `argument` and `result` say: the kind in the upper bits.
const KIND_AT: u32 = 60;
const VALUE: u64 = (1 << KIND_AT) - 1;
/// So many bytes, in the record.
const SMALL: u64 = 1;
/// In the block at that unit.
const BLOCK: u64 = 2;
/// No memory for so many bytes.
const NO_MEMORY: u64 = 3;

/// By what a result in a block of its own knows its task: no other task has the same while it is there.
pub(super) const fn position(index: u32, sequence: u32) -> u64 {
    (index as u64) << 32 | sequence as u64
}

/// What stands in a word that says where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Small(usize),
    Block(u64),
    NoMemory(u64),
}

impl Place {
    pub(super) fn store(self, word: &AtomicU64) {
        let value = match self {
            Self::Nowhere => 0,
            Self::Small(bytes) => SMALL << KIND_AT | bytes as u64,
            Self::Block(unit) => BLOCK << KIND_AT | unit & VALUE,
            Self::NoMemory(bytes) => NO_MEMORY << KIND_AT | bytes & VALUE,
        };
        word.store(value, Relaxed); // the record's state orders it
    }

    /// Whatever the word says.
    pub(super) fn load(word: &AtomicU64) -> Self {
        let word = word.load(Relaxed); // as `store`
        match word >> KIND_AT {
            SMALL => Self::Small((word & VALUE) as usize),
            BLOCK => Self::Block(word & VALUE),
            NO_MEMORY => Self::NoMemory(word & VALUE),
            _ => Self::Nowhere,
        }
    }
}

/// Checks, when the program is compiled, that a function captures nothing.
pub(super) const fn assert_captureless<F>() {
    const {
        assert!(
            size_of::<F>() == 0,
            "a pool runs functions, and closures that capture nothing: pass what the closure captures as its argument"
        );
    }
}

/// The function that `F` is.
#[inline]
pub(super) fn function<F: Copy>() -> F {
    assert_captureless::<F>();
    // SAFETY: `F` has no bytes to read, so that any aligned address will do. It is `Copy + Send + 'static`, and whoever submitted had one: what may be
    // done with that may be done with a copy, in another thread; and, as far as it stands for nothing private (`pool`), in a fork.
    unsafe { NonNull::<F>::dangling().read() }
}

/// The number of the function, to be run with an `A`.
pub(super) fn number<F, A, R>() -> u64
where
    F: Fn(A) -> R + Copy,
    A: Message,
    R: Message,
{
    let run: Run = run::<F, A, R>;
    run as usize as u64
}

/// The seal of a function's number under `key`.
#[inline]
pub(super) const fn seal(number: u64, key: u64) -> u64 {
    // One round of a mixing function with good avalanche; only those who know the key can repeat it.
    let mut mixed = number ^ key;
    mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ mixed >> 32 ^ key.rotate_left(17)
}

/// The function of the task, if its seal says that it was submitted so.
#[inline]
pub(super) fn unsealed(task: &TaskWords, key: u64) -> Option<Run> {
    let number = task.function.load(Relaxed); // T1, by the claim
    if task.seal.load(Relaxed) != seal(number, key) {
        return None;
    }
    // SAFETY: the seal was made by `submit`, in a process with the same code at the same place (`Loaded`), from the number of a `Run`.
    Some(unsafe { std::mem::transmute::<usize, Run>(number as usize) })
}

fn run<F, A, R>(order: &Order<'_>) -> Phase
where
    F: Fn(A) -> R + Copy,
    A: Message,
    R: Message,
{
    let argument = match order.argument::<A>() {
        Ok(argument) => argument,
        Err(error) => return order.fail(Account::bad_argument(&error)),
    };
    let result = function::<F>()(argument);
    worker::leave_if_forked();
    order.give(result)
}

impl Order<'_> {
    /// Reads the argument. What belongs to it becomes this process's.
    #[inline]
    fn argument<A: Message>(&self) -> Result<A, DecodeError> {
        match Place::load(&self.task.argument) {
            Place::Small(bytes) => unpack_small(&self.task.small_argument, bytes),
            Place::Block(unit) => {
                let delivery = Delivery::adopt(unit, self.submitter, false);
                parcel::unpack(delivery.map_err(|_| DecodeError::Foreign("its container is damaged"))?)
            }
            _ => Err(DecodeError::Foreign("the task has no argument")),
        }
    }

    /// Writes the result where the submitter looks for it. The commit is still to come.
    #[inline]
    fn give<R: Message>(&self, result: R) -> Phase {
        let mut room = [0_u64; ARGUMENT];
        let most = if self.may_repeat { SMALL_RESULT } else { SMALL_ARGUMENT };
        match pack_small(result, &mut room, most) {
            Ok(Ok(bytes)) => {
                store(small_result(self.task, bytes), &room, bytes);
                Place::Small(bytes).store(&self.task.result);
                Phase::Returned
            }
            Ok(Err(error)) => self.fail(Account::unsendable(error.to_string())),
            Err(result) => self.give_apart(result),
        }
    }

    #[inline(never)]
    fn give_apart<R: Message>(&self, result: R) -> Phase {
        let bytes = parcel::size_of_message(&result) as u64;
        let envelope = match posted::pack_apart(result) {
            Ok(envelope) => envelope,
            Err(unpacked) => {
                let account = match unpacked.why {
                    Misfit::Refused(_) => return self.fail_without_memory(bytes),
                    Misfit::Borrowed => Account::unsendable(String::from(
                        "it has a handle inside that this process inherited and can not give away",
                    )),
                    Misfit::Mismeasured(error) => Account::unsendable(error.to_string()),
                    Misfit::TooLarge => Account::unsendable(String::from("it is too large")),
                };
                return self.fail(account);
            }
        };
        // Known before it is the pool's: if this process is killed after that, who buries it finds it.
        Place::Block(envelope.unit()).store(&self.task.result);
        match envelope.post(self.results, self.position) {
            Some(_) => Phase::Returned,
            None => self.fail_without_memory(bytes),
        }
    }

    fn fail_without_memory(&self, bytes: u64) -> Phase {
        Place::NoMemory(bytes).store(&self.task.result);
        self.name_worker();
        Phase::Failed
    }

    fn name_worker(&self) {
        self.task.small_result[0].store(u64::from(std::process::id()), Relaxed); // the record's state orders it
    }

    /// Leaves an account of what went wrong.
    pub(super) fn fail(&self, account: Account) -> Phase {
        self.name_worker();
        Place::Nowhere.store(&self.task.result);
        if let Ok(envelope) = posted::pack_apart(account) {
            Place::Block(envelope.unit()).store(&self.task.result);
            if envelope.post(self.results, self.position).is_none() {
                Place::Nowhere.store(&self.task.result);
            }
        }
        Phase::Failed
    }
}

/// Where in the record a result of so many bytes stands: where its argument was, if it needs the room.
#[inline]
pub(super) fn small_result(task: &TaskWords, bytes: usize) -> &[AtomicU64] {
    if bytes <= SMALL_RESULT { &task.small_result } else { &task.small_argument }
}

/// Writes a message that needs no block and at most so many bytes into `words`. Returns how many bytes; `Err`: the message, if it needs more.
#[inline]
pub(super) fn pack_small<M: Message>(
    message: M,
    words: &mut [u64; ARGUMENT],
    most: usize,
) -> Result<Result<usize, DecodeError>, M> {
    // SAFETY: the words have at least as many bytes, and are the caller's alone.
    unsafe { parcel::pack_inline(message, NonNull::from(words).cast(), most.min(SMALL_ARGUMENT)) }
}

/// Stores the first `bytes` of `from`.
#[inline]
pub(super) fn store(to: &[AtomicU64], from: &[u64; ARGUMENT], bytes: usize) {
    for (to, from) in to.iter().zip(from).take(bytes.div_ceil(8)) {
        to.store(*from, Relaxed); // the record's state orders them
    }
}

/// Reads a message of so many bytes that stands in the record.
#[inline]
pub(super) fn unpack_small<M: Message>(words: &[AtomicU64], bytes: usize) -> Result<M, DecodeError> {
    let mut room = [0_u64; ARGUMENT];
    for (to, from) in room.iter_mut().zip(words) {
        *to = from.load(Relaxed); // as `store`
    }
    let room = bytemuck::cast_slice_mut::<u64, u8>(&mut room);
    let bytes = room.get_mut(..bytes.min(words.len() * 8)).unwrap_or_default();
    parcel::unpack_inline(bytes)
}

/// An argument that was written for a task.
#[derive(Debug)]
pub(super) enum Written {
    Small([u64; ARGUMENT], usize),
    Apart(Box<Container>),
}

impl Written {
    /// Reads the argument back.
    pub(super) fn take_back<A: Message>(self) -> Option<A> {
        match self {
            Self::Small(mut words, bytes) => {
                let room = bytemuck::cast_slice_mut::<u64, u8>(&mut words);
                parcel::unpack_inline(room.get_mut(..bytes)?).ok()
            }
            Self::Apart(container) => parcel::take_back(&container),
        }
    }

    /// Writes it into the record; what stands elsewhere is to be kept.
    pub(super) fn store(self, task: &TaskWords) -> Option<Box<Container>> {
        match self {
            Self::Small(words, bytes) => {
                store(&task.small_argument, &words, bytes);
                Place::Small(bytes).store(&task.argument);
                None
            }
            Self::Apart(container) => {
                Place::Block(container.unit()).store(&task.argument);
                Some(container)
            }
        }
    }
}
