//! The monthly series, read from a CSV file and checked: every complaint names the file, the line and the reason.

use std::{fmt, fs, path::Path};

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

/// Sunspot numbers of consecutive months.
#[derive(Debug)]
pub(crate) struct Series {
    /// The month of `numbers[0]`.
    pub(crate) first: Month,
    /// The month of the last number.
    pub(crate) last: Month,
    /// Mean sunspot number of each month.
    pub(crate) numbers: Vec<f64>,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sunspot numbers of {} to {} ({} months)", self.first, self.last, self.numbers.len())
    }
}

/// A month of a year, shown as `June 2009`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Month {
    year: i32,
    /// From 1, January, to 12, December.
    month: u8,
}

impl Month {
    fn next(self) -> Month {
        if self.month < 12 {
            Month { month: self.month + 1, ..self }
        } else {
            Month { year: self.year + 1, month: 1 }
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.month {
            1 => "January",
            2 => "February",
            3 => "March",
            4 => "April",
            5 => "May",
            6 => "June",
            7 => "July",
            8 => "August",
            9 => "September",
            10 => "October",
            11 => "November",
            _ => "December",
        };
        write!(f, "{name} {}", self.year)
    }
}

/// Why a file is not a monthly series.
#[derive(Debug, thiserror::Error)]
// Compilers write `file:line: reason`, so editors know how to jump there.
#[error("{file}:{} {reason}", .line.map_or(String::new(), |line| format!("{line}:")))]
pub(crate) struct InputError {
    file: String,
    /// None: with the file as a whole.
    line: Option<usize>,
    reason: String,
}

/// What is wrong with a text, and at which byte the row begins that is to blame.
struct Flaw {
    at: u64,
    reason: String,
}

/// Reads a series of at least `shortest` months.
pub(crate) fn read(path: &Path, shortest: usize) -> Result<Series, InputError> {
    let error = |line, reason| InputError { file: path.display().to_string(), line, reason };
    let text = fs::read(path).map_err(|e| error(None, e.to_string()))?;
    parse(&text, shortest).map_err(|flaw| error(Some(line_of(&text, flaw.at)), flaw.reason))
}

/// The number of the line in which the row stands that begins at byte `at` or after the line ends that follow there.
///
/// Not what the CSV reader counts: a row of its begins at the end of the row before, so that after an empty line, or
/// where lines end in CR LF, its numbers are too low.
fn line_of(text: &[u8], at: u64) -> usize {
    let at = usize::try_from(at).map_or(text.len(), |at| at.min(text.len()));
    let (before, rest) = text.split_at(at);
    let ends = rest.iter().take_while(|byte| b"\r\n".contains(byte));
    1 + before.iter().chain(ends).filter(|&&byte| byte == b'\n').count()
}

fn parse(text: &[u8], shortest: usize) -> Result<Series, Flaw> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text);
    let header = reader.headers().map_err(unreadable)?;
    let [year, month, sunspots] = columns(header).map_err(|reason| Flaw { at: start(header), reason })?;

    let mut months: Option<(Month, Month)> = None; // the first and the last so far
    let mut numbers = Vec::new();
    let mut at = 0;
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        at = start(&row);
        let flaw = |reason| Flaw { at, reason };

        let this = parse_month(&row[year], &row[month]).map_err(flaw)?;
        let (first, due) = months.map_or((this, this), |(first, last)| (first, last.next()));
        if this != due {
            return Err(flaw(format!("{this} where {due} is due: there must be one row a month")));
        }
        months = Some((first, this));
        numbers.push(parse_number(&row[sunspots]).map_err(flaw)?);
    }

    match months {
        Some(_) if numbers.iter().all(|number| *number == numbers[0]) => {
            Err(Flaw { at, reason: "the number is the same in every month, so there is no cycle".to_owned() })
        }
        Some((first, last)) if numbers.len() >= shortest => Ok(Series { first, last, numbers }),
        _ => Err(Flaw {
            at,
            reason: format!("the series ends after {} months, {shortest} are needed", numbers.len()),
        }),
    }
}

/// The byte at which a row begins.
fn start(row: &StringRecord) -> u64 {
    row.position().map_or(0, Position::byte)
}

/// What the CSV reader complains of.
fn unreadable(error: csv::Error) -> Flaw {
    let at = error.position().map_or(0, Position::byte);
    let reason = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns where the header has {expected_len}")
        }
        ErrorKind::Utf8 { err, .. } => format!("column {} is not UTF-8 text", err.field() + 1),
        _ => error.to_string(),
    };
    Flaw { at, reason }
}

/// Where the columns stand: their order is free, and there may be others.
fn columns(header: &StringRecord) -> Result<[usize; 3], String> {
    if header.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let find = |name| {
        let column = header.iter().position(|column| column == name);
        column.ok_or_else(|| format!("no column '{name}' in the header"))
    };
    Ok([find("year")?, find("month")?, find("sunspots")?])
}

fn parse_month(year: &str, month: &str) -> Result<Month, String> {
    let year = year.parse().map_err(|_| format!("year '{year}' is not a whole number"))?;
    match month.parse() {
        Ok(month @ 1..=12) => Ok(Month { year, month }),
        _ => Err(format!("month '{month}' is not one of 1 to 12")),
    }
}

fn parse_number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Err(_) => Err(format!("sunspots '{text}' is not a number")),
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        // Some archives write -1 for a month in which nobody could observe the Sun.
        Ok(_) => Err(format!("sunspots '{text}' is not a count of sunspots")),
    }
}
