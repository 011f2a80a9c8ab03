//! The word of one task in every interleaving, with planted bugs.

// What the task works on stands in the checker's cells, which hand out raw pointers.
#![allow(unsafe_code)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Spurious};
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::task_state::TaskState;
use crate::algo::{Phase, Seen};

const FIRST: u16 = 1;
const SECOND: u16 = 2;

/// What a model prints when a task has two ends, or is run by two.
const ONE: &str = "a task has one end";

/// A task, its argument, and its result.
struct Task<K> {
    kernel: K,
    state: TaskState,
    argument: UnsafeCell<u32>,
    result: UnsafeCell<u32>,
}

impl<K: Kernel> Task<K> {
    /// With this argument, queued.
    fn queued(argument: u32) -> Arc<Self> {
        let task = Self {
            kernel: K::new(),
            state: TaskState::new(),
            argument: UnsafeCell::new(0),
            result: UnsafeCell::new(0),
        };
        task.write_argument(argument);
        task.state.queue(false);
        Arc::new(task)
    }

    fn write_argument(&self, value: u32) {
        // SAFETY: nobody runs it; the checker reports it if somebody does.
        self.argument.with_mut(|argument| unsafe { *argument = value });
    }

    /// What the task does.
    fn work(&self) {
        // SAFETY: by who claimed it; the checker reports it if the argument is being written.
        let argument = self.argument.with(|argument| unsafe { *argument });
        self.write_result(10 * argument);
    }

    fn write_result(&self, value: u32) {
        // SAFETY: by who claimed it, or ends it for a dead one; the checker reports it if somebody else is at it.
        self.result.with_mut(|result| unsafe { *result = value });
    }

    /// What came of it.
    fn result(&self) -> u32 {
        // SAFETY: it has ended; the checker reports it if not.
        self.result.with(|result| unsafe { *result })
    }

    /// Comes for the task as that worker; returns whether it ran, and was ended by it.
    fn run(&self, worker: u16) -> bool {
        if self.state.claim(worker).is_none() {
            return false;
        }
        self.work();
        self.end(worker)
    }

    fn end(&self, worker: u16) -> bool {
        let Ok(before) = self.state.end(worker, Phase::Returned) else { return false };
        assert_eq!((before.phase(), before.worker()), (Phase::Running, worker), "{ONE}");
        self.tell(before);
        true
    }

    fn tell(&self, before: Seen) {
        if before.is_waited() {
            self.state.wake(&self.kernel);
        }
    }

    fn settle(&self, from: Phase, to: Phase) -> bool {
        let before = self.state.settle(from, to);
        before.into_iter().for_each(|before| self.tell(before));
        before.is_some()
    }

    fn wait(&self) -> Phase {
        assert!(self.state.wait(&self.kernel, |_| ()));
        self.state.look().phase()
    }
}

/// Two workers come for the task, and the submitter waits.
fn two_come<K: Kernel>() {
    let task = Task::<K>::queued(7);
    let workers = [FIRST, SECOND].map(|worker| {
        let task = Arc::clone(&task);
        thread::spawn(move || task.run(worker))
    });
    assert_eq!(task.wait(), Phase::Returned);
    assert_eq!(task.result(), 70);
    let [first, second] = workers.map(|worker| worker.join().unwrap());
    assert!(first != second, "{ONE}");
    assert_eq!(task.state.look().worker(), if first { FIRST } else { SECOND });
}

