//! What a process costs: `spawn` and `join` of `|| 1u64`, against the bare system calls below it, and beside what else
//! there is.
//!
//! Target: at most 1.15 times a bare `fork` + `_exit` + `waitpid`, with a small and with a large private heap.

#![allow(unsafe_code)] // advice about the large heap

mod support;

use std::env;
use std::hint::black_box;
use std::process::Command;
use std::thread;

use procshare::Process;
use support::by_hand::{forked, wait_for};
use support::{Item, Noise, Table, microseconds, rounds};

/// Given to ourselves: exit at once, so that what is measured is `exec` and the dynamic linker.
const EXIT_AT_ONCE: &str = "--exit-at-once";
const HEAP: usize = 512 << 20;
const PAGE: usize = 4096;

fn main() {
    if env::args().any(|argument| argument == EXIT_AT_ONCE) {
        return;
    }
    let noise = Noise::listen();
    // The first of everything makes the arena, the watcher and the hook: not what a further process costs.
    process();
    scoped();
    measure("spawn + join of a process that returns a u64; small heap", rounds(600));
    let heap = touched_heap();
    measure("the same, 512 MiB of private heap touched by the parent (4 KiB pages)", rounds(40));
    drop(black_box(heap));
    noise.print();
}

fn measure(title: &str, rounds: usize) {
    const BARE: &str = "bare fork + _exit + waitpid";
    let mut items: [Item<'_>; 5] = [
        (BARE, &mut || microseconds(bare_fork)),
        ("Process::spawn + join", &mut || microseconds(process)),
        ("scope: spawn + join", &mut || microseconds(scoped)),
        ("std::process::Command of self, which exits at once", &mut || microseconds(command)),
        ("std::thread::spawn + join", &mut || microseconds(std_thread)),
    ];
    Table::interleave(rounds, &mut items).print(title, "us", BARE);
}

fn process() {
    let one = Process::spawn(|| 1_u64).expect("a child").join().expect("its result");
    assert_eq!(one, 1);
}

fn scoped() {
    let one = procshare::scope(|scope| scope.spawn(|| 1_u64).expect("a child").join().expect("its result"));
    assert_eq!(one.expect("nobody left unjoined"), 1);
}

fn bare_fork() {
    wait_for(forked(|| ()));
}

fn command() {
    let own = env::current_exe().expect("the path of this program");
    assert!(Command::new(own).arg(EXIT_AT_ONCE).status().expect("a command").success());
}

fn std_thread() {
    assert_eq!(thread::spawn(|| 1_u64).join().expect("a thread"), 1);
}

/// A heap whose page tables a fork must copy: huge pages would make that a thousandth of the work.
fn touched_heap() -> Vec<u8> {
    let mut heap: Vec<u8> = Vec::with_capacity(HEAP);
    // SAFETY: advice about the vector's own memory; if it is not taken, the pages are merely larger.
    unsafe { libc::madvise(page_up(heap.as_mut_ptr()).cast(), HEAP - PAGE, libc::MADV_NOHUGEPAGE) };
    heap.resize(HEAP, 1);
    heap
}

fn page_up(start: *mut u8) -> *mut u8 {
    start.wrapping_add(start.align_offset(PAGE))
}
