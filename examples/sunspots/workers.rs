//! The work, shared among processes: here stands all that the example does with `procshare`.
//!
//! ```text
//! estimates: Array<f64>   [ 11.2  9.8  NaN  NaN | 10.7 12.1 10.4  NaN | 10.9  NaN  NaN ]
//!                                 ▲                     ▲                     ▲
//! each chunk has a worker     resample-1            resample-2            resample-3
//!                                 │ +1                  │ +1                  │ +1
//!                                 ▼                     ▼                     ▼
//! finished: Value<u64>    [                             6                             ]
//! ```
//!
//! The workers are processes, and yet they borrow as threads do: no two can have the same chunk, and the parent cannot
//! look at the array before all of them are gone. Otherwise it would not compile.

use std::{fmt, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use procshare::{AllocError, Array, Builder, Failure, ScopeError, ScopedProcess, SpawnError, Value, scope};

use crate::estimate::Bootstrap;

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(50);

/// Estimates the periods of the first `resamples` resamples in `workers` processes.
pub(crate) fn resample(
    bootstrap: &Bootstrap<'_>,
    resamples: usize,
    workers: usize,
) -> Result<Array<f64>, ResampleError> {
    // Not a number: not written yet. Should a worker die, this tells what is missing.
    let mut estimates = Array::from_fn(resamples, |_| f64::NAN)?;
    let finished = Value::new(0_u64)?;
    let share = resamples.div_ceil(workers);

    let failures = scope(|s| {
        let mut running = Vec::new();
        for (index, chunk) in estimates.chunks_mut(share).enumerate() {
            let (first, finished) = (index * share, &finished);
            let name = format!("resample-{}", index + 1);
            // Forked here: the child finds series, chunk and counter where they are, nothing is sent.
            let process = Builder::new().name(name).spawn_scoped(s, move || {
                for (estimate, period) in chunk.iter_mut().zip(bootstrap.periods(first)) {
                    *estimate = period;
                    finished.fetch_add(1);
                }
            })?;
            running.push(Running { first, process });
        }
        Ok::<_, SpawnError>(follow(running, &finished, resamples))
    })??;

    // The workers are gone and the array is whole again.
    if failures.is_empty() {
        return Ok(estimates);
    }
    let lost = failures.into_iter().map(|(first, failure)| {
        let chunk = &estimates[first..resamples.min(first + share)];
        let finished = chunk.iter().take_while(|estimate| !estimate.is_nan()).count();
        Loss { failure, first, share: chunk.len(), finished }
    });
    Err(ResampleError::Lost(lost.collect()))
}

/// A worker, and the number of its first resample.
struct Running<'scope> {
    first: usize,
    process: ScopedProcess<'scope, ()>,
}

/// Moves the progress bar until all workers are done, or some have failed: returns those.
fn follow(mut running: Vec<Running<'_>>, finished: &Value<u64>, resamples: usize) -> Vec<(usize, Failure)> {
    let bar = progress_bar(resamples);
    let mut failures = Vec::new();
    while !running.is_empty() && failures.is_empty() {
        let patience = TICK / running.len() as u32;
        running.retain_mut(|worker| match worker.process.join_timeout(patience) {
            Ok(()) => false,
            Err(Failure::TimedOut { .. }) => true,
            Err(failure) => {
                failures.push((worker.first, failure));
                false
            }
        });
        bar.set_position(finished.get());
    }
    bar.finish_and_clear();

    // What is lost spoils the whole, so the others need not go on. How they end is of our own making: no news.
    for worker in running {
        let _ = worker.process.kill();
        let _ = worker.process.join();
    }
    failures
}

/// A bar on stderr; where stderr is no terminal it does not show.
fn progress_bar(resamples: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} resamples, {eta} to go");
    ProgressBar::new(resamples as u64).with_style(style.expect("the template is well-formed"))
}

/// Why the estimates are not complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResampleError {
    #[error(transparent)]
    Memory(#[from] AllocError),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error(transparent)]
    Scope(#[from] ScopeError),
    #[error("{}", .0.iter().map(Loss::to_string).collect::<Vec<_>>().join("\n"))]
    Lost(Vec<Loss>),
}

/// A worker that failed, and which resamples are missing for it.
#[derive(Debug)]
pub(crate) struct Loss {
    failure: Failure,
    /// The share that it had: so many resamples, from number `first` on.
    first: usize,
    share: usize,
    finished: usize,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss { failure, first, share, finished } = self;
        // People count from one.
        write!(f, "{failure}\nresamples {} to {} are missing", first + finished + 1, first + share)?;
        write!(f, " ({finished} of the {share} of this worker were finished), so there is no result")
    }
}
