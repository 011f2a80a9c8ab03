//! Whether the programs still run, and print every row. What the figures are is not looked at.

use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// After this a program is taken to hang.
const WATCHDOG: Duration = Duration::from_secs(300);

/// Runs a program to its end, and ends it if that does not come.
fn output_of(program: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program is there");
    let began = Instant::now();
    while child.try_wait().expect("our own child").is_none() {
        if began.elapsed() > WATCHDOG {
            child.kill().expect("our own child");
            let output = child.wait_with_output().expect("our own child");
            panic!("{program} hangs after\n{}", String::from_utf8_lossy(&output.stdout));
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("our own child")
}

fn printed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}\n{text}", output.status);
    text
}

/// The lines of the table with this title.
fn table<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    text.lines().skip_while(|line| *line != title).skip(1).take_while(|line| !line.is_empty()).collect()
}

/// Titles, and how many rows.
const TABLES: [(&str, usize); 8] = [
    ("lock, += 1, unlock: nobody else", 8),
    ("lock, change 64 bytes, unlock: nobody else", 6),
    ("lock to read, read, unlock: nobody else", 5),
    ("semaphore, acquire + release: nobody else", 2),
    ("lock, += 1, unlock: two workers", 8),
    ("lock to read, read, unlock: two workers", 5),
    ("ping-pong of two processes, awake", 10),
    ("ping-pong of two processes, asleep", 7),
];

/// Looks whether each row has figures, and gives the number of rows.
fn rows_with_figures(text: &str, title: &str) -> usize {
    let lines = table(text, title);
    let (head, rows) = lines.split_first().unwrap_or_else(|| panic!("no table {title} in\n{text}"));
    assert!(head.contains("median"), "{head}");
    for row in rows {
        let figures = row.trim_end_matches(" =").split_whitespace().rev().take(3);
        let figures: Vec<f64> = figures.map_while(|figure| figure.parse().ok()).collect();
        assert_eq!(figures.len(), 3, "{row}");
        assert!(figures.iter().all(|figure| figure.is_finite()), "{row}");
    }
    rows.len()
}

const NO_PYTHON: &str = "no comparison with Python";
const NO_PYTHON_POOL: &str = "that can make a pool";
const NO_NUMPY: &str = "no comparison with numpy";

#[test]
fn every_row_of_the_locks_has_figures() {
    let text = printed(&output_of(env!("CARGO_BIN_EXE_locks"), &["--quick"]));
    for (title, expected) in TABLES {
        assert_eq!(rows_with_figures(&text, title), expected, "{title} in\n{text}");
    }
    let python = table(&text, "locked += 1, against Python");
    assert!(!python.is_empty() || text.contains(NO_PYTHON), "{text}");
}

/// Titles, and how many rows; how many more with Python, and with `iceoryx2`.
const QUEUE_TABLES: [(&str, usize, usize, usize); 16] = [
    ("round trip of 8 B, both awake", 16, 0, 1),
    ("round trip of 64 B, both awake", 15, 0, 1),
    ("round trip of 1 KiB, both awake", 15, 0, 1),
    ("hand-over of 64 KiB in place, there and back", 10, 0, 1),
    ("hand-over of 1 MiB in place, there and back", 10, 0, 1),
    ("round trip of 8 B, both asleep", 12, 3, 1),
    ("round trip of strings, both asleep", 9, 3, 1),
    ("one way, 8 B, polled", 9, 0, 1),
    ("one way, 64 B, polled", 9, 0, 1),
    ("one way, 1 KiB, polled", 9, 0, 1),
    ("one way, 64 KiB, polled", 9, 0, 1),
    ("one way, 8 B, able to sleep", 12, 3, 1),
    ("one way, 64 KiB, able to sleep", 12, 3, 1),
    ("two to two, 8 B", 7, 2, 0),
    ("two to two, 64 B", 7, 2, 0),
    ("one way, strings, able to sleep", 8, 3, 1),
];

/// The rows check what arrives, and panic if that is not what was sent.
#[test]
fn every_row_of_the_queues_has_figures() {
    let text = printed(&output_of(env!("CARGO_BIN_EXE_queues"), &["--quick"]));
    for (title, expected, python, iceoryx2) in QUEUE_TABLES {
        let python = if text.contains(NO_PYTHON) { 0 } else { python };
        let iceoryx2 = if cfg!(feature = "iceoryx2") { iceoryx2 } else { 0 };
        assert_eq!(rows_with_figures(&text, title), expected + python + iceoryx2, "{title} in\n{text}");
    }
}

