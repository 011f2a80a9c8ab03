//! Controls of the sweeps of pools: pools as one makes them by hand of two queues, in which a task is lost with its worker, or run twice.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use procshare::{Process, Queue};

use crate::board::Board;
use crate::engine::Victim;
use crate::fates::{self, Fate, judge, runs};
use crate::forked::take_turn;
use crate::gate::{self, Beginning, admit, arm, await_victim, begin_path, end_path};
use crate::heap::FILL;
use crate::sweep::{Subject, sweep};
use crate::table::Tally;
use crate::turn::Turn;
use crate::witness::Verdict;

/// How long a task may take, where many are to be late; and how many kills there are for that.
const SHORT: Duration = Duration::from_millis(20);
const KILLS: usize = 60;
/// The task in which the path begins, and the one in which it ends.
const TASKS: [u64; 2] = [0, 1];
/// How long `join` may take for a child that is dead.
const JOIN: Duration = Duration::from_secs(20);

/// Workers that take a task from one queue and put its result into another.
struct HandMade {
    board: &'static Board,
    /// What has no result when a worker is dead is sent again, whether it ran or not.
    sends_again: bool,
    running: Option<Running>,
}

struct Running {
    tasks: Queue<u64>,
    results: Queue<[u64; 2]>,
    worker: Process<()>,
}

fn hire(tasks: &Queue<u64>, results: &Queue<[u64; 2]>) -> Process<()> {
    let work = |(tasks, results): (Queue<u64>, Queue<[u64; 2]>)| {
        while let Ok(task) = tasks.recv() {
            runs(task);
            if task == TASKS[0] {
                begin_path()
            } else {
                end_path()
            }
            if results.send([task, FILL ^ task]).is_err() {
                return;
            }
        }
    };
    Process::spawn_with((tasks.clone(), results.clone()), work).expect("a worker")
}

impl Subject for HandMade {
    fn launch(&mut self) -> Victim {
        fates::begin(self.board);
        let (tasks, results) = (Queue::bounded(4).expect("a queue"), Queue::bounded(4).expect("a queue"));
        arm(self.board, Beginning::InTheBody);
        let worker = hire(&tasks, &results);
        TASKS.iter().for_each(|task| tasks.send(*task).expect("room for a task"));
        self.running = Some(Running { tasks, results, worker });
        admit(self.board, await_victim(self.board))
    }

    fn bury(&mut self, victim: Victim) -> Verdict {
        let Some(Running { tasks, results, mut worker }) = self.running.take() else {
            return Verdict::default();
        };
        let _ = worker.join_timeout(JOIN);
        let mut fates = TASKS.map(|task| (task as usize, Fate::Hung));
        let next = hire(&tasks, &results);
        let mut until = Instant::now() + SHORT;
        let mut sends_again = self.sends_again;
        while fates.iter().any(|(_, fate)| *fate == Fate::Hung) {
            let left = until.saturating_duration_since(Instant::now());
            if let Ok([task, result]) = results.recv_timeout(left) {
                let is_right = result == FILL ^ task;
                fates[task as usize].1 =
                    if is_right { Fate::Right } else { Fate::Wrong(format!("{result:#x}")) };
            } else if std::mem::take(&mut sends_again) {
                let lost = fates.iter().filter(|(_, fate)| *fate == Fate::Hung);
                lost.for_each(|(task, _)| tasks.send(*task as u64).expect("room for a task"));
                until = Instant::now() + JOIN;
            } else {
                break;
            }
        }
        tasks.close();
        let _ = next.join();
        judge(self.board, &fates, victim.pid().cast_unsigned(), false)
    }

    fn examine(&self) -> Verdict {
        Verdict::default()
    }

    fn kills(&self) -> usize {
        KILLS
    }
}

fn play(name: &str, sends_again: bool) -> Tally {
    let turn: Turn = take_turn();
    gate::stand_on(turn.board);
    turn.board.words.iter().for_each(|word| word.store(0, Relaxed));
    sweep(name, &turn, &mut HandMade { board: turn.board, sends_again, running: None })
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_pool_made_of_queues_whose_worker_is_killed_is_seen_to_lose_tasks() {
    let tally = play("control: pool made of queues", false);
    assert!(tally.hung > 0 && tally.hung < tally.killed && tally.corrupt == 0, "{tally:?}");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_pool_that_sends_tasks_again_whose_worker_is_killed_is_seen_to_run_them_twice() {
    let tally = play("control: pool that sends tasks again", true);
    assert!(tally.corrupt > 0 && tally.corrupt < tally.killed && tally.hung == 0, "{tally:?}");
}
