//! The barrier in every interleaving, with deaths and with planted bugs.

// What the parties make stands in the checker's cells, which hand out raw pointers.
#![allow(unsafe_code)]

use std::array;
use std::sync::Arc as Count;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, owner, pid};
use super::partial::unaware;
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::crossing::Arrived;
use crate::algo::planted::Bug;
use crate::algo::{self, Borne, Broken, Crossing, Form, Head, Late, Owner, Park, Tally};
use crate::shim::AtomicU64;

/// More points than a participant passes in the models below.
const POINTS: u32 = 24;
/// Participants of a model.
const SEATS: usize = 4;
/// What the checker prints when somebody waits for ever, in naps.
const ENDLESS: &str = "exceeded maximum number of branches";
/// What a model prints when two parties are told different things.
const AT_ODDS: &str = "some crossed and some did not";

/// What a model prints when nobody would know of a party's death.
const UNKNOWN: &str = "counted, and no member";

const DIED: Broken = Broken::Death { pid: 1001 };

/// Another thread of the same process.
fn mate(slot: u16) -> Owner {
    Owner::new(200 + u32::from(slot), slot, 0)
}

/// A barrier, and what each participant makes before it crosses.
struct Ford<K> {
    kernel: K,
    head: Head,
    cells: [AtomicU64; 8],
    high: AtomicU64,
    made: [UnsafeCell<u32>; SEATS],
    /// How often a party was the last one.
    leaders: AtomicUsize,
}

impl<K: Kernel> Ford<K> {
    fn new(parties: u64) -> Arc<Self> {
        let ford = Self {
            kernel: K::new(),
            head: Head::new(),
            cells: array::from_fn(|_| AtomicU64::new(0)),
            high: AtomicU64::new(SEATS as u64),
            made: array::from_fn(|_| UnsafeCell::new(0)),
            leaders: AtomicUsize::new(0),
        };
        ford.crossing().make(parties);
        Arc::new(ford)
    }

    fn cells(&self) -> Tally<'_> {
        Tally::new(&self.cells, Form::Barrier.width(), &self.high)
    }

    fn crossing(&self) -> Crossing<'_> {
        Crossing::of(&self.head, self.cells())
    }

    fn wait(&self, slot: u16, park: &impl Park) -> Result<bool, Broken> {
        let crossed = self.crossing().wait(owner(slot), park);
        self.leaders.fetch_add(usize::from(crossed == Ok(true)), Relaxed);
        crossed
    }

    fn arrive(&self, slot: u16) -> Arrived {
        self.crossing().arrive(owner(slot), &self.kernel).unwrap()
    }

    fn bury(&self, slot: u16) {
        let late = Late { slot, pid: pid(slot), returned: true };
        algo::bury(Form::Barrier, Borne::Head(&self.head, self.cells()), late, &unaware(&self.kernel));
    }

    /// Makes a participant a member that does not wait, as after a crossing.
    fn enlist(&self, slot: u16) {
        assert!(self.crossing().enlist(owner(slot), 0, self.crossing().load()));
    }

    /// Makes a number. The checker reports it if somebody else looks at it meanwhile.
    fn make(&self, slot: u16, number: u32) {
        // SAFETY: the others look at it on the other side of a crossing only.
        self.made[usize::from(slot)].with_mut(|made| unsafe { *made = number });
    }

    fn look(&self, slot: u16) -> u32 {
        // SAFETY: as above.
        self.made[usize::from(slot)].with(|made| unsafe { *made })
    }

    /// Makes something, crosses, sees what the others made, crosses again, and makes something new.
    fn take_part(&self, slot: u16, parties: u16, park: &impl Park) {
        self.make(slot, 1);
        self.wait(slot, park).unwrap();
        for other in 0..parties {
            assert_eq!(self.look(other), 1);
        }
        self.wait(slot, park).unwrap();
        self.make(slot, 2);
    }
}

/// As the kernel, but there is no time to sleep.
struct Hurried<'a, K>(&'a K);