/// Titles, and how many rows; how many more with Python.
const POOL_TABLES: [(&str, usize, usize); 8] = [
    ("round trip of a task, workers awake", 12, 4),
    ("round trip of a task, workers asleep", 10, 0),
    ("512 tasks in flight, per task", 5, 1),
    ("100,000 tasks, then gathered, per task", 5, 1),
    ("map: 10,000,000 squares into warm memory", 4, 0),
    ("map: 1000 items of some 10 µs", 4, 1),
    ("256 empty chunks, per chunk", 3, 0),
    ("uneven work: the Mandelbrot set, 1200 x 900", 3, 0),
];

/// Titles of the tables for which each pool has a program of its own; the lines of their heads, and the figures of a row.
const ALONE_TABLES: [(&str, usize, usize); 2] =
    [("idle pools: CPU time, µs a second", 1, 2), ("1,000,000 tasks queued at once", 2, 8)];

/// The rows check what the tasks give, and panic if that is wrong.
#[test]
fn every_row_of_the_pools_has_figures() {
    let text = printed(&output_of(env!("CARGO_BIN_EXE_pools"), &["--quick"]));
    let python = !text.contains(NO_PYTHON_POOL);
    for (title, expected, with_python) in POOL_TABLES {
        let expected = expected + if python { with_python } else { 0 };
        let numpy = usize::from(python && title.contains("squares") && !text.contains(NO_NUMPY));
        assert_eq!(rows_with_figures(&text, title), expected + numpy, "{title} in\n{text}");
    }
    for (title, heads, figures) in ALONE_TABLES {
        let rows = &table(&text, title)[heads..];
        assert_eq!(rows.len(), 4 + usize::from(python), "{title} in\n{text}");
        for row in rows {
            let read = row.split_whitespace().rev().map_while(|figure| figure.parse::<f64>().ok());
            assert_eq!(read.take(figures).count(), figures, "{row}");
        }
    }
}

/// What comes of each accident with procshare, the times left out.
const OURS: [&[&str]; 8] = [
    &["lock(): Poisoned: Died PID"],
    &["write(): ok"],
    &["acquire(): ok"],
    &["set(): ok", "set(): ok", "waiter: ok", "waiter: ok"],
    &["notify_all(): ok", "notify_one(): ok", "notify_one(): ok", "waiter: ok", "waiter: ok", "waiter: ok"],
    &["2nd wait(): PartyDied: PID", "3rd wait(): PartyDied: PID"],
    &["2nd wait(): PartyDied: PID", "3rd wait(): PartyDied: PID"],
    &["1st try: TimedOut", "2nd try: TimedOut", "3rd try: TimedOut"],
];

/// The steps of a cell without their times, in alphabetical order: which of two begins first is not always the same.
fn steps(cell: &str) -> Vec<&str> {
    let mut steps: Vec<&str> =
        cell.split("; ").map(|step| step.rsplit_once(", ").map_or(step, |(step, _)| step)).collect();
    steps.sort_unstable();
    steps
}

#[test]
fn every_accident_is_played_with_every_library() {
    let text = printed(&output_of(env!("CARGO_BIN_EXE_faults"), &["--quick", "--markdown"]));
    let rows: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(rows.len(), OURS.len(), "{text}");
    for (row, ours) in rows.into_iter().zip(OURS) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').skip(1).map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{row}");
        assert_eq!(steps(cells[0]), ours, "{row}");
        for cell in cells {
            assert!(
                cell == "has none"
                    || (cell.contains(": ") && !cell.contains("broke off"))
                    || cell == "no python3 here",
                "{row}"
            );
        }
    }
}

/// The control: a library of which it is known that it hangs is seen to hang.
#[test]
fn lock_without_recovery_is_seen_to_hang() {
    let arguments = ["--accident", "holder", "--library", "raw-sync", "--patience", "1"];
    let text = printed(&output_of(env!("CARGO_BIN_EXE_faults"), &arguments));
    assert!(text.contains("lock(): HANG > 1 s"), "{text}");
}
