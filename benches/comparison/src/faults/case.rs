//! One case seen from outside: starts it, kills whom it names, and ends it when it is over or the time is up.

use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::accident::{Accident, Library};
use super::report::{Line, now};
use super::session;

/// How long the others have to begin to wait before somebody is killed.
const A_MOMENT: Duration = Duration::from_millis(300);

/// How one step went.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    began: u64,
    /// When it ended, and with what; `None`: it was still waiting when its time was up.
    ended: Option<(u64, String)>,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ending {
    /// As it should.
    Over,
    /// There is nothing to play it with: why.
    HasNone(&'static str),
    /// Nobody said anything for too long.
    TimeUp,
    /// It could not be played: why.
    BrokeOff(String),
}

/// What came of a case.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    steps: Vec<Step>,
    killed: Option<u64>,
    patience: Duration,
    ending: Ending,
}

impl Outcome {
    /// Whether anybody was still waiting when the time was up.
    pub(super) fn hangs(&self) -> bool {
        self.ending == Ending::TimeUp && self.steps.iter().any(|step| step.ended.is_none())
    }

    /// Milliseconds from the last thing that had happened before the step ended: itself began, somebody was killed, or
    /// another step began, such as that of the one who wakes it.
    fn waited(&self, step: &Step, ended: u64) -> f64 {
        let others = self.steps.iter().map(|other| other.began).chain(self.killed);
        let since = others.filter(|at| *at < ended).max().unwrap_or(step.began);
        (ended - since) as f64 / 1e6
    }

    /// Whether the case could not be played.
    pub(super) fn failed(&self) -> bool {
        matches!(self.ending, Ending::TimeUp | Ending::BrokeOff(_)) && !self.hangs()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |step: &Step| {
            let name = &step.name;
            match &step.ended {
                Some((at, text)) => format!("{name}: {text}, {:.1} ms", self.waited(step, *at)),
                None if self.hangs() => format!("{name}: HANG > {} s", self.patience.as_secs()),
                None => format!("{name}: no end"),
            }
        };
        let mut parts: Vec<String> = self.steps.iter().map(step).collect();
        match &self.ending {
            Ending::HasNone(why) => parts.push((*why).to_owned()),
            Ending::BrokeOff(why) => parts.push(format!("broke off: {why}")),
            Ending::TimeUp if !self.hangs() => parts.push("stuck outside of every step".to_owned()),
            Ending::Over | Ending::TimeUp => {}
        }
        f.write_str(&parts.join("; "))
    }
}

/// The program that plays a case.
fn program(accident: Accident, library: Library) -> Command {
    let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
        value().expect("none is skipped").get_name().to_owned()
    };
    let accident = name(&|| accident.to_possible_value());
    if library == Library::Python {
        let mut python = Command::new("python3");
        python.args(["-c", include_str!("python.py"), &accident]);
        return python;
    }
    let mut own = Command::new(std::env::current_exe().expect("a program has a path"));
    own.args(["--play", "--accident", &accident, "--library", &name(&|| library.to_possible_value())]);
    own
}

/// Plays a case and ends all of it.
pub(super) fn watch(accident: Accident, library: Library, patience: Duration) -> Outcome {
    let mut command = program(accident, library);
    session::of_its_own(&mut command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut outcome = Outcome { steps: Vec::new(), killed: None, patience, ending: Ending::Over };
    let mut leader = match command.spawn() {
        Ok(leader) => leader,
        Err(error) => {
            let absent = library == Library::Python && error.kind() == ErrorKind::NotFound;
            outcome.ending =
                if absent { Ending::HasNone("no python3 here") } else { Ending::BrokeOff(error.to_string()) };
            return outcome;
        }
    };
    let (said, hear) = channel();
    let stdout = leader.stdout.take().expect("piped");
    let mut stderr = leader.stderr.take().expect("piped");
    let listener = thread::spawn(move || listen(stdout, &said));
    let complaints = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut watch = Watch { outcome: &mut outcome, patient_until: Instant::now() + patience, to_kill: None };
    let ending = watch.until_the_end(&hear);
    session::end(leader.id().cast_signed());
    let status = leader.wait().expect("our own child");
    listener.join().expect("it only reads");
    let complaints = complaints.join().expect("it only reads");
    outcome.ending = ending.unwrap_or_else(|| {
        let last = complaints.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("");
        Ending::BrokeOff(format!("{status}; {}", last.trim()))
    });
    outcome
}

/// Passes on what the case says, until nobody of it is left who could say more.
fn listen(stdout: impl Read, said: &Sender<Line>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(line) = Line::read(&line) {
            // The watch may be over already.
            let _ = said.send(line);
        }
    }
}

/// What the one who watches is at.
struct Watch<'a> {
    outcome: &'a mut Outcome,
    /// When patience ends, counted from the last thing that was said.
    patient_until: Instant,
    to_kill: Option<(i32, Instant)>,
}

impl Watch<'_> {
    /// Returns how the case ended; `None` if all of it is gone without a word.
    fn until_the_end(&mut self, hear: &Receiver<Line>) -> Option<Ending> {
        loop {
            let next = self.to_kill.map_or(self.patient_until, |(_, at)| at.min(self.patient_until));
            match hear.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Line::Over) => return Some(Ending::Over),
                Ok(Line::HasNone) => return Some(Ending::HasNone("has none")),
                Ok(line) => self.note(line),
                Err(RecvTimeoutError::Timeout) if Instant::now() >= self.patient_until => {
                    return Some(Ending::TimeUp);
                }
                Err(RecvTimeoutError::Timeout) => self.kill(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn note(&mut self, line: Line) {
        self.patient_until = Instant::now() + self.outcome.patience;
        match line {
            Line::Begin { step, at } => self.outcome.steps.push(Step { name: step, began: at, ended: None }),
            Line::End { step, at, text } => {
                let open = self.outcome.steps.iter_mut().find(|s| s.name == step && s.ended.is_none());
                if let Some(open) = open {
                    open.ended = Some((at, text));
                }
            }
            Line::Kill { pid } => self.to_kill = Some((pid, Instant::now() + A_MOMENT)),
            Line::HasNone | Line::Over => {}
        }
    }

    fn kill(&mut self) {
        if let Some((pid, _)) = self.to_kill.take_if(|(_, at)| *at <= Instant::now()) {
            self.outcome.killed = Some(now());
            session::kill(pid);
            self.patient_until = Instant::now() + self.outcome.patience;
        }
    }
}
