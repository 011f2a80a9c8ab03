//! The subject of the sweeps of pools: a pool for each victim, which is one of its workers.
//!
//! ```text
//!  the pool    ── made ── submits ──────────── submits ────────────────── all outcomes ── works on ── dropped
//!  the victim  ───────────── runs ─ start ──────────▶ point k ── killed
//!  the others  ── sleep ────────── stopped ─────────────────────────────▶ go on
//!  the witness ─────────────────────────────────────────────────────────────────────────────────────────▶ nothing is left
//! ```
//!
//! The tracer is the pool's parent. What the victim does after the start depends on what is there to be done, which is said by a [`Plan`].

use std::fmt::Debug;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI32,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use procshare::pool::{Builder, Task, TaskFailure};
use procshare::{Message, Pool};

use crate::actor::is_asleep;
use crate::board::Board;
use crate::engine::Victim;
use crate::fates::{self, Fate, MOST, judge, runs};
use crate::gate::{self, Beginning, admit, arm, await_victim};
use crate::heap::Heap;
use crate::sweep::Subject;
use crate::tracee;
use crate::turn::Turn;
use crate::witness::Verdict;

/// How long a task may take whose worker was killed, and a pool until its workers are replaced.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long between two looks at somebody.
const GLANCE: Duration = Duration::from_micros(20);
/// The number of the task by which a pool shows that it works.
const PROOF: usize = MOST - 1;
/// Kills of a sampled sweep: each takes some milliseconds.
const SOME: usize = 100;

/// Waits for the ends of tasks, and says what became of each.
pub(crate) type Pending = Box<dyn FnOnce() -> Vec<(usize, Fate)> + Send>;

/// When it is that there is more to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// When the victim is at its start.
    AtOnce,
    /// When the victim sleeps, or goes no further.
    Asleep,
}

/// What is done by the pool, whose victim is the first worker that comes to the start.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) workers: usize,
    pub(crate) build: fn(Builder) -> Builder,
    /// Its tasks that a death interrupts are run again.
    pub(crate) retried: bool,
    /// Where the path begins; if in the fork: in that of who replaces the pool's one worker.
    pub(crate) beginning: Beginning,
    /// Submits what leads to the start of the path.
    pub(crate) first: fn(&Arc<Pool>) -> Pending,
    /// What must be so before the victim goes on.
    pub(crate) until: fn(&Board) -> bool,
    /// Submits what leads to its end.
    pub(crate) then: fn(&Pool) -> Pending,
    pub(crate) when: When,
}

/// See the module.
pub(crate) struct Shift {
    board: &'static Board,
    heap: Heap,
    plan: Plan,
    running: Option<Running>,
}

/// One pool, its tasks, and the victim.
struct Running {
    pool: Arc<Pool>,
    pending: Vec<Pending>,
    stopped: Vec<i32>,
    /// The victim goes no further.
    doomed: Arc<AtomicBool>,
    submitter: Option<JoinHandle<Pending>>,
}

impl Shift {
    pub(crate) fn new(turn: &Turn, plan: Plan) -> Self {
        gate::stand_on(turn.board);
        Self { board: turn.board, heap: Heap::new(turn.board), plan, running: None }
    }

    /// Who works in `pool`, when all of them sleep.
    fn sleepers(&self, pool: &Pool) -> Vec<i32> {
        let workers: Vec<i32> = pool.workers().iter().map(|worker| worker.pid.cast_signed()).collect();
        assert_eq!(workers.len(), self.plan.workers, "workers that live");
        workers.iter().for_each(|pid| await_that(|| sleeps(*pid)));
        workers
    }
}

impl Subject for Shift {
    fn launch(&mut self) -> Victim {
        let plan = self.plan;
        fates::begin(self.board);
        let pool = Arc::new((plan.build)(Pool::builder()).workers(plan.workers).build().expect("a pool"));
        let workers = self.sleepers(&pool);
        let mut pending = Vec::new();
        if plan.beginning == Beginning::AtTheFork {
            // Whoever sleeps when he is stopped has taken nothing.
            workers.iter().for_each(|pid| send_stop(*pid));
            pending.push((plan.then)(&pool));
            arm(self.board, plan.beginning);
            workers.iter().for_each(|pid| tracee::send_kill(*pid));
        } else {
            arm(self.board, plan.beginning);
            pending.push((plan.first)(&pool));
        }
        let pid = await_victim(self.board);
        await_that(|| (plan.until)(self.board));
        let others = workers.iter().copied().filter(|worker| *worker != pid);
        let stopped: Vec<i32> = others.filter(|_| plan.beginning == Beginning::InTheBody).collect();
        for other in &stopped {
            await_that(|| sleeps(*other));
            send_stop(*other);
        }
        let victim = admit(self.board, pid);
        let doomed = Arc::new(AtomicBool::new(false));
        let submitter = match (plan.beginning, plan.when) {
            (Beginning::AtTheFork, _) => None,
            (_, When::AtOnce) => {
                pending.push((plan.then)(&pool));
                None
            }
            (_, When::Asleep) => {
                let (pool, doomed) = (Arc::clone(&pool), Arc::clone(&doomed));
                Some(thread::spawn(move || {
                    await_that(|| doomed.load(Acquire) || sleeps(pid));
                    (plan.then)(&pool)
                }))
            }
        };
        self.running = Some(Running { pool, pending, stopped, doomed, submitter });
        victim
    }

