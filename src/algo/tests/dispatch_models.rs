//! What the checker plays with the dispatch: who submits, works, waits and is told, and what must hold then.

// What a task works on stands in the checker's cells, which hand out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Counted;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use loom::thread::{JoinHandle, yield_now};

use super::dispatch_deaths::pass;
use super::parkers::{Blocking, Kernel, Spurious};
use crate::algo::{Dispatch, DispatchWords, Feed, Hand, Park, Phase, Records, TaskWords, WorkerWords};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// What a model prints when a task runs twice, or never.
pub(super) const ONCE: &str = "each task runs once";
/// What a model prints when somebody is told of a task that has not ended.
pub(super) const EARLY: &str = "who is told of an end sees it";
/// What a model prints when all seems to be done, and is not.
pub(super) const AT_WORK: &str = "somebody is at work still";

/// What a task makes of its argument.
pub(super) const MADE: u32 = 100;

/// The records. Between a look for one and what is done with it, who looks may be killed.
pub(super) struct Book(Vec<TaskWords>);

impl Records for Book {
    fn record(&self, index: u32) -> Option<&TaskWords> {
        pass();
        self.0.get(index as usize)
    }
}

/// How much there is of everything.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) workers: usize,
    pub(super) records: usize,
    pub(super) entries: usize,
    pub(super) spinners: usize,
}

/// As `explore`, but nobody who could go on is kept from it more than once: for models of many steps.
pub(super) fn explore_less(model: impl Fn() + Send + Sync + 'static) -> usize {
    let runs = Counted::new(AtomicUsize::new(0));
    let counted = Counted::clone(&runs);
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = Some(1);
    checker.check(move || {
        counted.fetch_add(1, SeqCst);
        model();
    });
    runs.load(SeqCst)
}

/// Everything that is shared.
pub(super) struct Scene<K> {
    pub(super) kernel: K,
    words: DispatchWords,
    ring: Vec<AtomicU64>,
    workers: Vec<WorkerWords>,
    pub(super) book: Book,
    spinners: usize,
    /// The argument of each task, then its result. The checker reports it when two are at one.
    cells: Vec<UnsafeCell<u32>>,
    /// How many tasks were about to end, as it happened; not seen by the checker.
    ended: Counted<AtomicUsize>,
}

/// Who submits.
pub(super) struct Boss<K> {
    pub(super) scene: Arc<Scene<K>>,
    pub(super) feed: Feed,
}

impl<K: Kernel> Scene<K> {
    pub(super) fn dispatch(&self) -> Dispatch<'_, Book> {
        Dispatch::of(&self.words, &self.ring, &self.workers, &self.book, self.spinners)
    }

    pub(super) fn task(&self, index: u32) -> &TaskWords {
        &self.book.0[index as usize]
    }

    pub(super) fn write(&self, index: u32, value: u32) {
        // SAFETY: by who may, says the machine; the checker reports it if somebody else is at it.
        self.cells[index as usize].with_mut(|cell| unsafe { *cell = value });
    }

    pub(super) fn read(&self, index: u32) -> u32 {
        // SAFETY: as above; nobody writes what has ended.
        self.cells[index as usize].with(|cell| unsafe { *cell })
    }

    /// Runs the task, and says so.
    pub(super) fn run<P: Park>(&self, hand: &mut Hand, index: u32, park: &P) {
        let argument = self.read(index);
        assert!(argument < MADE, "{ONCE}");
        self.write(index, argument + 10 * MADE);
        pass();
        self.write(index, argument + MADE);
        pass();
        self.ended.fetch_add(1, SeqCst);
        self.dispatch().finish(hand, index, Phase::Returned, park).unwrap();
        pass();
    }

    /// Works as the worker of that number until there is nothing more to come, or so many are done.
    pub(super) fn serve<P: Park>(&self, number: u16, most: usize, park: &P) -> usize {
        let mut hand = Hand::new(number);
        let mut done = 0;
        while done < most
            && let Some(index) = self.dispatch().next(&mut hand, park)
        {
            self.run(&mut hand, index, park);
            done += 1;
        }
        self.dispatch().leave(&mut hand, park);
        done
    }

    /// Makes the number of a dead worker free for the next one.
    pub(super) fn reset(&self, number: u16) {
        self.workers[usize::from(number)].reset();
    }

    /// What came of the task, which has ended.
    pub(super) fn result(&self, index: u32) -> u32 {
        assert_eq!(self.task(index).state.look().phase(), Phase::Returned);
        self.read(index)
    }
}

