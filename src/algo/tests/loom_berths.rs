//! The berths of a condition variable in every interleaving, with deaths and with planted bugs.

// The guarded data stands in the checker's cell, which hands out raw pointers.
#![allow(unsafe_code)]

use std::array;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc as Count;
use std::sync::atomic::AtomicUsize;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, owner, pid};
use super::partial::{late, unaware};
use super::{DEADLOCK, explore, finds, planted};
use crate::algo::berths::Berth;
use crate::algo::planted::Bug;
use crate::algo::{self, Berths, Borne, Form, Head, Late, Owner, OwnerLock, Park, Tally};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// More points than a participant passes in the models below.
const POINTS: u32 = 32;
/// Participants of a model that may have cells.
const SEATS: usize = 3;
/// Words of a cell that are so many that there are two cells only.
const WIDE: usize = 4;
/// A participant that has no cell then: for it no berth is left.
const STANDING: u16 = 3;
/// What a model prints when somebody was notified by nobody.
const UNEARNED: &str = "notified by nobody";
/// What the checker prints when somebody waits for ever, in naps.
const ENDLESS: &str = "exceeded maximum number of branches";

/// Another thread of the same process.
fn mate(slot: u16) -> Owner {
    Owner::new(200 + u32::from(slot), slot, 0)
}

/// A condition variable, a mutex, and what that guards: tokens to be taken.
struct Room<K> {
    kernel: K,
    head: Head,
    cells: [AtomicU64; 8],
    /// Words of a cell.
    width: usize,
    high: AtomicU64,
    lock: OwnerLock,
    tokens: UnsafeCell<u32>,
}

impl<K: Kernel> Room<K> {
    fn new() -> Arc<Self> {
        Self::with_cells_of(Form::Condvar.width())
    }

    /// With so many words for each participant: if it is one, all its threads stand in the same.
    fn with_cells_of(width: usize) -> Arc<Self> {
        assert_eq!(Form::Condvar.words(SEATS), 8);
        Arc::new(Self {
            kernel: K::new(),
            head: Head::new(),
            cells: array::from_fn(|_| AtomicU64::new(0)),
            width,
            high: AtomicU64::new(SEATS as u64),
            lock: OwnerLock::new(),
            tokens: UnsafeCell::new(0),
        })
    }

    fn cells(&self) -> Tally<'_> {
        Tally::new(&self.cells, self.width, &self.high)
    }

    fn berths(&self) -> Berths<'_> {
        Berths::of(&self.head, self.cells())
    }

    fn bury(&self, slot: u16, returned: bool, park: &impl Park) {
        algo::bury(
            Form::Condvar,
            Borne::Head(&self.head, self.cells()),
            Late { slot, pid: pid(slot), returned },
            park,
        );
    }

    /// How many tokens there are. The lock is held.
    fn look(&self) -> u32 {
        // SAFETY: the lock is held; the checker reports it if another thread is writing.
        self.tokens.with(|tokens| unsafe { *tokens })
    }

    /// The lock is held.
    fn put(&self, tokens: u32) {
        // SAFETY: the lock is held; the checker reports it if another thread is here, too.
        self.tokens.with_mut(|there| unsafe { *there = tokens });
    }

    /// Adds tokens, and notifies as many.
    fn produce(&self, me: Owner, tokens: u32, park: &impl Park, pass: impl Fn()) {
        self.lock.lock(me, park).unwrap();
        pass();
        self.put(self.look() + tokens);
        pass();
        self.lock.unlock(park);
        pass();
        self.berths().notify(me, tokens, park);
        pass();
    }

    /// Begins a wait. The lock is held before, and not after.
    fn begin(&self, me: Owner, park: &impl Park, pass: impl Fn()) -> Berth<'_> {
        if planted(Bug::UnlockedEarly) {
            self.lock.unlock(park);
            return self.berths().take(me);
        }
        let berth = self.berths().take(me);
        pass();
        self.lock.unlock(park);
        pass();
        berth
    }

    /// Waits for a token and takes it, or goes without once it `is_over`, which is asked after every wait. Returns how often it
    /// waited.
    fn consume(&self, me: Owner, park: &impl Park, pass: impl Fn(), is_over: impl Fn() -> bool) -> u32 {
        let mut waits = 0;
        self.lock.lock(me, park).unwrap();
        pass();
        while self.look() == 0 && !is_over() {
            let mut berth = self.begin(me, park, &pass);
            assert!(self.berths().wait(&mut berth, park));
            pass();
            self.lock.lock(me, park).unwrap();
            pass();
            self.berths().leave(berth);
            pass();
            waits += 1;
        }
        self.put(self.look().saturating_sub(1));
        self.lock.unlock(park);
        pass();
        waits
    }

    /// The same, undisturbed.
    fn get(&self, me: Owner) -> u32 {
        self.consume(me, &self.kernel, || (), || false)
    }

    fn give(&self) {
        self.produce(owner(0), 1, &self.kernel, || ());
    }

    fn notify(&self, slot: u16) {
        self.berths().notify(owner(slot), 1, &self.kernel);
    }

    /// Waits in a berth, whatever for, knowing of no death, until it is notified.
    fn stay(&self, mut berth: Berth<'_>) {
        assert!(self.berths().wait(&mut berth, &unaware(&self.kernel)));
        self.berths().leave(berth);
    }
}

