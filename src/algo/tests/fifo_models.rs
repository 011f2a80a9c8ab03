//! What the checker plays with the queue: who sends, receives, closes, leaves and dies, and what must hold then.

// The items stand in the checker's cells, which hand out raw pointers.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::parkers::{Blocking, Kernel, Mortal, Spurious, owner, pid};
use super::partial::Partial;
use super::planted;
use crate::algo::planted::Bug;
use crate::algo::{Borne, End, Fifo, FifoWords, Form, Held, Late, Park, Tally, Tasks, bury};
use crate::shim::AtomicU64;

/// What a model prints when something that was sent is not received.
pub(super) const LOST: &str = "what was sent is received once, in order";
/// What a model prints when an end is deserted, and nobody was told.
const UNSAID: &str = "nobody was told that the end is deserted";
/// What a model prints when an end is taken for deserted that never was.
pub(super) const OVERLOOKED: &str = "somebody was there all the time";
/// What a model prints when the positions are impossible.
const IMPOSSIBLE: &str = "head <= tail <= head + capacity";

/// Why nothing more is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Closed,
    Disconnected,
}

enum Turn<R> {
    Done(R),
    Wait(u64),
    Stop(Over),
}

/// A way to the kernel on which one may be killed.
pub(super) trait Life: Park {
    fn pass(&self);
}

impl Life for Blocking {
    fn pass(&self) {}
}

impl Life for Spurious {
    fn pass(&self) {}
}

impl<K: Kernel> Life for Mortal<'_, K> {
    fn pass(&self) {
        Mortal::pass(self);
    }
}

impl<K: Kernel, D: Fn(u16) -> Option<u32>> Life for Partial<'_, K, D> {
    fn pass(&self) {}
}

/// A queue, and places for its items.
pub(super) struct Shared<K> {
    pub(super) kernel: K,
    words: FifoWords,
    cells: Vec<AtomicU64>,
    high: AtomicU64,
    form: Form,
    places: Vec<UnsafeCell<u32>>,
    /// What each participant made of what it received.
    results: Vec<UnsafeCell<u32>>,
}

