//! Every handle travels: as a result, as an argument, inside other messages; it arrives as what it was, or not at all.

use proptest::prelude::*;

use super::{Watchdog, alone};
use crate::message::tests::{decode, encode, round_trip};
use crate::message::{DecodeError, Message};
use crate::process::Process;
use crate::segment::container::{Carried, Use};
use crate::segment::public::check;
use crate::sync::{
    BoundedSemaphore, Event, LockError, Mutex, Once, OnceValue, ReentrantMutex, RwLock, Semaphore,
};
use crate::value::{Array, Frozen, Value};

/// A handle that travels, and how two of them are seen to be handles to the same thing.
trait Handle: Message + Clone + std::fmt::Debug + Send + 'static {
    fn fresh() -> Self;
    /// Changes the thing itself.
    fn mark(&self);
    fn is_marked(&self) -> bool;
}

/// One line a kind: how a fresh one is made, how it is marked, and whether it is.
macro_rules! handles {
    ($($handle:ty: $fresh:expr, |$marked:ident| $mark:expr, |$looked:ident| $look:expr;)+) => {
        $(impl Handle for $handle {
            fn fresh() -> Self {
                $fresh.expect("memory")
            }

            fn mark(&self) {
                let $marked = self;
                $mark;
            }

            fn is_marked(&self) -> bool {
                let $looked = self;
                $look
            }
        })+

        /// Calls a function that is generic in the handle for each kind.
        macro_rules! for_each_kind {
            ($function:ident) => { $($function::<$handle>();)+ };
        }

        /// All kinds, and some that are no locks.
        fn kinds() -> Vec<Kind> {
            let mut kinds = vec![Kind::of::<Value<u64>>(|| Value::new(1)), Kind::of::<Array<u64>>(|| Array::zeroed(8))];
            kinds.push(Kind::of::<Frozen<u64>>(|| Array::zeroed(8).map(Array::freeze)));
            $(kinds.push(Kind::of::<$handle>(|| Ok(<$handle>::fresh())));)+
            kinds
        }
    };
}

handles! {
    Mutex<u64>: Mutex::new(0), |it| *it.lock().unwrap() = 7, |it| *it.lock().unwrap() == 7;
    Mutex<[u8]>: Mutex::<[u8]>::zeroed(100), |it| it.lock().unwrap()[99] = 7, |it| it.lock().unwrap()[99] == 7;
    RwLock<u64>: RwLock::new(0), |it| *it.write().unwrap() = 7, |it| *it.read().unwrap() == 7;
    RwLock<[f32]>: RwLock::<[f32]>::zeroed(9), |it| it.write().unwrap()[8] = 7.0, |it| it.read().unwrap()[8] == 7.0;
    ReentrantMutex<[u16; 3]>: ReentrantMutex::new([0; 3]), |it| it.lock().unwrap().set([7; 3]), |it| it.lock().unwrap().get() == [7; 3];
    Semaphore: Semaphore::new(2), |it| it.release(1).unwrap(), |it| it.available_permits() == 3;
    BoundedSemaphore: BoundedSemaphore::new(2), |it| it.acquire().unwrap().forget(), |it| it.available_permits() == 1;
    Event: Event::new(), |it| it.set(), |it| it.is_set();
    Once: Once::new(), |it| it.call_once(|| ()).unwrap(), |it| it.is_completed();
    OnceValue<()>: OnceValue::new(), |it| it.set(()).unwrap(), |it| it.get().is_some();
    OnceValue<char>: OnceValue::new(), |it| it.set('x').unwrap(), |it| it.get() == Some('x');
    OnceValue<[u8; 100]>: OnceValue::new(), |it| it.set([7; 100]).unwrap(), |it| it.get() == Some([7; 100]);
}

/// A kind of message, without its type.
struct Kind {
    name: &'static str,
    send: Box<dyn Fn() -> (Vec<u8>, Vec<Carried>)>,
    receive: fn(&[u8], Vec<Carried>) -> Result<(), DecodeError>,
}

impl Kind {
    fn of<M: Message>(fresh: impl Fn() -> Result<M, crate::segment::AllocError> + 'static) -> Self {
        Self {
            name: std::any::type_name::<M>(),
            send: Box::new(move || encode(fresh().expect("memory")).expect("what was measured")),
            receive: |bytes, manifest| decode::<M>(bytes, manifest).map(drop),
        }
    }
}

/// Marks `one`, and sees it at `other`.
fn assert_same<H: Handle>(one: &H, other: &H) {
    assert!(!one.is_marked() && !other.is_marked());
    one.mark();
    assert!(other.is_marked(), "{} is another thing", std::any::type_name::<H>());
}

fn is_the_same_after_a_journey<H: Handle>() {
    let sent = H::fresh();
    assert_same(&round_trip(sent.clone()), &sent);
}

