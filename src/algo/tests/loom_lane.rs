//! The lane in every interleaving, with deaths and with planted bugs.

// The items stand in the checker's cells, which hand out raw pointers.
#![allow(unsafe_code)]

use std::sync::Arc as Counted;
use std::sync::atomic::AtomicUsize;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, pid};
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;
use crate::algo::{CONSUMER, Halt, Hold, LaneWords, Late, PRODUCER, Park, Unclaimed};
use crate::shim::Ordering;

/// More points than a participant passes in the models below.
const POINTS: u32 = 20;

/// The participants.
const SENDER: u16 = 0;
const RECEIVER: u16 = 1;
const HEIR: u16 = 2;

/// What a model prints when an item is lost, doubled or out of order.
const ORDER: &str = "items come once, and in order";

/// A lane, and slots that the checker watches.
struct Shared<K> {
    kernel: K,
    words: LaneWords,
    slots: [UnsafeCell<u32>; 2],
    capacity: u64,
}

impl<K: Kernel> Shared<K> {
    fn new(capacity: u64) -> Arc<Self> {
        let slots = std::array::from_fn(|_| UnsafeCell::new(0));
        Arc::new(Self { kernel: K::new(), words: LaneWords::new(), slots, capacity })
    }

    fn claim<const END: usize>(&self, slot: u16) -> Hold<END> {
        self.try_claim(slot).unwrap()
    }

    fn try_claim<const END: usize>(&self, slot: u16) -> Result<Hold<END>, Unclaimed> {
        Hold::claim(&self.words, self.capacity, slot, &self.kernel)
    }

    /// Sends `items`, which may end early.
    fn send<P: Park>(
        &self,
        hold: &mut Hold<PRODUCER>,
        items: impl Iterator<Item = u32>,
        park: &P,
    ) -> Result<(), Halt> {
        for item in items {
            if hold.some(&self.words, park)? == 0 {
                hold.wait(&self.words, park)?;
            }
            hold.pass(&self.words, 1, park, |at| {
                // SAFETY: a slot of the producer's; the checker reports it if somebody else is at it.
                self.slot(at).with_mut(|slot| unsafe { *slot = item });
            });
        }
        Ok(())
    }

    fn receive<P: Park>(&self, hold: &mut Hold<CONSUMER>, park: &P) -> Result<u32, Halt> {
        if hold.some(&self.words, park)? == 0 {
            hold.wait(&self.words, park)?;
        }
        Ok(hold.pass(&self.words, 1, park, |at| {
            // SAFETY: a slot of the consumer's; the checker reports it if somebody else is at it.
            self.slot(at).with(|slot| unsafe { *slot })
        }))
    }

    fn slot(&self, at: u64) -> &UnsafeCell<u32> {
        &self.slots[usize::try_from(at % self.capacity).unwrap()]
    }

    fn bury(&self, slot: u16) {
        self.words.bury(Late { slot, pid: pid(slot), returned: false }, &self.kernel);
    }
}

/// So many items go through a lane of that capacity; then its producer goes.
fn items_come_in_order<K: Kernel>(capacity: u64, items: u32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(capacity);
        let sending = {
            let shared = Arc::clone(&shared);
            let mut hold = shared.claim::<PRODUCER>(SENDER);
            thread::spawn(move || {
                shared.send(&mut hold, 1..=items, &shared.kernel).unwrap();
                hold.release(&shared.words, &shared.kernel);
            })
        };
        let mut hold = shared.claim::<CONSUMER>(RECEIVER);
        for item in 1..=items {
            assert_eq!(shared.receive(&mut hold, &shared.kernel), Ok(item), "{ORDER}");
        }
        assert_eq!(shared.receive(&mut hold, &shared.kernel), Err(Halt::Gone), "{ORDER}");
        sending.join().unwrap();
    }
}

/// Nobody goes: who sleeps is woken by an item, or by room, alone.
fn sleeper_is_woken(items: u32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<Blocking>::new(1);
        let sending = {
            let shared = Arc::clone(&shared);
            let mut hold = shared.claim::<PRODUCER>(SENDER);
            thread::spawn(move || shared.send(&mut hold, 1..=items, &shared.kernel).unwrap())
        };
        let mut hold = shared.claim::<CONSUMER>(RECEIVER);
        for item in 1..=items {
            assert_eq!(shared.receive(&mut hold, &shared.kernel), Ok(item), "{ORDER}");
        }
        sending.join().unwrap();
    }
}

/// The consumer goes while the producer waits for room, or before.
fn producer_learns_that_nobody_receives<K: Kernel>() {
    let shared = Shared::<K>::new(1);
    let consumer = shared.claim::<CONSUMER>(RECEIVER);
    let sending = {
        let shared = Arc::clone(&shared);
        let mut hold = shared.claim::<PRODUCER>(SENDER);
        thread::spawn(move || {
            assert_eq!(shared.send(&mut hold, 1..=2, &shared.kernel), Err(Halt::Gone));
        })
    };
    consumer.release(&shared.words, &shared.kernel);
    sending.join().unwrap();
}

