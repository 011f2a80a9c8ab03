//! The chunks of a job in every interleaving, with deaths and with planted bugs.

// The results stand in the checker's cells, which hand out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Counted;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Kernel, Mortal, Spurious};
use super::{RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{ChunkState, ChunkWords, Chunks, Park, Walk};
use crate::shim::AtomicU64;

/// More points than a ticket passes in the models below.
const POINTS: u32 = 20;

/// The tickets.
const DYING: u16 = 1;
const HELPER: u16 = 2;
const LAST: u16 = 3;

/// What a model prints when a chunk is done twice, or never.
const ONCE: &str = "each chunk is done once";
/// What a model prints when a chunk is left that somebody should have come to.
const PASSED_OVER: &str = "a reopened chunk is not passed over";

/// Where a ticket walks: there are two parts.
fn walk(ticket: u16) -> Walk {
    Walk::new(usize::from(ticket % 2), 2)
}

/// A job of so many chunks.
struct Job<const CHUNKS: usize> {
    kernel: Spurious,
    words: ChunkWords,
    states: [AtomicU64; CHUNKS],
    /// How often each chunk was done. The checker reports it when two are at one.
    results: [UnsafeCell<u32>; CHUNKS],
}

impl<const CHUNKS: usize> Job<CHUNKS> {
    fn new() -> Arc<Self> {
        let states = std::array::from_fn(|_| AtomicU64::new(0));
        let results = std::array::from_fn(|_| UnsafeCell::new(0));
        Arc::new(Self { kernel: Spurious::new(), words: ChunkWords::new(), states, results })
    }

    fn chunks(&self) -> Chunks<'_> {
        Chunks::of(&self.words, &self.states)
    }

    fn change(&self, chunk: usize, change: impl FnOnce(u32) -> u32) {
        self.results[chunk].with_mut(|result| {
            // SAFETY: the caller has the chunk, says the machine; the checker reports it if somebody else is at it.
            let result = unsafe { &mut *result };
            *result = change(*result);
        });
    }

    fn result(&self, chunk: usize) -> u32 {
        // SAFETY: as above; nobody writes what is done.
        self.results[chunk].with(|result| unsafe { *result })
    }

    /// Does what is left, as `ticket`.
    fn work(&self, ticket: u16) {
        let mut walk = walk(ticket);
        while let Some(chunk) = self.chunks().claim(ticket.into(), &mut walk) {
            self.change(chunk, |result| result + 1);
            self.chunks().done(chunk, 1);
        }
    }

    /// The same, step by step, for one that may be killed between any two. What it has not finished looks like much.
    fn work_until_killed(&self, ticket: u16, mortal: &Mortal<'_, Spurious>) {
        let (chunks, mut walk) = (self.chunks(), walk(ticket));
        mortal.pass();
        while let Some(chunk) = walk.next(CHUNKS) {
            mortal.pass();
            if chunks.take(chunk, ticket.into()) {
                mortal.pass();
                self.change(chunk, |result| result + 100);
                mortal.pass();
                self.change(chunk, |result| result - 99);
                mortal.pass();
                chunks.mark(chunk);
                mortal.pass();
                chunks.count(1);
            }
            mortal.pass();
        }
    }

    /// Puts right what an ended ticket left, and reopens it.
    fn repair(&self, chunk: usize) {
        self.change(chunk, |_| 0);
        assert!(self.chunks().reopen(chunk), "who left it has ended");
    }

    /// Looks whether the dying ticket is dead, and repairs what it left.
    fn tend(&self) -> bool {
        if self.kernel.death(DYING).is_none() {
            return false;
        }
        let chunks = self.chunks();
        if let Some(chunk) = chunks.taken_by(DYING.into()) {
            self.repair(chunk);
        }
        assert_eq!(chunks.taken_by(DYING.into()), None, "a ticket leaves one chunk at most");
        true
    }

    /// Asserts that all is done once.
    fn assert_done(&self) {
        for chunk in 0..CHUNKS {
            assert_eq!(self.chunks().state(chunk), ChunkState::Done, "{ONCE}");
            assert_eq!(self.result(chunk), 1, "{ONCE}");
        }
        assert_eq!(self.chunks().claim(LAST.into(), &mut walk(LAST)), None, "{ONCE}");
    }
}