impl<K: Kernel> Shared<K> {
    /// Of that form, with room for so many items.
    pub(super) fn new(form: Form, capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            kernel: K::new(),
            words: FifoWords::new(),
            cells: (0..form.words(4)).map(|_| AtomicU64::new(0)).collect(),
            high: AtomicU64::new(3),
            form,
            places: (0..capacity).map(|_| UnsafeCell::new(0)).collect(),
            results: (0..3).map(|_| UnsafeCell::new(0)).collect(),
        })
    }

    fn tally(&self) -> Tally<'_> {
        Tally::new(&self.cells, self.form.width(), &self.high)
    }

    pub(super) fn fifo(&self) -> Fifo<'_> {
        Fifo::of(&self.words, self.tally())
    }

    pub(super) fn tasks(&self) -> Tasks<'_> {
        Tasks::of(&self.words, self.tally())
    }

    pub(super) fn write(&self, position: u64, value: u32) {
        // SAFETY: a place beyond the tail, by the holder of the send side; the checker reports it if it is somebody else's.
        self.places[position as usize % self.places.len()].with_mut(|place| unsafe { *place = value });
    }

    fn read(&self, position: u64) -> u32 {
        // SAFETY: a place in [head, tail), by the holder of the receive side; the checker reports it if it is written to.
        self.places[position as usize % self.places.len()].with(|place| unsafe { *place })
    }

    /// Works on a value as participant `me`.
    pub(super) fn work(&self, me: u16) {
        // SAFETY: its own; the checker reports it if somebody reads it before it is done.
        self.results[usize::from(me)].with_mut(|result| unsafe { *result += 1 });
    }

    /// How many values participant `slot` is done with.
    pub(super) fn done_by(&self, slot: u16) -> u64 {
        self.tally().cell(slot).unwrap()[2].load(crate::shim::Ordering::Relaxed)
    }

    /// What participant `slot` made of what it received.
    pub(super) fn result(&self, slot: u16) -> u32 {
        // SAFETY: the work is done; the checker reports it if it is not.
        self.results[usize::from(slot)].with(|result| unsafe { *result })
    }

    fn why_over<P: Park>(&self, end: End, ends: bool, asks: bool, park: &P) -> Option<Over> {
        let fifo = self.fifo();
        if fifo.is_closed() {
            return Some(Over::Closed);
        }
        let peers = end.other();
        let deserted = ends
            && (fifo.seems_deserted(peers) && fifo.is_deserted(peers, true, park)
                || asks && fifo.is_deserted(peers, false, park));
        deserted.then_some(Over::Disconnected)
    }

    /// As the loop that ships. `None`: it is not one's turn, and `waits` is not set.
    fn take_turns<L: Life, R>(
        &self,
        (end, me): (End, u16),
        (ends, waits): (bool, bool),
        life: &L,
        mut turn: impl FnMut(&mut Held<'_, '_, L>) -> Turn<R>,
    ) -> Option<Result<R, Over>> {
        let mut round = 0;
        loop {
            let over = self.why_over(end, ends, round > 1, life);
            if end == End::Send
                && let Some(over) = over
            {
                return Some(Err(over));
            }
            let came = {
                // The dead drop nothing.
                let mut held = ManuallyDrop::new(self.fifo().hold(end, owner(me), life).unwrap());
                life.pass();
                let came = turn(&mut held);
                drop(ManuallyDrop::into_inner(held));
                came
            };
            let seen = match came {
                Turn::Done(done) => return Some(Ok(done)),
                Turn::Stop(over) => return Some(Err(over)),
                Turn::Wait(seen) => seen,
            };
            if over.is_some() || !waits {
                return over.map(Err);
            }
            let is_over = || self.why_over(end, ends, false, life).is_some();
            assert!(self.fifo().wait(end.other(), seen, owner(me), life, round, is_over).unwrap());
            round += 1;
        }
    }

    /// Sends a value as participant `me`; `ends`: unless no receiver is left.
    pub(super) fn send(&self, me: u16, ends: bool, value: u32, life: &impl Life) -> Result<(), Over> {
        let capacity = self.places.len() as u64;
        let put = self.take_turns((End::Send, me), (ends, true), life, |held| {
            if self.fifo().is_closed() {
                return Turn::Stop(Over::Closed);
            }
            let tail = held.position();
            let mut used = tail.wrapping_sub(held.seen());
            if used >= capacity {
                used = tail.wrapping_sub(held.look(true));
            }
            assert!(used <= capacity, "{IMPOSSIBLE}");
            if used == capacity {
                return Turn::Wait(held.seen());
            }
            self.write(tail, value);
            life.pass();
            held.commit(tail + 1, 1);
            life.pass();
            Turn::Done(())
        });
        put.unwrap()
    }

    pub(super) fn receive(
        &self,
        me: u16,
        (ends, waits): (bool, bool),
        life: &impl Life,
        taken: impl Fn(),
    ) -> Option<Result<u32, Over>> {
        self.take_turns((End::Receive, me), (ends, waits), life, |held| {
            let head = held.position();
            let mut there = held.seen().wrapping_sub(head);
            if there == 0 {
                there = held.look(true).wrapping_sub(head);
            }
            assert!(there <= self.places.len() as u64, "{IMPOSSIBLE}");
            if there == 0 {
                return Turn::Wait(head);
            }
            let value = self.read(head);
            life.pass();
            let count = |late| {
                if self.form == Form::Tasks && planted(Bug::TakenLate) == late {
                    self.tasks().take(me, 1);
                    life.pass();
                }
            };
            count(false);
            held.commit(head + 1, 1);
            taken();
            life.pass();
            count(true);
            Turn::Done(value)
        })
    }

    /// Receives a value as participant `me`; `ends`: unless no sender is left.
    pub(super) fn recv(&self, me: u16, ends: bool, life: &impl Life) -> Result<u32, Over> {
        self.receive(me, (ends, true), life, || {}).unwrap()
    }

    /// Receives what is there.
    pub(super) fn drain(&self, me: u16, life: &impl Life) -> Vec<u32> {
        std::iter::from_fn(|| self.receive(me, (false, false), life, || {})?.ok()).collect()
    }

    /// What the sweep does for the dead participant in `slot`.
    pub(super) fn sweep<P: Park>(&self, slot: u16, park: &P) {
        let lock = self.words.first_lock().owner_lock();
        if lock.orphan(slot, pid(slot)) {
            park.wake(lock.futex_word(), u32::MAX);
        }
        let late = Late { slot, pid: pid(slot), returned: false };
        bury(self.form, Borne::Queue(&self.words, self.tally()), late, park);
    }
}