/// As the kernel, but its user dies when it is about to wake somebody.
struct Dying<'a, K>(&'a K);

/// What it dies with.
struct Killed;

impl<K: Kernel> Park for Dying<'_, K> {
    fn sleep(&self, word: &AtomicU64, expected: u32, round: u32) -> bool {
        self.0.sleep(word, expected, round)
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        self.0.release_and_wake(word)
    }

    fn wake(&self, _word: &AtomicU64, _count: u32) -> u32 {
        resume_unwind(Box::new(Killed))
    }

    fn death(&self, _slot: u16) -> Option<u32> {
        None
    }

    fn family_death(&self, _slot: u16) -> Option<u32> {
        None
    }

    fn is_due(&self, _word: &AtomicU64) -> bool {
        false
    }

    fn relax(&self) {
        self.0.relax();
    }
}

/// Lives `life` until it ends or wakes somebody.
fn until_the_wake<K: Kernel>(room: &Room<K>, life: impl FnOnce(&Dying<'_, K>)) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| life(&Dying(&room.kernel)))) {
        assert!(cause.is::<Killed>());
    }
}

/// One waiter, one notifier.
fn one_gets_a_token<K: Kernel>(waiter: Owner) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<K>::with_cells_of(if waiter.slot() == STANDING { WIDE } else { 2 });
        let other = {
            let room = Arc::clone(&room);
            thread::spawn(move || room.get(waiter))
        };
        room.give();
        assert!(other.join().unwrap() <= 1, "{UNEARNED}");
    }
}

/// Two waiters, and a token for each.
fn each_gets_a_token<K: Kernel>(waiters: [Owner; 2], width: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<K>::with_cells_of(width);
        let others = waiters.map(|waiter| {
            let room = Arc::clone(&room);
            thread::spawn(move || room.get(waiter))
        });
        room.give();
        room.give();
        let waits: u32 = others.map(|other| other.join().unwrap()).into_iter().sum();
        assert!(waits <= 2, "{UNEARNED}");
    }
}

/// A notifier who does not care for the mutex is at work while a waiter arrives; then comes one who does.
fn hasty_notifier_hides_nobody<K: Kernel>() {
    let room = Room::<K>::new();
    let hasty = {
        let room = Arc::clone(&room);
        thread::spawn(move || room.notify(2))
    };
    let waiting = {
        let room = Arc::clone(&room);
        thread::spawn(move || room.get(owner(1)))
    };
    room.give();
    waiting.join().unwrap();
    hasty.join().unwrap();
}

/// Three wait, of two processes, and so many are notified. The others run out of time.
fn as_many_are_notified_as_were_meant(count: u32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<Spurious>::new();
        let mut berths = [1, 1, 2].map(|slot| room.berths().take(owner(slot)));
        room.berths().notify(owner(0), count, &room.kernel);
        let mut notified = 0;
        for berth in &mut berths {
            notified += u32::from(room.berths().wait(berth, &late(&room.kernel)));
        }
        assert_eq!(notified, count.min(3), "{UNEARNED}");
        berths.into_iter().for_each(|berth| room.berths().leave(berth));
    }
}

/// Two notifiers at once, and two who wait, in one word of one cell.
fn two_grants_reach_two<K: Kernel>() {
    let room = Room::<K>::with_cells_of(1);
    let [first, second] = [1, 1].map(|slot| room.berths().take(owner(slot)));
    let other = {
        let room = Arc::clone(&room);
        thread::spawn(move || room.notify(2))
    };
    room.notify(0);
    room.stay(first);
    room.stay(second);
    other.join().unwrap();
}

/// One of two may run out of time while one is notified. Whoever was meant knows it.
fn no_grant_is_lost_to_a_deadline<K: Kernel>(slots: [u16; 2]) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<K>::with_cells_of(if slots.contains(&STANDING) { WIDE } else { 1 });
        let [mut hasty, patient] = slots.map(|slot| room.berths().take(owner(slot)));
        let other = {
            let room = Arc::clone(&room);
            thread::spawn(move || room.notify(0))
        };
        let notified = room.berths().wait(&mut hasty, &late(&Spurious::new()));
        room.berths().leave(hasty);
        if notified {
            room.notify(0);
        }
        room.stay(patient);
        other.join().unwrap();
    }
}