impl<K: Kernel> Park for Hurried<'_, K> {
    fn sleep(&self, _word: &AtomicU64, _expected: u32, _round: u32) -> bool {
        thread::yield_now();
        false
    }

    fn release_and_wake(&self, word: &AtomicU64) -> u32 {
        self.0.release_and_wake(word)
    }

    fn wake(&self, word: &AtomicU64, count: u32) -> u32 {
        self.0.wake(word, count)
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

/// Parties cross twice.
fn all_see_what_all_made<K: Kernel>(parties: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let ford = Ford::<K>::new(parties.into());
        let others: Vec<_> = (1..parties)
            .map(|slot| {
                let ford = Arc::clone(&ford);
                thread::spawn(move || ford.take_part(slot, parties, &ford.kernel))
            })
            .collect();
        ford.take_part(0, parties, &ford.kernel);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(ford.leaders.load(Relaxed), 2, "one leader at each crossing");
    }
}

/// Parties cross once.
fn all_cross<K: Kernel>(parties: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let ford = Ford::<K>::new(parties.into());
        let others: Vec<_> = (1..parties)
            .map(|slot| {
                let ford = Arc::clone(&ford);
                thread::spawn(move || {
                    ford.make(slot, 1);
                    ford.wait(slot, &ford.kernel).unwrap();
                })
            })
            .collect();
        ford.make(0, 1);
        ford.wait(0, &ford.kernel).unwrap();
        for other in 0..parties {
            assert_eq!(ford.look(other), 1);
        }
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(ford.leaders.load(Relaxed), 1);
    }
}

/// Participant 1, a member, is killed at `point` of a crossing; the others, one of whom is there already, wait no longer than it
/// lives.
fn member_is_not_waited_for<K: Kernel>(
    point: u32,
    deaths: Count<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let ford = Ford::<K>::new(3);
        ford.enlist(1);
        let Arrived::Among(first) = ford.arrive(2) else { panic!("the first of three") };
        let doomed = {
            let (ford, deaths) = (Arc::clone(&ford), Count::clone(&deaths));
            thread::spawn(move || {
                let killed = Mortal::live(&ford.kernel, 1, Some(point), |mortal| {
                    mortal.pass();
                    ford.wait(1, mortal).unwrap();
                    mortal.pass();
                });
                deaths.fetch_add(usize::from(killed), Relaxed);
            })
        };
        let second = ford.wait(0, &ford.kernel).map(drop);
        let first = ford.crossing().await_end(first, &ford.kernel);
        doomed.join().unwrap();
        assert_eq!(first, second, "{AT_ODDS}");
        assert!(first == Ok(()) || first == Err(DIED), "{first:?}");
        assert!(ford.leaders.load(Relaxed) <= 1);
    }
}

/// Participant 1 comes for the first time, and is killed at the first chance after its arrival.
fn newcomer_is_not_waited_for<K: Kernel>() {
    let ford = Ford::<K>::new(3);
    let doomed = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || {
            Mortal::live(&ford.kernel, 1, Some(0), |mortal| assert!(ford.wait(1, mortal).is_ok()));
        })
    };
    assert_eq!(ford.wait(0, &ford.kernel), Err(DIED));
    doomed.join().unwrap();
}

/// Participant 1 is buried, having arrived or being a member from before; nobody who waits knows of it.
fn burial_breaks<K: Kernel>(arrived: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let ford = Ford::<K>::new(3);
        ford.enlist(1);
        if arrived {
            ford.arrive(1);
        }
        let dying = {
            let ford = Arc::clone(&ford);
            thread::spawn(move || ford.bury(1))
        };
        assert_eq!(ford.wait(0, &unaware(&ford.kernel)), Err(DIED));
        dying.join().unwrap();
        assert_eq!(ford.wait(2, &unaware(&ford.kernel)), Err(DIED), "and whoever comes later");
    }
}

/// Participant 1 is swept while the last of the others arrives: they cross, or hear of its death, both of them.
fn burial_meets_a_crossing<K: Kernel>() {
    let ford = Ford::<K>::new(2);
    ford.enlist(1);
    let Arrived::Among(first) = ford.arrive(2) else { panic!("the first of two") };
    let dying = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.bury(1))
    };
    let second = ford.wait(0, &unaware(&ford.kernel)).map(drop);
    let first = ford.crossing().await_end(first, &unaware(&ford.kernel));
    assert_eq!(first, second, "{AT_ODDS}");
    dying.join().unwrap();
    assert!(ford.crossing().is_broken());
    assert_eq!(ford.wait(0, &unaware(&ford.kernel)), Err(DIED));
}