/// One sends so many values, another one receives them.
pub(super) fn all_come_in_order<K: Kernel + Life>(
    capacity: usize,
    values: u32,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(Form::Queue, capacity);
        let sending = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                (1..=values).for_each(|value| shared.send(1, false, value, &shared.kernel).unwrap());
            })
        };
        (1..=values).for_each(|value| assert_eq!(shared.recv(0, false, &shared.kernel), Ok(value), "{LOST}"));
        sending.join().unwrap();
    }
}

/// Two send a value each, and nobody waits.
pub(super) fn two_send_into_room() {
    let shared = Shared::<Spurious>::new(Form::Queue, 2);
    let sending = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.send(1, false, 1, &shared.kernel).unwrap())
    };
    shared.send(0, false, 2, &shared.kernel).unwrap();
    sending.join().unwrap();
    let mut values = shared.drain(0, &shared.kernel);
    values.sort_unstable();
    assert_eq!(values, [1, 2], "{LOST}");
}

/// Two send a value each.
pub(super) fn two_send<K: Kernel + Life>(capacity: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(Form::Queue, capacity);
        let senders = [1, 2].map(|me| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.send(me, false, me.into(), &shared.kernel).unwrap())
        });
        let mut values = [0, 1].map(|_| shared.recv(0, false, &shared.kernel).unwrap());
        values.sort_unstable();
        assert_eq!(values, [1, 2], "{LOST}");
        for sender in senders {
            sender.join().unwrap();
        }
    }
}

/// Two receive a value each, both sent in one turn.
pub(super) fn two_receive<K: Kernel + Life>() {
    let shared = Shared::<K>::new(Form::Queue, 2);
    let receivers = [1, 2].map(|me| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.recv(me, false, &shared.kernel).unwrap())
    });
    {
        let mut held = shared.fifo().hold(End::Send, owner(0), &shared.kernel).unwrap();
        for position in 0..2_u32 {
            shared.write(position.into(), position + 1);
            held.commit(u64::from(position) + 1, 1);
        }
    }
    let mut values = receivers.map(|receiver| receiver.join().unwrap());
    values.sort_unstable();
    assert_eq!(values, [1, 2], "{LOST}");
}

/// Somebody waited and was out of time; then one sends two values, and another one waits for them.
pub(super) fn who_waits_later_is_kept_in_mind<K: Kernel + Life>() {
    let shared = Shared::<K>::new(Form::Queue, 2);
    assert!(shared.fifo().wait(End::Send, 0, owner(2), &shared.kernel, 0, || true).unwrap());
    let receiving = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            (1..=2).for_each(|value| assert_eq!(shared.recv(1, false, &shared.kernel), Ok(value), "{LOST}"));
        })
    };
    (1..=2).for_each(|value| shared.send(0, false, value, &shared.kernel).unwrap());
    receiving.join().unwrap();
}

