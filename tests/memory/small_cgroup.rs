//! Under a memory cgroup that is smaller than the machine, its limit counts.

use std::{fs, path::PathBuf};

use procshare::{AllocError, Array, Process, Value, scope};

use crate::support::{Program, as_program, isolated::SKIPPED, os, say, skip, wait_until, watchdog};

/// The limit of the group.
const LIMIT: usize = 128 << 20;

/// A memory cgroup of our own, removed when dropped.
struct Group(PathBuf);

impl Group {
    /// Makes one; an `Err` tells why that is not possible here.
    fn new(name: &str) -> Result<Group, String> {
        let (parent, limit) = Group::parent()?;
        let path = parent.join(format!("procshare-test-{}-{name}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("no cgroup {}: {error}", path.display()))?;
        let group = Group(path);
        let limit = group.0.join(limit);
        fs::write(&limit, LIMIT.to_string())
            .map_err(|error| format!("no limit {}: {error}", limit.display()))?;
        Ok(group)
    }

    /// Where groups are made, and the file that holds a group's limit: cgroup v1, else v2.
    fn parent() -> Result<(PathBuf, &'static str), String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("no cgroups: {error}"))?;
        let path_of = |hierarchy: &str| {
            let line = own.lines().find(|line| line.split(':').nth(1) == Some(hierarchy))?;
            line.splitn(3, ':').nth(2).map(|path| path.trim_start_matches('/').to_string())
        };
        let v1 = PathBuf::from("/sys/fs/cgroup/memory");
        if v1.join("memory.limit_in_bytes").exists() || v1.join("cgroup.procs").exists() {
            let own = v1.join(path_of("memory").unwrap_or_default());
            // In a container the path may be the host's, and the mount begins at our own group.
            return Ok((if own.exists() { own } else { v1 }, "memory.limit_in_bytes"));
        }
        let v2 = PathBuf::from("/sys/fs/cgroup").join(path_of("").unwrap_or_default());
        let parent = v2.parent().unwrap_or(&v2).to_path_buf();
        let enabled = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
        if enabled.split_whitespace().any(|controller| controller == "memory") {
            return Ok((parent, "memory.max"));
        }
        Err("no memory cgroup that this user may divide".into())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Busy until the last of its processes is reaped by whoever does that.
        for _ in 0..500 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        eprintln!("the cgroup {} stays behind", self.0.display());
    }
}

fn count() -> Value<u32> {
    Value::new(0).expect("4 bytes")
}

/// Runs a program in a small group; skips with a reason where there can be none.
fn run_in_a_small_group(name: &str, program: Program) {
    let group = match Group::new(name) {
        Ok(group) => group,
        Err(reason) => return skip(&reason),
    };
    let procs = group.0.join("cgroup.procs");
    let outcome = program.env("PROCSHARE_TEST_CGROUP", procs.to_str().expect("a path in UTF-8")).run();
    outcome.ran();
}

/// Joins the group that the test made, before anything is allocated.
fn enter_group() {
    let Some(procs) = os::environment("PROCSHARE_TEST_CGROUP") else { return };
    if let Err(error) = fs::write(&procs, os::pid().to_string()) {
        skip(&format!("cannot enter {procs}: {error}"));
        std::process::exit(SKIPPED);
    }
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_asks_for_more_than_the_group_has() {
    as_program(60, || {
        enter_group();
        let error = Array::<u8>::zeroed(4 * LIMIT).expect_err("more than the group's limit");
        assert!(matches!(error, AllocError::OutOfMemory { .. }), "{error:?}");
        let mut array = Array::<u8>::zeroed(LIMIT / 8).expect("an eighth of the limit");
        array.fill(1);
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_child_asks_for_more_than_the_group_has() {
    as_program(60, || {
        enter_group();
        let ask = || Array::<u8>::zeroed(4 * LIMIT).is_err();
        assert!(Process::spawn(ask).expect("spawn").join().expect("the child survives"));
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_children_ask_together() {
    as_program(120, || {
        enter_group();
        const PART: usize = LIMIT / 8 * 3;
        let (waiting, done, over) = (count(), count(), count());
        let met = scope(|s| {
            let ask = || {
                waiting.fetch_add(1);
                wait_until(|| waiting.get() == 4);
                let array = Array::<u8>::zeroed(PART);
                // All hold what they got until all have asked.
                done.fetch_add(1);
                wait_until(|| over.get() == 1);
                u32::from(array.is_ok())
            };
            let children = [(); 4].map(|()| s.spawn(ask).expect("spawn"));
            // Whoever was killed is never done.
            wait_until(|| done.get() == 4 || children.iter().any(|child| !child.is_alive()));
            over.set(1);
            children.map(|child| child.join().expect("nobody was killed")).iter().sum::<u32>()
        });
        let met = met.expect("no failure");
        say("met", met);
        assert!(met <= 2, "{met} times {PART} bytes of {LIMIT}");
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_many_children_ask_for_little() {
    as_program(120, || {
        enter_group();
        const CHILDREN: u32 = 40;
        const PART: usize = 4 << 20;
        let (waiting, done, over) = (count(), count(), count());
        let met = scope(|s| {
            let ask = || {
                // What was free at this moment is not any more when all go on.
                let first = Array::<u8>::zeroed(64 << 10);
                waiting.fetch_add(1);
                wait_until(|| waiting.get() == CHILDREN);
                let array = first.and_then(|_| Array::<u8>::zeroed(PART));
                done.fetch_add(1);
                wait_until(|| over.get() == 1);
                u32::from(array.is_ok())
            };
            let children: Vec<_> = (0..CHILDREN).map(|_| s.spawn(ask).expect("spawn")).collect();
            // Whoever was killed is never done.
            wait_until(|| done.get() == CHILDREN || children.iter().any(|child| !child.is_alive()));
            over.set(1);
            children.into_iter().map(|child| child.join().expect("nobody was killed")).sum::<u32>()
        });
        let met = met.expect("no failure");
        assert!((met as usize) * PART < LIMIT, "{met} times {PART} bytes of {LIMIT}");
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_child_returns_more_than_the_group_has() {
    as_program(60, || {
        enter_group();
        // Zero pages of a fresh allocation cost nothing until they are copied into shared memory.
        let child = Process::spawn(|| vec![0_u8; 4 * LIMIT]).expect("spawn");
        let failed = crate::support::failure(child.join());
        assert!(matches!(failed, procshare::Failure::OutOfMemory { .. }), "{failed:?}");
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_asks_and_gives_back_many_times() {
    as_program(120, || {
        enter_group();
        for round in 0..50 {
            let array = Array::<u8>::zeroed(LIMIT / 2);
            assert!(array.is_ok(), "round {round}: {array:?}");
        }
    });
}

#[test]
fn request_beyond_the_groups_limit_is_refused_and_the_process_lives() {
    watchdog!(120);
    run_in_a_small_group("ask", Program::of(program_that_asks_for_more_than_the_group_has));
}

#[test]
fn childs_request_beyond_the_groups_limit_is_refused_and_the_child_lives() {
    watchdog!(120);
    run_in_a_small_group("child", Program::of(program_whose_child_asks_for_more_than_the_group_has));
}

#[test]
fn requests_that_only_together_exceed_the_limit_do_not_all_go_through() {
    watchdog!(180);
    run_in_a_small_group("together", Program::of(program_whose_children_ask_together));
}

#[test]
fn small_requests_of_many_children_do_not_add_up_beyond_the_limit() {
    watchdog!(180);
    run_in_a_small_group("many", Program::of(program_whose_many_children_ask_for_little));
}

#[test]
fn result_beyond_the_groups_limit_is_a_failure_and_nobody_is_killed() {
    watchdog!(120);
    run_in_a_small_group("result", Program::of(program_whose_child_returns_more_than_the_group_has));
}

#[test]
fn memory_given_back_under_a_limit_can_be_had_again() {
    watchdog!(180);
    run_in_a_small_group("again", Program::of(program_that_asks_and_gives_back_many_times));
}
