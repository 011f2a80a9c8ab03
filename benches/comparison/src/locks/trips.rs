//! Two processes that wake each other, on a CPU each: how long there and back.
//!
//! *Awake*: the answer comes at once. What polls, or looks a while before it sleeps, need not sleep at all.
//! *Asleep*: each pauses before it sends, for longer than anybody looks; so both have to be woken. The pauses are taken off.

use std::hint;
use std::time::{Duration, Instant};

use super::Effort;
use super::ours;
use super::roles::Signal;
use crate::peers::futex::FutexSignal;
use crate::peers::pthread::{Bell, Kind};
use crate::peers::raw_sync::Event;
use crate::peers::semaphore::{Polled, Semaphore};
use crate::report::{Row, Table, Unit};
use crate::shared::Shared;
use crate::support::{median, microseconds, pin};

const AWAKE_TRIPS: u32 = 5000;
const ASLEEP_TRIPS: u32 = 100;

/// Longer than a signal is looked for before its waiter sleeps.
const PAUSE: Duration = Duration::from_micros(200);

/// Looks that outlast an answer given at once.
const MANY: u32 = 1_000_000;

/// How a waiter is found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    Awake(u32),
    Asleep(u32),
}

pub(super) fn tables(effort: Effort) -> Vec<Table> {
    let awake = Pace::Awake(AWAKE_TRIPS / effort.share);
    let asleep = Pace::Asleep(ASLEEP_TRIPS / effort.share);
    vec![
        Table::new("ping-pong of two processes, awake", Unit::Microseconds, None, while_awake(awake)),
        Table::new("ping-pong of two processes, asleep", Unit::Microseconds, None, blocking(asleep)),
    ]
}

/// What polls beside what blocks.
fn while_awake(pace: Pace) -> Vec<Row> {
    let looking = || Shared::new(FutexSignal::new(MANY));
    let mut rows = vec![
        row("futex by hand, looked for before sleeping", pace, looking),
        row("sem_t, polled", pace, || Polled(Semaphore::shared(0, ()))),
        row("raw_sync::BusyEvent", pace, Event::busy),
    ];
    rows.extend(blocking(pace));
    rows
}

/// The plain blocking verbs.
fn blocking(pace: Pace) -> Vec<Row> {
    vec![
        row("futex by hand", pace, || Shared::new(FutexSignal::new(0))),
        row("sem_t, process-shared", pace, || Semaphore::shared(0, ())),
        row("pthread condition, process-shared", pace, || Bell::new(Kind::Plain)),
        row("raw_sync::Event", pace, || Event::new(true)),
        row("procshare::sync::Event", pace, ours::event),
        row("procshare::sync::Semaphore", pace, ours::semaphore),
        row("procshare::sync::Condvar", pace, ours::Bell::new),
    ]
}

fn row<S: Signal + Sync + 'static>(name: &'static str, pace: Pace, make: impl Fn() -> S) -> Row {
    let (there, back) = (make(), make());
    Row::new(name, move || trips(pace, &there, &back))
}

/// Microseconds a round trip.
fn trips(pace: Pace, there: &(impl Signal + Sync), back: &(impl Signal + Sync)) -> f64 {
    procshare::scope(|scope| {
        scope
            .spawn(|| {
                pin(1);
                answer(pace, there, back);
            })
            .expect("a process");
        pin(0);
        ask(pace, there, back)
    })
    .expect("the other one ends well")
}

fn answer(pace: Pace, there: &impl Signal, back: &impl Signal) {
    let (Pace::Awake(trips) | Pace::Asleep(trips)) = pace;
    // One more than is measured: the first comes while this process begins.
    for _ in 0..=trips {
        there.wait();
        if matches!(pace, Pace::Asleep(_)) {
            pause();
        }
        back.send();
    }
}

fn ask(pace: Pace, there: &impl Signal, back: &impl Signal) -> f64 {
    let trip = || {
        there.send();
        back.wait();
    };
    trip();
    match pace {
        Pace::Awake(trips) => microseconds(|| (0..trips).for_each(|_| trip())) / f64::from(trips),
        Pace::Asleep(trips) => {
            let taken: Vec<f64> = (0..trips)
                .map(|_| {
                    pause();
                    microseconds(trip) - PAUSE.as_secs_f64() * 1e6
                })
                .collect();
            median(&taken)
        }
    }
}

/// Passes the time awake: how long this process's own CPU takes to wake up is not the question.
fn pause() {
    let began = Instant::now();
    while began.elapsed() < PAUSE {
        hint::spin_loop();
    }
}
