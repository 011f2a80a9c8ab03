//! The table of the sweeps: what is counted, which points are taken, and how it is printed.

use std::fmt;
use std::io::{Write, stderr};
use std::sync::{Once, OnceLock};
use std::time::Duration;

use crate::path::Path;
use crate::witness::Verdict;

/// Kills that a sampled sweep makes at most.
const SAMPLED: usize = 250;
/// And how often it may stop its victims for that: a second's worth, on a machine with nothing else to do.
const STOPS: usize = 60_000;

/// What came of one sweep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Boundaries of the recorded path.
    pub(crate) path: usize,
    /// Those of them that tell something new.
    pub(crate) points: usize,
    pub(crate) killed: usize,
    pub(crate) diverged: usize,
    pub(crate) hung: usize,
    pub(crate) corrupt: usize,
    pub(crate) leaked: usize,
    pub(crate) torn: usize,
    pub(crate) recovered: usize,
    /// Where it first went wrong, and what was seen there.
    pub(crate) first_bad: Option<String>,
}

impl Tally {
    /// Counts what one kill came to.
    pub(crate) fn count(&mut self, verdict: Verdict, place: impl FnOnce() -> String) {
        self.hung += usize::from(verdict.hung);
        self.corrupt += usize::from(verdict.corrupt);
        self.leaked += usize::from(verdict.leaked);
        self.torn += usize::from(verdict.torn);
        self.recovered += usize::from(verdict.recovered);
        if verdict.is_bad() && self.first_bad.is_none() {
            self.first_bad = Some(place());
        }
    }

    /// Fails the test unless every survivor was well everywhere.
    pub(crate) fn assert_clean(&self) {
        assert!(self.killed > 0, "nothing was killed: {self:?}");
        assert!(self.diverged * 2 <= self.killed, "most runs left the recorded path: {self:?}");
        let bad = (self.hung, self.corrupt, self.leaked, self.torn);
        assert!(bad == (0, 0, 0, 0), "(hung, corrupt, leaked, torn) = {bad:?}; first: {:?}", self.first_bad);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills = [self.path, self.points, self.killed, self.diverged];
        let found = [self.hung, self.corrupt, self.leaked, self.torn];
        kills.iter().chain(&found).try_for_each(|count| write!(f, "{count:>9}"))?;
        write!(f, "{:>10}", self.recovered)
    }
}

/// Prints the row of one sweep, and before the first one the head of the table.
pub(crate) fn print_row(name: &str, tally: &Tally, took: Duration) {
    static HEAD: Once = Once::new();
    // By the handle, not by the macro: the table is to be seen without `--nocapture`.
    let mut out = stderr().lock();
    HEAD.call_once(|| {
        let columns = ["path", "points", "killed", "diverged", "hung", "corrupt", "leaked", "torn"];
        let head = columns.map(|column| format!("{column:>9}"));
        let _ = writeln!(out, "\nkill sweeps, PROCSHARE_SWEEP={}, PROCSHARE_SEED={}", mode().name(), seed());
        let _ = writeln!(out, "{:<46}{}{:>10}{:>9}", "operation", head.concat(), "recovered", "s");
    });
    let _ = writeln!(out, "{name:<46}{tally}{:>9.1}", took.as_secs_f64());
    if let Some(first) = &tally.first_bad {
        let _ = writeln!(out, "    first: {first}");
    }
}

/// Which points are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// Some of those that tell something new.
    Sampled,
    /// All of those.
    Full,
    /// All there are, each turn of each loop: hours.
    Every,
}

/// As the environment says.
pub(crate) fn mode() -> Mode {
    match std::env::var("PROCSHARE_SWEEP").as_deref() {
        Ok("every") => Mode::Every,
        Ok("full") => Mode::Full,
        _ => Mode::Sampled,
    }
}

/// Whether the longest paths are left out: those of unoptimised code, where few points are taken anyway.
pub(crate) fn leaves_long_paths_out() -> bool {
    cfg!(debug_assertions) && matches!(mode(), Mode::Sampled)
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Sampled => "sampled",
            Self::Full => "full",
            Self::Every => "every",
        }
    }

    /// How long one test may take before it counts as hung.
    pub(crate) fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Sampled => 600,
            Self::Full => 6 * 3600,
            Self::Every => 48 * 3600,
        })
    }

    /// The points of a path that this mode chooses from.
    pub(crate) fn points(self, path: &Path) -> Vec<usize> {
        match self {
            Self::Every => (0..path.len()).collect(),
            Self::Sampled | Self::Full => path.distinct(),
        }
    }

    /// Every how-manieth of the points is taken; of the sampled ones at most so many as `kills` says.
    pub(crate) fn stride(self, path: &Path, points: &[usize], kills: usize) -> usize {
        match self {
            Self::Sampled => {
                let stops: usize = points.iter().map(|k| path.cost_of(*k)).sum();
                points.len().div_ceil(SAMPLED.min(kills)).max(stops.div_ceil(STOPS)).max(1)
            }
            Self::Full | Self::Every => 1,
        }
    }
}

/// Decides which points a sampled sweep takes; drawn anew in each run unless it is given.
pub(crate) fn seed() -> usize {
    static SEED: OnceLock<usize> = OnceLock::new();
    *SEED.get_or_init(|| {
        let given = std::env::var("PROCSHARE_SEED").ok().and_then(|seed| seed.parse().ok());
        given.unwrap_or_else(|| std::process::id() as usize)
    })
}
