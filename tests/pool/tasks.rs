//! Tasks: arguments and results of any size, panics, waiting, cancelling.

use std::{collections::BTreeSet, panic::panic_any, thread, time::Duration};

use procshare::{
    DecodeError, Message, Pool, Value,
    message::{Measure, Reader, Writer},
    pool::TaskFailure,
    sync::{Barrier, Event},
};

use super::leaving::leaving_nothing;
use crate::support::{isolated, scaled, watchdog};

const BRIEFLY: Duration = Duration::from_millis(20);

fn reversed<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    bytes.reverse();
    bytes
}

fn goes_and_comes_back<const N: usize>(pool: &Pool) {
    let bytes = std::array::from_fn(|at| at as u8 ^ 0x5a);
    assert_eq!(pool.submit(reversed::<N>, bytes).expect("submit").get(), Ok(reversed(bytes)));
}

#[test]
fn small_arguments_and_results_of_any_size_arrive() {
    watchdog!(60);
    for retries in [0, 1] {
        let pool = Pool::builder().workers(2).retries(retries).build().expect("a pool");
        goes_and_comes_back::<0>(&pool);
        goes_and_comes_back::<1>(&pool);
        goes_and_comes_back::<8>(&pool);
        goes_and_comes_back::<15>(&pool);
        goes_and_comes_back::<16>(&pool);
        goes_and_comes_back::<17>(&pool);
        goes_and_comes_back::<63>(&pool);
        goes_and_comes_back::<64>(&pool);
        goes_and_comes_back::<65>(&pool);
        goes_and_comes_back::<1000>(&pool);
        assert_eq!(pool.submit(|()| (), ()).expect("submit").get(), Ok(()));
    }
}

#[test]
fn large_arguments_and_results_arrive() {
    isolated(240, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            for len in [0, 40, 4000, 1 << 20, 64 << 20] {
                let text = pool.submit(|len| "x".repeat(len), len).expect("submit").get().expect("a text");
                assert!(text.len() == len && text.bytes().all(|byte| byte == b'x'));
                assert_eq!(pool.submit(|text: String| text.len(), text).expect("submit").get(), Ok(len));
            }
        });
    });
}

#[test]
fn ten_thousand_tasks_on_two_workers_use_two_processes() {
    watchdog!(120);
    let pool = Pool::new(2).expect("a pool");
    let workers: BTreeSet<u32> = pool.workers().iter().map(|worker| worker.pid).collect();
    let both = Barrier::new(2).expect("a barrier");
    let meet = |both: Barrier| both.wait().map(|_| std::process::id()).unwrap_or(0);
    let meeting = [(); 2].map(|()| pool.submit(meet, both.clone()).expect("submit"));
    let mut pids: BTreeSet<u32> = meeting.into_iter().map(|task| task.get().expect("a pid")).collect();
    let tasks: Vec<_> =
        (0..10_000).map(|_| pool.submit(|()| std::process::id(), ()).expect("submit")).collect();
    pids.extend(tasks.into_iter().map(|task| task.get().expect("a pid")));
    assert_eq!(pids, workers);
}

#[test]
fn panic_in_the_seventh_of_ten_tasks_fails_that_one() {
    watchdog!(60);
    let pool = Pool::builder().workers(2).name("ten").build().expect("a pool");
    let work = |n: u32| if n == 7 { panic!("{n} is too much") } else { n * n };
    let tasks: Vec<_> = (1..=10).map(|n| pool.submit(work, n).expect("submit")).collect();
    for (n, task) in (1..).zip(tasks) {
        match task.get() {
            Err(TaskFailure::Panicked { worker, panic }) if n == 7 => {
                assert_eq!(panic.message, "7 is too much");
                assert!(worker.name.starts_with("ten-"), "{worker}");
                assert!(pool.workers().contains(&worker), "{worker} goes on");
                assert!(panic.location.is_none_or(|location| location.contains("tasks.rs")));
            }
            outcome => assert_eq!(outcome, Ok(n * n)),
        }
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn panic_with_any_payload_is_told_and_the_worker_goes_on() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let pid = pool.submit(|()| std::process::id(), ()).expect("submit").get().expect("a pid");
    let work = |kind: u32| match kind {
        0 => panic!("text"),
        1 => panic!("text {kind}"),
        2 => panic_any(kind),
        3 => panic_any(vec![String::from("text")]),
        4 => panic_any(Bomb),
        _ => std::process::id(),
    };
    for kind in [0, 1, 2, 3, 4, 0, 4] {
        let failure = pool.submit(work, kind).expect("submit").get();
        let Err(TaskFailure::Panicked { worker, panic }) = failure else { panic!("{kind}: {failure:?}") };
        assert_eq!(worker.pid, pid);
        match kind {
            0 => assert_eq!(panic.message, "text"),
            1 => assert_eq!(panic.message, "text 1"),
            _ => {}
        }
    }
    assert_eq!(pool.submit(work, 9).expect("submit").get(), Ok(pid));
}

/// A message whose drop panics in every process but one.
#[derive(Debug)]
struct Touchy {
    /// Where it may be dropped.
    home: u32,
}

impl Drop for Touchy {
    fn drop(&mut self) {
        if self.home != std::process::id() {
            panic!("dropped away from home");
        }
    }
}

impl Message for Touchy {
    fn measure(&self, measure: &mut Measure) {
        self.home.measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.home.encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { home: u32::decode(from)? })
    }
}

