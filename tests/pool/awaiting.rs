//! Tasks as futures, and waiting for the first of many.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use procshare::{
    Pool, Task,
    pool::{TaskFailure, as_completed, wait_any},
    sync::Event,
};

use super::leaving::{LONG, leaving_nothing};
use crate::support::{isolated, os, watchdog};

const BRIEFLY: Duration = Duration::from_millis(20);

/// Wakes a thread, and counts how often.
struct Bell {
    thread: Thread,
    rings: AtomicU32,
}

impl Bell {
    fn here() -> Arc<Bell> {
        Arc::new(Bell { thread: thread::current(), rings: AtomicU32::new(0) })
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rings.fetch_add(1, SeqCst);
        self.thread.unpark();
    }
}

/// Runs a future on this thread; returns how often it was polled as well.
fn block_on<F: Future>(future: F) -> (F::Output, u32) {
    let bell = Bell::here();
    let waker = Waker::from(Arc::clone(&bell));
    let (mut future, mut polls) = (pin!(future), 0);
    loop {
        let rung = bell.rings.load(SeqCst);
        polls += 1;
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return (output, polls);
        }
        while bell.rings.load(SeqCst) == rung {
            thread::park();
        }
    }
}

fn wait_for(go: Event) -> u32 {
    go.wait();
    6
}

#[test]
fn future_is_polled_when_it_begins_and_when_it_is_ready() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    for _ in 0..20 {
        let go = Event::new().expect("an event");
        let task = pool.submit(wait_for, go.clone()).expect("submit");
        thread::scope(|s| {
            s.spawn(|| {
                thread::sleep(Duration::from_millis(5));
                go.set();
            });
            let (result, polls) = block_on(task);
            assert_eq!(result, Ok(6));
            assert!(polls <= 2, "{polls} polls");
        });
    }
    let die = |()| os::raise(libc::SIGKILL);
    let (result, polls) = block_on(pool.submit(die, ()).expect("submit"));
    assert!(matches!(result, Err(TaskFailure::WorkerDied { .. })) && polls <= 2);
    let ready = pool.submit(|()| 1, ()).expect("submit");
    assert!(ready.wait(LONG));
    assert_eq!(block_on(ready), (Ok(1), 1));
}

#[test]
fn latest_waker_is_woken_and_a_future_that_was_ready_stays_so() {
    watchdog!(60);
    let pool = Pool::new(1).expect("a pool");
    let go = Event::new().expect("an event");
    let mut task = pool.submit(wait_for, go.clone()).expect("submit");
    let bells = [Bell::here(), Bell::here()];
    for bell in &bells {
        let waker = Waker::from(Arc::clone(bell));
        let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    go.set();
    while bells[1].rings.load(SeqCst) == 0 {
        thread::park_timeout(BRIEFLY);
    }
    assert_eq!(bells[0].rings.load(SeqCst), 0, "nobody waits with the first one");
    let waker = Waker::from(Arc::clone(&bells[1]));
    let context = &mut Context::from_waker(&waker);
    assert_eq!(Pin::new(&mut task).poll(context), Poll::Ready(Ok(6)));
    assert_eq!(Pin::new(&mut task).poll(context), Poll::Ready(Err(TaskFailure::AlreadyTaken)));
}

#[test]
fn future_that_is_dropped_unfinished_leaves_nothing() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(1).expect("a pool");
            let go = Event::new().expect("an event");
            let wait = |go: Event| {
                go.wait();
                vec![0_u8; 100_000]
            };
            let mut task = pool.submit(wait, go.clone()).expect("submit");
            let waker = Waker::from(Bell::here());
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            drop(task);
            go.set();
            pool.submit(|()| (), ()).expect("submit").get().expect("a task");
        });
    });
}

