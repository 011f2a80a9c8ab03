//! A process that writes nonsense over the control words of every lock while others use them: errors and wrong values, but no
//! panic, no crash, and nobody stays beyond what was asked for.

use std::{
    collections::BTreeSet,
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use procshare::{
    Array, Failure, Process, arena,
    sync::{
        Barrier, BoundedSemaphore, Condvar, Event, Mutex, Once, OnceValue, Permit, ReentrantMutex, RwLock,
        RwLockWriteGuard, Semaphore,
    },
};

use crate::support::{Random, isolated, measured, os, scaled};

/// What a fence between the arrays takes: three pages, so that it is no small object.
const FENCE: usize = 3 * 512;
/// The longest that any call may wait.
const PATIENCE: Duration = Duration::from_micros(200);

/// One of each kind.
#[derive(Clone)]
struct Kinds {
    mutex: Mutex<[u64; 8]>,
    rw_lock: RwLock<[u64; 8]>,
    reentrant: ReentrantMutex<[u64; 8]>,
    semaphore: Semaphore,
    bounded: BoundedSemaphore,
    event: Event,
    auto: Event,
    condvar: Condvar,
    barrier: Barrier,
    once: Once,
    once_value: OnceValue<[u64; 4]>,
}

impl Kinds {
    fn new() -> Self {
        Self {
            mutex: Mutex::new([0; 8]).expect("a mutex"),
            rw_lock: RwLock::new([0; 8]).expect("a lock"),
            reentrant: ReentrantMutex::new([0; 8]).expect("a mutex"),
            semaphore: Semaphore::new(5).expect("a semaphore"),
            bounded: BoundedSemaphore::new(5).expect("a semaphore"),
            event: Event::new().expect("an event"),
            auto: Event::auto().expect("an event"),
            condvar: Condvar::new().expect("a condvar"),
            barrier: Barrier::new(2).expect("a barrier"),
            once: Once::new().expect("a once"),
            once_value: OnceValue::new().expect("a once value"),
        }
    }

    /// One use of one of them. Whatever comes of it is right, as long as something does.
    fn use_one(&self, random: &mut Random) {
        let count = random.below(4) as u32;
        match random.below(36) {
            0 => drop(black_box(self.mutex.lock_timeout(PATIENCE))),
            1 => drop(black_box(self.mutex.try_lock())),
            2 => {
                black_box(self.mutex.poison_cause());
                self.mutex.clear_poison();
            }
            3 => drop(black_box(self.rw_lock.read_timeout(PATIENCE))),
            4 => drop(black_box(self.rw_lock.write_timeout(PATIENCE))),
            5 => drop(self.rw_lock.try_write().map(RwLockWriteGuard::downgrade)),
            6 => drop(black_box(self.rw_lock.try_read())),
            7 => {
                let outer = self.reentrant.lock_timeout(PATIENCE);
                drop(self.reentrant.try_lock().map(|guard| guard.update(|data| data)));
                drop(outer);
            }
            8 => drop(black_box(self.reentrant.try_lock())),
            9 => drop(black_box(self.semaphore.acquire_many_timeout(count, PATIENCE))),
            10 => drop(black_box(self.semaphore.try_acquire())),
            11 => drop(self.semaphore.try_acquire_many(count).map(Permit::forget)),
            12 => drop(black_box(self.semaphore.release(count))),
            13 => drop(black_box(self.semaphore.available_permits())),
            14 => drop(black_box(self.bounded.acquire_timeout(PATIENCE))),
            15 => drop(black_box(self.bounded.release(count))),
            16 => self.event.set(),
            17 => self.event.reset(),
            18 => drop(black_box(self.event.wait_timeout(PATIENCE))),
            19 => self.auto.set(),
            20 => drop(black_box(self.auto.wait_timeout(PATIENCE))),
            21 => drop(black_box(self.auto.try_wait())),
            22 => drop(black_box(self.once.call_once_timeout(PATIENCE, || ()))),
            23 => drop(black_box(self.once.wait_timeout(PATIENCE))),
            24 => drop(black_box(self.once_value.get_or_init_timeout(PATIENCE, || [7; 4]))),
            25 => drop(black_box(self.once_value.wait_timeout(PATIENCE))),
            26 => drop(black_box(self.once_value.get())),
            27 => self.condvar.notify_one(),
            28 => self.condvar.notify_all(),
            29 => self.condvar.notify(3),
            30 | 31 => {
                if let Ok(guard) = self.mutex.lock_timeout(PATIENCE) {
                    drop(black_box(self.condvar.wait_timeout(guard, PATIENCE)));
                }
            }
            32 => drop(black_box(self.barrier.wait_timeout(PATIENCE))),
            33 => self.barrier.abort(),
            34 => self.barrier.reset(),
            _ => drop(black_box(self.once.try_call_once(|| ()))),
        }
    }
}

/// The memory between two arrays, in units of 64 bytes.
#[derive(Clone, Copy)]
struct Region {
    from: usize,
    units: usize,
}

/// Bytes of a unit.
const UNIT: usize = 64;

impl Region {
    fn between(before: &Array<u64>, after: &Array<u64>) -> Self {
        let from = before.as_ptr_range().end.expose_provenance();
        let to = after.as_ptr().expose_provenance();
        assert!(from < to && to - from < 16 << 20, "the locks lie elsewhere: {from:#x} to {to:#x}");
        Self { from, units: (to - from) / UNIT }
    }

    /// The words of a unit.
    fn words(self, unit: usize) -> impl Iterator<Item = &'static AtomicU64> {
        (0..UNIT / 8).map(move |word| os::word_at(self.from + unit * UNIT + word * 8))
    }

    /// Takes down which units hold anything just now.
    fn note(self, used: &mut BTreeSet<usize>) {
        used.extend((0..self.units).filter(|unit| self.words(*unit).any(|word| word.load(Relaxed) != 0)));
    }

    /// Writes nonsense over these units until then, and zeroes at the end, as which every lock is free: who waits for somebody
    /// who was said to hold one goes on.
    fn scribble(self, units: &[usize], random: &mut Random, until: Instant) {
        while Instant::now() < until {
            for _ in 0..random.below(50) {
                let unit = units[random.below(units.len() as u64) as usize];
                let word = match random.below(10) {
                    0..3 => 0,
                    3 => u64::MAX,
                    4 => random.below(4),
                    5 => 1 << random.below(64),
                    6 => u64::from(os::pid()) | random.below(16) << 48, // somebody who lives, in some seat
                    7 => random.next() & 0xffff_ffff,
                    _ => random.next(),
                };
                let place = random.below(8) as usize;
                self.words(unit).skip(place).take(1).for_each(|place| place.store(word, Relaxed));
            }
            thread::sleep(Duration::from_micros(random.below(100)));
        }
        self.clear(units);
    }

    fn clear(self, units: &[usize]) {
        units.iter().flat_map(|unit| self.words(*unit)).for_each(|word| word.store(0, Relaxed));
    }
}

