//! `value += 1` under the value's lock, against Python's `multiprocessing`.

use std::process::Command;

use super::Effort;
use super::ours;
use crate::report::{Row, Table, Unit};

const TURNS: u32 = 100_000;

/// Prints the nanoseconds of one locked increment.
const SCRIPT: &str = "
import multiprocessing, sys, time
turns = int(sys.argv[1])
value = multiprocessing.Value('q', 0)
began = time.perf_counter()
for _ in range(turns):
    with value.get_lock():
        value.value += 1
print((time.perf_counter() - began) / turns * 1e9)
";

pub(super) fn tables(effort: Effort) -> Vec<Table> {
    let turns = TURNS / effort.share;
    if python(turns).is_none() {
        println!("\nno comparison with Python: there is no python3 that can share a value");
        return Vec::new();
    }
    let rows = vec![
        Row::new("multiprocessing.Value with its lock", move || python(turns).unwrap_or(f64::NAN)),
        ours::locked_increments("procshare::sync::Mutex", turns),
    ];
    vec![Table::new("locked += 1, against Python", Unit::Nanoseconds, None, rows)]
}

fn python(turns: u32) -> Option<f64> {
    let answer = Command::new("python3").args(["-c", SCRIPT, &turns.to_string()]).output().ok()?;
    String::from_utf8(answer.stdout).ok()?.trim().parse().ok()
}
