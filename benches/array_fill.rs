//! 256 MiB of results by two workers: processes that write into a shared array, against threads that write into a
//! `Vec`, against a shared mapping made by hand, and against sending the same through pipes.
//!
//! Every sample is a process of its own, so that cold is cold. Targets: the loop's second pass, the pages mapped in the
//! children, at most 1.03 times that of threads in private memory; the whole job on cold memory no dearer than on a
//! cold memfd by hand, on memory that was used before 20 ms.

#![allow(unsafe_code)] // the mapping, the forks and the pipes made by hand

mod support;

use std::env;
use std::hint::{black_box, spin_loop};
use std::io::{PipeReader, Read, Write};
use std::process::Command;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use procshare::{Array, Value, arena};
use support::by_hand::{forked, large_pipe, map, slice_at, unmap, wait_for};
use support::{Noise, Table, median, milliseconds, pin, rounds};

/// Given to ourselves: run one of the kinds, print its times, and end.
const RUN: &str = "--run";
const ELEMENTS: usize = (256 << 20) / 8;
const WORKERS: usize = 2;
/// One on fresh pages, the others on pages that are mapped.
const PASSES: usize = 6;
const ROUNDS: usize = 7;

const THREADS: &str = "threads, Vec";
const BY_HAND: &str = "memfd by hand, forked children";
const POPULATED: &str = "Array, children of a scope";
const LAZY: &str = "Array, children of a scope, prepopulate(false)";
const SENT: &str = "private Vec in forked children, sent by pipe";

fn main() {
    let mut arguments = env::args().skip_while(|argument| argument != RUN).skip(1);
    if let Some(kind) = arguments.next() {
        return run(&kind);
    }
    let noise = Noise::listen();
    let (mut jobs, mut loops) = (Table::default(), Table::default());
    for round in 0..rounds(ROUNDS) {
        let mut kinds = [BY_HAND, THREADS, POPULATED, LAZY, SENT];
        kinds.rotate_left(round % 5);
        for kind in kinds {
            for (what, time) in sample(kind) {
                let table = if what.starts_with("job") { &mut jobs } else { &mut loops };
                table.push(&format!("{}: {kind}", what.trim_start_matches("job, ")), time);
            }
        }
    }
    jobs.sort();
    loops.sort();
    jobs.print("the whole job once: make, fill by two, sum by the parent", "ms", &format!("cold: {BY_HAND}"));
    loops.print("the loop alone, as its slower worker saw it", "ms", &format!("second pass: {THREADS}"));
    noise.print();
}

/// Runs one kind in a process of its own.
fn sample(kind: &str) -> Vec<(String, f64)> {
    let own = env::current_exe().expect("the path of this program");
    let output = Command::new(own).args([RUN, kind]).output().expect("a run of this program");
    assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let times = text.lines().filter_map(|line| line.rsplit_once('\t'));
    times.map(|(what, time)| (what.to_owned(), time.parse().unwrap_or(f64::NAN))).collect()
}

fn say(what: &str, time: f64) {
    println!("{what}\t{time}");
}

fn run(kind: &str) {
    match kind {
        THREADS => run_on(|| Private(vec![0.0; ELEMENTS])),
        BY_HAND => run_on(|| ByHand { data: map(true, ELEMENTS * 8).cast() }),
        POPULATED | LAZY => {
            // Room for the array to stay warm, and nothing else that is not the default.
            let builder = arena::Builder::new().warm(1 << 30).prepopulate(kind == POPULATED);
            builder.build().expect("the arena's first use");
            let make = || Shared(Array::zeroed(ELEMENTS).expect("a shared array"));
            drop(cold_job(make));
            let mut again = None;
            say("job, memory used before", milliseconds(|| again = Some(job(make))));
            drop(again);
            arena::trim();
            run_on(make);
        }
        _ => say("job, cold", milliseconds(send_by_pipe)),
    }
}

/// Where two workers fill an array.
trait Ground {
    /// Fills the array `passes` times by two workers that keep in step; gives each pass's time in each worker.
    fn fill(&mut self, passes: usize) -> Vec<[u64; WORKERS]>;
    fn data(&self) -> &[f64];
}

fn job<G: Ground>(make: impl FnOnce() -> G) -> G {
    let mut ground = make();
    ground.fill(1);
    sum(ground.data());
    ground
}

fn cold_job<G: Ground>(make: impl FnOnce() -> G) -> G {
    let mut ground = None;
    say("job, cold", milliseconds(|| ground = Some(job(make))));
    ground.expect("it was made just now")
}

fn run_on<G: Ground>(make: impl Fn() -> G) {
    let mut ground = cold_job(&make);
    let kept = milliseconds(|| {
        ground.fill(1);
        sum(ground.data());
    });
    say("job, same memory, new workers", kept);
    drop(ground);
    arena::trim();
    let slower: Vec<f64> =
        make().fill(PASSES).iter().map(|times| *times.iter().max().unwrap_or(&0) as f64 / 1e6).collect();
    say("first touch", slower[0]);
    say("second pass", median(&slower[1..]));
}

/// The parent's own use of the results; a plain loop over as many partial sums as hide the additions' latency.
fn sum(data: &[f64]) {
    let mut sums = [0.0; 8];
    for eight in data.as_chunks::<8>().0 {
        sums.iter_mut().zip(eight).for_each(|(sum, x)| *sum += x);
    }
    black_box(sums.iter().sum::<f64>());
}

