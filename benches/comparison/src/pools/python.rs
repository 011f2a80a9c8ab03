//! Python's pools: `multiprocessing.Pool` and `ProcessPoolExecutor`, of two workers that were forked.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Plan;
use super::roles::standing;
use crate::report::Row;

/// Makes a pool, and does what it is told by line.
const SCRIPT: &str = include_str!("pools.py");

/// Tasks of one of Python's samples, at most.
const MOST: u64 = 20_000;

/// Which Python there is, and what it can do.
#[derive(Clone, Debug)]
pub(super) struct Python {
    program: String,
    numpy: bool,
}

impl Python {
    /// Says so if there is none, or no numpy.
    pub(super) fn find(program: &str) -> Option<Self> {
        let python = Self { program: program.to_owned(), numpy: true };
        if python.try_start("pool").is_none() {
            println!("\nno comparison with Python: there is no {program} that can make a pool");
            return None;
        }
        let numpy = Command::new(program).args(["-c", "import numpy"]).stderr(Stdio::null()).status();
        let numpy = numpy.is_ok_and(|status| status.success());
        if !numpy {
            println!("\nno comparison with numpy: {program} has none");
        }
        Some(Self { numpy, ..python })
    }

    pub(super) fn start(&self, kind: &str) -> Player {
        self.try_start(kind).unwrap_or_else(|| panic!("Python can not make the pool {kind}"))
    }

    fn try_start(&self, kind: &str) -> Option<Player> {
        let mut process = Command::new(&self.program)
            .args(["-c", SCRIPT, kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (commands, answers) = (process.stdin.take()?, BufReader::new(process.stdout.take()?));
        let mut player = Player { process, commands, answers };
        (player.answer() == "ready").then_some(player)
    }
}

/// A Python with a pool that stands by.
#[derive(Debug)]
pub(super) struct Player {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Player {
    pub(super) fn pid(&self) -> i32 {
        self.process.id().cast_signed()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        let _ = self.answers.read_line(&mut line);
        line.trim().to_owned()
    }

    /// # Panics
    /// If Python gave up.
    pub(super) fn ask(&mut self, command: &str, argument: impl std::fmt::Display) -> String {
        writeln!(self.commands, "{command} {argument}").expect("Python listens");
        let answer = self.answer();
        assert!(!answer.is_empty(), "Python gave up over {command} {argument}");
        answer
    }

    fn figure(&mut self, command: &str, argument: impl std::fmt::Display) -> f64 {
        self.ask(command, argument).parse().expect("a figure")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to tell.
        let _ = writeln!(self.commands, "end 0");
        let _ = self.process.wait();
    }
}

/// A row over a pool that Python keeps, of the figure with which it answers.
fn row(
    python: &Python,
    name: &'static str,
    kind: &str,
    command: &'static str,
    argument: impl std::fmt::Display + 'static,
) -> Row {
    let (python, kind) = (python.clone(), kind.to_owned());
    standing(name, move || python.start(&kind), move |player| player.figure(command, &argument))
}

pub(super) fn trips(plan: &Plan) -> Vec<Row> {
    let span = plan.span.as_secs_f64();
    let rows = plan.python.iter().flat_map(|python| {
        [
            row(python, "Python, Pool.apply", "pool", "trips", span),
            row(python, "Python, Pool.apply, on two CPUs", "pool apart", "trips", span),
            row(python, "Python, ProcessPoolExecutor.submit", "executor", "trips", span),
            row(python, "Python, ProcessPoolExecutor.submit, on two CPUs", "executor apart", "trips", span),
        ]
    });
    rows.collect()
}

pub(super) fn bulk(plan: &Plan, tasks: u64) -> Vec<Row> {
    let name = if tasks > MOST {
        "Python, Pool.map, chunks of 1, 20,000 tasks"
    } else {
        "Python, Pool.map, chunks of 1"
    };
    let rows = plan.python.iter().map(|python| row(python, name, "pool", "bulk", tasks.min(MOST)));
    rows.collect()
}

pub(super) fn squares(plan: &Plan, length: usize) -> Vec<Row> {
    let python = plan.python.iter().filter(|python| python.numpy);
    python
        .map(|python| {
            row(python, "Python, Pool with numpy in shared memory", &length.to_string(), "squares", 0)
        })
        .collect()
}

pub(super) fn toils(plan: &Plan, items: usize) -> Vec<Row> {
    let rows = plan.python.iter().map(|python| row(python, "Python, Pool.map", "pool", "toils", items));
    rows.collect()
}
