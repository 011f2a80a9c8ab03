//! How long is the solar cycle, and how sure can we be?
//!
//!     cargo run --release --example sunspots
//!
//! Several processes measure the cycle in thousands of resampled histories of the Sun, and write what they find
//! straight into one array that the parent reads. Begin with `workers.rs`, where that happens; `estimate.rs` has the
//! statistics, the other modules read the data and show the result.

mod estimate;
mod input;
mod options;
mod plot;
mod report;
mod workers;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{
    estimate::{Bootstrap, SHORTEST_SERIES},
    input::InputError,
    options::Options,
    report::{Histogram, Summary},
    workers::ResampleError,
};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sunspots: {error}");
            error.exit_code()
        }
    }
}

fn run(options: &Options) -> Result<(), Error> {
    let series = input::read(&options.input, SHORTEST_SERIES)?;
    let (block, months) = (options.block.get(), series.numbers.len());
    if block > months {
        return Err(Error::Block { block, months });
    }
    let bootstrap = Bootstrap { series: &series.numbers, block, seed: options.seed };

    let clock = Instant::now();
    let mut estimates = workers::resample(&bootstrap, options.resamples.get(), options.workers.get())?;
    let together = clock.elapsed();
    let alone = options.compare.then(|| time_alone(&bootstrap, &estimates));

    // Sorted and summed up where the workers wrote them: the estimates are never copied.
    estimates.sort_unstable_by(f64::total_cmp);
    let summary = Summary::new(bootstrap.period(), &estimates);
    let bars = report::bars(&Histogram::new(&estimates, 16), &summary);

    let Options { resamples, workers, seed, out, .. } = options;
    print(&format!("The solar cycle, from {series}\n\n{summary}\n{bars}\n"))?;
    print(&format!("{resamples} resamples in blocks of {block} months (seed {seed})\n"))?;
    print(&format!("{workers} workers took {together:.2?}\n"))?;
    if let Some(alone) = alone {
        let ratio = alone.as_secs_f64() / together.as_secs_f64();
        print(&format!(
            "one process alone took {alone:.2?}, {ratio:.2} times as long, for the very same numbers\n"
        ))?;
    }

    let caption = format!("{resamples} resamples of {series}, in blocks of {block} months");
    let drawing = plot::svg(&Histogram::new(&estimates, 80), &summary, &caption);
    fs::write(out, drawing).map_err(|error| Error::Output { file: out.clone(), error })?;
    print(&format!("histogram drawn in {}\n", out.display()))
}

/// How long one process alone takes for the same estimates.
fn time_alone(bootstrap: &Bootstrap<'_>, estimates: &[f64]) -> Duration {
    let clock = Instant::now();
    let periods: Vec<f64> = bootstrap.periods(0).take(estimates.len()).collect();
    let took = clock.elapsed();
    assert!(periods == estimates, "the estimates depend on who computes them");
    took
}

/// Like `print!`, but a reader who has gone away is an error, not a panic.
fn print(text: &str) -> Result<(), Error> {
    io::stdout().write_all(text.as_bytes()).map_err(Error::Print)
}

/// Why there is no result, or not all of it.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("--block {block} is longer than the series, which has {months} months")]
    Block { block: usize, months: usize },
    #[error(transparent)]
    Resample(#[from] ResampleError),
    #[error("cannot print: {0}")]
    Print(io::Error),
    #[error("cannot write {}: {error}", file.display())]
    Output { file: PathBuf, error: io::Error },
}

impl Error {
    /// 2: the user can mend it. 1: not the user's doing.
    fn exit_code(&self) -> ExitCode {
        match self {
            Error::Input(_) | Error::Block { .. } | Error::Output { .. } => ExitCode::from(2),
            Error::Resample(_) | Error::Print(_) => ExitCode::FAILURE,
        }
    }
}
