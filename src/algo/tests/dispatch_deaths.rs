//! What the checker plays with the dispatch when a worker is killed: at every step of the machine that it comes to, and who buries it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc as Counted;
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use loom::sync::Arc;
use loom::thread::{self, JoinHandle, ThreadId};

use super::dispatch_models::{Boss, MADE, ONCE, Size, explore_less};
use super::parkers::Kernel;
use crate::algo::{Left, Park, Phase, Seen};
use crate::shim::AtomicU64;

/// More points than a worker passes in the models below.
const POINTS: u32 = 60;

const DYING: u16 = 0;

/// What a model prints when nobody is told of an end.
const UNTOLD: &str = "each end is told";

/// Who is to be killed, and at which of the points that it passes.
#[derive(Clone, Copy)]
struct Doom {
    thread: ThreadId,
    points_left: u32,
}

thread_local! {
    /// The checker's threads are coroutines of the test's own thread.
    static DOOM: Cell<Option<Doom>> = const { Cell::new(None) };
}

/// What a death unwinds with, past code that has nothing to clean up.
struct Killed;

/// A point at which whoever comes to it may be killed: wherever a machine asks whether a bug is planted, and some more.
pub(super) fn pass() {
    let Some(doom) = DOOM.get() else { return };
    if thread::current().id() != doom.thread {
        return;
    }
    match doom.points_left.checked_sub(1) {
        Some(points_left) => DOOM.set(Some(Doom { points_left, ..doom })),
        None => {
            DOOM.set(None);
            resume_unwind(Box::new(Killed));
        }
    }
}

/// Lives `life`, to be killed at that point. Returns whether that happened. Nobody learns of it, and no sleep ends for it, until somebody
/// joins the thread.
fn live(point: u32, life: impl FnOnce()) -> bool {
    DOOM.set(Some(Doom { thread: thread::current().id(), points_left: point }));
    let ended = catch_unwind(AssertUnwindSafe(life));
    DOOM.set(None);
    match ended {
        Ok(()) => false,
        Err(cause) if cause.is::<Killed>() => true,
        Err(cause) => resume_unwind(cause),
    }
}

/// A way to the kernel on which one may be killed.
struct Fatal<'a, K>(&'a K);

impl<K: Kernel> Park for Fatal<'_, K> {
    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
        pass();
        let in_time = self.0.sleep(word, expected, round);
        pass();
        in_time
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        self.0.release_and_wake(word)
    }

    fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
        pass();
        let woken = self.0.wake(word, count);
        pass();
        woken
    }

    fn death(&self, slot: u16) -> Option<u32> {
        self.0.death(slot)
    }

    fn family_death(&self, slot: u16) -> Option<u32> {
        self.0.family_death(slot)
    }

    fn is_due(&self, word: &AtomicU64) -> bool {
        self.0.is_due(word)
    }

    fn relax(&self) {
        self.0.relax();
    }
}

/// What is done about a task that a death interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// It is run again.
    Repeat,
    /// It has died.
    Settle,
}

/// How a model goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) tasks: u32,
    pub(super) spinners: usize,
    pub(super) remedy: Remedy,
}

/// What the supervisor knows.
struct Watch<K> {
    boss: Boss<K>,
    course: Course,
    /// Tasks of whose end it was not told.
    missing: Vec<u32>,
    /// The task that died.
    died: Option<u32>,
}

impl<K: Kernel> Watch<K> {
    /// Buries the worker, as the supervisor does: what it had put on the stack was taken.
    fn bury(&mut self) {
        let scene = Arc::clone(&self.boss.scene);
        match scene.dispatch().bury(DYING) {
            Left::Nothing => {}
            Left::Condemned(_) => panic!("nobody condemned it"),
            Left::Ended(index, _) => self.missing.retain(|other| *other != index),
            Left::Running(index) if self.course.remedy == Remedy::Repeat => {
                scene.write(index, 1); // it may be half done
                assert!(scene.task(index).state.requeue(DYING));
                assert!(scene.dispatch().post(&mut self.boss.feed, index));
            }
            Left::Running(index) => {
                let before = scene.task(index).state.settle(Phase::Running, Phase::Died);
                assert!(before.is_some_and(Seen::is_noticed), "{UNTOLD}");
                self.missing.retain(|other| *other != index);
                self.died = Some(index);
            }
        }
        scene.dispatch().summon(&scene.kernel);
    }

    /// Looks around until all ends were told. Returns who takes the dead one's place, if it died before that and somebody is to.
    fn look_around(
        &mut self,
        is_dead: &AtomicU64,
        mut dying: Option<JoinHandle<bool>>,
    ) -> Vec<JoinHandle<usize>> {
        let mut hired = Vec::new();
        loop {
            self.boss.scene.dispatch().answer();
            let is_gone = is_dead.load(Acquire) != 0;
            self.boss.take_notices(&mut self.missing);
            if is_gone && let Some(dead) = dying.take() {
                assert!(dead.join().unwrap());
                self.bury();
                self.boss.scene.reset(DYING);
                hired.push(self.boss.employ(DYING, usize::MAX));
            }
            if self.missing.is_empty() {
                break;
            }
            self.boss.scene.dispatch().await_notice(&self.boss.scene.kernel, 0);
        }
        self.boss.end_work();
        if let Some(dying) = dying
            && dying.join().unwrap()
        {
            self.boss.take_notices(&mut self.missing);
            self.bury();
        }
        hired
    }
}

/// A worker is killed at that point of the machine. Each task is done by somebody who lives on, or died; each end is told; and whoever sleeps
/// is woken, though no sleep ends by itself.
pub(super) fn others_do_the_rest<K: Kernel>(
    course: Course,
    point: u32,
    deaths: Counted<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let Course { tasks, spinners, .. } = course;
        let size = Size { workers: 2, records: tasks as usize, entries: 4, spinners };
        let mut boss = Boss::<K>::new(size);
        (0..tasks).for_each(|index| boss.submit(index, 1, true));
        let is_dead = Arc::new(AtomicU64::new(0));
        let dying = {
            let (scene, is_dead) = (Arc::clone(&boss.scene), Arc::clone(&is_dead));
            thread::spawn(move || {
                let killed = live(point, || {
                    scene.serve(DYING, usize::MAX, &Fatal(&scene.kernel));
                });
                if killed {
                    // D1, and the knell.
                    is_dead.store(1, Release);
                    scene.dispatch().ring(&scene.kernel);
                }
                killed
            })
        };
        let mut watch = Watch { boss, course, missing: (0..tasks).collect(), died: None };
        let hired = watch.look_around(&is_dead, Some(dying));
        hired.into_iter().for_each(|other| {
            other.join().unwrap();
        });
        deaths.fetch_add(is_dead.load(Acquire) as usize, Relaxed);
        for index in (0..tasks).filter(|index| watch.died != Some(*index)) {
            assert_eq!(watch.boss.scene.result(index), 1 + MADE, "{ONCE}");
        }
    }
}

/// Kills at every point that is ever reached.
pub(super) fn sweep_deaths<K: Kernel>(course: Course) {
    let (mut killed_somewhere, mut runs) = (0, 0);
    for point in 0..POINTS {
        let deaths = Counted::new(AtomicUsize::new(0));
        runs += explore_less(others_do_the_rest::<K>(course, point, Counted::clone(&deaths)));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{course:?}: {killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 20, "the points of a task and of a sleep are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}
