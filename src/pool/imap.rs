//! Results as they come, of inputs that may never end.

use std::collections::VecDeque;
use std::fmt;
use std::iter::Fuse;
use std::marker::PhantomData;
use std::sync::Arc;

use super::call::assert_captureless;
use super::failure::TaskFailure;
use super::gather::Gathering;
use super::handle::Pool;
use super::task::Task;
use crate::message::Message;
use crate::sys::Deadline;

/// Inputs that are read ahead for each worker, if nobody says otherwise.
const AHEAD_EACH: usize = 4;

/// The results of a function, in the order of its inputs: [`Pool::imap`].
#[must_use = "nothing runs before the first result is asked for"]
pub struct Imap<'a, F, I: Iterator, R: Message> {
    pool: &'a Pool,
    inputs: Fuse<I>,
    window: usize,
    tasks: VecDeque<Result<Task<R>, TaskFailure>>,
    function: PhantomData<fn() -> F>,
}

/// The results of a function as they come: [`Pool::imap_unordered`].
#[must_use = "nothing runs before the first result is asked for"]
pub struct ImapUnordered<'a, F, I: Iterator, R: Message> {
    pool: &'a Pool,
    inputs: Fuse<I>,
    window: usize,
    gathering: Arc<Gathering>,
    /// Those in flight, by the number under which they arrive.
    tasks: Vec<Option<Task<R>>>,
    free: Vec<usize>,
    function: PhantomData<fn() -> F>,
}

fn submit<F, A, R>(pool: &Pool, input: A) -> Result<Task<R>, TaskFailure>
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Message,
    R: Message,
{
    match pool.office.submit::<F, A, R>(input, true) {
        Ok(index) => Ok(Task::new(Arc::clone(&pool.office), index)),
        Err(refused) => Err(TaskFailure::Rejected { rejection: refused.error }),
    }
}

/// How many inputs of `F`, whose type says everything, are in flight at most if nobody says otherwise.
fn window<F>(pool: &Pool, _: F) -> usize {
    assert_captureless::<F>();
    usize::from(pool.office.terms.workers) * AHEAD_EACH
}

macro_rules! window {
    () => {
        /// Sets how many inputs are in flight at most: read, and their results not returned. Without it, 4 for each worker; 0 is 1.
        #[doc(alias = "buffersize")]
        pub fn window(mut self, inputs: usize) -> Self {
            self.window = inputs.max(1);
            self
        }
    };
}

impl<F, I: Iterator, R: Message> Imap<'_, F, I, R> {
    window!();
}

impl<F, I: Iterator, R: Message> ImapUnordered<'_, F, I, R> {
    window!();
}

impl<F, I, R> Iterator for Imap<'_, F, I, R>
where
    F: Fn(I::Item) -> R + Copy + Send + Sync + 'static,
    I: Iterator<Item: Message>,
    R: Message,
{
    type Item = Result<R, TaskFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.tasks.len() < self.window {
            let Some(input) = self.inputs.next() else { break };
            self.tasks.push_back(submit::<F, _, R>(self.pool, input));
        }
        Some(self.tasks.pop_front()?.and_then(Task::get))
    }
}

impl<F, I, R> Iterator for ImapUnordered<'_, F, I, R>
where
    F: Fn(I::Item) -> R + Copy + Send + Sync + 'static,
    I: Iterator<Item: Message>,
    R: Message,
{
    type Item = Result<R, TaskFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.tasks.len() - self.free.len() < self.window {
            let Some(input) = self.inputs.next() else { break };
            let task = match submit::<F, _, R>(self.pool, input) {
                Ok(task) => task,
                Err(failure) => return Some(Err(failure)),
            };
            let place = self.free.pop().unwrap_or_else(|| {
                self.tasks.push(None);
                self.tasks.len() - 1
            });
            task.tell(&self.gathering, place);
            self.tasks[place] = Some(task);
        }
        if self.tasks.len() == self.free.len() {
            return None;
        }
        if !self.gathering.is_mine() {
            let place = self.tasks.iter().position(Option::is_some)?;
            self.free.push(place);
            return self.tasks[place].take().map(Task::get); // which says why not
        }
        let place = self.gathering.next(Deadline::never(), |round| self.pool.office.help(round))?;
        self.free.push(place);
        self.tasks[place].take().map(Task::get)
    }
}

/// What has not begun never does.
impl<F, I: Iterator, R: Message> Drop for Imap<'_, F, I, R> {
    fn drop(&mut self) {
        for task in self.tasks.iter().flatten() {
            task.cancel();
        }
    }
}

/// What has not begun never does.
impl<F, I: Iterator, R: Message> Drop for ImapUnordered<'_, F, I, R> {
    fn drop(&mut self) {
        for task in self.tasks.iter().flatten() {
            task.cancel();
        }
    }
}

impl<F, I: Iterator, R: Message> fmt::Debug for Imap<'_, F, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap").field("in_flight", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl<F, I: Iterator, R: Message> fmt::Debug for ImapUnordered<'_, F, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_flight = self.tasks.len() - self.free.len();
        f.debug_struct("ImapUnordered").field("in_flight", &in_flight).finish_non_exhaustive()
    }
}

impl Pool {
    /// Calls `f` with each of `inputs`, and returns the results in order, as an iterator.
    ///
    /// Lazy: an input is read when a result is asked for, and never more of them than a [window](Imap::window) ahead of it. So inputs may be endless,
    /// and need not fit in memory. Inputs and results are of any size. A failure is one result; the others come.
    ///
    /// Dropping it cancels what has not begun.
    ///
    /// # Examples
    /// ```
    /// let pool = procshare::Pool::new(2)?;
    /// let lengths = pool.imap(|n: u64| "x".repeat(n as usize), 1..).map(|text| text.map(|text| text.len()));
    /// let first: Vec<usize> = lengths.take(4).collect::<Result<_, _>>()?;
    /// assert_eq!(first, [1, 2, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn imap<F, A, R, I>(&self, f: F, inputs: I) -> Imap<'_, F, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
        A: Message,
        R: Message,
    {
        let window = window(self, f);
        let (inputs, tasks) = (inputs.into_iter().fuse(), VecDeque::new());
        Imap { pool: self, inputs, window, tasks, function: PhantomData }
    }

    /// Calls `f` with each of `inputs`, and returns the results as they come, as an iterator: as [`imap`](Self::imap), but nobody waits for the
    /// slowest one.
    ///
    /// # Examples
    /// ```
    /// let pool = procshare::Pool::new(2)?;
    /// let sum: Result<u64, _> = pool.imap_unordered(|n: u64| n * n, 0..10).sum();
    /// assert_eq!(sum?, 285);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn imap_unordered<F, A, R, I>(&self, f: F, inputs: I) -> ImapUnordered<'_, F, I::IntoIter, R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
        A: Message,
        R: Message,
    {
        let window = window(self, f);
        ImapUnordered {
            pool: self,
            inputs: inputs.into_iter().fuse(),
            window,
            gathering: Gathering::new(),
            tasks: Vec::new(),
            free: Vec::new(),
            function: PhantomData,
        }
    }
}
