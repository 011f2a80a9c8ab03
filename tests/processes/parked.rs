//! A handle that a child parks in a `static`: its block is nobody else's while that child lives.

use std::sync::{Mutex, OnceLock};

use procshare::{Array, Frozen, Process, Value, arena};

use crate::support::{Leftovers, eventually, isolated, os, wait_until};

static PARKED: OnceLock<Value<u64>> = OnceLock::new();
static PARKED_FROZEN: OnceLock<Frozen<u64>> = OnceLock::new();
static TAKEN: Mutex<Option<Value<u64>>> = Mutex::new(None);
static PARKED_ARRAY: OnceLock<Array<u64>> = OnceLock::new();

const MARK: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const OTHER: u64 = 0x5555_5555_5555_5555;

/// The two flags by which parent and child take turns.
#[derive(Clone)]
struct Turns {
    parked: Value<u32>,
    go: Value<u32>,
}

impl Turns {
    fn new() -> Turns {
        Turns { parked: Value::new(0).expect("4 bytes"), go: Value::new(0).expect("4 bytes") }
    }

    /// In the child: parked, and waits for the parent to have done its worst.
    fn wait(&self) {
        self.parked.set(1);
        wait_until(|| self.go.get() == 1);
    }
}

/// Fills the arena with other things of the same size: a block given back would be among them.
fn make_others() -> (Vec<Value<u64>>, Vec<Array<u64>>) {
    let values = (0..5000).map(|_| Value::new(OTHER).expect("8 bytes")).collect();
    let arrays = (0..50).map(|_| Array::from_fn(4096, |_| OTHER).expect("32 KiB")).collect();
    (values, arrays)
}

#[test]
fn value_handed_to_a_child_and_parked_there_outlives_its_owner() {
    isolated(60, || {
        let (value, turns) = (Value::new(MARK).expect("8 bytes"), Turns::new());
        let own = turns.clone();
        let park = move |value: Value<u64>| {
            PARKED.set(value).expect("parked once");
            own.wait();
            PARKED.get().expect("parked").get()
        };
        let child = Process::spawn_with(value.clone(), park).expect("spawn");
        wait_until(|| turns.parked.get() == 1);
        drop(value);
        let others = make_others();
        turns.go.set(1);
        assert_eq!(child.join().expect("join"), MARK);
        drop(others);
    });
}

#[test]
fn value_that_a_child_captured_and_parked_outlives_its_owner() {
    isolated(60, || {
        let (value, turns) = (Value::new(MARK).expect("8 bytes"), Turns::new());
        let (own, captured) = (turns.clone(), value.clone());
        let park = move || {
            PARKED.set(captured).expect("parked once");
            own.wait();
            PARKED.get().expect("parked").get()
        };
        let child = Process::spawn(park).expect("spawn");
        wait_until(|| turns.parked.get() == 1);
        drop(value);
        let others = make_others();
        turns.go.set(1);
        assert_eq!(child.join().expect("join"), MARK);
        drop(others);
    });
}

#[test]
fn value_in_a_static_at_the_fork_outlives_its_removal_by_the_parent() {
    isolated(60, || {
        *TAKEN.lock().expect("nobody panicked") = Some(Value::new(MARK).expect("8 bytes"));
        let turns = Turns::new();
        let own = turns.clone();
        // Captures nothing of it: the static came along with the fork.
        let look = move || {
            own.wait();
            TAKEN.lock().expect("nobody panicked").as_ref().map(Value::get)
        };
        let child = Process::spawn(look).expect("spawn");
        wait_until(|| turns.parked.get() == 1);
        drop(TAKEN.lock().expect("nobody panicked").take());
        let others = make_others();
        turns.go.set(1);
        assert_eq!(child.join().expect("join"), Some(MARK));
        drop(others);
    });
}

#[test]
fn frozen_array_parked_in_a_child_outlives_its_owner() {
    isolated(60, || {
        let frozen = Array::from_fn(4096, |_| MARK).expect("32 KiB").freeze();
        let turns = Turns::new();
        let own = turns.clone();
        let park = move |frozen: Frozen<u64>| {
            assert!(PARKED_FROZEN.set(frozen).is_ok());
            own.wait();
            PARKED_FROZEN.get().expect("parked").iter().all(|word| *word == MARK)
        };
        let child = Process::spawn_with(frozen.clone(), park).expect("spawn");
        wait_until(|| turns.parked.get() == 1);
        drop(frozen);
        let others = make_others();
        turns.go.set(1);
        assert!(child.join().expect("join"), "the parked array was handed out again");
        drop(others);
    });
}

#[test]
fn array_moved_to_a_child_and_parked_there_is_the_childs_alone() {
    isolated(60, || {
        let array = Array::from_fn(4096, |_| MARK).expect("32 KiB");
        let turns = Turns::new();
        let own = turns.clone();
        let park = move |array: Array<u64>| {
            assert!(PARKED_ARRAY.set(array).is_ok());
            own.wait();
            PARKED_ARRAY.get().expect("parked").iter().all(|word| *word == MARK)
        };
        let child = Process::spawn_with(array, park).expect("spawn");
        wait_until(|| turns.parked.get() == 1);
        let others = make_others();
        turns.go.set(1);
        assert!(child.join().expect("join"), "the parked array was handed out again");
        drop(others);
    });
}

#[test]
fn frozen_array_returned_and_parked_by_its_maker_is_still_the_receivers() {
    isolated(60, || {
        let make = || {
            let frozen = Array::from_fn(4096, |_| MARK).expect("32 KiB").freeze();
            assert!(PARKED_FROZEN.set(frozen.clone()).is_ok());
            frozen
        };
        // Its maker is dead when it arrives; what it parked must not take the block with it.
        let frozen = Process::spawn(make).expect("spawn").join().expect("join");
        let others = make_others();
        assert!(frozen.iter().all(|word| *word == MARK));
        drop(others);
    });
}

#[test]
fn block_parked_in_a_child_is_free_when_the_child_is_gone() {
    isolated(60, || {
        let round = |how: fn() -> u64| {
            let value = Value::new(MARK).expect("8 bytes");
            let frozen = Array::from_fn(4096, |_| MARK).expect("32 KiB").freeze();
            let park = move |(value, frozen): (Value<u64>, Frozen<u64>)| {
                PARKED.set(value).expect("parked once");
                assert!(PARKED_FROZEN.set(frozen).is_ok());
                how()
            };
            // Both ends are right here: the value of a child that returned, the failure of one that was killed.
            let _ = Process::spawn_with((value, frozen), park).expect("spawn").join();
        };
        let killed = || {
            os::raise(libc::SIGKILL);
            0
        };
        round(|| 1);
        round(killed);
        let before = arena::check().expect("a sound heap");
        let leftovers = Leftovers::now();
        for _ in 0..20 {
            round(|| 1);
            round(killed);
        }
        eventually(|| {
            let now = arena::check().map_err(|error| error.to_string())?;
            let same = (now.used, now.blocks) == (before.used, before.blocks);
            if same { Ok(()) } else { Err(format!("before {before:?}, now {now:?}")) }
        });
        leftovers.assert_nothing_new();
    });
}
