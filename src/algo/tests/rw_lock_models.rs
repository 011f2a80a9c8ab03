//! What the checker plays with the readers-writer lock: who takes part, what each does, and what must hold then.

// The guarded data stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Count;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::explore;
use super::parkers::{Blocking, Kernel, Mortal, Spurious, pid};
use super::partial::{late, unaware};
use crate::algo::{Borne, Came, Failing, Form, Head, Late, LockError, Owner, Park, RwLock, Tally, bury};
use crate::shim::AtomicU64;

/// More points than a participant passes in the models below.
const POINTS: u32 = 40;
/// The point at which a writer that waited for nobody has ended its writing, and holds the lock still.
pub(super) const AFTER_WRITING: u32 = 4;

/// What the model prints when somebody is in, is told of no failure, and a writer is at work, or died at work.
pub(super) const OVERLOOKED: &str = "a change is under way, and nobody said so";
/// What the model prints when somebody is told of a failure that was none.
pub(super) const UNCAUSED: &str = "poisoned by nobody";

/// A thread of a model: the slot of its process, and what it does there.
pub(super) type Part = (u16, Does);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    Write,
    /// Writes, then reads without letting go in between.
    Downgrade,
}

pub(super) use Does::{Downgrade, Read, Write};

pub(super) const READ_AND_WRITE: &[Part] = &[(0, Read), (1, Write)];
pub(super) const WRITE_AND_READ: &[Part] = &[(0, Write), (1, Read)];
pub(super) const TWO_WRITE: &[Part] = &[(0, Write), (1, Write)];
pub(super) const TWO_READ_ONE_WRITES: &[Part] = &[(0, Read), (1, Read), (2, Write)];
pub(super) const ONE_READS_TWO_WRITE: &[Part] = &[(0, Read), (1, Write), (2, Write)];
/// Two threads of one process read, so that both are counted in one cell.
pub(super) const SHARED_CELL: &[Part] = &[(0, Read), (0, Read), (1, Write)];
pub(super) const DOWNGRADE_AND_WRITE: &[Part] = &[(0, Downgrade), (1, Write)];
pub(super) const WRITE_AND_DOWNGRADE: &[Part] = &[(0, Write), (1, Downgrade)];
pub(super) const DOWNGRADE_AND_READ: &[Part] = &[(0, Downgrade), (1, Read)];

/// The thread numbered `thread` of the process in `slot`.
pub(super) fn owner(thread: usize, slot: u16) -> Owner {
    Owner::new(100 + thread as u32, slot, u64::from(slot))
}

/// A lock and what it guards: two numbers that are equal whenever nobody is at work on them.
pub(super) struct Guarded<K> {
    pub(super) kernel: K,
    head: Head,
    cells: Vec<AtomicU64>,
    high: AtomicU64,
    pair: UnsafeCell<(u32, u32)>,
    /// A writer is at work, or died at work. Not seen by the checker.
    at_work: AtomicBool,
}

impl<K: Kernel> Guarded<K> {
    /// For as many processes.
    pub(super) fn new(processes: u16) -> Arc<Self> {
        let cells = Form::RwLock.words(usize::from(processes));
        Arc::new(Self {
            kernel: K::new(),
            head: Head::new(),
            cells: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            high: AtomicU64::new(u64::from(processes)),
            pair: UnsafeCell::new((0, 0)),
            at_work: AtomicBool::new(false),
        })
    }

