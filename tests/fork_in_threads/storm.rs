//! A thousand children of a program with eight busy threads.

use std::{
    collections::BTreeMap,
    hint::black_box,
    io::Write,
    panic::catch_unwind,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use procshare::{Array, Failure, Process, Value, scope};

use crate::support::{Program, as_program, failure, os, scaled, wait_until, watchdog};

/// How often each threads did its work, so that a storm in name only is noticed.
static WORK: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

/// Allocates and frees, small and large.
fn allocate() {
    let mut map = BTreeMap::new();
    for i in 0..200_usize {
        map.insert(i, vec![i as u8; i * 37 % 5000 + 1]);
    }
    black_box(vec![1_u8; 300_000]);
    black_box(map);
}

/// Prints to both streams, and keeps each locked for a while: a fork will often find them so.
fn print() {
    const WHILE: Duration = Duration::from_micros(200);
    let mut out = std::io::stdout().lock();
    for i in 0..20 {
        writeln!(out, "a line of some length, to make the buffer of stdout spill now and then: {i}")
            .expect("stdout");
    }
    thread::sleep(WHILE);
    drop(out);
    let mut err = std::io::stderr().lock();
    writeln!(err, "a line").expect("stderr");
    thread::sleep(WHILE);
    drop(err);
    // Nobody is to starve for want of the locks.
    thread::sleep(WHILE);
}

/// Panics with a backtrace, which takes std's backtrace lock and allocates in a hundred places.
fn panic_with_a_backtrace() {
    let caught = catch_unwind(|| {
        if black_box(true) {
            panic!("one of many, on purpose");
        }
    });
    assert!(caught.is_err());
}

/// Locks and unlocks.
fn lock(shared: &Mutex<Vec<u64>>) {
    for i in 0..100 {
        let mut list = shared.lock().expect("no thread panics with this lock");
        list.push(i);
        if list.len() > 1000 {
            list.clear();
        }
    }
}

/// Runs `run` beside eight busy threads, two of each kind.
fn beside_eight_busy_threads(run: impl FnOnce()) {
    let over = AtomicBool::new(false);
    let shared = Mutex::new(Vec::new());
    let kinds: [&(dyn Fn() + Sync); 4] = [&allocate, &print, &panic_with_a_backtrace, &|| lock(&shared)];
    thread::scope(|threads| {
        for i in 0..8 {
            let (work, count) = (kinds[i % 4], &WORK[i % 4]);
            let over = &over;
            threads.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    work();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        wait_until(|| WORK.iter().all(|count| count.load(Ordering::Relaxed) > 0));
        let ended = catch_unwind(std::panic::AssertUnwindSafe(run));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_spawns_a_thousand() {
    as_program(540, || {
        beside_eight_busy_threads(|| {
            for i in 0..scaled(1000) as u64 {
                let child = Process::spawn(move || format!("{i}: {:?}", vec![i; 20])).expect("spawn");
                assert_eq!(child.join().expect("join"), format!("{i}: {:?}", vec![i; 20]));
            }
        });
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_children_print() {
    as_program(540, || {
        beside_eight_busy_threads(|| {
            for i in 0..scaled(300) {
                let work = move || {
                    println!("from child {i}");
                    eprintln!("from child {i}");
                };
                Process::spawn(work).expect("spawn").join().expect("join");
            }
        });
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_children_panic() {
    as_program(540, || {
        beside_eight_busy_threads(|| {
            for i in 0..scaled(300) {
                let child = Process::spawn(move || -> u32 { panic!("child {i}") }).expect("spawn");
                let failed = failure(child.join());
                let Failure::Panicked { panic, .. } = &failed else { panic!("{failed:?}") };
                assert_eq!(panic.message, format!("child {i}"));
            }
        });
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_children_share() {
    as_program(540, || {
        beside_eight_busy_threads(|| {
            let count = Value::new([0_u64; 4]).expect("32 bytes");
            let rounds = scaled(100);
            for _ in 0..rounds {
                let mut array = Array::<u64>::zeroed(3000).expect("24 kB");
                let ended = scope(|s| {
                    for chunk in array.chunks_mut(1000) {
                        let work = || {
                            chunk.fill(1);
                            count.update(|words| words.map(|word| word + 1));
                            drop(Value::new(1_u64).expect("8 bytes"));
                        };
                        s.spawn(work).expect("spawn");
                    }
                });
                ended.expect("no failure");
                assert_eq!(array.iter().sum::<u64>(), 3000);
            }
            assert_eq!(count.get(), [3 * rounds as u64; 4]);
        });
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_threads_all_spawn() {
    as_program(540, || {
        thread::scope(|threads| {
            for n in 0..8_u64 {
                threads.spawn(move || {
                    for i in 0..scaled(60) as u64 {
                        allocate();
                        let value = Value::new(n).expect("8 bytes");
                        let own = value.clone();
                        let child = Process::spawn(move || own.fetch_add(i)).expect("spawn");
                        assert_eq!(child.join().expect("join"), n);
                        assert_eq!(value.get(), n + i);
                    }
                });
            }
        });
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_whose_threads_allocate_from_the_arena() {
    as_program(540, || {
        let over = AtomicBool::new(false);
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let values: Vec<_> =
                            (0..50_u64).map(|i| Value::new([i; 3]).expect("24 bytes")).collect();
                        values.iter().for_each(|value| value.set([1; 3]));
                        drop(Array::<u64>::zeroed(5000).expect("40 kB"));
                    }
                });
            }
            // A fork in the middle of another thread's allocation: the child allocates as well.
            for i in 0..scaled(300) as u64 {
                let work = move || {
                    let values: Vec<_> = (0..20).map(|j| Value::new(i + j).expect("8 bytes")).collect();
                    values.iter().map(Value::get).sum::<u64>()
                };
                let child = Process::spawn(work).expect("spawn");
                assert_eq!(child.join().expect("join"), 20 * i + 190);
            }
            over.store(true, Ordering::Relaxed);
        });
    });
}

/// Runs a storm, with backtraces.
fn run(program: Program) {
    assert!(program.env("RUST_BACKTRACE", "1").run().ran());
}

#[test]
fn thousand_children_of_a_busy_program_return() {
    watchdog!(600);
    run(Program::of(program_that_spawns_a_thousand));
}

#[test]
fn children_of_a_busy_program_may_print() {
    watchdog!(600);
    run(Program::of(program_whose_children_print));
}

#[test]
fn children_of_a_busy_program_may_panic() {
    watchdog!(600);
    run(Program::of(program_whose_children_panic));
}

#[test]
fn children_of_a_busy_program_use_shared_memory() {
    watchdog!(600);
    run(Program::of(program_whose_children_share));
}

#[test]
fn eight_threads_spawn_at_once() {
    watchdog!(600);
    run(Program::of(program_whose_threads_all_spawn));
}

#[test]
fn fork_amid_allocations_from_the_arena_harms_nobody() {
    watchdog!(600);
    run(Program::of(program_whose_threads_allocate_from_the_arena));
}

#[test]
fn children_in_the_test_harness_may_print() {
    watchdog!(60);
    let work = || {
        println!("captured by the harness, and lost with the child");
        os::pid()
    };
    let child = Process::spawn(work).expect("spawn");
    let pid = child.pid();
    assert_eq!(child.join().expect("join"), pid);
    thread::sleep(Duration::from_millis(1));
}