    fn gap(&mut self) -> Verdict {
        if let Some(running) = &mut self.running {
            running.doomed.store(true, Release);
            let submitted = running.submitter.take().map(|submitter| submitter.join().expect("a submitter"));
            running.pending.extend(submitted);
        }
        Verdict::default()
    }

    fn bury(&mut self, victim: Victim) -> Verdict {
        let Some(Running { pool, pending, stopped, .. }) = self.running.take() else {
            return Verdict::default();
        };
        stopped.iter().for_each(|pid| send_continue(*pid));
        let fates: Vec<_> = pending.into_iter().flat_map(|pending| pending()).collect();
        let mut verdict = judge(self.board, &fates, victim.pid().cast_unsigned(), self.plan.retried);
        let proof = submitted(&pool, PROOF, proves, |outcome| *outcome == Ok(PROOF as u64))();
        verdict |= judge(self.board, &proof, 0, false);
        let until = Instant::now() + PATIENCE;
        while pool.workers().len() < self.plan.workers {
            if Instant::now() > until {
                verdict |= self.board.corrupt("a worker was not replaced");
                break;
            }
            sleep(GLANCE);
        }
        drop(pool);
        verdict
    }

    fn rest(&self) {
        self.heap.rest();
    }

    fn examine(&self) -> Verdict {
        self.heap.examine()
    }

    fn kills(&self) -> usize {
        SOME
    }
}

fn proves(number: u64) -> u64 {
    runs(number);
    number
}

/// Waits until something is so. The tracer has a watchdog.
fn await_that(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(GLANCE);
    }
}

/// Has a worker stand still until [`send_continue`].
fn send_stop(pid: i32) {
    // SAFETY: `pid` is a child that nobody has reaped, so the number still means that child.
    unsafe { libc::kill(pid, libc::SIGSTOP) };
}

/// Has a worker go on that stands still.
fn send_continue(pid: i32) {
    // SAFETY: as in `send_stop`.
    unsafe { libc::kill(pid, libc::SIGCONT) };
}

/// Whether a process sleeps on a futex, and does not stand still for its tracer.
pub(crate) fn sleeps(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default();
    state.trim_start().starts_with('S') && is_asleep(pid)
}

/// What comes of `task`: the one of that number, which is right if `right` says so.
pub(crate) fn pending<R: Message + Debug + 'static>(
    number: usize,
    mut task: Task<R>,
    right: fn(&Result<R, TaskFailure>) -> bool,
) -> Pending {
    Box::new(move || vec![(number, Fate::of(&task.get_timeout(PATIENCE), right))])
}

/// The same, while a thread sleeps on the task.
pub(crate) fn waited<R: Message + Debug + Send + 'static>(
    number: usize,
    mut task: Task<R>,
    right: fn(&Result<R, TaskFailure>) -> bool,
) -> Pending {
    let (tell, told) = channel();
    let waiter = Arc::new(AtomicI32::new(0));
    let waiting = Arc::clone(&waiter);
    thread::spawn(move || {
        // SAFETY: asks for a number.
        waiting.store(unsafe { libc::gettid() }, Relaxed);
        let _ = tell.send(task.get_timeout(PATIENCE));
    });
    await_that(|| is_asleep(waiter.load(Relaxed)));
    told_of(number, told, right)
}

/// The same, by the pool's callback.
pub(crate) fn noticed<R: Message + Debug + Send + 'static>(
    number: usize,
    task: Task<R>,
    right: fn(&Result<R, TaskFailure>) -> bool,
) -> Pending {
    let (tell, told) = channel();
    let tell_failure = tell.clone();
    task.on_done(move |result| _ = tell.send(Ok(result)), move |failure| _ = tell_failure.send(Err(failure)));
    told_of(number, told, right)
}

fn told_of<R: Debug + Send + 'static>(
    number: usize,
    told: Receiver<Result<R, TaskFailure>>,
    right: fn(&Result<R, TaskFailure>) -> bool,
) -> Pending {
    Box::new(move || {
        let outcome = told.recv_timeout(2 * PATIENCE).unwrap_or(Err(TaskFailure::Unfinished));
        vec![(number, Fate::of(&outcome, right))]
    })
}

/// Waits for what a thread says of the tasks of these numbers.
pub(crate) fn said(numbers: &'static [usize], told: Receiver<Vec<(usize, Fate)>>) -> Pending {
    Box::new(move || {
        let hung = |_| numbers.iter().map(|number| (*number, Fate::Hung)).collect();
        told.recv_timeout(2 * PATIENCE).unwrap_or_else(hung)
    })
}

/// Submits a task whose argument is its number.
pub(crate) fn submitted<R: Message + Debug + 'static>(
    pool: &Pool,
    number: usize,
    f: impl Fn(u64) -> R + Copy + Send + Sync + 'static,
    right: fn(&Result<R, TaskFailure>) -> bool,
) -> Pending {
    pending(number, pool.submit(f, number as u64).expect("a task"), right)
}