/// The loop that is measured: the same code for threads, children and mappings made by hand.
#[inline(never)]
fn fill(chunk: &mut [f64], pass: usize) {
    let start = pass as f64;
    for (at, x) in chunk.iter_mut().enumerate() {
        *x = start + at as f64;
    }
}

/// One worker: `nanos.len()` passes, in step with the other one by `meet`.
fn work(worker: usize, chunk: &mut [f64], nanos: &mut [u64], meet: impl Fn(u64)) {
    pin(worker);
    for (pass, nano) in nanos.iter_mut().enumerate() {
        meet((WORKERS * (pass + 1)) as u64);
        let began = Instant::now();
        fill(black_box(&mut *chunk), pass);
        *nano = began.elapsed().as_nanos() as u64;
    }
}

/// Arrives, and spins until so many have arrived.
fn meet(gate: &AtomicU64, all: u64) {
    gate.fetch_add(1, Relaxed);
    while gate.load(Relaxed) < all {
        spin_loop();
    }
}

fn by_pass(nanos: &[u64], passes: usize) -> Vec<[u64; WORKERS]> {
    (0..passes).map(|pass| [nanos[pass], nanos[passes + pass]]).collect()
}

struct Private(Vec<f64>);

impl Ground for Private {
    fn fill(&mut self, passes: usize) -> Vec<[u64; WORKERS]> {
        let (mut nanos, gate) = (vec![0; WORKERS * passes], AtomicU64::new(0));
        thread::scope(|scope| {
            let shares = self.0.chunks_mut(ELEMENTS / WORKERS).zip(nanos.chunks_mut(passes));
            for (worker, (chunk, nanos)) in shares.enumerate() {
                let gate = &gate;
                scope.spawn(move || work(worker, chunk, nanos, |all| meet(gate, all)));
            }
        });
        by_pass(&nanos, passes)
    }

    fn data(&self) -> &[f64] {
        &self.0
    }
}

struct Shared(Array<f64>);

impl Ground for Shared {
    fn fill(&mut self, passes: usize) -> Vec<[u64; WORKERS]> {
        let mut nanos = Array::<u64>::zeroed(WORKERS * passes).expect("room for the times");
        let gate = Value::new(0_u64).expect("a value");
        let filled = procshare::scope(|scope| {
            let shares = self.0.chunks_mut(ELEMENTS / WORKERS).zip(nanos.chunks_mut(passes));
            for (worker, (chunk, nanos)) in shares.enumerate() {
                let gate = &gate;
                let meet = move |all| {
                    gate.fetch_add(1);
                    while gate.get() < all {
                        spin_loop();
                    }
                };
                scope.spawn(move || work(worker, chunk, nanos, meet)).expect("a child");
            }
        });
        filled.expect("two whole halves");
        by_pass(&nanos, passes)
    }

    fn data(&self) -> &[f64] {
        &self.0
    }
}

/// What one writes without a library: a memfd, `mmap`, `fork`, `waitpid`.
struct ByHand {
    data: NonNull<f64>,
}

impl Ground for ByHand {
    fn fill(&mut self, passes: usize) -> Vec<[u64; WORKERS]> {
        let page = 4096;
        assert!(8 * (1 + WORKERS * passes) <= page);
        let words = map(false, page).cast::<u64>();
        // SAFETY: the first word of a fresh mapping, which all use as an atomic only.
        let gate = unsafe { words.cast::<AtomicU64>().as_ref() };
        let children = [0, 1].map(|worker| {
            let (half, times) = (ELEMENTS / WORKERS, 1 + worker * passes);
            let body = || {
                // SAFETY: each child makes the one slice of its own half of the mapping.
                let chunk = unsafe { slice_at(self.data, worker * half, half) };
                // SAFETY: and of its own words behind the gate.
                let nanos = unsafe { slice_at(words, times, passes) };
                work(worker, chunk, nanos, |all| meet(gate, all));
            };
            forked(body)
        });
        children.into_iter().for_each(wait_for);
        // SAFETY: the children are gone; nobody writes here any more.
        let nanos = unsafe { slice_at(words, 1, WORKERS * passes) };
        let times = by_pass(nanos, passes);
        unmap(words.cast(), page);
        times
    }

    fn data(&self) -> &[f64] {
        // SAFETY: the whole mapping, zeroed at first, in which no child writes while the parent looks.
        unsafe { slice_at(self.data, 0, ELEMENTS) }
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        unmap(self.data.cast(), ELEMENTS * 8);
    }
}

/// The same results without shared memory: each child fills its own half and writes it into a pipe.
fn send_by_pipe() {
    let half = ELEMENTS / WORKERS;
    let (children, mut pipes): (Vec<i32>, Vec<PipeReader>) = (0..WORKERS)
        .map(|worker| {
            let (receive, send) = large_pipe();
            let body = || {
                let mut own = vec![0.0; half];
                work(worker, &mut own, &mut [0], |_| ());
                (&send).write_all(bytemuck::cast_slice(&own)).expect("the parent reads");
            };
            (forked(body), receive)
        })
        .unzip();
    let mut data = vec![0.0; ELEMENTS];
    let mut halves: Vec<&mut [u8]> = data.chunks_mut(half).map(bytemuck::cast_slice_mut).collect();
    while halves.iter().any(|left| !left.is_empty()) {
        for (left, pipe) in halves.iter_mut().zip(&mut pipes).filter(|(left, _)| !left.is_empty()) {
            let read = pipe.read(left).expect("a pipe to read");
            assert!(read > 0, "a child ended early");
            *left = &mut std::mem::take(left)[read..];
        }
    }
    children.into_iter().for_each(wait_for);
    sum(&data);
}
