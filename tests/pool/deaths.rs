//! Workers that die: in a task, idle, stopped, all of them. One task has failed, and the pool is whole again.

use std::{thread, time::Duration};

use procshare::{
    Pool, Value,
    pool::{Shutdown, TaskFailure},
    sync::Event,
};

use super::leaving::{LONG, leaving_nothing};
use crate::support::{Random, eventually, isolated, os, scaled, table, watchdog};

/// Waits until the pool has as many workers, none of them `gone`.
pub(crate) fn whole_again(pool: &Pool, count: usize, gone: &[u32]) {
    eventually(|| {
        let workers = pool.workers();
        if workers.len() == count && !workers.iter().any(|worker| gone.contains(&worker.pid)) {
            return Ok(());
        }
        Err(format!("the pool has the workers {workers:?}"))
    });
}

fn die(how: u32) {
    match how {
        0 => os::raise(libc::SIGKILL),
        1 => std::process::exit(0),
        2 => std::process::exit(3),
        3 => os::segfault(),
        4 => std::process::abort(),
        5 => os::exit_now(4),
        _ => os::raise(libc::SIGTERM),
    }
}

#[test]
fn task_whose_worker_dies_fails_alone_and_says_how() {
    isolated(120, || {
        leaving_nothing(|| {
            let pool = Pool::builder().workers(2).name("mortal").build().expect("a pool");
            let ways = [
                (0, Some(libc::SIGKILL), None),
                (1, None, Some(0)),
                (2, None, Some(3)),
                (3, Some(libc::SIGSEGV), None),
                (4, Some(libc::SIGABRT), None),
                (5, None, Some(4)),
                (6, Some(libc::SIGTERM), None),
            ];
            for (how, by_signal, with_code) in ways {
                let square = |n: u64| n * n;
                let before: Vec<_> = (0..50).map(|n| pool.submit(square, n).expect("submit")).collect();
                let pid = Value::new(0_u32).expect("4 bytes");
                let work = |(how, pid): (u32, Value<u32>)| {
                    pid.set(std::process::id());
                    die(how);
                };
                let mortal = pool.submit(work, (how, pid.clone())).expect("submit");
                let after: Vec<_> = (0..50).map(|n| pool.submit(square, n).expect("submit")).collect();
                match mortal.get() {
                    Err(TaskFailure::WorkerDied { worker, signal, code }) => {
                        assert_eq!((worker.pid, signal, code), (pid.get(), by_signal, with_code));
                        assert!(worker.name.starts_with("mortal-"), "{worker}");
                    }
                    other => panic!("{how}: {other:?}"),
                }
                for tasks in [before, after] {
                    for (n, task) in (0..).zip(tasks) {
                        assert_eq!(task.get(), Ok(n * n));
                    }
                }
                whole_again(&pool, 2, &[pid.get()]);
            }
        });
    });
}

/// Kills and waits until that has happened.
fn kill(pid: u32) {
    os::kill(pid, libc::SIGKILL);
    eventually(|| if table::is_alive(pid) { Err(table::describe(pid)) } else { Ok(()) });
}

#[test]
fn idle_worker_is_killed_and_nobody_notices() {
    watchdog!(120);
    let pool = Pool::new(3).expect("a pool");
    let mut random = Random::seeded(50);
    let mut gone = Vec::new();
    for round in 0..scaled(30) as u64 {
        // Sometimes asleep, sometimes awake.
        thread::sleep(Duration::from_micros(random.below(3000)));
        let workers = pool.workers();
        let all = round % 5 == 4;
        let which = random.below(3) as usize;
        for (at, worker) in workers.iter().enumerate() {
            if all || at == which {
                kill(worker.pid);
                gone.push(worker.pid);
            }
        }
        let tasks: Vec<_> = (0..10).map(|n| pool.submit(|n: u64| n + 1, n).expect("submit")).collect();
        for (n, task) in (0..).zip(tasks) {
            assert_eq!(task.get(), Ok(n + 1));
        }
        whole_again(&pool, 3, &gone);
    }
}

#[test]
fn pool_whose_workers_were_killed_or_stopped_ends() {
    isolated(120, || {
        leaving_nothing(|| {
            for signal in [libc::SIGKILL, libc::SIGSTOP] {
                for how in 0..4 {
                    let pool = Pool::new(3).expect("a pool");
                    let wait = |()| -> () { os::sleep_for_ever() };
                    let busy = pool.submit(wait, ()).expect("submit");
                    for worker in pool.workers() {
                        os::kill(worker.pid, signal);
                    }
                    let within = Duration::from_millis(50);
                    match how {
                        0 => drop(pool),
                        1 => pool.shutdown(Shutdown::Abort).expect("the parent's"),
                        2 => pool.shutdown(Shutdown::Finish { within }).expect("the parent's"),
                        _ => pool.shutdown(Shutdown::CancelQueued { within }).expect("the parent's"),
                    }
                    let failure = busy.get();
                    let ended =
                        matches!(failure, Err(TaskFailure::WorkerDied { .. } | TaskFailure::Cancelled));
                    assert!(ended, "{signal}, {how}: {failure:?}");
                }
            }
        });
    });
}

#[test]
fn stopped_worker_holds_up_its_own_task_only() {
    watchdog!(60);
    let pool = Pool::new(2).expect("a pool");
    let (begun, go) = (Event::new().expect("an event"), Event::new().expect("an event"));
    let wait = |(begun, go): (Event, Event)| {
        begun.set();
        go.wait();
        std::process::id()
    };
    let mut held = pool.submit(wait, (begun.clone(), go.clone())).expect("submit");
    begun.wait();
    let who = |()| std::process::id();
    let other = pool.submit(who, ()).expect("submit").get().expect("a pid");
    let workers = pool.workers();
    let stopped = workers.iter().find(|worker| worker.pid != other).expect("another worker");
    os::kill(stopped.pid, libc::SIGSTOP);
    go.set();
    for _ in 0..100 {
        assert_eq!(pool.submit(who, ()).expect("submit").get(), Ok(other));
    }
    assert_eq!(held.get_timeout(Duration::from_millis(20)), Err(TaskFailure::Unfinished));
    os::kill(stopped.pid, libc::SIGCONT);
    assert_eq!(held.get(), Ok(stopped.pid));
    pool.shutdown(Shutdown::Finish { within: LONG }).expect("the parent's");
}