impl<K: Kernel> Boss<K> {
    pub(super) fn new(size: Size) -> Self {
        let scene = Scene {
            kernel: K::new(),
            words: DispatchWords::new(),
            ring: (0..size.entries).map(|_| AtomicU64::new(0)).collect(),
            workers: (0..size.workers).map(|_| WorkerWords::new()).collect(),
            book: Book((0..size.records).map(|_| TaskWords::new()).collect()),
            spinners: size.spinners,
            cells: (0..size.records).map(|_| UnsafeCell::new(0)).collect(),
            ended: Counted::new(AtomicUsize::new(0)),
        };
        scene.words.format(size.entries);
        Self { scene: Arc::new(scene), feed: Feed::new(size.entries) }
    }

    /// Queues the task and posts it. `false`: it is not posted, there was no room.
    pub(super) fn post(&mut self, index: u32, argument: u32, noticed: bool) -> bool {
        self.scene.write(index, argument);
        self.scene.task(index).state.queue(noticed);
        self.scene.dispatch().post(&mut self.feed, index)
    }

    /// The same, where there is room, and somebody is to come for it.
    pub(super) fn submit(&mut self, index: u32, argument: u32, noticed: bool) {
        assert!(self.post(index, argument, noticed));
        self.scene.dispatch().summon(&self.scene.kernel);
    }

    /// Waits until the task has ended.
    pub(super) fn wait(&self, index: u32) -> u32 {
        assert!(self.scene.task(index).state.wait(&self.scene.kernel, |_| ()));
        self.scene.result(index)
    }

    pub(super) fn end_work(&self) {
        self.scene.dispatch().end_work(&self.scene.kernel);
    }

    /// Has somebody work as the worker of that number until there is nothing more to come, or so many are done.
    pub(super) fn employ(&self, number: u16, most: usize) -> JoinHandle<usize> {
        let scene = Arc::clone(&self.scene);
        thread::spawn(move || scene.serve(number, most, &scene.kernel))
    }
}

/// Tasks for workers that end when there is nothing more to come, while the submitter waits for what comes of them.
pub(super) fn tasks_are_run<K: Kernel>(
    workers: u16,
    tasks: u32,
    spinners: usize,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let size = Size { workers: workers.into(), records: tasks as usize, entries: 2, spinners };
        let mut boss = Boss::<K>::new(size);
        let workers = (0..workers).map(|number| boss.employ(number, usize::MAX)).collect::<Vec<_>>();
        (0..tasks).for_each(|index| boss.submit(index, index + 1, false));
        (0..tasks).for_each(|index| assert_eq!(boss.wait(index), index + 1 + MADE, "{ONCE}"));
        boss.end_work();
        let done = workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>();
        assert_eq!(done, tasks as usize, "{ONCE}");
    }
}

/// One task for one of two workers, of which the other one is told that there is nothing more to come.
pub(super) fn one_of_two_comes<K: Kernel>(spinners: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let mut boss = Boss::<K>::new(Size { workers: 2, records: 1, entries: 2, spinners });
        assert!(boss.post(0, 1, false));
        let workers = [0, 1].map(|number| boss.employ(number, usize::MAX));
        boss.scene.dispatch().summon(&boss.scene.kernel);
        assert_eq!(boss.wait(0), 1 + MADE, "{ONCE}");
        boss.end_work();
        let done = workers.map(|worker| worker.join().unwrap());
        assert!(done == [1, 0] || done == [0, 1], "{ONCE}");
    }
}

/// Each worker takes one task and never comes back: so there must be somebody else for every other one. One of them has just ended a task
/// and spins; the others go to sleep meanwhile.
pub(super) fn each_finds_somebody(others: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let tasks = u32::from(others) + 1;
        let size =
            Size { workers: usize::from(others) + 1, records: tasks as usize, entries: 4, spinners: 1 };
        let mut boss = Boss::<Blocking>::new(size);
        let scene = Arc::clone(&boss.scene);
        let mut hand = Hand::new(0);
        boss.submit(0, 1, false);
        let index = scene.dispatch().next(&mut hand, &scene.kernel).unwrap();
        scene.run(&mut hand, index, &scene.kernel);
        scene.task(0).state.free();
        let workers = (1..=others).map(|number| boss.employ(number, 1)).collect::<Vec<_>>();
        boss.submit_all(tasks);
        let index = scene.dispatch().next(&mut hand, &scene.kernel).unwrap();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), 1, "{ONCE}");
        }
        scene.run(&mut hand, index, &scene.kernel);
    }
}

impl<K: Kernel> Boss<K> {
    fn submit_all(&mut self, tasks: u32) {
        (0..tasks).for_each(|index| self.submit(index, 1, false));
    }
}

