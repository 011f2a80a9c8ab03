//! What a pool takes while nobody wants anything of it, and while a million tasks wait. Each is played in a program of its
//! own, so that no other pool's memory and threads are counted.

use std::env;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};

use super::proc::{children_of, cpu_time, descriptors, own, resident};
use super::python::Python;
use super::roles::Trip;
use super::tasks::sum_of_squares;
use super::{Options, Plan, WORKERS, ours};
use crate::peers::{procspawn, rayon, thread_pool::ThreadPool};
use crate::shared::Shared;

/// How long an idle pool is watched.
const WATCH: Duration = Duration::from_secs(10);

/// After which it is taken to be idle.
const SETTLE: Duration = Duration::from_millis(300);

/// Tasks that wait.
const TASKS: u64 = 1_000_000;

const IDLE: &str = "idle pools: CPU time, µs a second";
const QUEUED: &str = "1,000,000 tasks queued at once";

/// The pools by name, each with the part of the tasks that it is given.
const CREWS: [(&str, &str, u64); 4] = [
    ("rayon", "rayon (threads)", 1),
    ("crossbeam", "crossbeam-channel pool (threads)", 1),
    // Each task that waits holds four descriptors.
    ("procspawn", "procspawn, 1000 tasks", 1000),
    ("python", "Python, Pool, 100,000 tasks", 10),
];

/// Prints the tables that are asked for.
pub(super) fn report(plan: &Plan, options: &Options) {
    let mut crews = CREWS.to_vec();
    if plan.python.is_none() {
        crews.retain(|&(crew, ..)| crew != "python");
    }
    crews.extend(ours::ALONE);
    if IDLE.contains(&options.common.only) {
        println!("\n{IDLE}\n{:<52}{:>10}{:>10}", "", "program", "workers");
        for &(crew, name, _) in &crews {
            let figures = ask(options, "idle", crew);
            println!(
                "{:<51} {:>9.0} {:>9.0}",
                name.split(',').next().unwrap_or(name),
                figures[0],
                figures[1]
            );
        }
    }
    if QUEUED.contains(&options.common.only) {
        println!("\n{QUEUED}\n{:<32}{:>26}{:>18}{:>21}", "", "bytes a task", "ns a task", "descriptors");
        println!(
            "{:<32}{:>9}{:>9}{:>8}{:>10}{:>8}{:>8}{:>7}{:>6}",
            "", "private", "shared", "heap", "submit", "finish", "before", "queued", "after"
        );
        for &(crew, name, _) in &crews {
            let f = ask(options, "queued", crew);
            println!(
                "{name:<32}{:>9.1}{:>9.1}{:>8.1}{:>10.0}{:>8.0}{:>8}{:>7}{:>6}",
                f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
            );
        }
    }
}

/// Has a program of its own play one pool.
fn ask(options: &Options, what: &str, crew: &str) -> Vec<f64> {
    let program = env::current_exe().expect("this program has a name");
    let mut command = Command::new(program);
    command.args(["--python", &options.python, "--alone", &format!("{what}:{crew}")]);
    if options.common.quick {
        command.arg("--quick");
    }
    let output = command.stderr(Stdio::inherit()).output().expect("this program, once more");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect::<Vec<f64>>();
    let expected = if what == "idle" { 2 } else { 8 };
    assert!(output.status.success() && figures.len() == expected, "{what}:{crew}: {}\n{text}", output.status);
    figures
}

