//! Workers on a CPU each, processes or threads, and where they meet.
#![allow(unsafe_code)] // sends a signal

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::{process, thread};

use crate::support::pin;

/// Who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Threads,
    Processes,
}

/// Ends the program if the worker that has it panics: the others would wait for that worker for ever.
struct Fuse {
    program: u32,
}

impl Fuse {
    /// To be made before there are workers.
    fn new() -> Self {
        Self { program: process::id() }
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        if thread::panicking() {
            // SAFETY: a signal to the process that measures, which lives as long as its workers.
            unsafe { libc::kill(self.program.cast_signed(), libc::SIGTERM) };
        }
    }
}

/// Runs `there` by another worker, on CPU 1, and `here` by this one, on CPU 0.
pub(super) fn pair<R>(by: By, here: impl FnOnce() -> R, there: impl FnOnce() + Send) -> R {
    let (fuse, other_fuse) = (Fuse::new(), Fuse::new());
    let there = move || {
        let _fuse = other_fuse;
        pin(1);
        there();
    };
    let here = move || {
        let _fuse = fuse;
        pin(0);
        here()
    };
    match by {
        By::Threads => thread::scope(|scope| {
            scope.spawn(there);
            here()
        }),
        By::Processes => procshare::scope(|scope| {
            scope.spawn(there).expect("a process");
            here()
        })
        .expect("the other one ends well"),
    }
}

/// Runs `work` by as many workers as `cpus` names; each gets its number.
pub(super) fn crowd(by: By, cpus: &[usize], work: impl Fn(usize) + Sync) {
    let work = &work;
    let each = |(number, cpu): (usize, usize)| {
        let fuse = Fuse::new();
        move || {
            let _fuse = fuse;
            pin(cpu);
            work(number);
        }
    };
    let cpus = cpus.iter().copied().enumerate();
    match by {
        By::Threads => thread::scope(|scope| {
            cpus.for_each(|worker| drop(scope.spawn(each(worker))));
        }),
        By::Processes => procshare::scope(|scope| {
            cpus.for_each(|worker| drop(scope.spawn(each(worker)).expect("a process")));
        })
        .expect("all end well"),
    }
}

/// Where all workers meet before they begin, and again before they let go of their ends.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Meeting(AtomicU64);

impl Meeting {
    /// Waits until `all` have come for the `time`th time.
    pub(super) fn come(&self, all: u64, time: u64) {
        self.0.fetch_add(1, AcqRel);
        while self.0.load(Acquire) < all * time {
            thread::yield_now();
        }
    }
}
