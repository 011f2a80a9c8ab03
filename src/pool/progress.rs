//! How far a map is.
//!
//! | edge | release side       | acquire side  | publishes                              |
//! |------|--------------------|---------------|----------------------------------------|
//! | T10  | `begin`, `Run`'s end | `is_finished` | that the counts are those of the end |

use std::sync::Arc;

use crate::shim::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// How far maps are: a counter that any thread can look at while they run. A clone is the same one.
///
/// One counter may follow several maps: their elements add up. It is brought up to date every 20 ms, and when a map ends.
///
/// # Examples
/// ```
/// use procshare::{Pool, pool::Progress};
///
/// let (pool, progress) = (Pool::new(2)?, Progress::new());
/// let watcher = std::thread::spawn({
///     let progress = progress.clone();
///     move || {
///         while !progress.is_finished() {
///             // bar.set_position(progress.done());
///             std::thread::sleep(std::time::Duration::from_millis(1));
///         }
///     }
/// });
/// pool.mapping().progress(&progress).map(|x: f64| x.sqrt(), &vec![2.0; 100_000])?;
/// assert_eq!((progress.done(), progress.total()), (100_000, 100_000));
/// watcher.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    total: AtomicU64,
    running: AtomicU64,
    begun: AtomicU64,
}

impl Progress {
    /// Makes a counter that stands at 0 of 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many elements are done. Does not block. Only grows.
    pub fn done(&self) -> u64 {
        self.0.done.load(Relaxed) // a number that carries nothing
    }

    /// Returns how many elements the maps have that have begun. Does not block. Only grows.
    pub fn total(&self) -> u64 {
        self.0.total.load(Relaxed) // as `done`
    }

    /// Returns whether a map has begun, and all that have begun have ended. Does not block.
    pub fn is_finished(&self) -> bool {
        // T10 acquire: `done` says then what it says in the end.
        self.0.begun.load(Acquire) > 0 && self.0.running.load(Acquire) == 0
    }

    /// A map of so many elements begins.
    pub(super) fn begin(&self, total: u64) -> Run {
        self.0.total.fetch_add(total, Relaxed); // as `done`
        self.0.running.fetch_add(1, AcqRel); // T10: before it is said to have begun
        self.0.begun.fetch_add(1, AcqRel); // T10
        Run { progress: self.clone(), told: 0 }
    }
}

/// One map that is being followed, until it is dropped.
#[derive(Debug)]
pub(super) struct Run {
    progress: Progress,
    told: u64,
}

impl Run {
    /// So many elements are done.
    pub(super) fn tell(&mut self, done: u64) {
        self.progress.0.done.fetch_add(done.saturating_sub(self.told), Relaxed); // as `Progress::done`
        self.told = self.told.max(done);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.progress.0.running.fetch_sub(1, AcqRel); // T10 release
    }
}
