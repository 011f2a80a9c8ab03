//! The parent is killed while others wait for it: its children go with it, and who is not its child goes on.

use std::{thread, time::Duration};

use procshare::{
    Process, Value,
    sync::{
        Barrier, BarrierError, Condvar, LockError, Mutex, Once, OnceError, ReentrantMutex, RwLock, Semaphore,
    },
};

use crate::support::{Program, as_program, isolated, os, say, table, wait_until, watchdog};

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_children_wait_for_it() {
    as_program(120, || {
        let mutex = Mutex::new(0_u64).expect("a mutex");
        let there = Value::new(0_u32).expect("4 bytes");
        let _guard = mutex.lock().expect("a new mutex");
        let start = |_| {
            let (mutex, there) = (mutex.clone(), there.clone());
            let body = move || {
                there.fetch_add(1);
                drop(mutex.lock());
            };
            Process::spawn(body).expect("spawn")
        };
        let _crowd: Vec<_> = (0..4).map(start).collect();
        wait_until(|| there.get() == 4);
        say("ready", 0);
        os::sleep_for_ever();
    });
}

#[test]
fn children_that_wait_for_a_killed_parent_end_with_it() {
    watchdog!(200);
    let mut program = Program::of(program_whose_children_wait_for_it).start();
    program.hear("ready");
    assert!(os::kill(program.pid(), libc::SIGKILL));
    program.wait_for_empty_group();
}

/// A fork of the program's own, which nothing kills with its parent: says whether `wait` gave what it should.
fn fork_that_waits(wait: impl FnOnce() -> bool) {
    let Some(_) = os::foreign_fork() else {
        say("went-on", wait());
        os::exit_now(0);
    };
}

/// Kills the program when it holds what its fork waits for; the fork must go on.
fn assert_fork_goes_on(program: Program) {
    let mut program = program.start();
    program.hear("holds");
    // Asleep by now, or about to look: both must end well.
    thread::sleep(Duration::from_millis(20));
    assert!(os::kill(program.pid(), libc::SIGKILL));
    assert_eq!(program.hear("went-on"), "true");
    program.wait_for_empty_group();
}

/// A program that is killed while its fork waits for what it holds.
macro_rules! fork_outlives {
    ($test:ident, $program:ident, $body:expr) => {
        #[test]
        #[ignore = "a program that a test starts"]
        fn $program() {
            as_program(120, || {
                let body: fn(u32) = $body;
                body(os::pid());
                os::sleep_for_ever();
            });
        }

        #[test]
        fn $test() {
            watchdog!(200);
            assert_fork_goes_on(Program::of($program));
        }
    };
}

fork_outlives!(fork_that_outlives_the_holder_of_a_mutex_gets_it, program_with_a_mutex, |me| {
    let mutex = Mutex::new(0_u64).expect("a mutex");
    let _guard = mutex.lock().expect("a new mutex");
    fork_that_waits(
        || matches!(mutex.lock(), Err(LockError::Poisoned(poisoned)) if poisoned.cause().pid == me),
    );
    say("holds", 0);
    os::sleep_for_ever();
});

fork_outlives!(
    fork_that_outlives_the_holder_of_a_reentrant_mutex_gets_it,
    program_with_a_reentrant_mutex,
    |me| {
        let mutex = ReentrantMutex::new(0_u64).expect("a mutex");
        let _guards = [mutex.lock().expect("a new mutex"), mutex.lock().expect("its own mutex")];
        fork_that_waits(
            || matches!(mutex.lock(), Err(LockError::Poisoned(poisoned)) if poisoned.cause().pid == me),
        );
        say("holds", 0);
        os::sleep_for_ever();
    }
);

fork_outlives!(fork_that_outlives_a_writer_reads, program_with_a_writer, |me| {
    let lock = RwLock::new(0_u64).expect("a lock");
    let _guard = lock.write().expect("a new lock");
    fork_that_waits(
        || matches!(lock.read(), Err(LockError::Poisoned(poisoned)) if poisoned.cause().pid == me),
    );
    say("holds", 0);
    os::sleep_for_ever();
});

fork_outlives!(fork_that_outlives_a_reader_writes, program_with_a_reader, |_| {
    let lock = RwLock::new(0_u64).expect("a lock");
    let _guard = lock.read().expect("a new lock");
    fork_that_waits(|| lock.write().is_ok());
    say("holds", 0);
    os::sleep_for_ever();
});