#[test]
fn scribbled_locks_harm_nobody_who_uses_them() {
    isolated(600, || {
        // Few seats, so that most of what is written over matters.
        arena::Builder::new().participants(16).build().expect("nobody used the arena before");
        let before = Array::<u64>::zeroed(FENCE).expect("a fence");
        let kinds = Kinds::new();
        let after = Array::<u64>::zeroed(FENCE).expect("a fence");
        let region = Region::between(&before, &after);
        let start = |seed: u64, until: Instant| {
            let kinds = kinds.clone();
            let body = move || {
                let (mut random, mut uses) = (Random::seeded(seed), 0_u64);
                while Instant::now() < until {
                    kinds.use_one(&mut random);
                    uses += 1;
                }
                uses
            };
            Process::spawn(body).expect("spawn")
        };
        // Which units they use shows while they do.
        let mut used = BTreeSet::new();
        let learnt = Instant::now() + Duration::from_millis(300);
        let users: Vec<Process<u64>> = (0..3).map(|seed| start(seed, learnt)).collect();
        while Instant::now() < learnt {
            region.note(&mut used);
        }
        users.into_iter().for_each(|user| assert!(user.join().expect("a user") > 0));
        // And those behind them, which are zero most of the time.
        let used: BTreeSet<usize> = used.iter().flat_map(|unit| *unit..region.units.min(unit + 4)).collect();
        let used: Vec<usize> = used.into_iter().collect();
        let seconds = 6.0 * scaled(1000) as f64 / 1000.0;
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let units = used.clone();
        let scribble = move || region.scribble(&units, &mut Random::seeded(5), until);
        let scribbler = Process::spawn(scribble).expect("spawn");
        // Some are killed: the sweep walks over what is scribbled, too.
        let (mut random, mut kills, mut seed) = (Random::seeded(6), 0, 100);
        let mut users: Vec<Process<u64>> = (0..3).map(|seed| start(seed, until)).collect();
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(random.below(100)));
            let user = users.remove(0);
            if user.kill().is_ok() {
                match user.join() {
                    Ok(_) | Err(Failure::Signaled { signal: libc::SIGKILL, .. }) => {}
                    Err(failure) => panic!("a user, after {kills} kills: {failure}"),
                }
            }
            seed += 1;
            kills += 1;
            users.push(start(seed, until));
        }
        let uses: Vec<u64> = users.into_iter().map(|user| user.join().expect("a user")).collect();
        scribbler.join().expect("the scribbler");
        measured(&format!("scribbler: {} units, {seconds} s, {kills} kills, last uses {uses:?}", used.len()));
        // Zeroes are locks again. Once more, for what the last ones wrote when they left.
        region.clear(&used);
        assert!(kinds.mutex.lock_timeout(Duration::from_secs(60)).is_ok());
        assert!(kinds.rw_lock.write_timeout(Duration::from_secs(60)).is_ok());
        assert!(kinds.once.call_once_timeout(Duration::from_secs(60), || ()).is_ok());
    });
}
