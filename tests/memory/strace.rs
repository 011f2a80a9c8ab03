//! A result of 64 MiB does not pass through the kernel: `strace` sees no payload in any call that moves bytes.

use procshare::{Array, Process, scope};

use crate::support::{Program, as_program, os, skip, watchdog};

/// The size of the result.
const RESULT: usize = 64 << 20;
/// What all calls together may move: the loader's and the harness's own reading and writing.
const BOUND: u64 = 1 << 20;

/// Every call that moves bytes between memory and descriptors, or between processes.
const CALLS: &str = "read,write,pread64,pwrite64,readv,writev,preadv,pwritev,preadv2,pwritev2,\
    recvfrom,sendto,recvmsg,sendmsg,splice,vmsplice,tee,sendfile,copy_file_range,process_vm_readv,process_vm_writev";

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_child_returns_an_array() {
    as_program(120, || {
        let make = || Array::from_fn(RESULT / 8, |i| i as u64).expect("64 MiB");
        let array = Process::spawn(make).expect("spawn").join().expect("join");
        assert!(array.iter().copied().eq(0..(RESULT / 8) as u64));
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_child_returns_a_vec() {
    as_program(120, || {
        let make = || (0..(RESULT / 8) as u64).collect::<Vec<_>>();
        let numbers = Process::spawn(make).expect("spawn").join().expect("join");
        assert!(numbers.into_iter().eq(0..(RESULT / 8) as u64));
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_child_fills_a_chunk() {
    as_program(120, || {
        let mut array = Array::<u64>::zeroed(RESULT / 8).expect("64 MiB");
        let ended = scope(|s| {
            let all = &mut array[..];
            s.spawn(move || all.iter_mut().enumerate().for_each(|(i, x)| *x = i as u64)).expect("spawn");
        });
        ended.expect("no failure");
        assert!(array.iter().copied().eq(0..(RESULT / 8) as u64));
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_hands_an_array_to_a_child() {
    as_program(120, || {
        let array = Array::from_fn(RESULT / 8, |i| i as u64).expect("64 MiB");
        let check = |array: Array<u64>| array.iter().copied().eq(0..(RESULT / 8) as u64);
        assert!(Process::spawn_with(array, check).expect("spawn").join().expect("join"));
    });
}

/// The control: 2 MiB through a pipe, from a child to its parent.
#[test]
#[ignore = "a program that a test starts"]
fn program_that_uses_a_pipe() {
    use std::{
        fs::File,
        io::{Read, Write},
    };
    as_program(120, || {
        let (reading, writing) = os::pipe();
        let Some(child) = os::foreign_fork() else {
            let written = File::from(writing).write_all(&[1; 2 << 20]);
            os::exit_now(i32::from(written.is_err()));
        };
        drop(writing);
        let mut bytes = Vec::new();
        File::from(reading).read_to_end(&mut bytes).expect("read the pipe");
        assert!(os::reap(child as i32).is_some());
        assert_eq!(bytes.len(), 2 << 20);
    });
}

/// Runs a program under `strace -f` and sums what its calls moved; `None` where that is not possible.
fn bytes_moved_by(program: Program) -> Option<u64> {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let log = directory.path().join("log");
    let log = log.to_str().expect("a path in UTF-8");
    let probe = std::process::Command::new("strace").args(["-f", "-o", log, "true"]).output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        skip(&format!("strace does not run here: {probe:?}"));
        return None;
    }
    let calls = format!("trace={CALLS}");
    let outcome =
        program.wrapped_by(&["strace", "-f", "-s", "0", "-e", &calls, "-e", "signal=none", "-o", log]).run();
    assert!(outcome.ran());
    let log = std::fs::read_to_string(log).expect("the log of strace");
    Some(log.lines().filter_map(moved).sum())
}

/// What one line of the log says was moved: `4711 read(3, ""..., 832) = 832`, also of a call that was resumed.
fn moved(line: &str) -> Option<u64> {
    let (call, result) = line.rsplit_once(" = ")?;
    if !call.contains('(') && !call.contains("resumed>") {
        return None;
    }
    result.split_whitespace().next()?.parse().ok()
}

/// Runs a program and compares.
fn assert_no_payload(program: Program) {
    if let Some(moved) = bytes_moved_by(program) {
        assert!(moved < BOUND, "{moved} bytes moved by system calls");
    }
}

#[test]
fn array_returned_by_a_child_passes_through_no_system_call() {
    watchdog!(240);
    assert_no_payload(Program::of(program_whose_child_returns_an_array));
}

#[test]
fn vec_returned_by_a_child_passes_through_no_system_call() {
    watchdog!(240);
    assert_no_payload(Program::of(program_whose_child_returns_a_vec));
}

#[test]
fn chunk_filled_by_a_child_passes_through_no_system_call() {
    watchdog!(240);
    assert_no_payload(Program::of(program_whose_child_fills_a_chunk));
}

#[test]
fn array_handed_to_a_child_passes_through_no_system_call() {
    watchdog!(240);
    assert_no_payload(Program::of(program_that_hands_an_array_to_a_child));
}

#[test]
fn payload_in_a_pipe_would_be_seen() {
    watchdog!(240);
    if let Some(moved) = bytes_moved_by(Program::of(program_that_uses_a_pipe)) {
        // Written once and read once.
        assert!(moved >= 4 << 20, "only {moved} bytes seen");
    }
}