/// Participant 1 dies in its berth while one is notified, of whom there are two.
fn grant_of_the_dead_is_handed_on<K: Kernel>(returned: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<K>::new();
        let [_, living] = [1, 2].map(|slot| room.berths().take(owner(slot)));
        let dying = {
            let room = Arc::clone(&room);
            thread::spawn(move || room.bury(1, returned, &unaware(&room.kernel)))
        };
        room.notify(0);
        room.stay(living);
        dying.join().unwrap();
        assert!(room.cells().cell(1).unwrap().iter().all(|word| word.load(Relaxed) == 0));
    }
}

/// Participant 1 leaves something undone and dies, having been here before or not.
fn death_out_of_order_is_told<K: Kernel>(slot: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<K>::with_cells_of(if slot == STANDING { WIDE } else { 2 });
        let living = room.berths().take(owner(slot));
        let dying = {
            let room = Arc::clone(&room);
            thread::spawn(move || room.bury(1, false, &unaware(&room.kernel)))
        };
        room.stay(living);
        dying.join().unwrap();
    }
}

/// Participant 1 notifies and dies before it wakes anybody.
fn notifier_dies_before_the_wake<K: Kernel>() {
    let room = Room::<K>::new();
    let living = room.berths().take(owner(2));
    let dying = {
        let room = Arc::clone(&room);
        thread::spawn(move || {
            until_the_wake(&room, |park| room.berths().notify(owner(1), 1, park));
            room.bury(1, false, &unaware(&room.kernel));
        })
    };
    room.stay(living);
    dying.join().unwrap();
}

/// Participant 1 was notified and has ended in order; who sweeps it dies before the others are woken, and somebody else sweeps it.
fn sweep_that_was_cut_off_is_repeated<K: Kernel>() {
    let room = Room::<K>::new();
    let [_, living] = [1, 2].map(|slot| room.berths().take(owner(slot)));
    room.notify(0);
    let dying = {
        let room = Arc::clone(&room);
        thread::spawn(move || {
            until_the_wake(&room, |park| room.bury(1, true, park));
            room.bury(1, true, &unaware(&room.kernel));
        })
    };
    room.stay(living);
    dying.join().unwrap();
}

/// Participant 1, known here, is killed at `point` of giving a token. Participant 0 waits for it no longer than it lives.
fn giver_is_not_waited_for<K: Kernel>(
    point: u32,
    deaths: Count<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<K>::new();
        room.berths().notify(owner(1), 0, &room.kernel);
        let giver = {
            let (room, deaths) = (Arc::clone(&room), Count::clone(&deaths));
            thread::spawn(move || {
                let killed = Mortal::live(&room.kernel, 1, Some(point), |mortal| {
                    mortal.pass();
                    room.produce(owner(1), 1, mortal, || mortal.pass());
                });
                deaths.fetch_add(usize::from(killed), Relaxed);
            })
        };
        room.consume(owner(0), &room.kernel, || (), || room.kernel.death(1).is_some());
        giver.join().unwrap();
    }
}

/// Participant 1 is killed at `point` of getting a token. There are two, and participant 2 gets one of them.
fn getter_is_not_served<K: Kernel>(
    point: u32,
    deaths: Count<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let room = Room::<K>::new();
        let doomed = {
            let (room, deaths) = (Arc::clone(&room), Count::clone(&deaths));
            thread::spawn(move || {
                let killed = Mortal::live(&room.kernel, 1, Some(point), |mortal| {
                    mortal.pass();
                    room.consume(owner(1), mortal, || mortal.pass(), || false);
                });
                deaths.fetch_add(usize::from(killed), Relaxed);
            })
        };
        let living = {
            let room = Arc::clone(&room);
            thread::spawn(move || room.get(owner(2)))
        };
        room.produce(owner(0), 2, &room.kernel, || ());
        living.join().unwrap();
        doomed.join().unwrap();
    }
}

/// Kills at every point that is ever reached.
fn sweep<M: Fn() + Send + Sync + 'static>(model: impl Fn(u32, Count<AtomicUsize>) -> M) {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Count::new(AtomicUsize::new(0));
        runs += explore(model(point, Count::clone(&deaths)));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 5, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

fn passes(model: impl Fn() + Send + Sync + 'static) {
    println!("{} interleavings", explore(model));
}

#[test]
fn notified_one_goes_on() {
    passes(one_gets_a_token::<Spurious>(owner(1)));
    passes(one_gets_a_token::<Blocking>(owner(1)));
    passes(one_gets_a_token::<Blocking>(mate(0)));
}

#[test]
fn crowd_is_called() {
    passes(one_gets_a_token::<Spurious>(owner(STANDING)));
    passes(one_gets_a_token::<Blocking>(owner(STANDING)));
}

