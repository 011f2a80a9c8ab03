//! Rows, rounds, printing.

use std::fmt::Write;

use crate::support::{self, Item, median, pin, unpin};

/// One row of a table, and how to take one sample of it.
pub(crate) struct Row {
    name: &'static str,
    sample: Box<dyn FnMut() -> f64>,
}

impl Row {
    pub(crate) fn new(name: &'static str, sample: impl FnMut() -> f64 + 'static) -> Self {
        Self { name, sample: Box::new(sample) }
    }
}

/// What a sample is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// So many nanoseconds a turn: less is better.
    Nanoseconds,
    /// So many microseconds a turn: less is better.
    Microseconds,
    /// So many milliseconds a turn: less is better.
    Milliseconds,
    /// So many million turns a second: more is better.
    MillionsPerSecond,
}

impl Unit {
    /// Its name, and that of the best sample's column.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Nanoseconds => ("ns", "min"),
            Self::Microseconds => ("µs", "min"),
            Self::Milliseconds => ("ms", "min"),
            Self::MillionsPerSecond => ("M/s", "max"),
        }
    }

    fn best(self, samples: &[f64]) -> f64 {
        match self {
            Self::MillionsPerSecond => samples.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            _ => samples.iter().copied().fold(f64::INFINITY, f64::min),
        }
    }
}

/// Rows to be measured together. The first one is the base of the ratios.
pub(crate) struct Table {
    pub(crate) title: &'static str,
    unit: Unit,
    /// The CPU to measure on, if it is to be one.
    cpu: Option<usize>,
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn new(title: &'static str, unit: Unit, cpu: Option<usize>, rows: Vec<Row>) -> Self {
        Self { title, unit, cpu, rows }
    }

    /// Measures every row, `rounds` times in turn, and prints best, median, and the median of the rounds' ratios.
    pub(crate) fn run(mut self, rounds: usize) {
        match self.cpu {
            Some(cpu) => pin(cpu),
            None => unpin(),
        }
        let mut items: Vec<Item<'_>> =
            self.rows.iter_mut().map(|row| (row.name, &mut *row.sample as _)).collect();
        let table = support::Table::interleave(rounds, &mut items);
        unpin();
        self.print(&table);
    }

    fn print(&self, table: &support::Table) {
        let (unit, best) = self.unit.names();
        let mut text = format!("\n{}\n{unit:<52}{best:>10}{:>10}{:>9}\n", self.title, "median", "ratio");
        let base = self.rows[0].name;
        for row in &self.rows {
            let samples = table.samples(row.name);
            let ratios: Vec<f64> =
                samples.iter().zip(table.samples(base)).map(|(sample, base)| sample / base).collect();
            let mark = if row.name == base { " =" } else { "" };
            let _ = writeln!(
                text,
                "{:<51} {:>9} {:>9} {:>8}{mark}",
                row.name,
                figure(self.unit.best(samples), 2),
                figure(median(samples), 2),
                figure(median(&ratios), 3)
            );
        }
        print!("{text}");
    }
}

/// With so many decimals, or more or fewer where it would not be read else.
fn figure(number: f64, decimals: usize) -> String {
    let decimals = match number.abs() {
        ..0.1 => decimals + 2,
        100_000.0.. => 0,
        _ => decimals,
    };
    format!("{number:.decimals$}")
}