/// The producer is killed at `point`, and perhaps buried; the consumer gets a beginning of what was sent, then an heir goes on. Returns whether
/// the producer was killed.
fn killed_producer<K: Kernel>(point: u32, buried: bool) -> bool {
    let shared = Shared::<K>::new(1);
    let sending = {
        let shared = Arc::clone(&shared);
        let mut hold = shared.claim::<PRODUCER>(SENDER);
        thread::spawn(move || {
            let killed = Mortal::live(&shared.kernel, SENDER, Some(point), |mortal| {
                mortal.pass();
                for item in 1..=2 {
                    if hold.some(&shared.words, mortal).unwrap() == 0 {
                        hold.wait(&shared.words, mortal).unwrap();
                    }
                    hold.pass(&shared.words, 1, mortal, |at| {
                        mortal.pass();
                        // SAFETY: as in `send`.
                        shared.slot(at).with_mut(|slot| unsafe { *slot = item });
                        mortal.pass();
                    });
                    mortal.pass();
                }
                hold.release(&shared.words, mortal);
            });
            if killed && buried {
                shared.bury(SENDER);
            }
            killed
        })
    };
    let mut hold = shared.claim::<CONSUMER>(RECEIVER);
    let mut received = 0;
    loop {
        match hold.wait(&shared.words, &shared.kernel) {
            Ok(_) => {
                received += 1;
                assert_eq!(shared.receive(&mut hold, &shared.kernel), Ok(received), "{ORDER}");
            }
            Err(Halt::Gone) => break,
            Err(halt) => panic!("{halt:?}"),
        }
        if received == 2 {
            break;
        }
    }
    let killed = sending.join().unwrap();
    assert!(killed || received == 2, "{ORDER}");
    if killed {
        let mut heir = shared.claim::<PRODUCER>(HEIR);
        shared.send(&mut heir, 7..=7, &shared.kernel).unwrap();
        let mut next = shared.receive(&mut hold, &shared.kernel);
        if next == Ok(received + 1) && received < 2 {
            next = shared.receive(&mut hold, &shared.kernel);
        }
        assert_eq!(next, Ok(7), "{ORDER}");
    }
    killed
}

/// The consumer is killed at `point`, and perhaps buried; its heir gets the rest. Returns whether it was killed.
fn killed_consumer<K: Kernel>(point: u32, buried: bool) -> bool {
    let shared = Shared::<K>::new(2);
    let mut producer = shared.claim::<PRODUCER>(SENDER);
    let progress = Arc::new(loom::sync::atomic::AtomicU32::new(0));
    let receiving = {
        let (shared, progress) = (Arc::clone(&shared), Arc::clone(&progress));
        let mut hold = shared.claim::<CONSUMER>(RECEIVER);
        thread::spawn(move || {
            let killed = Mortal::live(&shared.kernel, RECEIVER, Some(point), |mortal| {
                mortal.pass();
                for item in 1..=2 {
                    if hold.some(&shared.words, mortal).unwrap() == 0 {
                        hold.wait(&shared.words, mortal).unwrap();
                    }
                    let got = hold.pass(&shared.words, 1, mortal, |at| {
                        mortal.pass();
                        // SAFETY: as in `receive`.
                        let got = shared.slot(at).with(|slot| unsafe { *slot });
                        mortal.pass();
                        got
                    });
                    assert_eq!(got, item, "{ORDER}");
                    progress.store(item, Ordering::Relaxed);
                    mortal.pass();
                }
            });
            if killed && buried {
                shared.bury(RECEIVER);
            }
            killed
        })
    };
    shared.send(&mut producer, 1..=2, &shared.kernel).unwrap();
    let killed = receiving.join().unwrap();
    if killed {
        let mut heir = shared.claim::<CONSUMER>(HEIR);
        let done = progress.load(Ordering::Relaxed);
        producer.release(&shared.words, &shared.kernel);
        let mut last = done;
        loop {
            match shared.receive(&mut heir, &shared.kernel) {
                Ok(item) => {
                    // What the dead one was at when it was killed it had received, or not.
                    assert!(item == last + 1 || last == done && item == last + 2, "{ORDER}");
                    last = item;
                }
                Err(halt) => {
                    assert_eq!(halt, Halt::Gone);
                    break;
                }
            }
        }
        assert!(last == 2 || done + 1 == 2, "{ORDER}");
    }
    killed
}

fn sweep(name: &str, model: impl Fn(u32) -> bool + Clone + Send + Sync + 'static) {
    let mut deaths = 0;
    for point in 0..POINTS {
        let model = model.clone();
        let killed = Counted::new(AtomicUsize::new(0));
        let counted = Counted::clone(&killed);
        explore(move || {
            counted.fetch_add(usize::from(model(point)), Ordering::Relaxed);
        });
        deaths += usize::from(killed.load(Ordering::Relaxed) > 0);
    }
    assert!(deaths > 3, "{name}: killed at {deaths} points only");
    assert!(deaths < POINTS as usize, "{name}: there are more points than {POINTS}");
}

