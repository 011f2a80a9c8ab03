//! The pool in a storm of kills: every task ends once, as what became of it, and nothing is left.
//!
//! Tasks count when they begin and when they are about to return, in shared counters that the workers have from the fork. So of each task it
//! is known whether its outcome can be true.

use std::{
    collections::VecDeque,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use procshare::{
    Array, Cells, Pool, Queue, Task,
    pool::TaskFailure,
    queue::{Receiver as QueueReceiver, Sender as QueueSender},
};

use super::leaving::leaving_nothing;
use crate::support::{Random, eventually, isolated, measured, os, scaled};

/// Workers of the pool.
pub(crate) const WORKERS: usize = 4;
/// Longest pause between two kills, in microseconds.
const PAUSE: u64 = 20_000;
/// Tasks of a storm at most, per unit of scale.
const MOST: usize = 2_000_000;

/// How often each task began, and how often it was about to return.
static BEGUN: OnceLock<&'static Cells<u8>> = OnceLock::new();
static ENDED: OnceLock<&'static Cells<u8>> = OnceLock::new();

/// Counters that outlive everybody.
fn counters() -> &'static Cells<u8> {
    Box::leak(Box::new(Array::<u8>::zeroed(scaled(MOST)).expect("room for the counts"))).cells()
}

fn count(counters: &OnceLock<&'static Cells<u8>>, number: u64) {
    counters.get().expect("counters, made before the pool").fetch_add(number as usize, 1);
}

fn counted(counters: &OnceLock<&'static Cells<u8>>, number: u64) -> u8 {
    counters.get().expect("counters").load(number as usize)
}

/// A message of many sizes: its bytes follow from its number, and so does whether an array is in it.
type Mixed = (u64, Vec<u8>, Option<Array<u64>>);

fn dice(number: u64) -> u64 {
    Random::seeded(number).next()
}

fn mixed(number: u64) -> Mixed {
    let dice = dice(number ^ 0x5eed);
    let len = match dice % 64 {
        0 => 100_000,
        1..4 => 6000,
        _ => dice as usize % 200,
    };
    let len_of_array = 1 + (dice >> 16) as usize % 2000;
    let array = (dice >> 8).is_multiple_of(4);
    let array = array.then(|| Array::from_fn(len_of_array, |at| number + at as u64).expect("an array"));
    (number, vec![number as u8; len], array)
}

/// Takes the time that its number says, and panics if that says so.
fn work(number: u64) {
    count(&BEGUN, number);
    match dice(number) % 512 {
        0..16 => thread::sleep(Duration::from_micros(dice(number ^ 1) % 2000)),
        16..64 => (0..dice(number ^ 1) % 20_000).for_each(|_| std::hint::spin_loop()),
        64 => panic!("as its number says: {number}"),
        _ => {}
    }
    count(&ENDED, number);
}

fn small(number: u64) -> u64 {
    work(number);
    number.rotate_left(7)
}

fn large(argument: Mixed) -> Mixed {
    let number = argument.0;
    assert!(argument == mixed(number), "not what was submitted");
    work(number);
    // What came in goes out by turns, and is dropped by turns.
    if number.is_multiple_of(2) { argument } else { mixed(number) }
}

fn attending((number, sender): (u64, QueueSender<u64>)) -> u64 {
    let _ = sender.send(number); // the storm may have dropped the receiver
    small(number)
}

/// A task under way.
enum Running {
    Small(Task<u64>),
    Large(Task<Mixed>),
    /// Has the only sender, so that the receiver learns of the end as well.
    Attending(Task<u64>, QueueReceiver<u64>),
}

/// What a task ended with; `true`: the right result.
type Outcome = Result<bool, TaskFailure>;

fn is_right_small(number: u64) -> impl FnOnce(u64) -> bool {
    move |result| result == number.rotate_left(7)
}

fn is_right_large(number: u64) -> impl FnOnce(Mixed) -> bool {
    move |result| result == mixed(number)
}

impl Running {
    fn submit(pool: &Pool, number: u64) -> Self {
        match dice(number ^ 2) % 32 {
            0 => {
                let (sender, receiver) = Queue::bounded(4).expect("a queue").split();
                let task = pool.submit(attending, (number, sender));
                Self::Attending(task.map_err(|error| error.error).expect("submit"), receiver)
            }
            1..16 => Self::Small(pool.submit(small, number).expect("submit")),
            _ => Self::Large(pool.submit(large, mixed(number)).map_err(|error| error.error).expect("submit")),
        }
    }

