//! Re-execution of the own test binary: a test alone in its process, and programs that a test starts and hurts.
//!
//! Both are ordinary libtest tests, found again by their path. A *program* is an `#[ignore]`d test whose body runs
//! only when a test asked for it by the environment, so that `--include-ignored` does no harm.

use std::{
    any::{type_name, type_name_of_val},
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Watchdog, eventually, os, table};

/// Names the test whose body this process is to run.
const ROLE: &str = "PROCSHARE_TEST_ROLE";

/// What a program exits with to say that it cannot run here (its reason stands on stderr).
pub(crate) const SKIPPED: i32 = 77;

/// The libtest path of the function or closure with this type name: `binary::module::test::{{closure}}` ->
/// `module::test`.
pub(crate) fn path_of(type_name: &str) -> String {
    let path = type_name.split("::{{closure}}").next().unwrap_or(type_name);
    let path = path.strip_suffix("::here").unwrap_or(path);
    path.split_once("::").map_or(path, |(_, path)| path).to_string()
}

/// Runs `body` alone: the test that calls this re-executes its own binary with only itself, and passes if that does.
///
/// Inside, no other test's threads, descriptors or children disturb what `body` counts.
pub(crate) fn isolated<F: FnOnce()>(seconds: u64, body: F) {
    let test = path_of(type_name::<F>());
    if os::environment(ROLE).as_deref() == Some(&test) {
        let _watchdog = Watchdog::start(test, seconds);
        body();
        return;
    }
    let _watchdog = Watchdog::start(test.clone(), seconds + 60);
    let outcome = Program::named(test).run();
    if !outcome.status.success() {
        panic!("alone in its process the test ended with {}\n{}", outcome.status, outcome.tail());
    }
    assert!(outcome.stdout.contains("test result: ok. 1 passed"), "no such test\n{}", outcome.tail());
    // A reason for skipping must reach the reader, and so must a figure.
    let told = |line: &&str| line.starts_with("skipped: ") || line.starts_with("measured: ");
    outcome.stderr.lines().filter(told).for_each(|line| eprintln!("{line}"));
}

/// Whether this process is the one that [`isolated`] or a [`Program`] started, to run one test.
pub(crate) fn is_alone() -> bool {
    os::environment(ROLE).is_some()
}

/// The body of a program: runs only if a test started this process to be `program`.
pub(crate) fn as_program<F: FnOnce()>(seconds: u64, body: F) {
    let program = path_of(type_name::<F>());
    if os::environment(ROLE).as_deref() != Some(&program) {
        return;
    }
    let _watchdog = Watchdog::start(program, seconds);
    body();
}

/// Tells the test that started this program a fact, on stdout: `say("pid", 4711)`.
pub(crate) fn say(key: &str, value: impl std::fmt::Display) {
    os::write_stdout(&format!("\n@{key} {value}\n"));
}

/// A re-execution of this binary that runs one of its tests.
#[derive(Debug)]
pub(crate) struct Program {
    test: String,
    wrapper: Vec<String>,
    environment: Vec<(String, String)>,
    input: Option<Vec<u8>>,
}

impl Program {
    /// The program whose body is the `#[ignore]`d test `body`.
    pub(crate) fn of<F: Fn()>(body: F) -> Program {
        Program::named(path_of(type_name_of_val(&body)))
    }

    fn named(test: String) -> Program {
        Program { test, wrapper: Vec::new(), environment: Vec::new(), input: None }
    }

    /// Runs it by another program, whose command line this is the beginning of.
    pub(crate) fn wrapped_by(mut self, wrapper: &[&str]) -> Program {
        self.wrapper = wrapper.iter().map(|part| part.to_string()).collect();
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Program {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// Gives it this as standard input (a pipe) instead of `/dev/null`.
    pub(crate) fn input(mut self, bytes: &[u8]) -> Program {
        self.input = Some(bytes.to_vec());
        self
    }

    /// Runs it to its end. Its output goes through files, so that a stray descendant that keeps a stream open cannot
    /// hold up the test.
    pub(crate) fn run(self) -> Outcome {
        let (mut stdout, mut stderr) = (scratch(), scratch());
        let mut running = self.launch(stdio(&stdout), stdio(&stderr));
        let status = running.wait();
        Outcome { status, stdout: contents(&mut stdout), stderr: contents(&mut stderr) }
    }

    /// Starts it, to talk with it while it runs.
    pub(crate) fn start(self) -> Running {
        let stderr = scratch();
        let mut running = self.launch(Stdio::piped(), stdio(&stderr));
        running.stdout = running.child.stdout.take().map(BufReader::new);
        running.stderr = Some(stderr);
        running
    }

    fn launch(self, stdout: Stdio, stderr: Stdio) -> Running {
        let own = std::env::current_exe().expect("the path of the test binary");
        let own = own.to_str().expect("a test binary whose path is UTF-8").to_string();
        let mut line = self.wrapper;
        line.push(own);
        line.extend(
            ["--exact", &self.test, "--include-ignored", "--nocapture", "--test-threads=1"].map(String::from),
        );
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env(ROLE, &self.test).envs(self.environment).process_group(0);
        os::kill_with_this_thread(&mut command);
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.stdout(stdout).stderr(stderr).spawn().expect("start the test binary again");
        if let Some(input) = self.input {
            let mut stdin = child.stdin.take().expect("a piped stdin");
            stdin.write_all(&input).expect("write the program's input");
        }
        groups().push(child.id());
        Running { test: self.test, child, stdout: None, stderr: None, reaped: false }
    }
}

/// The process groups of the programs that run, for a watchdog to end: what a program started may have lost its parent.
static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn groups() -> MutexGuard<'static, Vec<u32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the programs of this process started and is alive; nothing if somebody holds the list, since a watchdog asks.
pub(crate) fn alive_in_programs() -> Vec<u32> {
    GROUPS
        .try_lock()
        .map(|groups| groups.iter().flat_map(|group| table::alive_in_group(*group)).collect())
        .unwrap_or_default()
}

/// A program that runs, in a process group of its own. Dropping it kills the whole group.
#[derive(Debug)]
pub(crate) struct Running {
    test: String,
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<File>,
    reaped: bool,
}

impl Running {
    /// The program's own pid, which is also its process group.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads on until the program [`say`]s `key`; panics with its stderr if it ends first.
    pub(crate) fn hear(&mut self, key: &str) -> String {
        let stdout = self.stdout.as_mut().expect("a program that was started, not run");
        loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).expect("read the program's output");
            if read == 0 {
                let log = self.stderr.as_mut().map(contents).unwrap_or_default();
                panic!("program {} ended without saying '{key}'; its stderr:\n{log}", self.test);
            }
            let said = line.strip_prefix('@').and_then(|fact| fact.strip_prefix(key));
            if let Some(value) = said.and_then(|value| value.strip_prefix(' ')) {
                return value.trim_end().to_string();
            }
        }
    }