#[test]
fn each_of_two_goes_on() {
    passes(each_gets_a_token::<Blocking>([owner(1), owner(2)], 2));
    passes(each_gets_a_token::<Blocking>([owner(1), mate(1)], 1));
}

#[test]
fn as_many_are_notified() {
    for count in 0..5 {
        passes(as_many_are_notified_as_were_meant(count));
    }
}

#[test]
fn notifier_without_the_mutex_hides_nobody() {
    passes(hasty_notifier_hides_nobody::<Spurious>);
    passes(hasty_notifier_hides_nobody::<Blocking>);
}

#[test]
fn two_notifiers_reach_two() {
    passes(two_grants_reach_two::<Blocking>);
}

#[test]
fn deadline_costs_nobody_a_notification() {
    passes(no_grant_is_lost_to_a_deadline::<Blocking>([1, 1]));
    passes(no_grant_is_lost_to_a_deadline::<Blocking>([1, 2]));
    passes(no_grant_is_lost_to_a_deadline::<Blocking>([STANDING, 1]));
}

#[test]
fn grants_of_the_dead_are_handed_on() {
    passes(grant_of_the_dead_is_handed_on::<Blocking>(true));
    passes(grant_of_the_dead_is_handed_on::<Blocking>(false));
}

#[test]
fn deaths_out_of_order_are_told() {
    passes(death_out_of_order_is_told::<Blocking>(2));
    passes(death_out_of_order_is_told::<Blocking>(STANDING));
}

#[test]
fn granted_one_is_woken_after_the_notifier_died() {
    passes(notifier_dies_before_the_wake::<Blocking>);
}

#[test]
fn sweep_may_be_cut_off() {
    passes(sweep_that_was_cut_off_is_repeated::<Blocking>);
}

#[test]
fn waiter_goes_on_wherever_the_giver_is_killed() {
    sweep(giver_is_not_waited_for::<Spurious>);
    sweep(giver_is_not_waited_for::<Blocking>);
}

#[test]
fn waiter_goes_on_wherever_another_one_is_killed() {
    sweep(getter_is_not_served::<Blocking>);
}

#[test]
fn checker_finds_arrival_counted_early() {
    finds(Bug::ArrivalEarly, DEADLOCK, hasty_notifier_hides_nobody::<Blocking>);
}

#[test]
fn checker_finds_arrival_that_orders_nothing() {
    finds(Bug::ArrivalUnordered, DEADLOCK, hasty_notifier_hides_nobody::<Blocking>);
}

#[test]
fn checker_finds_mutex_unlocked_early() {
    finds(Bug::UnlockedEarly, DEADLOCK, one_gets_a_token::<Blocking>(owner(1)));
}

#[test]
fn checker_finds_sleeper_that_did_not_say_so() {
    finds(Bug::SleeperUnsaid, DEADLOCK, one_gets_a_token::<Blocking>(owner(1)));
}

#[test]
fn checker_finds_grant_without_wake() {
    finds(Bug::GrantUnheard, DEADLOCK, one_gets_a_token::<Blocking>(owner(1)));
}

#[test]
fn checker_finds_crowd_that_is_not_called() {
    finds(Bug::CrowdUncalled, DEADLOCK, one_gets_a_token::<Blocking>(owner(STANDING)));
}

#[test]
fn checker_finds_more_notified_than_were_meant() {
    finds(Bug::CountIgnored, UNEARNED, as_many_are_notified_as_were_meant(1));
}

#[test]
fn checker_finds_grant_by_store() {
    finds(Bug::GrantByStore, DEADLOCK, two_grants_reach_two::<Blocking>);
}

#[test]
fn checker_finds_grant_lost_to_a_deadline() {
    finds(Bug::GrantDropped, DEADLOCK, no_grant_is_lost_to_a_deadline::<Blocking>([1, 1]));
}

#[test]
fn checker_finds_berth_kept_after_a_deadline() {
    finds(Bug::BerthKept, DEADLOCK, no_grant_is_lost_to_a_deadline::<Blocking>([1, 2]));
}

#[test]
fn checker_finds_grant_buried() {
    finds(Bug::GrantsBuried, DEADLOCK, grant_of_the_dead_is_handed_on::<Blocking>(true));
}

#[test]
fn checker_finds_death_that_nobody_told() {
    finds(Bug::DeathUnheard, DEADLOCK, death_out_of_order_is_told::<Blocking>(2));
}

#[test]
fn checker_finds_cell_emptied_first() {
    finds(Bug::BuriedFirst, DEADLOCK, sweep_that_was_cut_off_is_repeated::<Blocking>);
}

#[test]
fn checker_finds_sleeper_that_looks_at_nobody() {
    let deaths = Count::new(AtomicUsize::new(0));
    finds(Bug::DeathOverlooked, ENDLESS, giver_is_not_waited_for::<Blocking>(0, deaths));
}