#[test]
fn handles_that_travel_are_handles_to_the_same() {
    for_each_kind!(is_the_same_after_a_journey);
}

fn arrives_as_a_result<H: Handle>() {
    let child = Process::spawn(|| {
        let made = H::fresh();
        made.mark();
        (made.clone(), made)
    });
    let (one, other) = child.unwrap().join().unwrap();
    assert!(one.is_marked() && other.is_marked());
}

#[test]
fn handles_made_by_a_child_outlive_it_as_its_result() {
    let _watchdog = Watchdog::start();
    for_each_kind!(arrives_as_a_result);
}

fn arrives_as_an_argument<H: Handle>() {
    let kept = H::fresh();
    let child = Process::spawn_with(kept.clone(), |arg: H| {
        arg.mark();
        arg
    });
    let back = child.unwrap().join().unwrap();
    assert!(kept.is_marked() && back.is_marked());
    // Given away entirely, it lives in the child alone.
    let child = Process::spawn_with(H::fresh(), |arg: H| {
        arg.mark();
        arg.is_marked()
    });
    assert_eq!(child.unwrap().join(), Ok(true));
}

#[test]
fn handles_arrive_as_arguments_and_come_back() {
    let _watchdog = Watchdog::start();
    for_each_kind!(arrives_as_an_argument);
}

fn is_captured<H: Handle>() {
    let kept = H::fresh();
    let captured = kept.clone();
    let child = Process::spawn(move || {
        captured.mark();
        captured
    });
    let back = child.unwrap().join().unwrap();
    assert!(kept.is_marked() && back.is_marked());
}

#[test]
fn handles_that_are_captured_come_back() {
    let _watchdog = Watchdog::start();
    for_each_kind!(is_captured);
}

fn travels_inside_others<H: Handle>() {
    let many: Vec<H> = (0..3).map(|_| H::fresh()).collect();
    let message = (String::from("x"), Some(many[0].clone()), Ok::<_, String>(many.clone()));
    let (text, some, there) = round_trip(message);
    let there = there.unwrap();
    assert_same(&some.unwrap(), &there[0]);
    assert_same(&many[2], &there[2]);
    assert!(text == "x" && !many[1].is_marked());
    let child = Process::spawn_with((1_u8, many), |(_, many): (u8, Vec<H>)| {
        many[1].mark();
        many
    });
    assert!(child.unwrap().join().unwrap().iter().all(H::is_marked));
}

#[test]
fn handles_travel_inside_tuples_and_vectors() {
    let _watchdog = Watchdog::start();
    for_each_kind!(travels_inside_others);
}

#[test]
fn nothing_is_left_when_the_last_handle_is_gone() {
    alone(|| {
        let _watchdog = Watchdog::start();
        let rounds = || {
            for_each_kind!(is_the_same_after_a_journey);
            for_each_kind!(arrives_as_a_result);
            for_each_kind!(arrives_as_an_argument);
            for_each_kind!(is_captured);
            for_each_kind!(travels_inside_others);
        };
        rounds(); // what the crate keeps for itself is made
        let before = check().unwrap();
        rounds();
        let after = check().unwrap();
        assert_eq!((after.blocks, after.used, after.participants), (before.blocks, before.used, 1));
    });
}

#[test]
fn a_handle_that_is_forgotten_would_be_seen() {
    alone(|| {
        drop(Once::new());
        let before = check().unwrap();
        std::mem::forget(Once::new());
        assert_eq!(check().unwrap().blocks, before.blocks + 1);
    });
}

#[test]
fn no_kind_is_taken_for_another() {
    let kinds = kinds();
    for sent in &kinds {
        for wanted in &kinds {
            let (bytes, manifest) = (sent.send)();
            match (wanted.receive)(&bytes, manifest) {
                Ok(()) => assert_eq!(sent.name, wanted.name, "taken for it"),
                Err(error) => {
                    assert_ne!(sent.name, wanted.name, "{error}");
                    assert!(
                        matches!(error, DecodeError::Foreign(_) | DecodeError::Truncated { .. }),
                        "{error}"
                    );
                }
            }
        }
    }
}

/// The blocks of a message, said to be used otherwise than they are: only a foreign process can write that.
fn misused(manifest: Vec<Carried>, used: Use) -> Vec<Carried> {
    let misuse = |carried| match carried {
        Carried::Shared(block, _) => Carried::Shared(block, used),
        carried => carried,
    };
    manifest.into_iter().map(misuse).collect()
}

