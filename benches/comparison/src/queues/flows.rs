//! One way: how many items a second pass from one worker to another, on a CPU each.

use std::time::{Duration, Instant};

use super::payload::{END, Payload};
use super::roles::{Lane, Rx, Tx};
use super::workers::{By, Meeting, pair};
use crate::report::Row;
use crate::shared::Shared;

/// A row of million items a second over a lane that is made anew for each sample.
///
/// `lap`: the slots that both sides are to have used once before the clock is read.
pub(super) fn row<P, L>(
    name: &'static str,
    by: By,
    span: Duration,
    lap: u64,
    make: impl Fn() -> L + 'static,
) -> Row
where
    P: Payload,
    L: Lane<Tx: Tx<P>, Rx: Rx<P>>,
{
    Row::new(name, move || flow::<P, L>(by, span, lap, &make()))
}

fn flow<P, L>(by: By, span: Duration, lap: u64, lane: &L) -> f64
where
    P: Payload,
    L: Lane<Tx: Tx<P>, Rx: Rx<P>>,
{
    let meeting = Shared::new(Meeting::default());
    pair(
        by,
        || {
            let mut rx = lane.rx();
            meeting.come(2, 1);
            let rate = receive::<P>(lap, &mut rx);
            meeting.come(2, 2);
            rate
        },
        || {
            let mut tx = lane.tx();
            meeting.come(2, 1);
            send::<P>(span, lap, &mut tx);
            meeting.come(2, 2);
        },
    )
}

/// Sends 1, 2, 3 and so on, how many there were, and the end.
fn send<P: Payload>(span: Duration, lap: u64, tx: &mut impl Tx<P>) {
    (1..=lap).for_each(|seed| tx.send(seed));
    let mut last = lap;
    let began = Instant::now();
    while began.elapsed() < span {
        (1..=P::BATCH).for_each(|next| tx.send(last + next));
        last += P::BATCH;
    }
    tx.send(END);
    tx.send(last);
}

/// Million items a second after the first lap.
///
/// # Panics
/// If an item is missing, out of order, there twice, or torn.
fn receive<P: Payload>(lap: u64, rx: &mut impl Rx<P>) -> f64 {
    let mut wrong = 0;
    let mut check = |seen: super::payload::Seen, expected: u64| {
        let right = P::seen(expected);
        wrong |= (seen.seed ^ right.seed) | (seen.sum ^ right.sum);
    };
    (1..=lap).for_each(|seed| check(rx.recv(), seed));
    let mut last = lap;
    let began = Instant::now();
    loop {
        let seen = rx.recv();
        if seen.seed == END {
            break;
        }
        last += 1;
        check(seen, last);
    }
    let time = began.elapsed();
    assert_eq!(rx.recv(), P::seen(last), "so many were sent");
    assert_eq!(wrong, 0, "an item is missing, there twice, or torn");
    (last - lap) as f64 / time.as_secs_f64() / 1e6
}