    pub(super) fn tally(&self) -> Tally<'_> {
        Tally::new(&self.cells, Form::RwLock.width(), &self.high)
    }

    pub(super) fn lock(&self) -> RwLock<'_> {
        RwLock::new(&self.head, self.tally())
    }

    /// Looks at the data, having been let in with `found`. The checker reports it if a writer is there, too.
    fn look(&self, found: Option<Failing>) -> (u32, u32) {
        match found {
            None => assert!(!self.at_work.load(Relaxed), "{OVERLOOKED}"),
            Some(_) => assert!(self.at_work.load(Relaxed), "{UNCAUSED}"),
        }
        // SAFETY: the lock is held; the checker reports it if another thread is writing.
        let (left, right) = self.pair.with(|pair| unsafe { *pair });
        assert!(found.is_some() || left == right, "{OVERLOOKED}");
        (left, right)
    }

    /// Reads, in the steps of `RwLock::read` that a death can come between.
    fn read(&self, me: Owner, mortal: &Mortal<'_, K>) {
        let (lock, tally) = (self.lock(), self.tally());
        let cell = tally.word(me.slot()).unwrap();
        mortal.pass();
        let before = lock.count(cell);
        mortal.pass();
        if !lock.admits(before) {
            mortal.pass();
            lock.read(me, mortal).unwrap();
        }
        mortal.pass();
        self.look(lock.cause());
        mortal.pass();
        self.leave(me, mortal);
    }

    fn leave(&self, me: Owner, mortal: &Mortal<'_, K>) {
        if self.lock().leave(me) {
            mortal.pass();
            self.lock().wake_writer(me, mortal);
        }
        mortal.pass();
    }

    /// Writes, in the steps of `RwLock::write` that a death can come between: adds 1 to both numbers, repairing them first
    /// if a dead writer left them unequal.
    fn write(&self, me: Owner, mortal: &Mortal<'_, K>) {
        let lock = self.lock();
        mortal.pass();
        let came = lock.write_free(me);
        if came != Came::In {
            mortal.pass();
            if came == Came::Nowhere {
                lock.take(me, mortal).unwrap();
                mortal.pass();
            }
            lock.drain(mortal).unwrap();
            mortal.pass();
            lock.begin();
        }
        let (left, _) = self.look(lock.cause());
        self.at_work.store(true, Relaxed);
        mortal.pass();
        // SAFETY: the lock is held; the checker reports it if another thread is here, too.
        self.pair.with_mut(|pair| unsafe { (*pair).0 = left + 1 });
        mortal.pass();
        // SAFETY: as above.
        self.pair.with_mut(|pair| unsafe { (*pair).1 = left + 1 });
        mortal.pass();
    }

    fn play(&self, (slot, does): Part, thread: usize, mortal: &Mortal<'_, K>) {
        let (me, lock) = (owner(thread, slot), self.lock());
        if does == Read {
            return self.read(me, mortal);
        }
        self.write(me, mortal);
        self.head.lock.clear();
        self.at_work.store(false, Relaxed);
        if does == Write {
            lock.end();
            mortal.pass();
            if !lock.unlock_free(me) {
                lock.unlock(mortal);
            }
            mortal.pass();
        } else {
            lock.downgrade(me, mortal);
            mortal.pass();
            self.look(None);
            self.leave(me, mortal);
        }
    }

    /// What the sweep does for the dead in `slot`.
    fn sweep(&self, slot: u16, park: &impl Park) {
        let late = Late { slot, pid: pid(slot), returned: false };
        bury(Form::RwLock, Borne::Head(&self.head, self.tally()), late, park);
        let lock = self.head.lock.owner_lock();
        if lock.orphan(slot, pid(slot)) {
            park.wake(lock.futex_word(), u32::MAX);
        }
    }
}

/// The verbs as a program calls them.
pub(super) trait Verbs {
    fn read_as(&self, me: Owner, park: &impl Park) -> Result<Option<Failing>, LockError>;
    fn try_read_as(&self, me: Owner, park: &impl Park) -> Result<bool, LockError>;
    fn leave_as(&self, me: Owner, park: &impl Park);
    fn write_as(&self, me: Owner, park: &impl Park) -> Result<Option<Failing>, LockError>;
    fn try_write_as(&self, me: Owner, park: &impl Park) -> Result<bool, LockError>;
    fn unlock_as(&self, me: Owner, park: &impl Park);
}

