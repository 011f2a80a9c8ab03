//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, thread};

use clap::Parser;

/// How long is the solar cycle, and how sure can we be?
///
/// Sunspots come and go about every 11 years. This program measures the period in
/// a monthly series, and by a moving-block bootstrap it measures how far to trust
/// that period: it puts together thousands of histories that the Sun might have
/// had as well, each from random blocks of the one it had, and looks how much the
/// period differs between them. Worker processes share the work, and write what
/// they find into one shared array.
#[derive(Debug, Parser)]
#[command(
    name = "sunspots",
    verbatim_doc_comment,
    after_help = "Exit status: 0 done, 1 a worker failed, 2 bad input or usage."
)]
pub(crate) struct Options {
    /// The series: CSV with the columns year, month and sunspots, one row a month without gaps
    #[arg(long, value_name = "FILE", default_value = "data/sunspots-monthly.csv")]
    pub(crate) input: PathBuf,

    /// Worker processes that share the resamples (the result does not depend on it)
    #[arg(long, value_name = "COUNT", default_value_t = cpus())]
    pub(crate) workers: NonZeroUsize,

    /// Histories to put together
    #[arg(long, value_name = "COUNT", default_value = "4000")]
    pub(crate) resamples: NonZeroUsize,

    /// Where the random numbers start: the same seed gives the same result
    #[arg(long, value_name = "NUMBER", default_value_t = 1749)]
    pub(crate) seed: u64,

    /// Length of a block; the default is 44 years, four cycles
    ///
    /// A cycle keeps its rhythm within a block and loses it at every joint. So short
    /// blocks make the interval too wide (with 22 years it is 8.6 to 13.7: such a
    /// block cannot tell a cycle of 9 years from one of 13), while of long blocks
    /// only few fit into the record, and the resamples hardly differ.
    #[arg(long, verbatim_doc_comment, value_name = "MONTHS", default_value = "528")]
    pub(crate) block: NonZeroUsize,

    /// Where to draw the histogram
    #[arg(long, value_name = "SVG", default_value = "sunspots.svg")]
    pub(crate) out: PathBuf,

    /// Do all of it once more in this process alone, and tell how much faster the workers were
    #[arg(long)]
    pub(crate) compare: bool,
}

/// One worker for each CPU that this process may use.
fn cpus() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
