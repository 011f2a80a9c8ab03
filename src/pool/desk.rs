//! What the submitting process keeps of its tasks, in private memory: which records are free, what waits for room in the ring, and
//! who wants to be told of which end.
//!
//! All of it is behind one lock of this process. Its death ends the workers, so nothing here has to survive it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::call::Written;
use super::callbacks::Callback;
use super::failure::Rejection;
use super::gather::Gathering;
use crate::algo::{Feed, Records, TaskWords};
use crate::segment::block::Block;
use crate::segment::board::{Board, ENTRIES, RECORDS, SEGMENTS};
use crate::segment::container::Container;

/// Who wants to be told of an end.
pub(super) enum Told {
    Wake(Waker),
    Tell(Arc<Gathering>, usize),
    Call(Callback),
}

/// What is kept beside one record.
#[derive(Default)]
struct Companion {
    /// The argument, if it has a block of its own: until the task is freed, or noticed.
    argument: Option<Box<Container>>,
    told: Vec<Told>,
    /// It was asked to be noticed, and that has not happened.
    is_pending: bool,
    /// Nobody has a handle any more: it is freed when it has been noticed.
    is_released: bool,
    /// It may be run again if a death interrupts it.
    repeats: bool,
    /// How often that was so.
    interrupted: u32,
}

/// See the module.
pub(super) struct Desk {
    /// Why no task is taken; `None`: they are.
    pub(super) closed: Option<Rejection>,
    pub(super) feed: Feed,
    backlog: VecDeque<u32>,
    free: Vec<u32>,
    companions: Vec<Companion>,
    segments: Vec<Block>,
}

/// What is to be done after a notice, without the desk's lock.
#[derive(Default)]
pub(super) struct Notice {
    pub(super) told: Vec<Told>,
    pub(super) is_released: bool,
    pub(super) argument: Option<Box<Container>>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            closed: None,
            feed: Feed::new(ENTRIES),
            backlog: VecDeque::new(),
            free: Vec::new(),
            companions: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// Records that there are, in use or not.
    pub(super) fn records(&self) -> u32 {
        self.companions.len() as u32
    }

    /// A record that is nobody's.
    #[inline]
    pub(super) fn take_record(&mut self, board: &Board) -> Result<u32, Rejection> {
        match self.free.pop() {
            Some(index) => Ok(index),
            None => self.take_new_record(board),
        }
    }

    #[cold]
    fn take_new_record(&mut self, board: &Board) -> Result<u32, Rejection> {
        if self.segments.len() == SEGMENTS {
            return Err(Rejection::TooManyTasks { most: SEGMENTS * RECORDS });
        }
        let segment = board.add(self.segments.len())?;
        let first = (self.segments.len() * RECORDS) as u32;
        self.segments.push(segment);
        self.companions.resize_with(self.companions.len() + RECORDS, Companion::default);
        self.free.extend((first..first + RECORDS as u32).rev());
        self.free.pop().ok_or(Rejection::TooManyTasks { most: SEGMENTS * RECORDS })
    }

    /// Writes a task into a record and queues it.
    #[inline]
    pub(super) fn queue(
        &mut self,
        board: &Board,
        index: u32,
        task: &TaskWords,
        argument: Written,
        repeats: bool,
    ) {
        let companion = &mut self.companions[index as usize];
        companion.argument = argument.store(task);
        companion.repeats = repeats;
        // What it keeps it is to give up when the task ends, whether or not anybody asks for the result by then.
        companion.is_pending = companion.argument.as_ref().is_some_and(|argument| argument.keeps_an_end());
        let noticed = companion.is_pending;
        task.state.queue(noticed);
        self.post(board, index);
    }

    /// Puts a queued record into the ring, or at the end of those that wait for room there.
    #[inline]
    fn post(&mut self, board: &Board, index: u32) {
        if !(self.backlog.is_empty() && board.dispatch().post_or_ask(&mut self.feed, index)) {
            self.backlog.push_back(index);
        }
    }

