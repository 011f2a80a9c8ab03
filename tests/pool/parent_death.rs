//! The parent's death ends the pool, busy or idle, and what its tasks started.

use procshare::{Array, Pool, Process, Value, sync::Event};

use crate::support::{Program, as_program, leftovers, os, say, wait_until, watchdog};

#[test]
#[ignore = "a program that a test starts"]
fn program_with_a_busy_pool() {
    as_program(120, || {
        let pool = Pool::new(4).expect("a pool");
        let begun = Value::new(0_u32).expect("4 bytes");
        let spin = |begun: Value<u32>| -> () {
            begun.fetch_add(1);
            loop {
                std::hint::spin_loop();
            }
        };
        let nest = |begun: Value<u32>| {
            let child = Process::spawn(|| -> () { os::sleep_for_ever() }).expect("spawn");
            begun.fetch_add(1);
            child.join().expect("it sleeps for ever");
        };
        let _busy = [pool.submit(spin, begun.clone()), pool.submit(nest, begun.clone())];
        let _queued: Vec<_> = (0..100).map(|n| pool.submit(|n: u64| vec![n; 1000], n)).collect();
        wait_until(|| begun.get() == 2);
        say("ready", 0);
        os::sleep_for_ever();
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_in_the_middle_of_a_map() {
    as_program(120, || {
        let pool = Pool::new(2).expect("a pool");
        let begun = Event::new().expect("an event");
        let mut array = Array::<u64>::zeroed(1000).expect("an array");
        let work = |begun: &Event, _: usize, _: &mut [u64]| {
            if !begun.is_set() {
                begun.set();
                say("ready", 0);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        };
        pool.mapping().chunk(1).with(begun).for_each_chunk_mut(&mut array, work).expect("a map");
    });
}

#[test]
#[ignore = "a program that a test starts"]
fn program_that_exits_with_a_pool() {
    as_program(120, || {
        let pool = Pool::new(2).expect("a pool");
        let task = pool.submit(|()| -> () { os::sleep_for_ever() }, ()).expect("submit");
        std::mem::forget((pool, task));
        say("ready", 0);
        std::process::exit(0);
    });
}

#[test]
fn workers_of_a_killed_parent_go_busy_or_idle() {
    watchdog!(120);
    for program in [Program::of(program_with_a_busy_pool), Program::of(program_in_the_middle_of_a_map)] {
        let shm = leftovers::shm();
        let mut running = program.start();
        running.hear("ready");
        os::kill(running.pid(), libc::SIGKILL);
        running.wait();
        running.wait_for_empty_group();
        assert!(leftovers::shm().is_subset(&shm), "new in /dev/shm");
    }
}

#[test]
fn workers_of_a_parent_that_exits_go_too() {
    watchdog!(120);
    let mut running = Program::of(program_that_exits_with_a_pool).start();
    running.hear("ready");
    assert!(running.wait().success());
    running.wait_for_empty_group();
}
