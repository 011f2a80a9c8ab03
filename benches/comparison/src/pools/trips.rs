//! Round trips of a task that is next to nothing: both awake, and with workers that sleep.
//!
//! *Awake*: the next task comes as soon as the last one is back. *Asleep*: the submitter passes the time before each task,
//! for longer than any worker looks for one; the workers have to be woken. The pause is not in the figures.
//!
//! Each pool is asked twice. Where the kernel is free to choose, it often puts who submits and who works on one CPU, where
//! they take turns: then the scheduler is measured, and who yields best wins. *On two CPUs*, the submitter is on CPU 0, and
//! all workers on CPU 1.

use std::hint;
use std::time::{Duration, Instant};

use super::roles::{Apart, Trip, standing};
use super::tasks::square;
use super::{Plan, WORKERS, ours, python};
use crate::peers::hand_pool::Answering;
use crate::peers::one_slot::{Bounced, OneSlot, Signalled};
use crate::peers::{procspawn, rayon, thread_pool::ThreadPool};
use crate::queues::roles::{Both, Link, Polled};
use crate::report::Unit::{Microseconds, Nanoseconds};
use crate::report::{Row, Table};
use crate::support::{median, microseconds};

/// Longer than anybody looks before it sleeps.
const PAUSE: Duration = Duration::from_micros(200);

/// Trips before the clock is read, and between two looks at it.
const BATCH: u64 = 32;

/// How the workers are found, and how long the trips go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    Awake(Duration),
    Asleep(Duration),
}

pub(super) fn tables(plan: &Plan) -> Vec<Table> {
    let (awake, asleep) = (Pace::Awake(plan.span), Pace::Asleep(plan.slow_span));
    let mut while_awake = vec![
        passing("one slot by hand, polled, on two CPUs", awake, || {
            let lane = || Polled(OneSlot::<[u64; 1]>::new());
            Answering::apart(&Both(lane(), lane()))
        }),
        passing("one cache line, to and fro, on two CPUs", awake, || Answering::apart(&Bounced::new())),
        row("futex by hand, on two CPUs", awake, apart),
        row("futex by hand, anywhere", awake, anywhere),
    ];
    while_awake.extend(peers(awake));
    while_awake.extend(python::trips(plan));
    while_awake.extend(ours::trips(awake));
    let mut while_asleep = vec![
        row("futex by hand, on two CPUs", asleep, apart),
        row("futex by hand, anywhere", asleep, anywhere),
    ];
    while_asleep.extend(peers(asleep));
    while_asleep.extend(ours::trips(asleep));
    vec![
        Table::new("round trip of a task, workers awake", Nanoseconds, None, while_awake),
        Table::new("round trip of a task, workers asleep", Microseconds, None, while_asleep),
    ]
}

fn apart() -> Answering<<Both<Signalled> as Link>::Asker> {
    Answering::apart(&Both(Signalled::new(), Signalled::new()))
}

fn anywhere() -> Answering<<Both<Signalled> as Link>::Asker> {
    Answering::anywhere(&Both(Signalled::new(), Signalled::new()))
}

fn peers(pace: Pace) -> Vec<Row> {
    vec![
        row("crossbeam-channel pool (threads)", pace, || ThreadPool::new(WORKERS, 1)),
        row("crossbeam-channel pool (threads), on two CPUs", pace, || Apart(ThreadPool::apart(WORKERS, 1))),
        row("rayon, install from outside (threads)", pace, || rayon::pool(WORKERS)),
        row("rayon, install from outside (threads), on two CPUs", pace, || Apart(rayon::pool_apart(WORKERS))),
        row("procspawn", pace, || procspawn::Crew::new(WORKERS)),
        row("procspawn, on two CPUs", pace, || Apart(procspawn::Crew::apart(WORKERS))),
    ]
}

/// Awake: nanoseconds. Asleep: microseconds.
pub(super) fn row<C: Trip + 'static>(name: &'static str, pace: Pace, make: impl Fn() -> C + 'static) -> Row {
    standing(name, make, move |crew| trips(pace, crew))
}

/// As [`row`], of one that polls for ever: it must be gone when it is the others' turn.
fn passing<C: Trip + 'static>(name: &'static str, pace: Pace, make: impl Fn() -> C + 'static) -> Row {
    Row::new(name, move || trips(pace, &mut make()))
}

fn trips(pace: Pace, crew: &mut impl Trip) -> f64 {
    crew.begin();
    let time = time(pace, crew);
    crew.end();
    time
}

fn time(pace: Pace, crew: &mut impl Trip) -> f64 {
    let mut number = 0;
    let mut trip = || {
        number += 1;
        assert_eq!(crew.trip(number), square(number), "what was answered");
    };
    // So that all are there, and the memory too.
    (0..BATCH).for_each(|_| trip());
    match pace {
        Pace::Awake(span) => {
            // The kernel has found a place for each by then, if it ever does.
            let began = Instant::now();
            while began.elapsed() < span {
                trip();
            }
            let mut trips = 0;
            let began = Instant::now();
            while trips == 0 || began.elapsed() < span {
                (0..BATCH).for_each(|_| trip());
                trips += BATCH;
            }
            began.elapsed().as_secs_f64() * 1e9 / trips as f64
        }
        Pace::Asleep(span) => {
            let began = Instant::now();
            let mut taken = Vec::new();
            while taken.is_empty() || began.elapsed() < span {
                pause();
                taken.push(microseconds(&mut trip));
            }
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