/// Two wait for the task that a worker runs.
fn two_wait<K: Kernel>() {
    let task = Task::<K>::queued(7);
    let others = [true, false].map(|works| {
        let task = Arc::clone(&task);
        thread::spawn(move || match works {
            true => assert!(task.run(FIRST)),
            false => assert_eq!((task.wait(), task.result()), (Phase::Returned, 70)),
        })
    });
    assert_eq!((task.wait(), task.result()), (Phase::Returned, 70));
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// The submitter cancels the task for which a worker comes, and somebody else waits.
fn one_cancels<K: Kernel>() {
    let task = Task::<K>::queued(7);
    let [working, waiting] = [true, false].map(|works| {
        let task = Arc::clone(&task);
        thread::spawn(move || match works {
            true => task.run(FIRST),
            false => task.wait() == Phase::Returned,
        })
    });
    let cancelled = task.settle(Phase::Queued, Phase::Cancelled);
    let (ran, waited) = (working.join().unwrap(), waiting.join().unwrap());
    assert!(ran != cancelled, "{ONE}");
    assert_eq!(waited, ran, "{ONE}");
}

/// A worker runs a task for too long, and ends it meanwhile, perhaps. Somebody waits.
fn one_condemns<K: Kernel>() {
    let task = Task::<K>::queued(7);
    let sequence = task.state.claim(FIRST).unwrap().sequence();
    let waiting = {
        let task = Arc::clone(&task);
        thread::spawn(move || task.wait())
    };
    let working = {
        let task = Arc::clone(&task);
        thread::spawn(move || {
            task.work();
            task.end(FIRST)
        })
    };
    let condemned = task.state.condemn(FIRST, sequence);
    let ended = working.join().unwrap();
    assert!(ended != condemned, "{ONE}");
    if condemned {
        assert_eq!(task.state.look().phase(), Phase::Condemned, "{ONE}");
        task.write_result(1); // how it died
        assert!(task.settle(Phase::Condemned, Phase::TimedOut), "{ONE}");
    }
    let phase = waiting.join().unwrap();
    assert_eq!(phase, if condemned { Phase::TimedOut } else { Phase::Returned }, "{ONE}");
    assert_eq!(task.result(), if condemned { 1 } else { 70 });
}

/// The worker of an older use is condemned too late: the next use is not touched.
fn next_use_is_not_condemned() {
    let task = Task::<Spurious>::queued(7);
    let sequence = task.state.claim(FIRST).unwrap().sequence();
    let condemning = {
        let task = Arc::clone(&task);
        thread::spawn(move || task.state.condemn(FIRST, sequence))
    };
    if task.end(FIRST) {
        task.state.free();
        task.write_argument(8);
        task.state.queue(false);
        assert!(task.run(FIRST), "{ONE}");
        assert!(!condemning.join().unwrap(), "{ONE}");
    } else {
        assert!(condemning.join().unwrap(), "{ONE}");
    }
}

/// A task whose worker died is put right and queued again, while another worker comes, and somebody waits.
fn one_requeues<K: Kernel>() {
    let task = Task::<K>::queued(7);
    let before = task.state.claim(FIRST).unwrap().sequence();
    task.write_result(1);
    let waiting = {
        let task = Arc::clone(&task);
        thread::spawn(move || (task.wait(), task.result()))
    };
    let working = {
        let task = Arc::clone(&task);
        thread::spawn(move || task.run(SECOND))
    };
    task.write_result(0);
    task.write_argument(8);
    assert!(task.state.requeue(FIRST));
    if !working.join().unwrap() {
        assert!(task.run(SECOND), "{ONE}");
    }
    assert_eq!(waiting.join().unwrap(), (Phase::Returned, 80), "{ONE}");
    assert_ne!(task.state.look().sequence(), before);
}

/// Somebody asks to be told of the end, while it comes.
fn one_asks() {
    let task = Task::<Spurious>::queued(7);
    let working = {
        let task = Arc::clone(&task);
        thread::spawn(move || {
            task.state.claim(FIRST).unwrap();
            task.work();
            task.state.end(FIRST, Phase::Returned).unwrap().is_noticed()
        })
    };
    let asked = task.state.ask_notice();
    if !asked {
        assert_eq!((task.state.look().phase(), task.result()), (Phase::Returned, 70));
    }
    assert_eq!(working.join().unwrap(), asked, "who asked is told");
}

/// Who holds a record queues another task in it, while a worker that has an old entry looks.
fn one_uses_it_again() {
    let task = Task::<Spurious>::queued(7);
    assert!(task.run(FIRST));
    let working = {
        let task = Arc::clone(&task);
        thread::spawn(move || task.run(SECOND))
    };
    assert_eq!(task.result(), 70);
    task.state.free();
    task.write_argument(8);
    task.state.queue(false);
    if !working.join().unwrap() {
        assert!(task.run(FIRST), "{ONE}");
    }
    assert_eq!(task.result(), 80);
}

#[test]
fn task_is_run_by_one_and_waited_for() {
    println!("{} interleavings", explore(two_come::<Spurious>));
    println!("{} interleavings", explore(two_come::<Blocking>));
}

#[test]
fn all_who_wait_learn_of_the_end() {
    println!("{} interleavings", explore(two_wait::<Blocking>));
}

#[test]
fn task_is_cancelled_or_run() {
    println!("{} interleavings", explore(one_cancels::<Spurious>));
    println!("{} interleavings", explore(one_cancels::<Blocking>));
}

#[test]
fn task_is_condemned_or_ended() {
    println!("{} interleavings", explore(one_condemns::<Spurious>));
    println!("{} interleavings", explore(one_condemns::<Blocking>));
}

#[test]
fn next_use_of_a_record_is_not_condemned() {
    println!("{} interleavings", explore(next_use_is_not_condemned));
}

#[test]
fn task_that_is_queued_again_is_run_once_more() {
    println!("{} interleavings", explore(one_requeues::<Spurious>));
    println!("{} interleavings", explore(one_requeues::<Blocking>));
}

#[test]
fn who_asks_in_time_is_told() {
    println!("{} interleavings", explore(one_asks));
}

#[test]
fn next_use_of_a_record_is_whole_for_who_comes_late() {
    println!("{} interleavings", explore(one_uses_it_again));
}

#[test]
fn checker_finds_result_that_is_looked_at_too_early() {
    finds(Bug::ResultUnordered, RACE, two_come::<Spurious>);
}

#[test]
fn checker_finds_condemned_worker_that_ends_its_task() {
    finds(Bug::CondemnedEnds, ONE, one_condemns::<Spurious>);
}

#[test]
fn checker_finds_waiter_that_does_not_say_so() {
    finds(Bug::WaitedUnsaid, DEADLOCK, two_come::<Blocking>);
}

#[test]
fn checker_finds_exchange_that_orders_nothing() {
    finds(Bug::TaskUnordered, RACE, two_come::<Spurious>);
}

#[test]
fn checker_finds_task_that_is_queued_too_early() {
    finds(Bug::QueueUnordered, RACE, one_uses_it_again);
}