#[test]
fn argument_or_result_whose_drop_panics_is_a_panic_of_its_task() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let home = std::process::id();
            let pid = pool.submit(|()| std::process::id(), ()).expect("submit").get();
            let touchy = || (Touchy { home }, vec![7_u8; 5000]);
            let panicked = |failure: Option<TaskFailure>| match failure {
                Some(TaskFailure::Panicked { panic, .. }) => {
                    assert_eq!(panic.message, "dropped away from home");
                }
                other => panic!("{other:?}"),
            };
            panicked(pool.submit(drop, touchy()).expect("submit").get().err());
            panicked(pool.submit(|it| it, touchy()).expect("submit").get().err());
            panicked(pool.submit(|home| Touchy { home }, home).expect("submit").get().err());
            let twice = |it: (Touchy, Vec<u8>)| -> () { panic!("with {} bytes in hand", it.1.len()) };
            match pool.submit(twice, touchy()).expect("submit").get() {
                Err(TaskFailure::WorkerDied { signal, .. }) => assert_eq!(signal, Some(libc::SIGABRT)),
                other => panic!("{other:?}"),
            }
            assert_ne!(pool.submit(|()| std::process::id(), ()).expect("submit").get(), pid);
        });
    });
}

#[test]
fn slow_task_is_waited_for_again_and_again() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let go = Event::new().expect("an event");
    let wait = |go: Event| {
        go.wait();
        5
    };
    let mut task = pool.submit(wait, go.clone()).expect("submit");
    assert_eq!(task.get_timeout(BRIEFLY), Err(TaskFailure::Unfinished));
    assert_eq!(task.get_timeout(Duration::ZERO), Err(TaskFailure::Unfinished));
    assert_eq!(task.get_until(std::time::Instant::now() + BRIEFLY), Err(TaskFailure::Unfinished));
    assert_eq!(task.try_get(), Ok(None));
    assert!(!task.is_ready() && !task.wait(BRIEFLY));
    go.set();
    assert!(task.wait(Duration::from_secs(60)) && task.is_ready());
    assert_eq!(task.try_get(), Ok(Some(5)));
    assert!(task.is_ready());
    assert_eq!(task.try_get(), Err(TaskFailure::AlreadyTaken));
    assert_eq!(task.get(), Err(TaskFailure::AlreadyTaken));
}

#[test]
fn queued_task_is_cancelled_and_a_running_one_is_not() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let (go, begun, ran) =
        (Event::new().expect("an event"), Event::new().expect("an event"), Value::new(0_u32));
    let ran = ran.expect("4 bytes");
    let wait = |(go, begun): (Event, Event)| {
        begun.set();
        go.wait();
    };
    let running = pool.submit(wait, (go.clone(), begun.clone())).expect("submit");
    let count = |ran: Value<u32>| ran.fetch_add(1);
    let mut queued: Vec<_> = (0..20).map(|_| pool.submit(count, ran.clone()).expect("submit")).collect();
    begun.wait();
    assert!(!running.cancel());
    assert!(queued.iter().step_by(2).all(|task| task.cancel()));
    assert!(!queued[0].cancel(), "it was cancelled before");
    assert_eq!(queued.remove(0).get(), Err(TaskFailure::Cancelled));
    go.set();
    assert_eq!(running.get(), Ok(()));
    for (at, task) in (1..).zip(queued) {
        match at % 2 {
            0 => assert_eq!(task.get(), Err(TaskFailure::Cancelled)),
            _ => assert!(task.get().is_ok()),
        }
    }
    assert_eq!(ran.get(), 10);
}

#[test]
fn tasks_begin_in_the_order_in_which_they_were_submitted() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let turn = Value::new(0_u64).expect("8 bytes");
    let take_turn = |turn: Value<u64>| turn.fetch_add(1);
    let tasks: Vec<_> =
        (0..scaled(5000)).map(|_| pool.submit(take_turn, turn.clone()).expect("submit")).collect();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(task.get(), Ok(n));
    }
}

#[test]
fn pool_is_used_by_four_threads_at_once() {
    watchdog!(120);
    let pool = Pool::new(2).expect("a pool");
    thread::scope(|s| {
        for thread in 0..4_u64 {
            let pool = &pool;
            s.spawn(move || {
                for n in 0..scaled(2000) as u64 {
                    let task = pool.submit(|(a, b): (u64, u64)| a << 32 | b, (thread, n)).expect("submit");
                    if n % 100 == 99 {
                        let squares = pool.map(|x: u64| x * x, &[thread, n]).expect("a map");
                        assert_eq!(*squares, [thread * thread, n * n]);
                    }
                    assert_eq!(task.get(), Ok(thread << 32 | n));
                }
            });
        }
    });
}
