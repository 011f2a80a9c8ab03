//! Pools with a name, and other wishes.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::crew::Terms;
use super::failure::PoolError;
use super::office::Office;
use super::supervisor::supervise;
use super::worker::Initializer;
use super::{Pool, shutdown::Shutdown};
use crate::algo::{MOST_WORKERS, SPINNERS};
use crate::error::OsError;
use crate::segment::board::Board;
use crate::segment::member;
use crate::sys;

/// Says how a pool is to be: [`Pool::builder`].
///
/// # Examples
/// ```
/// use procshare::Pool;
/// use std::time::Duration;
///
/// let pool = Pool::builder()
///     .workers(2)
///     .name("render")
///     .task_time_limit(Duration::from_secs(30))
///     .tasks_per_worker(1000)
///     .build()?;
/// assert_eq!(pool.workers().len(), 2);
/// # Ok::<(), procshare::pool::PoolError>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Builder {
    workers: Option<usize>,
    name: Option<String>,
    initializer: Option<Initializer>,
    tasks_per_worker: u64,
    limit: Option<Duration>,
    retries: u32,
    spin: Option<Duration>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Begins with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many workers there are: without it, as many as this process may use processors.
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count);
        self
    }

    /// Names the workers `name-0`, `name-1` and so on: in failures, in the output of a panic, and (the first 15 bytes) in `ps`. Without it,
    /// `pool`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Has every worker run `initializer` before its first task, those that replace another one as well. It may capture what a
    /// [`Process`](crate::Process) may, since it reaches them by fork: each has a copy, and an [`Array`](crate::Array) that all reach through one is
    /// not for them to write.
    ///
    /// A worker whose initializer panics ends. If all do, again and again, the pool takes no more tasks, and those that it has end in
    /// [`TaskFailure::NoWorkers`](super::TaskFailure::NoWorkers).
    pub fn initializer(mut self, initializer: impl Fn() + Send + Sync + 'static) -> Self {
        self.initializer = Some(Arc::new(initializer));
        self
    }

    /// Replaces a worker by a new one after so many tasks: what they leaked is gone with it. Never without it, or with 0.
    #[doc(alias = "maxtasksperchild")]
    #[doc(alias = "max_tasks_per_child")]
    pub fn tasks_per_worker(mut self, tasks: u64) -> Self {
        self.tasks_per_worker = tasks;
        self
    }

    /// Lets no task run longer than that: its worker is killed and replaced, and its outcome is
    /// [`TaskFailure::TimedOut`](super::TaskFailure::TimedOut). Of a map, it holds for each chunk. Kept to within some 50 ms.
    pub fn task_time_limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Runs a task again, `times` at most, if the death of its worker interrupted it: for functions that do no harm when they are run twice.
    ///
    /// Not so for a task that panicked or took too long, and not for one whose argument gave something away, such as an
    /// [`Array`](crate::Array): that died with the worker.
    pub fn retries(mut self, times: u32) -> Self {
        self.retries = times;
        self
    }

    /// Has an idle worker look for work that long before it sleeps. Without it, about as long as waking it takes: some 20 microseconds.
    ///
    /// More makes bursts with pauses in between quicker, and takes processor time during the pauses. Few workers spin at once: half as many as there
    /// are processors, and 8 at most.
    pub fn spin(mut self, time: Duration) -> Self {
        self.spin = Some(time);
        self
    }

    /// Makes the pool: forks the workers. Blocks for a fifth of a millisecond for each of them.
    ///
    /// # Errors
    /// [`PoolError`]: there is no pool, and no process is left of it.
    pub fn build(self) -> Result<Pool, PoolError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = self.workers.unwrap_or_else(|| processors.min(MOST_WORKERS));
        if workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        let number = u16::try_from(workers).ok().filter(|number| usize::from(*number) <= MOST_WORKERS);
        let workers = number.ok_or(PoolError::TooManyWorkers { most: MOST_WORKERS })?;
        let terms = Terms {
            name: self.name.unwrap_or_else(|| String::from("pool")),
            workers,
            initializer: self.initializer,
            tasks_per_worker: self.tasks_per_worker,
            limit: self.limit,
            retries: self.retries,
            patience: self.spin.map(sys::pauses_in),
        };
        member::join()?;
        // One who spins takes a processor away from those who submit.
        let spinners = (processors / 2).clamp(1, SPINNERS);
        let board = Arc::new(Board::allocate(usize::from(workers), spinners)?);
        let key = RandomState::new().build_hasher().finish();
        let office = Arc::new(Office::new(board, terms, key)?);
        let hired = office.crew().hire_all(&office);
        let supervised = hired.map_err(PoolError::from).and_then(|()| {
            let office = Arc::clone(&office);
            let thread = std::thread::Builder::new().name(String::from("procshare-pool"));
            let error = |error: std::io::Error| {
                OsError::new("pthread_create", "supervisor", error.raw_os_error().unwrap_or(0))
            };
            thread.spawn(move || supervise(office)).map_err(|failed| PoolError::Os(error(failed)))
        });
        match supervised {
            Ok(_) => Ok(Pool::of(office)),
            Err(error) => {
                // Nobody else will: the caller waits until they are gone.
                office.crew().kill_all();
                office.orders().end = Some((Shutdown::Abort, None));
                supervise(office);
                Err(error)
            }
        }
    }
}
