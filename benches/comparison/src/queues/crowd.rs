//! Many to many: two senders on one CPU, two receivers on the other, one queue.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::payload::{END, Payload};
use super::roles::{Lane, Rx, Tx};
use super::workers::{By, Meeting, crowd};
use crate::report::Row;
use crate::shared::Shared;

/// The workers' CPUs: the first two send.
const CPUS: [usize; 4] = [0, 0, 1, 1];

/// Distance of the two senders' seeds.
const APART: u64 = 1 << 40;

/// What one worker did. A line each, so that counting disturbs nobody.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Account {
    items: AtomicU64,
    sum: AtomicU64,
    /// Nanoseconds since the sample began.
    began: AtomicU64,
    ended: AtomicU64,
}

#[derive(Debug, Default)]
struct Desk {
    meeting: Meeting,
    accounts: [Account; 4],
}

/// A row of million items a second over a queue that is made anew for each sample.
pub(super) fn row<P, L>(name: &'static str, by: By, span: Duration, make: impl Fn() -> L + 'static) -> Row
where
    P: Payload,
    L: Lane<Tx: Tx<P>, Rx: Rx<P>>,
{
    Row::new(name, move || gather::<P, L>(by, span, &make()))
}

fn gather<P, L>(by: By, span: Duration, queue: &L) -> f64
where
    P: Payload,
    L: Lane<Tx: Tx<P>, Rx: Rx<P>>,
{
    let desk = Shared::new(Desk::default());
    let start = Instant::now();
    crowd(by, &CPUS, |number| {
        let account = &desk.accounts[number];
        let all = CPUS.len() as u64;
        let (items, sum) = if number < 2 {
            let mut tx = queue.tx();
            desk.meeting.come(all, 1);
            let sent = send::<P>(span, number as u64 * APART, &mut tx);
            desk.meeting.come(all, 2);
            sent
        } else {
            let mut rx = queue.rx();
            desk.meeting.come(all, 1);
            account.began.store(start.elapsed().as_nanos() as u64, Relaxed);
            let received = receive::<P>(&mut rx);
            account.ended.store(start.elapsed().as_nanos() as u64, Relaxed);
            desk.meeting.come(all, 2);
            received
        };
        account.items.store(items, Relaxed);
        account.sum.store(sum, Relaxed);
    });
    settle(&desk.accounts)
}

fn send<P: Payload>(span: Duration, first: u64, tx: &mut impl Tx<P>) -> (u64, u64) {
    let (mut items, mut sum) = (0, 0_u64);
    let began = Instant::now();
    while began.elapsed() < span {
        for next in 1..=P::BATCH {
            let seed = first + items + next;
            tx.send(seed);
            sum = sum.wrapping_add(seed);
        }
        items += P::BATCH;
    }
    tx.send(END);
    (items, sum)
}

/// Takes items up to one of the two ends: whatever was sent before the other one, the other receiver takes.
fn receive<P: Payload>(rx: &mut impl Rx<P>) -> (u64, u64) {
    let (mut items, mut sum, mut torn) = (0, 0_u64, 0);
    loop {
        let seen = rx.recv();
        torn |= seen.sum ^ P::seen(seen.seed).sum;
        if seen.seed == END {
            assert_eq!(torn, 0, "an item is torn");
            return (items, sum);
        }
        items += 1;
        sum = sum.wrapping_add(seen.seed);
    }
}

/// Million items a second.
///
/// # Panics
/// If what was received is not what was sent.
fn settle(accounts: &[Account; 4]) -> f64 {
    let (senders, receivers) = accounts.split_at(2);
    let total = |side: &[Account], what: fn(&Account) -> &AtomicU64| {
        side.iter().fold(0_u64, |total, account| total.wrapping_add(what(account).load(Relaxed)))
    };
    let items = total(receivers, |account| &account.items);
    assert_eq!(items, total(senders, |account| &account.items), "as many as were sent");
    assert_eq!(total(receivers, |account| &account.sum), total(senders, |account| &account.sum), "the same");
    let times = |what: fn(&Account) -> &AtomicU64| receivers.iter().map(move |one| what(one).load(Relaxed));
    let began = times(|account| &account.began).min().unwrap_or_default();
    let ended = times(|account| &account.ended).max().unwrap_or_default();
    items as f64 * 1e3 / (ended - began) as f64
}