fork_outlives!(fork_that_outlives_the_holder_of_permits_gets_them, program_with_permits, |_| {
    let semaphore = Semaphore::new(3).expect("a semaphore");
    let _permits = semaphore.acquire_many(2).expect("a new semaphore");
    fork_that_waits(|| semaphore.acquire_many(3).is_ok());
    say("holds", 0);
    os::sleep_for_ever();
});

fork_outlives!(fork_that_outlives_who_does_the_work_hears_of_it, program_with_work, |me| {
    let once = Once::new().expect("a once");
    fork_that_waits(|| matches!(once.wait(), Err(OnceError::Poisoned(cause)) if cause.pid == me));
    let _ = once.call_once(|| {
        say("holds", 0);
        os::sleep_for_ever();
    });
});

fork_outlives!(fork_that_outlives_a_party_hears_of_it, program_with_a_party, |me| {
    let barrier = Barrier::new(2).expect("a barrier");
    fork_that_waits(|| barrier.wait().is_ok() && barrier.wait() == Err(BarrierError::PartyDied { pid: me }));
    barrier.wait().expect("two parties");
    say("holds", 0);
});

fork_outlives!(fork_that_outlives_a_notifier_is_woken, program_with_a_notifier, |_| {
    let (mutex, changed) = (Mutex::new(0_u64).expect("a mutex"), Condvar::new().expect("a condvar"));
    fork_that_waits(|| changed.wait(mutex.lock().expect("a new mutex")).is_ok());
    // It touches the condition variable, and is killed before it says anything.
    thread::sleep(Duration::from_millis(20));
    let guard = mutex.lock().expect("the mutex");
    drop(changed.wait_timeout(guard, Duration::from_millis(1)));
    say("holds", 0);
});

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_child_holds_what_a_fork_waits_for() {
    as_program(120, || {
        let mutex = Mutex::new(0_u64).expect("a mutex");
        let holder = Value::new(0_u32).expect("4 bytes");
        let body = {
            let (mutex, holder) = (mutex.clone(), holder.clone());
            move || {
                let _guard = mutex.lock().expect("a new mutex");
                holder.set(os::pid());
                os::sleep_for_ever();
            }
        };
        let _child = Process::<()>::spawn(body).expect("spawn");
        wait_until(|| holder.get() != 0);
        fork_that_waits(
            || matches!(mutex.lock(), Err(LockError::Poisoned(poisoned)) if poisoned.cause().pid == holder.get()),
        );
        say("holds", 0);
        os::sleep_for_ever();
    });
}

#[test]
fn lock_of_a_child_that_died_with_its_parent_is_taken_by_who_is_left() {
    watchdog!(200);
    let mut program = Program::of(program_whose_child_holds_what_a_fork_waits_for).start();
    program.hear("holds");
    thread::sleep(Duration::from_millis(20));
    assert!(os::kill(program.pid(), libc::SIGKILL));
    assert_eq!(program.hear("went-on"), "true");
    program.wait_for_empty_group();
}

#[test]
fn lock_of_a_holder_that_had_children_is_taken_when_they_are_gone_too() {
    isolated(60, || {
        let mutex = Mutex::new([0_u64; 2]).expect("a mutex");
        let (below, holder) = (Value::new(0_u32).expect("4 bytes"), mutex.clone());
        let seen = below.clone();
        let body = move || {
            let _guard = holder.lock().expect("a new mutex");
            let own = seen.clone();
            let below = move || -> () {
                own.set(os::pid()); // it is tied to its parent by now
                os::sleep_for_ever()
            };
            let _grandchild = Process::spawn(below).expect("spawn");
            os::sleep_for_ever();
        };
        let child = Process::<()>::spawn(body).expect("spawn");
        wait_until(|| below.get() != 0);
        // Stopped, it dies all the same.
        assert!(os::kill(below.get(), libc::SIGSTOP));
        child.kill().expect("kill");
        let Err(LockError::Poisoned(poisoned)) = mutex.lock() else { panic!("the holder died") };
        assert_eq!(poisoned.cause().pid, child.pid());
        assert!(!table::is_alive(below.get()), "the grandchild may still write");
        drop(poisoned);
        assert!(child.join().is_err());
    });
}
