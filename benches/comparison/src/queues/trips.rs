//! Round trips of two workers, on a CPU each.
//!
//! *Awake*: the answer comes at once. What polls, or looks a while before it sleeps, need not sleep at all.
//! *Asleep*: each pauses before it sends, for longer than anybody looks; so both have to be woken. The pauses are taken off.

use std::hint;
use std::time::{Duration, Instant};

use super::payload::{END, Payload};
use super::roles::{Link, Rx, Tx};
use super::workers::{By, Meeting, pair};
use crate::report::Row;
use crate::shared::Shared;
use crate::support::{median, microseconds};

/// Longer than anybody looks before it sleeps.
const PAUSE: Duration = Duration::from_micros(200);

/// How a waiter is found, and how long the trips go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    Awake(Duration),
    Asleep(Duration),
}

/// A row of round trips over a link that is made anew for each sample.
///
/// Awake: nanoseconds. Asleep: microseconds.
pub(super) fn row<P, L>(name: &'static str, by: By, pace: Pace, make: impl Fn() -> L + 'static) -> Row
where
    P: Payload,
    L: Link<Asker: Tx<P> + Rx<P>, Answerer: Tx<P> + Rx<P>>,
{
    Row::new(name, move || trips::<P, L>(by, pace, &make()))
}

fn trips<P, L>(by: By, pace: Pace, link: &L) -> f64
where
    P: Payload,
    L: Link<Asker: Tx<P> + Rx<P>, Answerer: Tx<P> + Rx<P>>,
{
    let meeting = Shared::new(Meeting::default());
    pair(
        by,
        || {
            let mut side = link.asker();
            meeting.come(2, 1);
            let time = ask::<P>(pace, &mut side);
            meeting.come(2, 2);
            time
        },
        || {
            let mut side = link.answerer();
            meeting.come(2, 1);
            answer::<P>(pace, &mut side);
            meeting.come(2, 2);
        },
    )
}

/// Sends back what comes, up to the end.
fn answer<P: Payload>(pace: Pace, side: &mut (impl Tx<P> + Rx<P>)) {
    let mut expected = 1;
    loop {
        let seen = side.recv();
        let last = seen.seed == END;
        assert_eq!(seen, P::seen(if last { END } else { expected }), "what was asked");
        expected += 1;
        if matches!(pace, Pace::Asleep(_)) && !last {
            pause();
        }
        let spare = side.spare();
        side.reuse(spare);
        side.send(seen.seed);
        if last {
            return;
        }
    }
}

fn ask<P: Payload>(pace: Pace, side: &mut (impl Tx<P> + Rx<P>)) -> f64 {
    let mut seed = 0;
    let mut trip = |end: bool| {
        seed += 1;
        let asked = if end { END } else { seed };
        side.send(asked);
        assert_eq!(side.recv(), P::seen(asked), "what was answered");
        let spare = side.spare();
        side.reuse(spare);
    };
    // So that both are there, and the memory too.
    (0..P::BATCH.min(if matches!(pace, Pace::Asleep(_)) { 4 } else { 256 })).for_each(|_| trip(false));
    let time = match pace {
        Pace::Awake(span) => {
            let mut trips = 0;
            let began = Instant::now();
            while began.elapsed() < span {
                (0..P::BATCH).for_each(|_| trip(false));
                trips += P::BATCH;
            }
            began.elapsed().as_secs_f64() * 1e9 / trips as f64
        }
        Pace::Asleep(span) => {
            let began = Instant::now();
            let mut taken = Vec::new();
            while began.elapsed() < span {
                pause();
                taken.push(microseconds(|| trip(false)) - PAUSE.as_secs_f64() * 1e6);
            }
            median(&taken)
        }
    };
    trip(true);
    time
}

/// Passes the time awake: how long this worker's own CPU takes to wake up is not the question.
fn pause() {
    let began = Instant::now();
    while began.elapsed() < PAUSE {
        hint::spin_loop();
    }
}
