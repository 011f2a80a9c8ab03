//! Nothing anonymous needs `/dev/shm`.

use procshare::{Array, Process, Value, scope};

use crate::support::{Program, as_program, leftovers, skip, watchdog};

#[test]
#[ignore = "a program that a test starts"]
fn program_that_shares_and_spawns() {
    as_program(60, || {
        let value = Value::new(1_u64).expect("8 bytes");
        let mut array = Array::<u32>::zeroed(1 << 20).expect("4 MiB");
        let ended = scope(|s| {
            for half in array.chunks_mut(1 << 19) {
                let work = || {
                    half.fill(2);
                    value.fetch_add(1);
                };
                s.spawn(work).expect("spawn");
            }
        });
        ended.expect("no failure");
        assert_eq!((value.get(), array.iter().sum::<u32>()), (3, 2 << 20));
        let made = Process::spawn(|| vec![1_u8; 1 << 20]).expect("spawn").join().expect("join");
        assert_eq!(made.len(), 1 << 20);
    });
}

/// Runs the program in a mount namespace that `prepare` (shell) has changed; 77 from it means "not possible here".
fn run_where(prepare: &str) {
    let script = format!(
        "{{ {prepare} ; }} >&2 || {{ echo 'skipped: cannot prepare /dev here' >&2; exit 77; }}; exec \"$@\""
    );
    let wrapper = ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", &script, "sh"];
    let allowed = std::process::Command::new("unshare").args(["-m", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return skip("unshare -m is not allowed here");
    }
    Program::of(program_that_shares_and_spawns).wrapped_by(&wrapper).run().ran();
}

#[test]
fn everything_works_with_a_read_only_dev_shm() {
    watchdog!(120);
    run_where("mount -t tmpfs -o ro none /dev/shm");
}

#[test]
fn everything_works_with_a_tiny_dev_shm() {
    watchdog!(120);
    run_where("mount -t tmpfs -o size=4k none /dev/shm");
}

#[test]
fn everything_works_without_a_dev_shm() {
    watchdog!(120);
    // A new /dev with the bare necessities; the real one is left alone.
    let nodes = "mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9";
    run_where(&format!("mount -t tmpfs none /dev && {nodes} && test ! -e /dev/shm"));
}

#[test]
fn nothing_appears_in_dev_shm() {
    watchdog!(120);
    let before = leftovers::shm();
    assert!(Program::of(program_that_shares_and_spawns).run().ran());
    assert!(leftovers::shm().is_subset(&before));
}
