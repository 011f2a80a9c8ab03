//! Pools by hand, of processes: one that answers, and two that do a half each. Nothing here survives a death.
#![allow(unsafe_code)] // lends shared memory

use std::ptr::NonNull;

use procshare::Process;

use super::futex::FutexSignal;
use crate::locks::roles::Signal;
use crate::pools::roles::Trip;
use crate::pools::tasks::square;
use crate::queues::payload::Small;
use crate::queues::roles::{Link, Rx, Tx};
use crate::shared::Shared;
use crate::support::by_hand::{map, slice_at, unmap};
use crate::support::{pin, unpin};

type Word = Small<1>;

/// A process that works for ever, and is killed in the end.
#[derive(Debug)]
struct Worker(Process<()>);

impl Worker {
    fn begin(work: impl FnMut() + Send + 'static) -> Self {
        let mut work = work;
        Self(
            Process::spawn(move || {
                loop {
                    work();
                }
            })
            .expect("a process"),
        )
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // An error says that it is gone already.
        let _ = self.0.kill();
        while self.0.is_alive() {
            std::thread::yield_now();
        }
    }
}

/// Somebody who is asked, on the other CPU or wherever the kernel likes.
#[derive(Debug)]
pub(crate) struct Answering<A> {
    asker: A,
    apart: bool,
    _worker: Worker,
}

impl<A: Tx<Word> + Rx<Word>> Answering<A> {
    pub(crate) fn apart<L>(link: &L) -> Self
    where
        L: Link<Asker = A, Answerer: Tx<Word> + Rx<Word> + Send + 'static>,
    {
        Self::new(link, true)
    }

    pub(crate) fn anywhere<L>(link: &L) -> Self
    where
        L: Link<Asker = A, Answerer: Tx<Word> + Rx<Word> + Send + 'static>,
    {
        Self::new(link, false)
    }

    fn new<L>(link: &L, apart: bool) -> Self
    where
        L: Link<Asker = A, Answerer: Tx<Word> + Rx<Word> + Send + 'static>,
    {
        let mut side = link.answerer();
        let mut begun = false;
        let worker = Worker::begin(move || {
            if apart && !begun {
                pin(1);
                begun = true;
            }
            let number = side.recv().seed;
            side.send(square(number));
        });
        Self { asker: link.asker(), apart, _worker: worker }
    }
}

impl<A: Tx<Word> + Rx<Word>> Trip for Answering<A> {
    fn trip(&mut self, number: u64) -> u64 {
        self.asker.send(number);
        self.asker.recv().seed
    }

    fn begin(&mut self) {
        if self.apart {
            pin(0);
        }
    }

    fn end(&mut self) {
        unpin();
    }
}

/// Numbers and what becomes of them, in shared memory, and two processes that do a half each when they are told to.
#[derive(Debug)]
pub(crate) struct Halves {
    results: Floats,
    numbers: Floats,
    signals: [(&'static FutexSignal, &'static FutexSignal); 2],
    _workers: [Worker; 2],
}

impl Halves {
    pub(crate) fn new(
        length: usize,
        number: fn(usize) -> f64,
        work: impl Fn(f64) -> f64 + Copy + Send + 'static,
    ) -> Self {
        let (numbers, results) = (Floats::new(length), Floats::new(length));
        // SAFETY: fresh memory, of which nobody else knows.
        let all = unsafe { numbers.part(0, length) };
        all.iter_mut().enumerate().for_each(|(at, place)| *place = number(at));
        // SAFETY: the same.
        unsafe { results.part(0, length) }.fill(0.0);
        let signal = || Shared::forever(FutexSignal::new(0));
        let signals = [(signal(), signal()), (signal(), signal())];
        let workers = [0, 1].map(|half| {
            let (go, done) = signals[half];
            let (from, to) = (half * length / 2, (half + 1) * length / 2);
            Worker::begin(move || {
                go.wait();
                // SAFETY: nobody writes the numbers any more.
                let numbers = unsafe { numbers.part(from, to) };
                // SAFETY: this worker's own half, which the other processes leave alone until `done`.
                let results = unsafe { results.part(from, to) };
                for (result, &mut number) in results.iter_mut().zip(numbers) {
                    *result = work(number);
                }
                done.send();
            })
        });
        Self { results, numbers, signals, _workers: workers }
    }

    pub(crate) fn run(&mut self) {
        self.signals.iter().for_each(|(go, _)| go.send());
        self.signals.iter().for_each(|(_, done)| done.wait());
    }

    pub(crate) fn results(&self) -> &[f64] {
        // SAFETY: the workers write only during `run`, which needs all of `self`.
        unsafe { self.results.part(0, self.results.length) }
    }
}

impl Drop for Halves {
    fn drop(&mut self) {
        for floats in [self.numbers, self.results] {
            unmap(floats.place.cast(), floats.length * size_of::<f64>());
        }
    }
}

/// A mapping full of floats.
#[derive(Clone, Copy, Debug)]
struct Floats {
    place: NonNull<f64>,
    length: usize,
}

// SAFETY: an address that means the same in every process that is forked later; whoever uses it promises the rest.
unsafe impl Send for Floats {}

impl Floats {
    fn new(length: usize) -> Self {
        Self { place: map(false, length * size_of::<f64>()).cast(), length }
    }

    /// The floats from `from` to `to`.
    ///
    /// # Safety
    /// As long as the slice lives, the mapping does, and nobody else writes there; and nobody reads what is written.
    unsafe fn part<'a>(self, from: usize, to: usize) -> &'a mut [f64] {
        assert!(from <= to && to <= self.length);
        // SAFETY: within the mapping, as seen; the rest is the caller's promise.
        unsafe { slice_at(self.place, from, to - from) }
    }
}
