//! What was lent to a child comes back only when its whole subtree is gone: a grandchild that outlives it may still
//! write behind a `&mut`.

use std::{thread, time::Duration};

use procshare::{Array, Failure, ScopedProcess, Value, scope};

use crate::support::{failure, isolated, os, table, wait_until};

/// Counts in `word` for about half a second after the parent of this process changed, then ends.
fn write_on(word: &mut u64, writing: &Value<u32>) {
    let parent = os::parent_pid();
    writing.set(os::pid());
    let mut rest = 500;
    while rest > 0 {
        for _ in 0..1000 {
            *word = std::hint::black_box(*word + 1);
        }
        thread::sleep(Duration::from_millis(1));
        if os::parent_pid() != parent {
            rest -= 1;
        }
    }
}

/// Kills `child` once its own child writes, and joins it. Returns the writer's pid.
fn kill_while_the_grandchild_writes<R: procshare::Message>(
    child: ScopedProcess<'_, R>,
    writing: &Value<u32>,
) -> u32 {
    wait_until(|| writing.get() != 0);
    child.kill().expect("kill");
    let failed = failure(child.join());
    assert!(matches!(failed, Failure::Signaled { signal: libc::SIGKILL, .. }), "{failed:?}");
    writing.get()
}

/// Panics if anybody else writes to the array that has just come back.
#[track_caller]
fn assert_ours_alone(array: &mut Array<u64>, writer: u32) {
    assert!(!table::is_alive(writer), "the array came back while {} lives", table::describe(writer));
    array[0] = 1;
    thread::sleep(Duration::from_millis(50));
    assert_eq!(std::hint::black_box(&*array)[0], 1, "somebody still writes");
}

#[test]
fn array_comes_back_when_child_and_grandchild_are_gone() {
    isolated(60, || {
        let mut array = Array::<u64>::zeroed(1).expect("8 bytes");
        let writing = Value::new(0_u32).expect("4 bytes");
        let writer = scope(|s| {
            let word = &mut array[0];
            let nest = || {
                let _ = scope(|inner| {
                    inner.spawn(|| write_on(word, &writing)).expect("spawn in a child");
                });
            };
            kill_while_the_grandchild_writes(s.spawn(nest).expect("spawn"), &writing)
        });
        assert_ours_alone(&mut array, writer.expect("joined"));
    });
}

#[test]
fn array_waits_for_a_grandchild_that_cut_its_ties() {
    isolated(60, || {
        let mut array = Array::<u64>::zeroed(1).expect("8 bytes");
        let writing = Value::new(0_u32).expect("4 bytes");
        let writer = scope(|s| {
            let word = &mut array[0];
            let nest = || {
                let _ = scope(|inner| {
                    let daemonize = || {
                        // With the descriptors goes what would have killed it with its parent.
                        os::close_from(3);
                        write_on(word, &writing);
                    };
                    inner.spawn(daemonize).expect("spawn in a child");
                });
            };
            kill_while_the_grandchild_writes(s.spawn(nest).expect("spawn"), &writing)
        });
        assert_ours_alone(&mut array, writer.expect("joined"));
    });
}

#[test]
fn array_waits_for_a_grandchild_that_the_crate_did_not_fork() {
    isolated(60, || {
        let mut array = Array::<u64>::zeroed(1).expect("8 bytes");
        let writing = Value::new(0_u32).expect("4 bytes");
        let writer = scope(|s| {
            let word = &mut array[0];
            let nest = || -> () {
                if os::foreign_fork().is_none() {
                    write_on(word, &writing);
                    os::exit_now(0);
                }
                os::sleep_for_ever()
            };
            kill_while_the_grandchild_writes(s.spawn(nest).expect("spawn"), &writing)
        });
        assert_ours_alone(&mut array, writer.expect("joined"));
    });
}

#[test]
fn scope_that_joins_nobody_waits_for_the_grandchild_too() {
    isolated(60, || {
        let mut array = Array::<u64>::zeroed(1).expect("8 bytes");
        let writing = Value::new(0_u32).expect("4 bytes");
        let ended = scope(|s| {
            let word = &mut array[0];
            let nest = || -> () {
                if os::foreign_fork().is_none() {
                    write_on(word, &writing);
                    os::exit_now(0);
                }
                os::sleep_for_ever()
            };
            let child = s.spawn(nest).expect("spawn");
            wait_until(|| writing.get() != 0);
            child.kill().expect("kill");
        });
        assert_eq!(ended.err().map(|error| error.failures.len()), Some(1));
        assert_ours_alone(&mut array, writing.get());
    });
}

#[test]
fn array_waits_for_a_grandchild_whose_parent_ended_well() {
    isolated(60, || {
        let mut array = Array::<u64>::zeroed(1).expect("8 bytes");
        let writing = Value::new(0_u32).expect("4 bytes");
        let ended = scope(|s| {
            let word = &mut array[0];
            let nest = || {
                if os::foreign_fork().is_none() {
                    write_on(word, &writing);
                    os::exit_now(0);
                }
                wait_until(|| writing.get() != 0);
            };
            s.spawn(nest).expect("spawn").join().expect("join");
        });
        ended.expect("no failure");
        assert_ours_alone(&mut array, writing.get());
    });
}
