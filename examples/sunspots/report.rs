//! What came out, in words and as a small histogram for the terminal.

use std::{
    fmt::{self, Write},
    ops::Range,
};

/// The period of the series, and how its estimates spread over the resamples; in years.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) measured: f64,
    pub(crate) mean: f64,
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Summary {
    /// Sums up the estimates, which must be in ascending order and at least one.
    pub(crate) fn new(measured: f64, ascending: &[f64]) -> Summary {
        Summary {
            measured,
            mean: ascending.iter().sum::<f64>() / ascending.len() as f64,
            median: quantile(ascending, 0.5),
            low: quantile(ascending, 0.025),
            high: quantile(ascending, 0.975),
        }
    }

    /// Whether a period lies within the 95 % interval.
    pub(crate) fn contains(&self, years: f64) -> bool {
        (self.low..=self.high).contains(&years)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  measured       {:5.2} years", self.measured)?;
        writeln!(f, "  mean           {:5.2} years", self.mean)?;
        writeln!(f, "  median         {:5.2} years", self.median)?;
        writeln!(f, "  95 % interval  {:5.2} to {:.2} years", self.low, self.high)
    }
}

/// The value below which the share `p` of all lies, interpolated between the two that stand nearest.
fn quantile(ascending: &[f64], p: f64) -> f64 {
    let rank = p * (ascending.len() - 1) as f64;
    let (below, above) = (ascending[rank.floor() as usize], ascending[rank.ceil() as usize]);
    below + (above - below) * rank.fract()
}

/// How many estimates fall into each of a row of bins, all equally wide.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Width of a bin in years: a round number.
    pub(crate) width: f64,
    /// Start of the first bin in years: a multiple of the width.
    pub(crate) start: f64,
    pub(crate) counts: Vec<usize>,
}

impl Histogram {
    /// Counts the estimates, which must be in ascending order, in at most `most` bins.
    pub(crate) fn new(ascending: &[f64], most: usize) -> Histogram {
        let (lowest, highest) = (ascending[0], ascending[ascending.len() - 1]);
        let bin_of = |years: f64, width: f64| (years / width).floor() as usize;
        let bins = |width: f64| bin_of(highest, width) - bin_of(lowest, width) + 1;
        let widths = [0.05, 0.1, 0.25, 0.5, 1.0];
        let width = widths.into_iter().find(|&width| bins(width) <= most).unwrap_or(2.0);

        let first = bin_of(lowest, width);
        let mut counts = vec![0; bins(width)];
        for &years in ascending {
            counts[bin_of(years, width) - first] += 1;
        }
        Histogram { width, start: first as f64 * width, counts }
    }

    /// The bins in ascending order.
    pub(crate) fn bins(&self) -> impl Iterator<Item = Bin> {
        let edge = |index: usize| self.start + index as f64 * self.width;
        self.counts
            .iter()
            .enumerate()
            .map(move |(index, &count)| Bin { years: edge(index)..edge(index + 1), count })
    }

    /// The count of the fullest bin.
    pub(crate) fn tallest(&self) -> usize {
        self.counts.iter().copied().max().unwrap_or(0)
    }
}

/// One bar of a histogram.
#[derive(Debug)]
pub(crate) struct Bin {
    pub(crate) years: Range<f64>,
    pub(crate) count: usize,
}

/// Draws a histogram in lines of text, and marks the bins in which median and interval lie.
pub(crate) fn bars(histogram: &Histogram, summary: &Summary) -> String {
    const WIDTH: usize = 48;
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let marks = [(summary.low, "2.5 %"), (summary.median, "median"), (summary.high, "97.5 %")];

    let mut text = String::new();
    for Bin { years, count } in histogram.bins() {
        let eighths = (count * WIDTH * 8).div_ceil(histogram.tallest());
        let mut bar = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
        for (_, name) in marks.iter().filter(|(mark, _)| years.contains(mark)) {
            bar += &format!(" ◂ {name}");
        }
        let _ = writeln!(text, "  {:5.2}  {bar}", years.start); // writing to a String cannot fail
    }
    text
}