impl Verbs for RwLock<'_> {
    fn read_as(&self, me: Owner, park: &impl Park) -> Result<Option<Failing>, LockError> {
        if !self.enter(me) {
            self.read(me, park)?;
        }
        Ok(self.cause())
    }

    fn try_read_as(&self, me: Owner, park: &impl Park) -> Result<bool, LockError> {
        if self.enter(me) { Ok(true) } else { self.try_read(me, park) }
    }

    fn leave_as(&self, me: Owner, park: &impl Park) {
        if self.leave(me) {
            self.wake_writer(me, park);
        }
    }

    fn write_as(&self, me: Owner, park: &impl Park) -> Result<Option<Failing>, LockError> {
        match self.write_free(me) {
            Came::In => {}
            came => self.write(me, came, park)?,
        }
        Ok(self.cause())
    }

    fn try_write_as(&self, me: Owner, park: &impl Park) -> Result<bool, LockError> {
        match self.write_free(me) {
            Came::In => Ok(true),
            came => self.try_write(me, came, park),
        }
    }

    fn unlock_as(&self, me: Owner, park: &impl Park) {
        if !self.unlock_free(me) {
            self.unlock(park);
        }
    }
}

fn processes(cast: &[Part]) -> u16 {
    cast.iter().map(|part| part.0 + 1).max().unwrap_or(0)
}

/// Everybody plays the part once, the main thread being the last of them; then the count is right.
pub(super) fn all_get_their_turn<K: Kernel>(cast: &'static [Part]) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Guarded::<K>::new(processes(cast));
        let play = |thread: usize| {
            let shared = Arc::clone(&shared);
            move || {
                Mortal::live(&shared.kernel, cast[thread].0, None, |mortal| {
                    shared.play(cast[thread], thread, mortal);
                })
            }
        };
        let others: Vec<_> = (1..cast.len()).map(|thread| thread::spawn(play(thread))).collect();
        play(0)();
        for other in others {
            other.join().unwrap();
        }
        let writers = cast.iter().filter(|part| part.1 != Read).count() as u32;
        assert_eq!(shared.look(None), (writers, writers));
    }
}

/// The last of the cast is killed at `point`, and swept if `swept`; the others get their turn.
pub(super) fn survivors_get_their_turn<K: Kernel>(
    cast: &'static [Part],
    swept: bool,
    point: u32,
    deaths: &Count<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    let deaths = Count::clone(deaths);
    move || {
        let shared = Guarded::<K>::new(processes(cast));
        let play = |thread: usize| {
            let (shared, deaths) = (Arc::clone(&shared), Count::clone(&deaths));
            move || {
                let (part, is_victim) = (cast[thread], thread == cast.len() - 1);
                let killed = Mortal::live(&shared.kernel, part.0, is_victim.then_some(point), |mortal| {
                    shared.play(part, thread, mortal);
                });
                if killed {
                    deaths.fetch_add(1, Relaxed);
                    if swept {
                        shared.sweep(part.0, &shared.kernel);
                        shared.sweep(part.0, &shared.kernel);
                    }
                }
            }
        };
        let others: Vec<_> = (1..cast.len()).map(|thread| thread::spawn(play(thread))).collect();
        play(0)();
        for other in others {
            other.join().unwrap();
        }
    }
}

/// Kills at every point that is ever reached.
pub(super) fn sweep<K: Kernel>(cast: &'static [Part], swept: bool) {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Count::new(AtomicUsize::new(0));
        runs += explore(survivors_get_their_turn::<K>(cast, swept, point, &deaths));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{cast:?}, swept: {swept}: {killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 5, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

/// A reader counts itself and looks at the lock; a writer takes the lock and looks at the cell, and at nothing else.
pub(super) fn one_sees_the_other() {
    let shared = Guarded::<Spurious>::new(1);
    let reading = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let tally = shared.tally();
            let cell = tally.word(0).unwrap();
            if shared.lock().admits(shared.lock().count(cell)) {
                shared.look(None);
            }
        })
    };
    shared.lock().take(owner(0, 0), &shared.kernel).unwrap();
    if !RwLock::look_at(shared.tally().word(0).unwrap()).has_readers() {
        // SAFETY: the lock is held; the checker reports it if the reader is there.
        shared.pair.with_mut(|pair| unsafe { *pair = (1, 1) });
    }
    reading.join().unwrap();
}