    /// The same as a number.
    pub(crate) fn hear_number(&mut self, key: &str) -> u32 {
        self.hear(key).parse().expect("a number")
    }

    /// Waits for the program itself, not for what it started.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().expect("wait for the program");
        self.reaped = true;
        status
    }

    /// What it wrote to stderr so far.
    pub(crate) fn stderr(&mut self) -> String {
        self.stderr.as_mut().map(contents).unwrap_or_default()
    }

    /// Waits until nothing that the program started is left alive.
    pub(crate) fn wait_for_empty_group(&self) {
        let group = self.pid();
        eventually(|| match table::alive_in_group(group).as_slice() {
            [] => Ok(()),
            left => {
                let left: Vec<_> = left.iter().map(|pid| table::describe(*pid)).collect();
                Err(format!("the program's group still has {}", left.join("; ")))
            }
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Members only: a group number that nobody has any more may be somebody else's by now.
        for pid in table::alive_in_group(self.pid()) {
            os::kill(pid, libc::SIGKILL);
        }
        if !self.reaped {
            // Killed above; nothing to do about a failure here.
            let _ = self.child.wait();
        }
        groups().retain(|group| *group != self.child.id());
    }
}

/// How a program ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its exit status.
    pub(crate) status: ExitStatus,
    /// All it wrote to stdout.
    pub(crate) stdout: String,
    /// All it wrote to stderr.
    pub(crate) stderr: String,
}

impl Outcome {
    /// The value of a fact that the program told by [`say`].
    pub(crate) fn said(&self, key: &str) -> Option<&str> {
        let facts = self.stdout.lines().filter_map(|line| line.strip_prefix('@'));
        facts.filter_map(|fact| fact.split_once(' ')).find(|(said, _)| *said == key).map(|(_, value)| value)
    }

    /// Panics with the output unless the program succeeded; `false` if it said that it cannot run here.
    pub(crate) fn ran(&self) -> bool {
        if self.status.code() == Some(SKIPPED) {
            let reason = self.stderr.lines().find_map(|line| line.strip_prefix("skipped: "));
            super::skip(reason.unwrap_or("the program gave no reason"));
            return false;
        }
        assert!(self.status.success(), "the program ended with {}\n{}", self.status, self.tail());
        true
    }

    /// The signal that ended the program.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The end of both outputs, for a message.
    pub(crate) fn tail(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}", last(&self.stdout), last(&self.stderr))
    }
}

/// At most the last 8 KiB or so of a text, cut at a line's start.
fn last(text: &str) -> &str {
    let from = text.len().saturating_sub(8 << 10);
    if from == 0 {
        return text;
    }
    let next = text.bytes().skip(from).position(|byte| byte == b'\n');
    next.map_or("", |newline| &text[from + newline + 1..])
}

fn scratch() -> File {
    tempfile::tempfile().expect("a scratch file")
}

fn stdio(file: &File) -> Stdio {
    Stdio::from(file.try_clone().expect("a second descriptor of a scratch file"))
}

fn contents(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // The offset is shared with the writers, who have only ever appended: put it back where they expect it.
    let end = file.stream_position().expect("the offset of a scratch file");
    file.rewind().expect("rewind a scratch file");
    file.read_to_end(&mut bytes).expect("read a scratch file");
    file.seek(SeekFrom::Start(end.max(bytes.len() as u64))).expect("the end of a scratch file");
    String::from_utf8_lossy(&bytes).into_owned()
}