/// A worker ends a task, and the submitter, who waited for that, has another one for it.
pub(super) fn next_one_follows<K: Kernel>(spinners: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let mut boss = Boss::<K>::new(Size { workers: 1, records: 1, entries: 2, spinners });
        let working = boss.employ(0, 2);
        for argument in [1, 2] {
            boss.submit(0, argument, false);
            assert_eq!(boss.wait(0), argument + MADE, "{ONCE}");
            boss.scene.task(0).state.free();
        }
        assert_eq!(working.join().unwrap(), 2, "{ONCE}");
    }
}

/// More tasks than entries.
pub(super) fn ring_goes_round<K: Kernel>(workers: u16, tasks: u32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let size = Size { workers: workers.into(), records: tasks as usize, entries: 2, spinners: 0 };
        let mut boss = Boss::<K>::new(size);
        let workers = (0..workers).map(|number| boss.employ(number, usize::MAX)).collect::<Vec<_>>();
        for index in 0..tasks {
            let mut posted = boss.post(index, 1, false);
            while !posted {
                yield_now();
                posted = boss.scene.dispatch().post(&mut boss.feed, index);
            }
            boss.scene.dispatch().summon(&boss.scene.kernel);
        }
        (0..tasks).for_each(|index| assert_eq!(boss.wait(index), 1 + MADE, "{ONCE}"));
        boss.end_work();
        let done = workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>();
        assert_eq!(done, tasks as usize, "{ONCE}");
    }
}

/// One record, used twice, and two workers, who may meet its former entry.
pub(super) fn record_is_used_again<K: Kernel>() {
    let mut boss = Boss::<K>::new(Size { workers: 2, records: 1, entries: 2, spinners: 0 });
    assert!(boss.post(0, 1, false));
    let workers = [0, 1].map(|number| boss.employ(number, 1));
    boss.scene.dispatch().summon(&boss.scene.kernel);
    assert_eq!(boss.wait(0), 1 + MADE, "{ONCE}");
    boss.scene.task(0).state.free();
    boss.submit(0, 2, false);
    assert_eq!(boss.wait(0), 2 + MADE, "{ONCE}");
    workers.into_iter().for_each(|worker| assert_eq!(worker.join().unwrap(), 1, "{ONCE}"));
}

/// A task is cancelled while a worker comes for it; its record is used again.
pub(super) fn cancelled_one_is_passed_over<K: Kernel>() {
    let mut boss = Boss::<K>::new(Size { workers: 1, records: 1, entries: 2, spinners: 0 });
    assert!(boss.post(0, 1, false));
    let working = boss.employ(0, usize::MAX);
    let cancelled = boss.scene.task(0).state.settle(Phase::Queued, Phase::Cancelled).is_some();
    if cancelled {
        boss.scene.task(0).state.free();
        boss.submit(0, 2, false);
    }
    assert_eq!(boss.wait(0), if cancelled { 2 } else { 1 } + MADE, "{ONCE}");
    boss.end_work();
    assert_eq!(working.join().unwrap(), 1, "{ONCE}");
}

/// Workers that have nothing to do are told that there is nothing more to come.
pub(super) fn idle_ones_leave<K: Kernel>(workers: u16, spinners: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let size = Size { workers: workers.into(), records: 1, entries: 2, spinners };
        let boss = Boss::<K>::new(size);
        let workers = (0..workers).map(|number| boss.employ(number, usize::MAX)).collect::<Vec<_>>();
        boss.end_work();
        workers.into_iter().for_each(|worker| assert_eq!(worker.join().unwrap(), 0));
    }
}

/// Tasks, one for each worker, of whose ends somebody is told.
pub(super) fn ends_are_told<K: Kernel>(workers: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let size = Size { workers: workers.into(), records: workers.into(), entries: 2, spinners: 0 };
        let mut boss = Boss::<K>::new(size);
        (0..u32::from(workers)).for_each(|index| assert!(boss.post(index, 1, true)));
        let working = (0..workers).map(|number| boss.employ(number, 1)).collect::<Vec<_>>();
        boss.is_told(&mut (0..u32::from(workers)).collect());
        working.into_iter().for_each(|worker| assert_eq!(worker.join().unwrap(), 1, "{ONCE}"));
    }
}

impl<K: Kernel> Boss<K> {
    /// Is told of the ends of all these tasks.
    fn is_told(&self, missing: &mut Vec<u32>) {
        loop {
            self.take_notices(missing);
            if missing.is_empty() {
                return;
            }
            self.scene.dispatch().await_notice(&self.scene.kernel, 0);
        }
    }