/// Participant 1 dies reading, or writing, and is swept; participant 0, who never learns of the death itself, writes, or reads.
pub(super) fn swept_one_is_in_nobodys_way<K: Kernel>(dying: Does) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Guarded::<K>::new(2);
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (me, lock) = (owner(1, 1), shared.lock());
                if dying == Read {
                    let found = lock.read_as(me, &shared.kernel).unwrap();
                    shared.look(found);
                } else {
                    lock.write_as(me, &shared.kernel).unwrap();
                    shared.at_work.store(true, Relaxed);
                    // SAFETY: the lock is held.
                    shared.pair.with_mut(|pair| unsafe { (*pair).0 = 1 });
                }
                shared.kernel.bury(1);
                assert_eq!(shared.kernel.family_death(1), Some(pid(1)));
                shared.sweep(1, &shared.kernel);
            })
        };
        let (me, lock) = (owner(0, 0), shared.lock());
        let unaware = unaware(&shared.kernel);
        if dying == Read {
            assert_eq!(lock.write_as(me, &unaware), Ok(None));
            // SAFETY: the lock is held; the checker reports it if a reader is there.
            shared.pair.with_mut(|pair| unsafe { *pair = (1, 1) });
            lock.unlock_as(me, &unaware);
        } else {
            let found = lock.read_as(me, &unaware).unwrap();
            let (left, _) = shared.look(found);
            let culprit = found.map(|failing| failing.pid);
            assert_eq!(
                culprit,
                (left == 1).then(|| pid(1)),
                "participant 0 was first, or told whose fault it is"
            );
            lock.leave_as(me, &unaware);
        }
        other.join().unwrap();
    }
}

/// Participant 0 gives up, or not, while the others take their turns; its leaving must not cost anybody a wake.
pub(super) fn late_one_leaves<K: Kernel>(
    late_one: Does,
    others: &'static [Part],
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Guarded::<K>::new(processes(others));
        let threads: Vec<_> = (0..others.len())
            .map(|thread| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    Mortal::live(&shared.kernel, others[thread].0, None, |mortal| {
                        shared.play(others[thread], thread + 1, mortal);
                    })
                })
            })
            .collect();
        let (me, lock) = (owner(0, 0), shared.lock());
        let park = late(&shared.kernel);
        let granted = match late_one {
            Read => lock.read_as(me, &park).map(|_| lock.leave_as(me, &park)),
            _ => lock.write_as(me, &park).map(|_| lock.unlock_as(me, &park)),
        };
        assert!(matches!(granted, Ok(()) | Err(LockError::TimedOut)));
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

/// Both try once; who succeeds does its part.
pub(super) fn trying_is_exclusive(first: Does, second: Does) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Guarded::<Spurious>::new(2);
        let attempt = |shared: &Guarded<Spurious>, slot: u16, does: Does| {
            let (me, lock, park) = (owner(slot.into(), slot), shared.lock(), &shared.kernel);
            if does == Read {
                if lock.try_read_as(me, park).unwrap() {
                    shared.look(None);
                    lock.leave_as(me, park);
                }
            } else if lock.try_write_as(me, park).unwrap() {
                let (left, _) = shared.look(None);
                // SAFETY: the lock is held.
                shared.pair.with_mut(|pair| unsafe { *pair = (left + 1, left + 1) });
                assert_eq!(lock.try_write_as(me, park), Err(LockError::WouldDeadlock));
                assert_eq!(lock.try_read_as(me, park), Err(LockError::WouldDeadlock));
                lock.unlock_as(me, park);
            }
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || attempt(&shared, 1, second))
        };
        attempt(&shared, 0, first);
        other.join().unwrap();
    }
}
