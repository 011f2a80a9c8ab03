//! Waiting for whichever of many tasks ends first.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::failure::TaskFailure;
use super::task::Task;
use crate::message::Message;
use crate::segment::member;
use crate::sys::Deadline;

/// The longest sleep.
const NAP: Duration = Duration::from_millis(50);

/// Where those arrive that have ended.
#[derive(Debug)]
pub(super) struct Gathering {
    arrived: Mutex<VecDeque<usize>>,
    came: Condvar,
    /// Of the process that made it.
    generation: u64,
}

impl Gathering {
    pub(super) fn new() -> Arc<Self> {
        let (arrived, came) = (Mutex::default(), Condvar::new());
        Arc::new(Self { arrived, came, generation: member::generation() })
    }

    /// Whether this process made it; if not, nobody arrives, and its lock may be held for ever.
    pub(super) fn is_mine(&self) -> bool {
        self.generation == member::generation()
    }

    fn arrived(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one of that number has ended.
    pub(super) fn arrive(&self, which: usize) {
        self.arrived().push_back(which);
        self.came.notify_one();
    }

    /// Waits for the next one. `between` is told how often it slept, each time.
    pub(super) fn next(&self, deadline: Deadline, between: impl Fn(u32)) -> Option<usize> {
        let mut arrived = self.arrived();
        for round in 1.. {
            if let Some(which) = arrived.pop_front() {
                return Some(which);
            }
            let nap = deadline.remaining_up_to(NAP);
            if nap.is_zero() {
                return None;
            }
            arrived = self.came.wait_timeout(arrived, nap).unwrap_or_else(PoisonError::into_inner).0;
            if arrived.is_empty() {
                drop(arrived);
                between(round);
                arrived = self.arrived();
            }
        }
        None
    }
}

/// Waits until one of `tasks` has ended, `timeout` at most, and returns its number. `None`: none has, or there are none.
///
/// Those of several pools may be mixed. Of several that have ended, the first counts. A loop over many tasks is better served by
/// [`as_completed`], which asks for each only once.
///
/// # Examples
/// ```
/// use procshare::pool::{Pool, wait_any};
/// use std::time::Duration;
///
/// let pool = Pool::new(2)?;
/// let nap = |ms: u64| std::thread::sleep(Duration::from_millis(ms));
/// let tasks = [pool.submit(nap, 2000)?, pool.submit(nap, 1)?];
/// assert_eq!(wait_any(&tasks, Duration::from_secs(60)), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "FIRST_COMPLETED")]
pub fn wait_any<R: Message>(tasks: &[Task<R>], timeout: Duration) -> Option<usize> {
    if let Some(which) = tasks.iter().position(Task::is_ready) {
        return Some(which);
    }
    let gathering = Gathering::new();
    for (which, task) in tasks.iter().enumerate() {
        task.tell(&gathering, which);
    }
    let first = if tasks.is_empty() { None } else { gathering.next(Deadline::after(timeout), |_| ()) };
    for task in tasks {
        task.untell(&gathering);
    }
    first
}

/// Returns the results of `tasks` as they come, each with the task's number.
///
/// [`next`](Iterator::next) blocks until the next one has ended; [`next_timeout`](AsCompleted::next_timeout) not for ever. Dropping it drops the
/// tasks that are left.
///
/// # Examples
/// ```
/// use procshare::pool::{Pool, as_completed};
///
/// let pool = Pool::new(2)?;
/// let tasks = (0..10_u64).map(|n| pool.submit(|n: u64| n * n, n)).collect::<Result<Vec<_>, _>>()?;
/// let mut squares = vec![0; 10];
/// for (number, result) in as_completed(tasks) {
///     squares[number] = result?;
/// }
/// assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn as_completed<R: Message>(tasks: impl IntoIterator<Item = Task<R>>) -> AsCompleted<R> {
    let gathering = Gathering::new();
    let tasks: Vec<_> = tasks.into_iter().map(Some).collect();
    for (which, task) in tasks.iter().enumerate() {
        if let Some(task) = task {
            task.tell(&gathering, which);
        }
    }
    let left = tasks.len();
    AsCompleted { gathering, tasks, left }
}

/// The results of many tasks as they come. See [`as_completed`].
#[must_use]
pub struct AsCompleted<R: Message> {
    gathering: Arc<Gathering>,
    tasks: Vec<Option<Task<R>>>,
    left: usize,
}

impl<R: Message> AsCompleted<R> {
    /// Waits for the next result, `timeout` at most. `None`: none has come, or none is left.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<(usize, Result<R, TaskFailure>)> {
        self.next_by(Deadline::after(timeout))
    }

    /// Waits for the next result, until `deadline` at most. `None`: none has come, or none is left.
    pub fn next_until(&mut self, deadline: Instant) -> Option<(usize, Result<R, TaskFailure>)> {
        self.next_by(Deadline::at(deadline))
    }

    fn next_by(&mut self, deadline: Deadline) -> Option<(usize, Result<R, TaskFailure>)> {
        if self.left == 0 {
            return None;
        }
        // Those of one pool mostly; and each that can not be helped costs little.
        let help = |round| {
            if deadline.is_never() {
                self.tasks.iter().flatten().for_each(|task| task.help(round));
            }
        };
        let which = if self.gathering.is_mine() {
            self.gathering.next(deadline, help)?
        } else {
            self.tasks.iter().position(Option::is_some)? // which says why not
        };
        self.left -= 1;
        let task = self.tasks.get_mut(which)?.take()?;
        Some((which, task.get()))
    }
}

impl<R: Message> Iterator for AsCompleted<R> {
    type Item = (usize, Result<R, TaskFailure>);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_by(Deadline::never())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<R: Message> ExactSizeIterator for AsCompleted<R> {}

impl<R: Message> fmt::Debug for AsCompleted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}
