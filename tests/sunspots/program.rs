//! Runs the example as a program.

use std::{
    env,
    ffi::OsStr,
    io::Read,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::support::{Watchdog, eventually};

/// The running example: watched over, and killed when the test that started it fails.
pub(crate) struct Program {
    child: Child,
    _watchdog: Watchdog,
}

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the example from start to end.
pub(crate) fn run<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Run {
    Program::start(arguments).finish()
}

impl Program {
    /// Starts the example in the folder of the crate, as `cargo run` would.
    pub(crate) fn start<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Program {
        let child = Command::new(executable())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        Program { child, _watchdog: Watchdog::start("of the example sunspots".to_owned(), 300) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the run.
    pub(crate) fn finish(mut self) -> Run {
        // What it prints is short enough to stay in the pipes until then.
        let status = eventually(|| match self.child.try_wait().expect("the example is our child") {
            Some(status) => Ok(status),
            None => Err("for the end of the example".to_owned()),
        });
        Run {
            code: status.code(),
            stdout: text(self.child.stdout.take()),
            stderr: text(self.child.stderr.take()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nothing to do for one that has ended; a test that fails has its own message.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The built example: `target/<profile>/examples/sunspots`, while this test is `target/<profile>/deps/sunspots-<hash>`.
fn executable() -> PathBuf {
    let test = env::current_exe().expect("a test knows its path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("a test lies in target/<profile>/deps");
    let example = profile.join("examples").join("sunspots");
    assert!(example.exists(), "{} is missing: cargo build --example sunspots", example.display());
    example
}

fn text(pipe: Option<impl Read>) -> String {
    let mut text = String::new();
    pipe.expect("both outputs are piped").read_to_string(&mut text).expect("the output is UTF-8");
    text
}