/// One receives until it is over: a value was sent before the queue was closed.
pub(super) fn closed_queue_is_drained<K: Kernel + Life>() {
    let shared = Shared::<K>::new(Form::Queue, 1);
    let receiving = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            assert_eq!(shared.recv(1, false, &shared.kernel), Ok(7), "{LOST}");
            assert_eq!(shared.recv(1, false, &shared.kernel), Err(Over::Closed));
        })
    };
    shared.send(0, false, 7, &shared.kernel).unwrap();
    assert!(shared.fifo().close(owner(0), &shared.kernel).unwrap());
    receiving.join().unwrap();
}

/// One waits for room in a queue that is closed.
pub(super) fn closing_ends_a_wait_for_room<K: Kernel + Life>() {
    let shared = Shared::<K>::new(Form::Queue, 1);
    shared.send(0, false, 7, &shared.kernel).unwrap();
    let sending = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.send(1, false, 8, &shared.kernel))
    };
    assert!(shared.fifo().close(owner(0), &shared.kernel).unwrap());
    assert_eq!(sending.join().unwrap(), Err(Over::Closed));
    assert_eq!(shared.drain(0, &shared.kernel), [7], "{LOST}");
}

/// Several close: one of them did.
pub(super) fn one_closes<K: Kernel + Life>() {
    let shared = Shared::<K>::new(Form::Queue, 1);
    let closing = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.fifo().close(owner(1), &shared.kernel).unwrap())
    };
    let did = shared.fifo().close(owner(0), &shared.kernel).unwrap();
    assert!(did != closing.join().unwrap());
}

/// The last sender sends a value and leaves.
pub(super) fn last_sender_leaves<K: Kernel + Life>() {
    let shared = Shared::<K>::new(Form::Queue, 1);
    shared.fifo().join(End::Send, 1);
    let sending = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.send(1, false, 7, &shared.kernel).unwrap();
            shared.fifo().leave(End::Send, 1, &shared.kernel);
        })
    };
    assert_eq!(shared.recv(0, true, &shared.kernel), Ok(7), "{LOST}");
    assert_eq!(shared.recv(0, true, &shared.kernel), Err(Over::Disconnected));
    sending.join().unwrap();
}

/// The last at `end` leaves, and another one waits for it at the other end.
pub(super) fn leaving_ends_a_wait<K: Kernel + Life>(end: End) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(Form::Queue, 1);
        shared.fifo().join(end, 1);
        if end == End::Receive {
            shared.send(0, false, 7, &shared.kernel).unwrap();
        }
        let leaving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.fifo().leave(end, 1, &shared.kernel))
        };
        let came = match end {
            End::Send => shared.recv(0, true, &shared.kernel).map(drop),
            End::Receive => shared.send(0, true, 8, &shared.kernel),
        };
        assert_eq!(came, Err(Over::Disconnected));
        leaving.join().unwrap();
    }
}

/// The last two senders leave at once, or the last one leaves while the other one is buried.
pub(super) fn two_leave(buried: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<Spurious>::new(Form::Queue, 1);
        [0, 1].into_iter().for_each(|seat| shared.fifo().join(End::Send, seat));
        let leaving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || match buried {
                true => shared.sweep(1, &shared.kernel),
                false => shared.fifo().leave(End::Send, 1, &shared.kernel),
            })
        };
        shared.fifo().leave(End::Send, 0, &shared.kernel);
        leaving.join().unwrap();
        assert!(shared.fifo().seems_deserted(End::Send), "{UNSAID}");
    }
}

/// One sender hands its place on to another process, while somebody looks.
pub(super) fn handed_on_place_is_seen(from: u16, to: u16) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<Spurious>::new(Form::Queue, 1);
        shared.fifo().join(End::Send, from);
        let handing = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.fifo().join(End::Send, to);
                shared.fifo().leave(End::Send, from, &shared.kernel);
            })
        };
        assert_eq!(shared.why_over(End::Receive, true, true, &shared.kernel), None, "{OVERLOOKED}");
        handing.join().unwrap();
    }
}