/// Participant 0 has little time.
fn deadline_breaks_for_all<K: Kernel>() {
    let ford = Ford::<K>::new(2);
    let other = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.wait(1, &unaware(&ford.kernel)))
    };
    let mine = ford.wait(0, &Hurried(&ford.kernel));
    let theirs = other.join().unwrap();
    match mine {
        Ok(_) => assert!(theirs.is_ok(), "{AT_ODDS}"),
        Err(Broken::Deadline) => assert_eq!(theirs, Err(Broken::Others), "{AT_ODDS}"),
        Err(_) => unreachable!("nobody else breaks it"),
    }
}

/// Somebody aborts.
fn abort_breaks_for_all<K: Kernel>() {
    let ford = Ford::<K>::new(2);
    let other = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.wait(1, &unaware(&ford.kernel)))
    };
    ford.crossing().abort(&ford.kernel);
    assert_eq!(other.join().unwrap(), Err(Broken::Others));
    assert!(ford.crossing().is_broken());
}

/// Participant 1 waits; it is reset, and others cross before participant 1 comes to look.
fn reset_is_no_crossing<K: Kernel>() {
    let ford = Ford::<K>::new(2);
    let Arrived::Among(mine) = ford.arrive(1) else { panic!("the first of two") };
    let other = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.crossing().await_end(mine, &unaware(&ford.kernel)))
    };
    ford.crossing().reset(&ford.kernel);
    assert!(matches!(ford.arrive(0), Arrived::Among(_)));
    assert_eq!(ford.arrive(2), Arrived::Last);
    assert_eq!(other.join().unwrap(), Err(Broken::Others), "{AT_ODDS}");
    assert!(!ford.crossing().is_broken());
}

/// Two cross, and it is reset before one of them comes to look.
fn crossing_outlives_a_reset<K: Kernel>() {
    let ford = Ford::<K>::new(2);
    let Arrived::Among(mine) = ford.arrive(1) else { panic!("the first of two") };
    let other = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.crossing().await_end(mine, &unaware(&ford.kernel)))
    };
    assert_eq!(ford.arrive(0), Arrived::Last);
    ford.crossing().reset(&ford.kernel);
    assert_eq!(other.join().unwrap(), Ok(()), "{AT_ODDS}");
}

/// One resets, having looked at the barrier long ago, while others cross and one of them resets, too. Who was not crossed is never
/// told that it was.
fn late_reset_forges_no_crossing<K: Kernel>() {
    let ford = Ford::<K>::new(2);
    let other = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.crossing().reset(&ford.kernel))
    };
    let arrivals = [0, 1, 2].map(|slot| ford.arrive(slot));
    ford.crossing().reset(&ford.kernel);
    if let [Arrived::Among(_), Arrived::Last, Arrived::Among(mine)] = arrivals {
        let end = ford.crossing().await_end(mine, &unaware(&ford.kernel));
        assert_eq!(end, Err(Broken::Others), "{AT_ODDS}");
    }
    other.join().unwrap();
    assert!(!ford.crossing().is_broken());
}

/// Two threads of a participant arrive while somebody resets. Whoever is counted belongs to a member.
fn who_is_counted_is_a_member<K: Kernel>() {
    let ford = Ford::<K>::new(9);
    let resetting = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.crossing().reset(&ford.kernel))
    };
    let other = {
        let ford = Arc::clone(&ford);
        thread::spawn(move || ford.arrive(1))
    };
    let Arrived::Among(mine) = ford.crossing().arrive(mate(1), &ford.kernel).unwrap() else {
        panic!("one of nine")
    };
    let member = ford.crossing().membership(owner(1));
    assert!(member >= mine.membership(), "{UNKNOWN}");
    other.join().unwrap();
    resetting.join().unwrap();
}