/// Plays one pool in this program, and prints its figures.
pub(super) fn play(part: &str, share: u32, python: &str) {
    let (what, crew) = part.split_once(':').expect("what and whose");
    let python = || Python::find(python).expect("a Python");
    if what == "idle" {
        let watch = WATCH / share;
        match crew {
            "rayon" => idle(rayon::pool(WORKERS), watch),
            "crossbeam" => idle(ThreadPool::new(WORKERS, 1), watch),
            "procspawn" => idle(procspawn::Crew::new(WORKERS), watch),
            "python" => {
                let player = python().start("pool");
                watch_over(player.pid(), watch);
            }
            _ => idle(ours::Crew::new(), watch),
        }
        return;
    }
    let part = CREWS.iter().chain(&ours::ALONE).find(|one| one.0 == crew).map_or(1, |one| one.2);
    let tasks = TASKS / part / u64::from(share);
    let figures = match crew {
        "rayon" => queued(|| rayon::Spawning::new(WORKERS), tasks),
        "crossbeam" => queued(|| ThreadPool::new(WORKERS, usize::try_from(tasks).expect("a count")), tasks),
        "procspawn" => queued(|| procspawn::Waiting::new(WORKERS), tasks),
        "python" => python().start("pool").ask("queued", tasks),
        _ => queued(ours::Crew::new, tasks),
    };
    println!("{figures}");
}

/// Watches a pool that has worked once.
fn idle(mut crew: impl Trip, watch: Duration) {
    assert_eq!(crew.trip(3), 9);
    watch_over(own(), watch);
}

/// Prints how much a process, and its children, use the CPU while nothing is wanted of them.
fn watch_over(program: i32, watch: Duration) {
    thread::sleep(SETTLE);
    let workers = children_of(program);
    let times = || (cpu_time(program), workers.iter().copied().map(cpu_time).sum::<Duration>());
    let before = times();
    thread::sleep(watch);
    let after = times();
    let share =
        |before: Duration, after: Duration| (after - before).as_secs_f64() * 1e6 / watch.as_secs_f64();
    println!("{} {}", share(before.0, after.0), share(before.1, after.1));
}

/// A pool to which tasks are given one by one.
pub(crate) trait Patient {
    /// Hands over a task that waits for the gate.
    fn block(&mut self);
    /// Hands over a number to be squared.
    fn submit(&mut self, number: u64);
    /// Bytes of its own heap in shared memory that are in use, if it has one.
    fn heap(&self) -> u64 {
        0
    }
    /// The sum of all results, when all are there.
    fn finish(&mut self) -> u64;
}

/// Closed while 0; in memory that workers share that are forked after it is made.
static GATE: OnceLock<&'static AtomicU32> = OnceLock::new();

/// A task that keeps its worker until the gate is opened.
pub(crate) fn wait_for_gate(_: u64) -> u64 {
    while GATE.get().is_some_and(|gate| gate.load(Acquire) == 0) {
        thread::sleep(Duration::from_millis(1));
    }
    0
}

/// Private and shared bytes a task, and those of a heap; nanoseconds a task to submit and to finish; descriptors before, while they wait, after.
///
/// The pool itself is among the bytes, since some have all the room for tasks from the beginning; not among the descriptors.
pub(super) fn queued<C: Patient>(make: impl FnOnce() -> C, tasks: u64) -> String {
    let gate = Shared::forever(AtomicU32::new(0));
    GATE.set(gate).expect("one pool a program");
    let (private, shared) = resident();
    let mut crew = make();
    (0..WORKERS).for_each(|_| crew.block());
    thread::sleep(SETTLE);
    let (open_before, heap) = (descriptors(), crew.heap());
    let began = Instant::now();
    (1..=tasks).for_each(|number| crew.submit(number));
    let submitted = began.elapsed();
    let (open, (private_then, shared_then), heap_then) = (descriptors(), resident(), crew.heap());
    let began = Instant::now();
    gate.store(1, Release);
    let sum = crew.finish();
    let finished = began.elapsed();
    assert_eq!(sum, sum_of_squares(tasks), "every task is done once");
    let open_after = descriptors();
    let each = |figure: f64| figure / tasks as f64;
    let grown = |before: u64, then: u64| each(then as f64 - before as f64);
    let time = |time: Duration| each(time.as_secs_f64() * 1e9);
    format!(
        "{} {} {} {} {} {open_before} {open} {open_after}",
        grown(private, private_then),
        grown(shared, shared_then),
        grown(heap, heap_then),
        time(submitted),
        time(finished)
    )
}
