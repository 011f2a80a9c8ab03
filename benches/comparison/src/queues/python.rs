//! Python's `multiprocessing`: `Queue`, `SimpleQueue`, `Pipe`, each with two processes (or two and two) on two CPUs.

use std::process::Command;
use std::time::Duration;

use crate::report::Row;

/// Prints the microseconds of a round trip, or the million items a second.
const SCRIPT: &str = include_str!("queues.py");

/// What is asked of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Both asleep: microseconds.
    Trip,
    /// One way: million items a second.
    Flow,
    /// Two senders, two receivers: million items a second.
    Crowd,
}

/// What travels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Bytes(usize),
    Texts,
}

/// Python's rows of a table; none, if there is no Python that can play them.
pub(super) fn rows(task: Task, item: Item, span: Duration) -> Vec<Row> {
    let kinds: &[(&str, &str)] = &[
        ("multiprocessing.Queue", "queue"),
        ("multiprocessing.SimpleQueue", "simple"),
        ("multiprocessing.Pipe", "pipe"),
    ];
    // Several must not use one end of a pipe at the same time.
    let kinds = if matches!(task, Task::Crowd) { &kinds[..2] } else { kinds };
    kinds
        .iter()
        .map(|&(name, kind)| {
            Row::new(name, move || {
                play(kind, task, item, span).unwrap_or_else(|said| panic!("{name}: {said}"))
            })
        })
        .collect()
}

/// Whether there is a `python3`; says so if not.
pub(super) fn is_here() -> bool {
    let here = play("simple", Task::Flow, Item::Bytes(8), Duration::from_millis(1)).is_ok();
    if !here {
        println!("\nno comparison with Python: there is no python3 that can make a queue");
    }
    here
}

fn play(kind: &str, task: Task, item: Item, span: Duration) -> Result<f64, String> {
    let task = match task {
        Task::Trip => "trip",
        Task::Flow => "flow",
        Task::Crowd => "crowd",
    };
    let size = match item {
        Item::Bytes(size) => size.to_string(),
        Item::Texts => "texts".to_owned(),
    };
    let output = Command::new("python3")
        .args(["-c", SCRIPT, kind, task, &size, &span.as_secs_f64().to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().map_err(|_| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}
