//! The parent of a pool, killed at every instruction of submitting: its workers go with it, and nothing is left behind.

use std::fs;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

use procshare::{Array, Failure, Message, Pool, Process};

use crate::board::Board;
use crate::engine::{self, Victim};
use crate::forked::{earn_credit, open_slabs, take_turn};
use crate::heap::{FILL, Heap, THREE_PAGES};
use crate::shift::sleeps;
use crate::sweep::{Subject, sweep};
use crate::tracee;
use crate::turn::Turn;
use crate::witness::Verdict;

/// How long `join` may take for a child that is dead, with its workers.
const JOIN: Duration = Duration::from_secs(20);
/// Kills of a sampled sweep: each takes some milliseconds, or, where the path is long and all of it is steps, a tenth of a second.
const SOME: usize = 100;
const FEW: usize = 25;
/// Where on the board the workers' pids are.
const WORKERS: [usize; 2] = [0, 1];

/// A child that has a pool, and submits.
struct Submitter<A> {
    board: &'static Board,
    heap: Heap,
    kills: usize,
    argument: fn() -> A,
    running: Option<Process<()>>,
}

fn takes<A>(argument: A) -> u64 {
    drop(argument);
    FILL
}

impl<A: Message + 'static> Subject for Submitter<A> {
    fn launch(&mut self) -> Victim {
        let (board, argument) = (self.board, self.argument);
        WORKERS.iter().for_each(|worker| board.words[*worker].store(0, Relaxed));
        let body = move || {
            earn_credit();
            let pool = Pool::builder().workers(WORKERS.len()).spin(Duration::ZERO).build().expect("a pool");
            // The first task takes memory for a thousand records, in a hundred thousand instructions.
            assert_eq!(pool.submit(takes::<u64>, 7).expect("a task").get(), Ok(FILL));
            for (place, worker) in WORKERS.iter().zip(pool.workers()) {
                board.words[*place].store(u64::from(worker.pid), Relaxed);
                while !sleeps(worker.pid.cast_signed()) {
                    sleep(Duration::from_micros(50));
                }
            }
            let argument = argument();
            tracee::trace_me();
            engine::mark_start();
            let task = pool.submit(takes::<A>, argument);
            engine::mark_end();
            drop(task);
        };
        let child = Process::spawn(body).expect("a child");
        let pid = child.pid().cast_signed();
        self.running = Some(child);
        Victim::at_start(pid).expect("the child reaches its start mark").among_threads()
    }

    fn bury(&mut self, _: Victim) -> Verdict {
        let Some(mut child) = self.running.take() else { return Verdict::default() };
        let mut verdict = Verdict::default();
        match child.join_timeout(JOIN) {
            Err(Failure::Signaled { signal: libc::SIGKILL, .. }) => {}
            ended => {
                verdict |= self.board.corrupt(&format!("join: {ended:?}"));
                verdict.hung = matches!(ended, Err(Failure::TimedOut { .. }));
            }
        }
        for pid in WORKERS.map(|worker| self.board.words[worker].load(Relaxed)) {
            if pid == 0 || lives(pid) {
                verdict |= self.board.corrupt(&format!("worker {pid} outlives its pool"));
            }
        }
        verdict
    }

    fn rest(&self) {
        self.heap.rest();
    }

    fn examine(&self) -> Verdict {
        self.heap.examine()
    }

    fn kills(&self) -> usize {
        self.kills
    }
}

/// Whether there is a process of that pid that is not dead.
fn lives(pid: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !(state.is_empty() || state.starts_with('Z') || state.starts_with('X'))
}

fn play<A: Message + 'static>(turn: &Turn, name: &str, kills: usize, argument: fn() -> A) {
    let _slabs = open_slabs();
    let (board, heap) = (turn.board, Heap::new(turn.board));
    let mut submitter = Submitter { board, heap, kills, argument, running: None };
    sweep(name, turn, &mut submitter).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn the_workers_of_a_killed_submitter_and_its_memory_go_with_it() {
    let turn = take_turn();
    play(&turn, "pool: submit; its parent dies", SOME, || 7_u64);
    play(&turn, "pool: submit a block; its parent dies", FEW, || vec![FILL; 200]);
    let array = || Array::from_slice(&[FILL; THREE_PAGES]).expect("an array");
    play(&turn, "pool: submit an Array; its parent dies", FEW, array);
}