    fn cancel(&self) -> bool {
        match self {
            Self::Small(task) => task.cancel(),
            Self::Large(task) => task.cancel(),
            Self::Attending(task, _) => task.cancel(),
        }
    }

    fn get(self, number: u64) -> Outcome {
        match self {
            Self::Small(task) => task.get().map(is_right_small(number)),
            Self::Large(task) => task.get().map(is_right_large(number)),
            Self::Attending(task, receiver) => {
                assert!(receiver.iter().all(|received| received == number));
                assert!(task.is_ready(), "task {number} has no sender any more, and has not ended");
                task.get().map(is_right_small(number))
            }
        }
    }

    fn on_done(self, number: u64, tell: Sender<(u64, Outcome)>) {
        let failed = tell.clone();
        let failed = move |failure| failed.send((number, Err(failure))).expect("the storm");
        match self {
            Self::Small(task) | Self::Attending(task, _) => {
                let right = is_right_small(number);
                task.on_done(
                    move |result| tell.send((number, Ok(right(result)))).expect("the storm"),
                    failed,
                );
            }
            Self::Large(task) => {
                let right = is_right_large(number);
                task.on_done(
                    move |result| tell.send((number, Ok(right(result)))).expect("the storm"),
                    failed,
                );
            }
        }
    }
}

/// What came of a storm.
#[derive(Debug, Default)]
struct Account {
    submitted: u64,
    returned: u64,
    panicked: u64,
    died: u64,
    cancelled: u64,
    dropped: u64,
    kills: u64,
}

/// Checks the outcome of a task against what it counted.
fn judge(account: &mut Account, number: u64, outcome: Outcome, retries: u8) {
    let (begun, ended) = (counted(&BEGUN, number), counted(&ENDED, number));
    let context = || format!("task {number}, begun {begun} times, {ended} times about to return");
    assert!(begun <= 1 + retries && ended <= begun, "{}: {outcome:?}", context());
    match outcome {
        Ok(right) => {
            assert!(right, "{}: a wrong result", context());
            assert!(ended >= 1, "{}: a result", context());
            account.returned += 1;
        }
        Err(TaskFailure::Panicked { panic, .. }) => {
            assert_eq!(panic.message, format!("as its number says: {number}"));
            assert!(begun >= 1 && ended == 0, "{}: a panic", context());
            account.panicked += 1;
        }
        Err(TaskFailure::WorkerDied { signal, code, .. }) => {
            assert_eq!((signal, code), (Some(libc::SIGKILL), None), "{}", context());
            account.died += 1;
        }
        Err(failure) => panic!("{}: {failure}", context()),
    }
}

/// Kills a worker now and then until it is told to stop; returns how many.
pub(crate) fn kill_now_and_then(pool: &Pool, seed: u64, over: &AtomicBool) -> u64 {
    let (mut random, mut kills) = (Random::seeded(seed), 0);
    while !over.load(Relaxed) {
        thread::sleep(Duration::from_micros(random.below(PAUSE)));
        let workers = pool.workers();
        if workers.is_empty() {
            continue;
        }
        let which = random.below(workers.len() as u64) as usize;
        kills += u64::from(os::kill(workers[which].pid, libc::SIGKILL));
    }
    kills
}

/// Ends the storm when it is dropped, so that a failed assertion does, too.
pub(crate) struct EndsStorm<'a>(pub(crate) &'a AtomicBool);