/// Two tickets do the chunks, while the parent looks.
fn two_share_the_chunks<const CHUNKS: usize>() {
    let job = Job::<CHUNKS>::new();
    let workers = [DYING, HELPER].map(|ticket| {
        let job = Arc::clone(&job);
        thread::spawn(move || job.work(ticket))
    });
    let seen = job.chunks().progress();
    for chunk in (0..CHUNKS).rev() {
        if job.chunks().state(chunk) == ChunkState::Done {
            assert_eq!(job.result(chunk), 1, "{ONCE}");
        }
    }
    for worker in workers {
        worker.join().unwrap();
    }
    job.assert_done();
    assert!(seen <= job.chunks().progress());
    assert_eq!(job.chunks().progress(), CHUNKS as u64, "{ONCE}");
}

/// One of two tickets is killed at `point`. The parent repairs what it left as soon as it learns of that, the other one goes on, and a last
/// ticket does what is left in the end.
fn survivors_do_the_rest(point: u32, deaths: Counted<AtomicUsize>) -> impl Fn() + Send + Sync + 'static {
    move || {
        let job = Job::<2>::new();
        let dying = {
            let job = Arc::clone(&job);
            thread::spawn(move || {
                Mortal::live(&job.kernel, DYING, Some(point), |mortal| job.work_until_killed(DYING, mortal))
            })
        };
        let helping = {
            let job = Arc::clone(&job);
            thread::spawn(move || job.work(HELPER))
        };
        let tended = job.tend();
        let killed = dying.join().unwrap();
        if killed && !tended {
            assert!(job.tend(), "the dead are known");
        }
        helping.join().unwrap();
        while let Some(chunk) = job.chunks().first_open() {
            assert!(killed, "{ONCE}");
            assert!(job.chunks().reopen(chunk), "nobody else is there");
            job.work(LAST);
        }
        job.assert_done();
        let counted = job.chunks().progress();
        assert!(counted == 2 || killed && counted == 1, "{ONCE}");
        deaths.fetch_add(usize::from(killed), Relaxed);
    }
}

/// Two dead tickets left a chunk each. While the parent repairs one after the other, a helper is at work, and nobody dies any more.
fn reopened_chunks_are_done() {
    let job = Job::<2>::new();
    let mut before = walk(LAST);
    for ticket in [DYING, DYING + 10] {
        let chunk = job.chunks().claim(ticket.into(), &mut before).unwrap();
        job.change(chunk, |_| 100);
    }
    let helping = {
        let job = Arc::clone(&job);
        thread::spawn(move || job.work(HELPER))
    };
    job.repair(0);
    job.repair(1);
    job.work(LAST);
    helping.join().unwrap();
    assert_eq!(job.chunks().first_open(), None, "{PASSED_OVER}");
    job.assert_done();
}

/// The job is stopped while two are at it. What was claimed is done, and nobody begins anything after that.
fn stopped_job_ends() {
    let job = Job::<2>::new();
    let helping = {
        let job = Arc::clone(&job);
        thread::spawn(move || job.work(HELPER))
    };
    job.chunks().stop();
    job.work(LAST);
    helping.join().unwrap();
    for chunk in 0..2 {
        let done = u32::from(job.chunks().state(chunk) == ChunkState::Done);
        assert_eq!(job.result(chunk), done, "{ONCE}");
        assert!(done == 1 || job.chunks().state(chunk) == ChunkState::Open, "{ONCE}");
    }
}

#[test]
fn each_chunk_is_done_by_one_of_two() {
    println!("{} interleavings", explore(two_share_the_chunks::<2>));
    println!("{} interleavings", explore(two_share_the_chunks::<3>));
}

#[test]
fn each_chunk_is_done_wherever_a_ticket_is_killed() {
    let (mut killed_somewhere, mut runs) = (0, 0);
    for point in 0..POINTS {
        let deaths = Counted::new(AtomicUsize::new(0));
        runs += explore(survivors_do_the_rest(point, Counted::clone(&deaths)));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 13, "the points of both chunks are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

#[test]
fn chunk_that_is_reopened_in_time_is_done_by_who_is_there() {
    println!("{} interleavings", explore(reopened_chunks_are_done));
}

#[test]
fn stopped_job_leaves_nothing_half_done() {
    println!("{} interleavings", explore(stopped_job_ends));
}

#[test]
fn checker_finds_chunk_that_is_taken_by_a_store() {
    finds(Bug::ChunkTakenByStore, RACE, reopened_chunks_are_done);
}

#[test]
fn checker_finds_chunk_that_is_begun_too_early() {
    finds(Bug::ChunkTakenUnordered, RACE, reopened_chunks_are_done);
}

#[test]
fn checker_finds_repair_that_is_not_handed_on() {
    finds(Bug::ReopenUnordered, RACE, reopened_chunks_are_done);
}

#[test]
fn checker_finds_work_that_is_not_handed_on() {
    finds(Bug::ChunkDoneUnordered, RACE, two_share_the_chunks::<2>);
}