    pub(super) fn take_notices(&self, missing: &mut Vec<u32>) {
        for index in self.scene.dispatch().take_notices(8) {
            assert!(self.scene.task(index).state.look().is_final(), "{EARLY}");
            let at = missing.iter().position(|other| *other == index);
            missing.remove(at.expect("each end is told once"));
        }
    }
}

/// A notice is asked for while the task ends, perhaps.
pub(super) fn notice_is_asked_for<K: Kernel>() {
    let mut boss = Boss::<K>::new(Size { workers: 1, records: 1, entries: 2, spinners: 0 });
    assert!(boss.post(0, 1, false));
    let working = boss.employ(0, 1);
    let mut missing = Vec::new();
    if boss.scene.task(0).state.ask_notice() {
        missing.push(0);
    }
    boss.is_told(&mut missing);
    assert_eq!(boss.scene.result(0), 1 + MADE, "{ONCE}");
    assert_eq!(working.join().unwrap(), 1, "{ONCE}");
    boss.take_notices(&mut missing);
}

/// Somebody rings, and has a reason.
pub(super) fn ring_is_heard<K: Kernel>() {
    let boss = Boss::<K>::new(Size { workers: 1, records: 1, entries: 2, spinners: 0 });
    let ringing = {
        let scene = Arc::clone(&boss.scene);
        thread::spawn(move || {
            // The reason: any word will do.
            scene.task(0).argument.store(1, Relaxed);
            scene.dispatch().ring(&scene.kernel);
        })
    };
    loop {
        boss.scene.dispatch().answer();
        if boss.scene.task(0).argument.load(Relaxed) == 1 {
            break;
        }
        assert_eq!(boss.scene.dispatch().take_notices(8).count(), 0);
        boss.scene.dispatch().await_notice(&boss.scene.kernel, 0);
    }
    ringing.join().unwrap();
}

/// The submitter looks whether all is done, while two workers come for a task.
pub(super) fn drained_means_done() {
    let mut boss = Boss::<Spurious>::new(Size { workers: 2, records: 1, entries: 2, spinners: 0 });
    assert!(boss.post(0, 1, false));
    let workers = [0, 1].map(|number| boss.employ(number, usize::MAX));
    if boss.scene.dispatch().is_drained(&boss.feed) {
        assert_eq!(boss.scene.ended.load(SeqCst), 1, "{AT_WORK}");
    }
    boss.end_work();
    let done = workers.map(|worker| worker.join().unwrap());
    assert!(done == [1, 0] || done == [0, 1], "{ONCE}");
    assert!(boss.scene.dispatch().is_drained(&boss.feed), "all is done");
}

/// The submitter asks to be told when there is room, unless there is some, and is.
pub(super) fn room_is_told<K: Kernel>() {
    let mut boss = Boss::<K>::new(Size { workers: 1, records: 3, entries: 2, spinners: 0 });
    boss.submit_all(2);
    let working = boss.employ(0, 3);
    if !boss.post(2, 1, false) {
        while !boss.scene.dispatch().post_or_ask(&mut boss.feed, 2) {
            boss.scene.dispatch().await_notice(&boss.scene.kernel, 0);
            boss.scene.dispatch().answer();
        }
    }
    boss.scene.dispatch().summon(&boss.scene.kernel);
    assert_eq!(working.join().unwrap(), 3, "{ONCE}");
}

/// Many are posted, and one is woken for all: each worker takes one task and never comes back.
pub(super) fn one_wakes_the_next(workers: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let size = Size { workers: workers.into(), records: workers.into(), entries: 4, spinners: 0 };
        let mut boss = Boss::<Blocking>::new(size);
        let working = (0..workers).map(|number| boss.employ(number, 1)).collect::<Vec<_>>();
        (0..u32::from(workers)).for_each(|index| assert!(boss.post(index, 1, false)));
        boss.scene.dispatch().summon(&boss.scene.kernel);
        working.into_iter().for_each(|worker| assert_eq!(worker.join().unwrap(), 1, "{ONCE}"));
        (0..u32::from(workers)).for_each(|index| assert_eq!(boss.wait(index), 1 + MADE, "{ONCE}"));
    }
}

/// Two tasks, each posted for itself, for two workers of which one spins, perhaps, for which the other one is let sleep. Neither comes back.
pub(super) fn sleeper_comes_for_the_second() {
    let mut boss = Boss::<Blocking>::new(Size { workers: 2, records: 2, entries: 4, spinners: 1 });
    let working = [0, 1].map(|number| boss.employ(number, 1));
    boss.submit_all(2);
    working.into_iter().for_each(|worker| assert_eq!(worker.join().unwrap(), 1, "{ONCE}"));
}