#[test]
fn items_come_once_and_in_order() {
    for capacity in [1, 2] {
        explore(items_come_in_order::<Spurious>(capacity, 3));
        explore(items_come_in_order::<Blocking>(capacity, 3));
    }
}

#[test]
fn whoever_sleeps_is_woken() {
    explore(sleeper_is_woken(2));
}

#[test]
fn waiting_producer_learns_that_the_consumer_went() {
    explore(producer_learns_that_nobody_receives::<Spurious>);
    explore(producer_learns_that_nobody_receives::<Blocking>);
}

#[test]
fn producer_killed_anywhere_loses_and_doubles_nothing() {
    for buried in [false, true] {
        sweep("spurious", move |point| killed_producer::<Spurious>(point, buried));
        sweep("blocking", move |point| killed_producer::<Blocking>(point, buried));
    }
}

#[test]
fn consumer_killed_anywhere_loses_and_doubles_nothing() {
    for buried in [false, true] {
        sweep("spurious", move |point| killed_consumer::<Spurious>(point, buried));
        sweep("blocking", move |point| killed_consumer::<Blocking>(point, buried));
    }
}

/// Two claim an end that nobody has: one gets it.
fn one_claims<K: Kernel>() {
    let shared = Shared::<K>::new(1);
    let other = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.try_claim::<PRODUCER>(HEIR).is_ok())
    };
    let mine = shared.try_claim::<PRODUCER>(SENDER).is_ok();
    assert!(mine != other.join().unwrap(), "an end has one owner");
}

#[test]
fn end_has_one_owner() {
    explore(one_claims::<Spurious>);
}

/// Two processes have the same handle, as after a fork: one of them goes on with it.
fn one_of_two_copies_goes_on() {
    let shared = Shared::<Spurious>::new(2);
    let mut mine = shared.claim::<PRODUCER>(SENDER);
    shared.send(&mut mine, 1..=1, &shared.kernel).unwrap();
    let mut theirs = mine.copy();
    let other = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let claimed = theirs.claim_again(&shared.words, HEIR).is_ok();
            if claimed {
                shared.send(&mut theirs, 2..=2, &shared.kernel).unwrap();
            }
            claimed
        })
    };
    let claimed = mine.claim_again(&shared.words, SENDER).is_ok();
    if claimed {
        shared.send(&mut mine, 2..=2, &shared.kernel).unwrap();
    }
    assert!(claimed != other.join().unwrap(), "an end has one owner");
}

#[test]
fn one_of_two_copies_of_an_end_goes_on() {
    explore(one_of_two_copies_goes_on);
}

#[test]
fn position_out_of_range_is_not_believed() {
    explore(range_is_checked);
}

fn range_is_checked() {
    let shared = Shared::<Spurious>::new(2);
    let mut consumer = shared.claim::<CONSUMER>(RECEIVER);
    let [tail, ..] = shared.words.all();
    tail.store(3, Ordering::Relaxed);
    assert_eq!(consumer.look(&shared.words), Err(Halt::Corrupt), "out of range");
    tail.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(consumer.look(&shared.words), Err(Halt::Corrupt), "out of range");
}

#[test]
fn checker_finds_commit_before_the_copy() {
    finds(Bug::LaneCommitEarly, RACE, items_come_in_order::<Spurious>(1, 2));
}

#[test]
fn checker_finds_commit_that_orders_nothing() {
    finds(Bug::LaneCommitUnordered, RACE, items_come_in_order::<Spurious>(1, 2));
}

#[test]
fn checker_finds_look_that_orders_nothing() {
    finds(Bug::LaneLookUnordered, RACE, items_come_in_order::<Spurious>(1, 2));
}

#[test]
fn checker_finds_position_that_is_believed() {
    finds(Bug::RangeUnchecked, "out of range", range_is_checked);
}

#[test]
fn checker_finds_notifier_without_a_fence() {
    finds(Bug::NotifierUnfenced, DEADLOCK, sleeper_is_woken(2));
}

#[test]
fn checker_finds_sleeper_without_a_fence() {
    finds(Bug::SleeperUnfenced, DEADLOCK, sleeper_is_woken(2));
}

#[test]
fn checker_finds_consumer_that_leaves_before_the_last_item() {
    finds(Bug::RestOverlooked, ORDER, items_come_in_order::<Spurious>(2, 2));
}

#[test]
fn checker_finds_end_that_two_own() {
    finds(Bug::EndTakenFromTheLiving, "an end has one owner", one_claims::<Spurious>);
}

#[test]
fn checker_finds_copy_that_goes_on_in_two_processes() {
    finds(Bug::ForkUnnoticed, RACE, one_of_two_copies_goes_on);
}

#[test]
fn checker_finds_parting_that_wakes_nobody() {
    finds(Bug::PartingUnheard, DEADLOCK, producer_learns_that_nobody_receives::<Blocking>);
}