#[test]
fn block_of_another_form_is_refused_whatever_the_message_says() {
    let (bytes, manifest) = encode(Mutex::new(0_u64).unwrap()).unwrap();
    let refused = decode::<RwLock<u64>>(&bytes, misused(manifest, Use::RwLock));
    assert!(matches!(refused, Err(DecodeError::Foreign(_))));
    let (bytes, manifest) = encode(RwLock::new(0_u64).unwrap()).unwrap();
    let refused = decode::<Mutex<u64>>(&bytes, misused(manifest, Use::Mutex));
    assert!(matches!(refused, Err(DecodeError::Foreign(_))));
    let (_, manifest) = encode(Value::new([0_u8; 64]).unwrap()).unwrap();
    assert!(matches!(decode::<Once>(&[], misused(manifest, Use::Once)), Err(DecodeError::Foreign(_))));
    let (_, manifest) = encode(OnceValue::<u64>::new().unwrap()).unwrap();
    assert!(matches!(decode::<Once>(&[], misused(manifest, Use::Once)), Err(DecodeError::Foreign(_))));
    // Of the right size, too.
    let (_, manifest) = encode(Mutex::new([0_u8; 32]).unwrap()).unwrap();
    assert!(matches!(decode::<Once>(&[], misused(manifest, Use::Once)), Err(DecodeError::Foreign(_))));
}

#[test]
fn length_that_the_block_does_not_have_is_refused() {
    for len in [0_usize, 2, 99, 101, 1 << 60, usize::MAX] {
        let (bytes, _) = encode(len).unwrap();
        let (_, manifest) = encode(Mutex::<[u8]>::zeroed(100).unwrap()).unwrap();
        assert!(matches!(decode::<Mutex<[u8]>>(&bytes, manifest), Err(DecodeError::Foreign(_))), "{len}");
        let (_, manifest) = encode(RwLock::<[u8]>::zeroed(100).unwrap()).unwrap();
        assert!(matches!(decode::<RwLock<[u8]>>(&bytes, manifest), Err(DecodeError::Foreign(_))), "{len}");
        let (_, manifest) = encode(ReentrantMutex::new(0_u8).unwrap()).unwrap();
        let refused = decode::<ReentrantMutex<u8>>(&bytes, manifest);
        assert!(matches!(refused, Err(DecodeError::Foreign(_))), "{len}");
    }
}

#[test]
fn element_of_another_size_or_number_is_refused() {
    fn mistaken<S: Message, R: Message>(sent: S) {
        let (bytes, manifest) = encode(sent).unwrap();
        assert!(matches!(decode::<R>(&bytes, manifest), Err(DecodeError::Foreign(_))));
    }
    mistaken::<_, Mutex<u32>>(Mutex::new(0_u64).unwrap());
    mistaken::<_, Mutex<u64>>(Mutex::new(0_u32).unwrap());
    mistaken::<_, Mutex<u64>>(Mutex::<[u64]>::zeroed(2).unwrap());
    mistaken::<_, Mutex<u64>>(Mutex::<[u64]>::zeroed(0).unwrap());
    mistaken::<_, Mutex<[u64]>>(Mutex::<[u8]>::zeroed(3).unwrap());
    mistaken::<_, OnceValue<u64>>(OnceValue::<u32>::new().unwrap());
    // One is as good as a slice of one.
    let (bytes, manifest) = encode(Mutex::new(7_u64).unwrap()).unwrap();
    assert_eq!(*decode::<Mutex<[u64]>>(&bytes, manifest).unwrap().lock().unwrap(), [7]);
}

#[test]
fn handles_of_nothing_travel() {
    assert_eq!(round_trip(Mutex::<[u64]>::zeroed(0).unwrap()).lock().unwrap().len(), 0);
    assert_eq!(round_trip(Mutex::<[()]>::zeroed(9).unwrap()).lock().unwrap().len(), 9);
    round_trip(Mutex::new(()).unwrap()).lock().map(drop).unwrap();
    round_trip(ReentrantMutex::new(()).unwrap()).lock().map(drop).unwrap();
    assert_eq!(round_trip(OnceValue::<()>::new().unwrap()).set(()), Ok(()));
}

#[test]
fn lock_that_is_held_travels_and_is_released_by_its_holder() {
    let _watchdog = Watchdog::start();
    let held = Mutex::new(0_u64).unwrap();
    let mut guard = held.lock().unwrap();
    let child = Process::spawn_with(held.clone(), |arg: Mutex<u64>| match arg.lock() {
        Ok(guard) => *guard,
        Err(LockError::Poisoned(_)) => 1,
        Err(LockError::WouldDeadlock) => 2,
    });
    *guard = 7;
    drop(guard);
    assert_eq!(child.unwrap().join(), Ok(7));
}

proptest! {
    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40), first in 0..20_usize, second in 0..20_usize) {
        let kinds = kinds();
        for wanted in &kinds {
            let manifest = [first, second].into_iter().flat_map(|kind| (kinds[kind % kinds.len()].send)().1);
            let _either = (wanted.receive)(&bytes, manifest.collect());
        }
    }
}