    /// Queues a task again that a death interrupted, before the others that wait. `false`: that has happened too often, or can not be.
    pub(super) fn repeat(&mut self, board: &Board, index: u32, worker: u16, most: u32) -> bool {
        let Some(companion) = self.companions.get_mut(index as usize) else { return false };
        let may = companion.repeats
            && companion.interrupted < most
            && companion.argument.as_ref().is_none_or(|argument| argument.is_repeatable());
        let repeats = may && board.record(index).is_some_and(|task| task.state.requeue(worker));
        if repeats {
            companion.interrupted += 1;
            self.backlog.push_front(index);
        }
        repeats
    }

    /// Moves tasks into the ring as far as there is room; returns whether there were some.
    pub(super) fn refill(&mut self, board: &Board) -> bool {
        let dispatch = board.dispatch();
        let before = self.backlog.len();
        while let Some(index) = self.backlog.front() {
            if !dispatch.post_or_ask(&mut self.feed, *index) {
                break;
            }
            self.backlog.pop_front();
        }
        self.backlog.len() != before
    }

    /// Whether nothing waits, and nothing runs.
    pub(super) fn is_drained(&self, board: &Board) -> bool {
        self.backlog.is_empty() && board.dispatch().is_drained(&self.feed)
    }

    /// All tasks that may be queued. None waits for room after this.
    pub(super) fn take_queued(&mut self, board: &Board) -> Vec<u32> {
        board.dispatch().posted(&self.feed).chain(self.backlog.drain(..)).collect()
    }

    /// Has `told` be told of the end of the task; returns whom it replaces, to be dropped without the desk's lock. `Err`: it has ended.
    pub(super) fn tell(&mut self, task: &TaskWords, index: u32, told: Told) -> Result<Option<Told>, Told> {
        if !self.ask_notice(task, index) {
            return Err(told);
        }
        let list = &mut self.companions[index as usize].told;
        let wakes = |told: &Told| matches!(told, Told::Wake(_));
        // Of those who wait by polling only the latest counts.
        if wakes(&told)
            && let Some(before) = list.iter_mut().find(|told| wakes(told))
        {
            return Ok(Some(std::mem::replace(before, told)));
        }
        list.push(told);
        Ok(None)
    }

    fn ask_notice(&mut self, task: &TaskWords, index: u32) -> bool {
        let companion = &mut self.companions[index as usize];
        // A pending notice comes, even if the task has ended by now.
        companion.is_pending = companion.is_pending || task.state.ask_notice();
        companion.is_pending
    }

    /// Does not tell `gathering` of the end any more.
    pub(super) fn untell(&mut self, index: u32, gathering: &Arc<Gathering>) {
        let list = &mut self.companions[index as usize].told;
        list.retain(|told| !matches!(told, Told::Tell(other, _) if Arc::ptr_eq(other, gathering)));
    }

    /// Lets go of a task whose handle is dropped; returns whether it has ended, so that its result may be discarded and its record be freed.
    pub(super) fn release(&mut self, task: &TaskWords, index: u32) -> bool {
        let pending = self.ask_notice(task, index);
        self.companions[index as usize].is_released = pending;
        !pending
    }

    /// The task has ended, and those who want to know are told: of the use `sequence` of the record, if that is given.
    pub(super) fn notice(&mut self, task: &TaskWords, index: u32, sequence: Option<u32>) -> Notice {
        // The number may come from a damaged word; others here come from the handles of tasks.
        let Some(companion) = self.companions.get_mut(index as usize) else { return Notice::default() };
        let seen = task.state.look();
        if !companion.is_pending
            || !seen.is_final()
            || sequence.is_some_and(|sequence| sequence != seen.sequence())
        {
            return Notice::default();
        }
        companion.is_pending = false;
        let (told, argument) = (std::mem::take(&mut companion.told), companion.argument.take());
        Notice { told, is_released: companion.is_released, argument }
    }

    /// Frees the record of a task that has ended and whose result was taken; returns what is to be dropped without the desk's lock.
    #[inline]
    pub(super) fn free(&mut self, task: &TaskWords, index: u32) -> Option<Box<Container>> {
        let companion = &mut self.companions[index as usize];
        if companion.is_pending {
            companion.is_released = true; // it is on its way to being noticed
            return None;
        }
        companion.is_released = false;
        companion.interrupted = 0;
        let argument = companion.argument.take();
        task.state.free();
        self.free.push(index);
        argument
    }
}