#[test]
fn tokio_awaits_tasks_beside_other_things() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let square = |n: u64| n * n;
        let tasks: Vec<_> = (0..200).map(|n| tokio::spawn(pool.submit(square, n).expect("submit"))).collect();
        for (n, task) in (0..).zip(tasks) {
            assert_eq!(task.await.expect("no panic"), Ok(n * n));
        }
        let go = Event::new().expect("an event");
        let mut slow = pool.submit(wait_for, go.clone()).expect("submit");
        assert!(tokio::time::timeout(BRIEFLY, &mut slow).await.is_err(), "it waits");
        go.set();
        assert_eq!(slow.await, Ok(6));
        let die = pool.submit(|()| os::raise(libc::SIGKILL), ()).expect("submit");
        assert!(matches!(die.await, Err(TaskFailure::WorkerDied { .. })));
    });
}

#[test]
fn first_of_many_is_waited_for_in_mixed_pools() {
    watchdog!(60);
    let pools = [Pool::new(1).expect("a pool"), Pool::new(1).expect("a pool")];
    let goes = [(); 2].map(|()| Event::new().expect("an event"));
    let submit = |which: usize| pools[which].submit(wait_for, goes[which].clone()).expect("submit");
    let tasks = [submit(0), submit(1)];
    assert_eq!(wait_any(&tasks, Duration::ZERO), None);
    assert_eq!(wait_any(&tasks, BRIEFLY), None);
    goes[1].set();
    assert_eq!(wait_any(&tasks, LONG), Some(1));
    assert_eq!(wait_any(&tasks, LONG), Some(1), "it is there still");
    goes[0].set();
    assert!(tasks[0].wait(LONG));
    assert_eq!(wait_any(&tasks, LONG), Some(0), "the first counts");
    let nobody: [Task<u32>; 0] = [];
    assert_eq!(wait_any(&nobody, LONG), None);
    assert!(tasks.into_iter().all(|task| task.get() == Ok(6)));
}

#[test]
fn results_come_as_they_are_completed() {
    watchdog!(60);
    let pools = [Pool::new(2).expect("a pool"), Pool::new(1).expect("a pool")];
    let goes: Vec<_> = (0..3).map(|_| Event::new().expect("an event")).collect();
    let submit = |which: usize| pools[which % 2].submit(wait_for, goes[which].clone()).expect("submit");
    let mut results = as_completed((0..3).map(submit));
    assert_eq!(results.len(), 3);
    assert_eq!(results.next_timeout(BRIEFLY), None);
    assert_eq!(results.next_until(Instant::now() + BRIEFLY), None);
    for which in [1, 2, 0] {
        goes[which].set();
        assert_eq!(results.next(), Some((which, Ok(6))));
    }
    assert_eq!((results.len(), results.next(), results.next_timeout(LONG)), (0, None, None));
    let nobody: [Task<u32>; 0] = [];
    assert!(as_completed(nobody).next().is_none());
    let work = |n: usize| if n == 5 { os::exit_now(5) } else { n };
    let tasks = (0..100).map(|n| pools[n % 2].submit(work, n).expect("submit"));
    let mut results: Vec<_> = as_completed(tasks).collect();
    results.sort_by_key(|(number, _)| *number);
    for (number, (same, result)) in results.into_iter().enumerate() {
        assert_eq!(same, number);
        match result {
            Err(TaskFailure::WorkerDied { code, .. }) => assert_eq!((number, code), (5, Some(5))),
            result => assert_eq!(result, Ok(number)),
        }
    }
}

#[test]
fn tasks_that_are_not_waited_for_any_more_leave_nothing() {
    isolated(60, || {
        leaving_nothing(|| {
            let pool = Pool::new(2).expect("a pool");
            let go = Event::new().expect("an event");
            let tasks: Vec<_> = (0..4).map(|_| pool.submit(wait_for, go.clone()).expect("submit")).collect();
            for _ in 0..50 {
                assert_eq!(wait_any(&tasks, Duration::ZERO), None);
            }
            let mut results = as_completed(tasks);
            assert_eq!(results.next_timeout(Duration::ZERO), None);
            drop(results);
            go.set();
        });
    });
}