/// Kills at every point that is ever reached.
fn sweep<K: Kernel>() {
    let mut killed_somewhere = 0;
    let mut runs = 0;
    for point in 0..POINTS {
        let deaths = Count::new(AtomicUsize::new(0));
        runs += explore(member_is_not_waited_for::<K>(point, Count::clone(&deaths)));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 3, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

fn passes(model: impl Fn() + Send + Sync + 'static) {
    println!("{} interleavings", explore(model));
}

#[test]
fn two_cross_again_and_again() {
    passes(all_see_what_all_made::<Spurious>(2));
    passes(all_see_what_all_made::<Blocking>(2));
}

#[test]
fn three_cross() {
    passes(all_cross::<Spurious>(2));
    passes(all_cross::<Blocking>(3));
}

#[test]
fn nobody_waits_for_a_member_wherever_it_is_killed() {
    sweep::<Spurious>();
    sweep::<Blocking>();
    passes(newcomer_is_not_waited_for::<Spurious>);
    passes(newcomer_is_not_waited_for::<Blocking>);
}

#[test]
fn swept_member_breaks_the_barrier() {
    passes(burial_breaks::<Blocking>(true));
    passes(burial_breaks::<Blocking>(false));
    passes(burial_meets_a_crossing::<Blocking>);
}

#[test]
fn counted_party_is_of_a_member() {
    passes(who_is_counted_is_a_member::<Spurious>);
}

#[test]
fn party_out_of_time_breaks_the_barrier() {
    passes(deadline_breaks_for_all::<Blocking>);
}

#[test]
fn abort_breaks_the_barrier() {
    passes(abort_breaks_for_all::<Blocking>);
}

#[test]
fn reset_and_crossing_are_told_apart() {
    passes(reset_is_no_crossing::<Blocking>);
    passes(crossing_outlives_a_reset::<Blocking>);
    passes(late_reset_forges_no_crossing::<Spurious>);
}

#[test]
fn checker_finds_arrival_that_orders_nothing() {
    finds(Bug::ArriveRelaxed, RACE, all_see_what_all_made::<Spurious>(2));
}

#[test]
fn checker_finds_crossing_that_orders_nothing() {
    finds(Bug::CrossRelaxed, RACE, all_see_what_all_made::<Spurious>(2));
}

#[test]
fn checker_finds_end_of_wait_that_orders_nothing() {
    finds(Bug::CrossedUnordered, RACE, all_see_what_all_made::<Spurious>(2));
}

#[test]
fn checker_finds_crossing_without_wake() {
    finds(Bug::CrossingUnheard, DEADLOCK, all_cross::<Blocking>(2));
}

#[test]
fn checker_finds_sleeper_that_did_not_say_so() {
    finds(Bug::PartySleepsUnsaid, DEADLOCK, all_cross::<Blocking>(2));
}

#[test]
fn checker_finds_member_that_enlisted_late() {
    finds(Bug::EnlistedLate, ENDLESS, newcomer_is_not_waited_for::<Blocking>);
}

#[test]
fn checker_finds_member_that_was_struck_out() {
    finds(Bug::EnlistedBlindly, UNKNOWN, who_is_counted_is_a_member::<Spurious>);
}

#[test]
fn checker_finds_deadline_that_breaks_nothing() {
    finds(Bug::LeftUnbroken, AT_ODDS, deadline_breaks_for_all::<Blocking>);
}

#[test]
fn checker_finds_sleeper_that_looks_at_nobody() {
    let deaths = Count::new(AtomicUsize::new(0));
    finds(Bug::MemberOverlooked, ENDLESS, member_is_not_waited_for::<Blocking>(0, deaths));
}

#[test]
fn checker_finds_burial_that_breaks_nothing() {
    finds(Bug::MemberBuried, DEADLOCK, burial_breaks::<Blocking>(true));
}

#[test]
fn checker_finds_reset_taken_for_a_crossing() {
    finds(Bug::ResetForCrossing, AT_ODDS, reset_is_no_crossing::<Blocking>);
}

#[test]
fn checker_finds_end_that_is_not_written_down() {
    finds(Bug::EndUnwritten, AT_ODDS, crossing_outlives_a_reset::<Blocking>);
}

#[test]
fn checker_finds_end_written_down_late() {
    finds(Bug::EndWrittenLate, AT_ODDS, crossing_outlives_a_reset::<Blocking>);
}

#[test]
fn checker_finds_end_that_orders_nothing() {
    finds(Bug::EndUnordered, AT_ODDS, late_reset_forges_no_crossing::<Spurious>);
}
