//! What a process costs: `spawn` and `join` of `|| 1u64`, against the bare system calls below it, and beside what else
//! there is.
//!
//! Target: at most 1.15 times a bare `fork` + `_exit` + `waitpid`, with a small and with a large private heap.

#![allow(unsafe_code)] // advice about the large heap

mod support;

use std::env;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write, stdin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use procshare::Process;
use support::by_hand::{forked, wait_for};
use support::{Item, Noise, Table, microseconds, rounds};

/// Given to ourselves: exit at once, so that what is measured is `exec` and the dynamic linker.
const EXIT_AT_ONCE: &str = "--exit-at-once";
/// Given to ourselves: be a program that forks by hand, and does not know this crate.
const FORK_BY_HAND: &str = "--fork-by-hand";
/// With that: have an idle second thread, as a program with this crate has its watcher.
const WITH_A_THREAD: &str = "--with-a-thread";
const HEAP: usize = 512 << 20;
const PAGE: usize = 4096;

fn main() {
    let told = |what: &str| env::args().any(|argument| argument == what);
    if told(EXIT_AT_ONCE) {
        return;
    }
    if told(FORK_BY_HAND) {
        return fork_by_hand(told(WITH_A_THREAD));
    }
    let noise = Noise::listen();
    let mut peers = [Peer::start(&[FORK_BY_HAND]), Peer::start(&[FORK_BY_HAND, WITH_A_THREAD])];
    // The first of everything makes the arena, the watcher and the hook: not what a further process costs.
    process();
    scoped();
    measure("spawn + join of a process that returns a u64; small heap", rounds(600), &mut peers);
    let heap = touched_heap();
    for peer in &mut peers {
        peer.ask("heap");
    }
    let title = "the same, 512 MiB of private heap touched by the parent (4 KiB pages)";
    measure(title, rounds(40), &mut peers);
    drop(black_box(heap));
    drop(peers); // reaped, their time counts as ours
    noise.print();
}

fn measure(title: &str, rounds: usize, [alone, threaded]: &mut [Peer; 2]) {
    const BARE: &str = "bare fork + _exit + waitpid, a program of one thread";
    let mut items: [Item<'_>; 6] = [
        (BARE, &mut || alone.ask("fork")),
        ("the same, a program of two threads", &mut || threaded.ask("fork")),
        ("Process::spawn + join", &mut || microseconds(process)),
        ("scope: spawn + join", &mut || microseconds(scoped)),
        ("std::process::Command of self, which exits at once", &mut || microseconds(command)),
        ("std::thread::spawn + join", &mut || microseconds(std_thread)),
    ];
    Table::interleave(rounds, &mut items).print(title, "us", BARE);
}

/// A program beside this one: in this one, the handlers that this crate registers would run at every fork.
struct Peer {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(arguments: &[&str]) -> Self {
        let own = env::current_exe().expect("the path of this program");
        let mut command = Command::new(own);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program beside this one");
        let (asks, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, asks, answers: BufReader::new(answers) }
    }

    /// Has it do something once; returns the microseconds that it took.
    fn ask(&mut self, what: &str) -> f64 {
        writeln!(self.asks, "{what}").expect("a question");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        answer.trim().parse().expect("a number")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the program beside this one does.
fn fork_by_hand(with_a_thread: bool) {
    if with_a_thread {
        thread::spawn(thread::park);
    }
    let mut heaps = Vec::new();
    for line in stdin().lines() {
        let took = match line.expect("a question").as_str() {
            "heap" => microseconds(|| heaps.push(touched_heap())),
            _ => microseconds(|| wait_for(forked(|| ()))),
        };
        println!("{took}");
    }
}

fn process() {
    let one = Process::spawn(|| 1_u64).expect("a child").join().expect("its result");
    assert_eq!(one, 1);
}

fn scoped() {
    let one = procshare::scope(|scope| scope.spawn(|| 1_u64).expect("a child").join().expect("its result"));
    assert_eq!(one.expect("nobody left unjoined"), 1);
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
