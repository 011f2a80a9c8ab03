//! How long it takes from a holder's death until a sleeper has the lock: printed, not judged.

use std::{thread, time::Duration};

use procshare::{
    Process, Value,
    sync::{LockError, Mutex},
};

use crate::support::{Program, as_program, isolated, measured, os, say, scaled, wait_until, watchdog};

/// How much memory the holder has: the more, the longer it dies.
const RESIDENT: usize = 16 << 20;
/// How long the sleeper sleeps before the death: its naps are as long as they get.
const ASLEEP: Duration = Duration::from_millis(150);

/// What holder and sleeper share.
#[derive(Clone)]
struct Stage {
    mutex: Mutex<u64>,
    has: Value<u32>,
    /// When the sleeper had the lock.
    taken: Value<u64>,
}

impl Stage {
    fn new() -> Self {
        Self {
            mutex: Mutex::new(0).expect("a mutex"),
            has: Value::new(0).expect("4 bytes"),
            taken: Value::new(0).expect("8 bytes"),
        }
    }

    fn hold(&self) -> ! {
        let resident = vec![1_u8; RESIDENT];
        let _guard = self.mutex.lock().or_else(LockError::recover).expect("the lock");
        self.has.set(1);
        std::hint::black_box(&resident);
        os::sleep_for_ever()
    }

    fn sleeper(&self) -> Process<()> {
        let own = self.clone();
        let body = move || {
            let guard = own.mutex.lock();
            own.taken.set(os::monotonic_nanoseconds());
            assert!(matches!(guard, Err(LockError::Poisoned(_))), "nobody else died");
            own.mutex.clear_poison();
        };
        Process::spawn(body).expect("spawn")
    }

    fn holder(&self) -> Process<()> {
        let own = self.clone();
        Process::spawn(move || -> () { own.hold() }).expect("spawn")
    }

    fn await_holder(&self) {
        wait_until(|| self.has.get() == 1);
        self.has.set(0);
    }
}

fn print(what: &str, mut waits: Vec<u64>) {
    waits.sort_unstable();
    let milliseconds = |at: usize| waits[at] as f64 / 1e6;
    let (least, median, most) =
        (milliseconds(0), milliseconds(waits.len() / 2), milliseconds(waits.len() - 1));
    measured(&format!(
        "from SIGKILL of a holder of 16 MiB to the lock, {what}: median {median:.2} ms, {least:.2} to {most:.2}"
    ));
}

#[test]
fn sleeper_gets_the_lock_of_a_dead_child_of_its_family() {
    isolated(120, || {
        let stage = Stage::new();
        let once = |_| {
            let holder = stage.holder();
            stage.await_holder();
            let sleeper = stage.sleeper();
            thread::sleep(ASLEEP);
            let killed = os::monotonic_nanoseconds();
            holder.kill().expect("kill");
            sleeper.join().expect("the sleeper");
            assert!(holder.join().is_err());
            stage.taken.get().saturating_sub(killed)
        };
        print("the parent notices", (0..scaled(15)).map(once).collect());
    });
}

#[test]
fn sleeper_gets_the_lock_of_a_dead_fork_that_nobody_awaits() {
    isolated(120, || {
        let stage = Stage::new();
        let once = |_| {
            let Some(holder) = os::foreign_fork() else { stage.hold() };
            stage.await_holder();
            let sleeper = stage.sleeper();
            thread::sleep(ASLEEP);
            let killed = os::monotonic_nanoseconds();
            os::kill(holder, libc::SIGKILL);
            sleeper.join().expect("the sleeper");
            assert!(os::reap(holder as i32).is_some());
            stage.taken.get().saturating_sub(killed)
        };
        print("the sleeper finds out by itself", (0..scaled(15)).map(once).collect());
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_with_a_holder_and_a_sleeper() {
    as_program(120, || {
        let stage = Stage::new();
        let holder = stage.holder();
        stage.await_holder();
        let own = stage.clone();
        let body = move || {
            let guard = own.mutex.lock();
            say("taken", os::monotonic_nanoseconds());
            assert!(matches!(guard, Err(LockError::Poisoned(_))), "nobody else died");
        };
        let sleeper = Process::spawn(body).expect("spawn");
        thread::sleep(ASLEEP);
        say("holder", holder.pid());
        sleeper.join().expect("the sleeper");
        assert!(holder.join().is_err());
    });
}

#[test]
fn sleeper_gets_the_lock_of_a_dead_child_though_the_parent_is_stopped() {
    watchdog!(200);
    let once = |_| {
        let mut program = Program::of(program_with_a_holder_and_a_sleeper).start();
        let holder = program.hear_number("holder");
        assert!(os::kill(program.pid(), libc::SIGSTOP));
        let killed = os::monotonic_nanoseconds();
        assert!(os::kill(holder, libc::SIGKILL));
        let taken: u64 = program.hear("taken").parse().expect("a time");
        assert!(os::kill(program.pid(), libc::SIGCONT));
        assert!(program.wait().success(), "{}", program.stderr());
        taken.saturating_sub(killed)
    };
    print("the parent is stopped", (0..scaled(10)).map(once).collect());
}