impl Drop for EndsStorm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Submits tasks and takes what comes of them.
fn storm(name: &str, seed: u64, retries: u8, tasks_per_worker: u64) -> Account {
    let builder = Pool::builder().workers(WORKERS).retries(u32::from(retries));
    let pool = builder.tasks_per_worker(tasks_per_worker).build().expect("a pool");
    let over = AtomicBool::new(false);
    let mut account = thread::scope(|s| {
        let killer = s.spawn(|| kill_now_and_then(&pool, seed ^ 1, &over));
        let ends = EndsStorm(&over);
        let mut account = Account::default();
        let mut random = Random::seeded(seed);
        let until = Instant::now() + Duration::from_millis(scaled(4000) as u64);
        let (tell, told): (_, Receiver<(u64, Outcome)>) = mpsc::channel();
        let (mut in_flight, mut called) = (VecDeque::new(), 0_u64);
        let most = scaled(MOST) as u64;
        while Instant::now() < until && account.submitted < most {
            let window = match random.below(200) {
                0 => 10_000,
                1..20 => 1,
                _ => random.below(200) as usize,
            };
            while in_flight.len() < window && account.submitted < most {
                in_flight.push_back((account.submitted, Running::submit(&pool, account.submitted)));
                account.submitted += 1;
            }
            for _ in 0..=random.below(200) {
                let next = if random.below(4) == 0 { in_flight.pop_back() } else { in_flight.pop_front() };
                let Some((number, task)) = next else { break };
                match random.below(50) {
                    0 => {
                        task.on_done(number, tell.clone());
                        called += 1;
                    }
                    1 => {
                        drop(task);
                        account.dropped += 1;
                    }
                    2 if task.cancel() => {
                        assert_eq!(task.get(number), Err(TaskFailure::Cancelled));
                        // Between two runs it is queued.
                        assert!(counted(&BEGUN, number) <= retries, "task {number} was cancelled");
                        account.cancelled += 1;
                    }
                    _ => judge(&mut account, number, task.get(number), retries),
                }
            }
            for (number, outcome) in told.try_iter() {
                judge(&mut account, number, outcome, retries);
                called -= 1;
            }
        }
        for (number, task) in in_flight {
            judge(&mut account, number, task.get(number), retries);
        }
        drop(ends);
        for _ in 0..called {
            let (number, outcome) = told.recv().expect("a sender is here");
            judge(&mut account, number, outcome, retries);
        }
        account.kills = killer.join().expect("the killer");
        drop(tell);
        assert_eq!(told.iter().count(), 0, "a callback was called twice");
        account
    });
    eventually(|| match pool.workers().len() {
        WORKERS => Ok(()),
        others => Err(format!("{others} workers")),
    });
    let whole = (0..100_u64).map(|n| pool.submit(|n: u64| n + 1, n).expect("submit"));
    for (n, task) in (0..).zip(whole.collect::<Vec<_>>()) {
        assert_eq!(task.get(), Ok(n + 1));
    }
    drop(pool);
    for number in 0..account.submitted {
        let (begun, ended) = (counted(&BEGUN, number), counted(&ENDED, number));
        assert!(begun <= 1 + retries && ended <= begun, "task {number}: begun {begun}, ended {ended} times");
    }
    let Account { submitted, returned, panicked, died, cancelled, dropped, kills } = account;
    measured(&format!(
        "{name}: {submitted} tasks, {returned} returned, {panicked} panicked, {died} died, {cancelled} cancelled, \
         {dropped} dropped, {kills} kills"
    ));
    assert_eq!(submitted, returned + panicked + died + cancelled + dropped);
    assert!(died <= kills, "more tasks died than workers");
    assert!(returned > 100, "nobody got on");
    account = Account { submitted, returned, panicked, died, cancelled, dropped, kills };
    account
}

/// Runs a storm alone and looks at what is left of it.
fn weathers(name: &str, seed: u64, retries: u8, tasks_per_worker: u64) {
    BEGUN.get_or_init(counters);
    ENDED.get_or_init(counters);
    leaving_nothing(|| {
        storm(name, seed, retries, tasks_per_worker);
    });
}

#[test]
fn storm_of_kills_leaves_every_task_one_outcome() {
    isolated(600, || weathers("without retries", 40, 0, 0));
}

/// Retries, and workers that make way for others.
#[test]
fn storm_of_kills_is_outlasted_by_retries() {
    isolated(600, || weathers("with retries", 41, 2, 300));
}

#[test]
fn storm_sees_a_task_that_ran_twice_or_returned_without_having_run() {
    isolated(60, || {
        BEGUN.get_or_init(counters);
        ENDED.get_or_init(counters);
        let is_seen = |number: u64, outcome: fn() -> Outcome, retries: u8| {
            let judge = || judge(&mut Account::default(), number, outcome(), retries);
            std::panic::catch_unwind(judge).is_err()
        };
        assert!(is_seen(0, || Ok(true), 0), "it has not run");
        assert!(is_seen(0, || Err(TaskFailure::Cancelled), 0), "nobody cancelled it");
        work(1);
        assert!(!is_seen(1, || Ok(true), 0));
        assert!(is_seen(1, || Ok(false), 0), "a wrong result");
        work(1);
        assert!(is_seen(1, || Ok(true), 0), "it ran twice");
        assert!(!is_seen(1, || Ok(true), 1), "it may");
        count(&ENDED, 2);
        assert!(is_seen(2, || Ok(true), 0), "it ended and had not begun");
    });
}
