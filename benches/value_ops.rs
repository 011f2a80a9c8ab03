//! What a shared value costs: against the bare atomic below it, and against what one would use between threads.
//!
//! Targets: `fetch_add` at most 1.1 times the bare atomic; `Value::new` and drop under one microsecond.

#![allow(unsafe_code)] // the bare atomic in a shared page

mod support;

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use procshare::{Array, Value};
use support::by_hand::map;
use support::{Item, Noise, Table, nanoseconds_each, pin, rounds};

const ROUNDS: usize = 41;
const OFTEN: u32 = 200_000;
const SELDOM: u32 = 20_000;

type Wide = [u64; 4];
type Widest = [u64; 64];

fn main() {
    let noise = Noise::listen();
    pin(0);
    one_word();
    wide();
    making();
    noise.print();
}

fn one_word() {
    const BARE: &str = "fetch_add, bare atomic in a private page";
    let private = Box::new(AtomicU64::new(0));
    let shared = shared_word();
    let value = Value::new(0_u64).expect("a value");
    let mut items: [Item<'_>; 8] = [
        (BARE, &mut || nanoseconds_each(OFTEN, |_| private.fetch_add(1, Relaxed))),
        ("fetch_add, bare atomic in a MAP_SHARED page", &mut || {
            nanoseconds_each(OFTEN, |_| shared.fetch_add(1, Relaxed))
        }),
        ("fetch_add, Value<u64>", &mut || nanoseconds_each(OFTEN, |_| value.fetch_add(1))),
        ("get, Value<u64>", &mut || nanoseconds_each(OFTEN, |_| value.get())),
        ("load, bare atomic", &mut || nanoseconds_each(OFTEN, |_| shared.load(Relaxed))),
        ("set, Value<u64>", &mut || nanoseconds_each(OFTEN, |turn| value.set(u64::from(black_box(turn))))),
        ("store, bare atomic", &mut || {
            nanoseconds_each(OFTEN, |turn| shared.store(u64::from(black_box(turn)), Relaxed))
        }),
        ("update, Value<u64>", &mut || nanoseconds_each(OFTEN, |_| value.update(|old| old ^ 1))),
    ];
    Table::interleave(rounds(ROUNDS), &mut items).print("a value of one word", "ns", BARE);
}

fn wide() {
    const LOCKED: &str = "lock + copy out, std::sync::Mutex<[u64; 4]>";
    let mutex = Mutex::new([0_u64; 4]);
    let wide = Value::<Wide>::new([0; 4]).expect("a value");
    let widest = Value::<Widest>::new([0; 64]).expect("a value");
    let content = |turn: u32| u64::from(black_box(turn));
    let mut items: [Item<'_>; 8] = [
        (LOCKED, &mut || nanoseconds_each(OFTEN, |_| mutex.lock().map(|held| *held))),
        ("get, Value<[u64; 4]>", &mut || nanoseconds_each(OFTEN, |_| wide.get())),
        ("set, Value<[u64; 4]>", &mut || nanoseconds_each(OFTEN, |turn| wide.set([content(turn); 4]))),
        ("update, Value<[u64; 4]>", &mut || {
            nanoseconds_each(OFTEN, |_| wide.update(|old| old.map(|word| word + 1)))
        }),
        ("swap, Value<[u64; 4]>", &mut || nanoseconds_each(OFTEN, |turn| wide.swap([content(turn); 4]))),
        ("get, Value<[u64; 64]>", &mut || nanoseconds_each(OFTEN, |_| widest.get())),
        ("set, Value<[u64; 64]>", &mut || nanoseconds_each(OFTEN, |turn| widest.set([content(turn); 64]))),
        ("update, Value<[u64; 64]>", &mut || {
            nanoseconds_each(OFTEN, |_| widest.update(|old| old.map(|word| word + 1)))
        }),
    ];
    Table::interleave(rounds(ROUNDS), &mut items).print("a value larger than a word", "ns", LOCKED);
}

fn making() {
    const HEAP: &str = "Box::new(u64) + drop";
    let small = || Array::<u64>::zeroed(black_box(16)).expect("an array");
    let page = || Array::<u64>::zeroed(black_box(512)).expect("an array");
    let large = || Array::<u64>::zeroed(black_box(16 * 512)).expect("an array");
    let mut items: [Item<'_>; 8] = [
        (HEAP, &mut || nanoseconds_each(SELDOM, |turn| Box::new(u64::from(turn)))),
        ("Value::new(u64) + drop", &mut || nanoseconds_each(SELDOM, |turn| Value::new(u64::from(turn)))),
        ("Value::new([u64; 4]) + drop", &mut || {
            nanoseconds_each(SELDOM, |turn| Value::new([u64::from(turn); 4]))
        }),
        ("the same, 64 values alive at a time, per value", &mut || {
            nanoseconds_each(SELDOM / 64, |turn| [turn; 64].map(Value::new)) / 64.0
        }),
        ("vec![0u64; 16] + drop", &mut || nanoseconds_each(SELDOM, |_| vec![0_u64; black_box(16)])),
        ("Array::<u64>::zeroed(16) + drop", &mut || nanoseconds_each(SELDOM, |_| small())),
        ("Array::<u64>::zeroed(512), a page, + drop", &mut || nanoseconds_each(SELDOM / 10, |_| page())),
        ("Array::<u64>::zeroed(8192), 64 KiB, + drop", &mut || nanoseconds_each(SELDOM / 10, |_| large())),
    ];
    Table::interleave(rounds(ROUNDS), &mut items).print("making and dropping", "ns", HEAP);
}

/// One atomic in a page of its own that forked children would share.
fn shared_word() -> &'static AtomicU64 {
    // SAFETY: page-aligned, zeroed, and never unmapped.
    unsafe { map(false, size_of::<AtomicU64>()).cast::<AtomicU64>().as_ref() }
}
