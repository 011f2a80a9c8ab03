//! What the checker plays with the queue when somebody dies: where it is killed, what the sweep does, and what must hold then.

use std::mem::ManuallyDrop;
use std::sync::Arc as Counted;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use loom::sync::Arc;
use loom::thread;

use super::explore;
use super::fifo_models::{LOST, Life, Over, Shared};
use super::parkers::{Kernel, Mortal, owner};
use super::partial::unaware;
use crate::algo::{End, Form};

/// More points than a participant passes in the models below.
const POINTS: u32 = 40;

/// Who is killed in the models of deaths, doing what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Sends a value into a queue with room.
    Sends,
    /// Receives a value that is there.
    Receives,
    /// Receives a value that may be there.
    Waits,
    /// Sends a value, for which there may be room.
    WaitsForRoom,
    /// Lets nothing more be sent.
    Closes,
}

/// Participant 1 is killed at `point`, doing `deed`. Participant 0 goes on, and finds all that it must.
fn survivor_goes_on<K: Kernel + Life>(
    deed: Deed,
    point: u32,
    deaths: Counted<AtomicUsize>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(Form::Queue, if deed == Deed::WaitsForRoom { 1 } else { 2 });
        let before = match deed {
            Deed::Receives => 2,
            Deed::WaitsForRoom => 1,
            _ => 0,
        };
        (1..=before).for_each(|value| shared.send(0, false, value, &shared.kernel).unwrap());
        // What it did for certain, as far as the model can tell; not seen by the checker.
        let through = Counted::new(AtomicBool::new(false));
        let dying = {
            let (shared, deaths) = (Arc::clone(&shared), Counted::clone(&deaths));
            let through = Counted::clone(&through);
            thread::spawn(move || {
                let killed = Mortal::live(&shared.kernel, 1, Some(point), |mortal| {
                    mortal.pass();
                    match deed {
                        Deed::Sends | Deed::WaitsForRoom => {
                            shared.send(1, false, 10, mortal).unwrap();
                            through.store(true, Relaxed);
                        }
                        Deed::Receives | Deed::Waits => {
                            let took = || through.store(true, Relaxed);
                            shared.receive(1, (false, true), mortal, took).unwrap().unwrap();
                        }
                        Deed::Closes => {
                            shared.fifo().close(owner(1), mortal).unwrap();
                            through.store(true, Relaxed);
                        }
                    }
                });
                deaths.fetch_add(usize::from(killed), Relaxed);
                killed
            })
        };
        let mut got = Vec::new();
        match deed {
            Deed::Sends => shared.send(0, false, 1, &shared.kernel).unwrap(),
            // Two, so that the survivor finds one whatever the other one took.
            Deed::Waits => (1..=2).for_each(|value| shared.send(0, false, value, &shared.kernel).unwrap()),
            Deed::Receives | Deed::WaitsForRoom => got.push(shared.recv(0, false, &shared.kernel).unwrap()),
            Deed::Closes => {
                let _: Result<(), Over> = shared.send(0, false, 1, &shared.kernel);
            }
        }
        let killed = dying.join().unwrap();
        let through = through.load(Relaxed);
        got.extend(shared.drain(0, &shared.kernel));
        match deed {
            Deed::Sends => {
                let theirs = got.iter().filter(|value| **value == 10).count();
                assert!(theirs == 1 || killed && theirs == 0 && !through, "{LOST}");
                got.retain(|value| *value != 10);
                assert_eq!(got, [1], "{LOST}");
            }
            Deed::Receives | Deed::Waits if through => assert!(got == [1] || got == [2], "{LOST}"),
            Deed::Receives | Deed::Waits => assert_eq!(got, [1, 2], "{LOST}"),
            Deed::WaitsForRoom => assert!(got == [1, 10] || killed && !through && got == [1], "{LOST}"),
            Deed::Closes => {
                assert!(killed || shared.fifo().is_closed());
                assert_eq!(through && !killed, !killed);
                assert!(got == [1] || got.is_empty() && shared.fifo().is_closed(), "{LOST}");
            }
        }
    }
}

/// Kills at every point that is ever reached.
pub(super) fn sweep_deaths<K: Kernel + Life>(deed: Deed) {
    sweep_points(&format!("{deed:?}"), |point, deaths| survivor_goes_on::<K>(deed, point, deaths));
}

/// Runs the model for every point at which somebody is ever killed.
pub(super) fn sweep_points<M: Fn() + Send + Sync + 'static>(
    name: &str,
    model: impl Fn(u32, Counted<AtomicUsize>) -> M,
) {
    let (mut killed_somewhere, mut runs) = (0, 0);
    for point in 0..POINTS {
        let deaths = Counted::new(AtomicUsize::new(0));
        runs += explore(model(point, Counted::clone(&deaths)));
        if deaths.load(Relaxed) == 0 {
            break;
        }
        killed_somewhere += 1;
    }
    println!("{name}: {killed_somewhere} kill points, {runs} interleavings");
    assert!(killed_somewhere >= 3, "the points in the model itself are reached");
    assert!(killed_somewhere < POINTS, "raise POINTS");
}

/// Participant 1 died holding the side of `end`. It is buried while participant 0, who knows of no death, wants the side.
pub(super) fn buried_ones_side_comes_free<K: Kernel + Life>(end: End) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Shared::<K>::new(Form::Queue, 2);
        if end == End::Receive {
            shared.send(0, false, 7, &shared.kernel).unwrap();
        }
        let burying = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut held = ManuallyDrop::new(shared.fifo().hold(end, owner(1), &shared.kernel).unwrap());
                // What it wrote is not sent; what it took is.
                match end {
                    End::Send => shared.write(held.position(), 9),
                    End::Receive => {
                        // The look of a receiver whose turn it is.
                        if held.look(true) != held.position() {
                            let head = held.position();
                            held.commit(head + 1, 1);
                        }
                    }
                }
                shared.sweep(1, &unaware(&shared.kernel));
            })
        };
        let mine = unaware(&shared.kernel);
        match end {
            End::Send => {
                shared.send(0, false, 7, &mine).unwrap();
                burying.join().unwrap();
                assert_eq!(shared.drain(0, &mine), [7], "{LOST}");
            }
            End::Receive => {
                let got = shared.drain(0, &mine);
                burying.join().unwrap();
                assert!(got == [7] || got.is_empty(), "{LOST}");
                shared.send(0, false, 8, &mine).unwrap();
                assert_eq!(shared.recv(0, false, &mine), Ok(8), "{LOST}");
            }
        }
    }
}

/// The last sender died. It is buried while participant 0, who knows of no death, waits for another value.
pub(super) fn burial_ends_a_wait<K: Kernel + Life>() {
    let shared = Shared::<K>::new(Form::Queue, 1);
    shared.fifo().join(End::Send, 1);
    shared.send(1, false, 7, &shared.kernel).unwrap();
    assert_eq!(shared.recv(0, true, &unaware(&shared.kernel)), Ok(7), "{LOST}");
    let burying = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.sweep(1, &unaware(&shared.kernel)))
    };
    let mine = unaware(&shared.kernel);
    assert_eq!(shared.recv(0, true, &mine), Err(Over::Disconnected));
    burying.join().unwrap();
}
