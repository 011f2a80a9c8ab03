//! procshare's rows.
//!
//! | file      | what is in it                                     |
//! |-----------|---------------------------------------------------|
//! | `lane`    | `spsc::ring`                                      |
//! | `queue`   | `Queue`                                           |
//! | `channel` | `Channel`, as values and as bytes                 |
//! | `pipe`    | `pipe`                                            |

mod channel;
mod lane;
mod pipe;
mod queue;

use std::time::Duration;

use bytemuck::Zeroable;
use procshare::Message;

use self::channel::{byte_channel, channel};
use self::pipe::both_ways;
use self::queue::queue;
use super::payload::{Parcels, Small, Text, Words};
use super::roles::{Both, Polled};
use super::stream::{TEXT_BYTES, slots};
use super::talk::SLOTS;
use super::trips::{Pace, row};
use super::workers::By::Processes;
use super::{crowd, flows};
use crate::report::Row;

/// Bytes of a channel in which a few messages fit.
const FEW_BYTES: usize = 1 << 16;

/// An item, made before it is sent.
fn item<P: Words>(seed: u64) -> P::Item {
    let mut item = P::Item::zeroed();
    P::write(&mut item, seed);
    item
}

/// All words are written and read.
pub(super) fn awake<const W: usize>(pace: Pace) -> Vec<Row>
where
    [u64; W]: Message,
{
    let mut rows = lane::awake::<W>(pace);
    rows.extend(vec![
        row::<Small<W>, _>("procshare Queue, polled", Processes, pace, || {
            let lane = || Polled(queue::<Small<W>>(SLOTS));
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("procshare Queue", Processes, pace, || {
            Both(queue::<Small<W>>(SLOTS), queue(SLOTS))
        }),
        row::<Small<W>, _>("procshare Channel", Processes, pace, || {
            Both(channel::<Small<W>>(FEW_BYTES), channel(FEW_BYTES))
        }),
        row::<Small<W>, _>("procshare pipe", Processes, pace, both_ways::<Small<W>>),
    ]);
    rows
}

/// Only the first word is touched.
pub(super) fn handed<const W: usize>(pace: Pace) -> Vec<Row> {
    vec![lane::handed::<W>(pace)]
}

pub(super) fn asleep(pace: Pace) -> Vec<Row> {
    type Word = Small<1>;
    vec![
        lane::asleep(pace),
        row::<Word, _>("procshare Queue", Processes, pace, || Both(queue::<Word>(SLOTS), queue(SLOTS))),
        row::<Word, _>("procshare Channel", Processes, pace, || {
            Both(channel::<Word>(FEW_BYTES), channel(FEW_BYTES))
        }),
        row::<Word, _>("procshare pipe", Processes, pace, both_ways::<Word>),
    ]
}

pub(super) fn text_trips(pace: Pace) -> Vec<Row> {
    vec![
        row::<Text, _>("procshare Channel of String", Processes, pace, || {
            Both(channel::<Text>(FEW_BYTES), channel(FEW_BYTES))
        }),
        row::<Text, _>("procshare Channel, bytes", Processes, pace, || {
            Both(byte_channel(FEW_BYTES), byte_channel(FEW_BYTES))
        }),
        row::<Text, _>("procshare pipe of String", Processes, pace, both_ways::<Text>),
    ]
}

pub(super) fn polled_flows<P: Words<Item = [u64; W]>, const W: usize>(span: Duration) -> Vec<Row> {
    let slots = slots(W);
    let lap = slots as u64;
    let mut rows = lane::polled::<P, W>(span);
    rows.extend(vec![flows::row::<P, _>("procshare Queue, polled", Processes, span, lap, move || {
        Polled(queue::<P>(slots))
    })]);
    rows
}

pub(super) fn sleeping_flows<P, const W: usize>(span: Duration) -> Vec<Row>
where
    P: Words<Item = [u64; W]> + Parcels<Parcel: Message>,
{
    let slots = slots(W);
    let lap = slots as u64;
    let bytes = slots * W * 8;
    let mut rows = lane::sleeping::<P, W>(span);
    rows.extend([
        flows::row::<P, _>("procshare Queue", Processes, span, lap, move || queue::<P>(slots)),
        flows::row::<P, _>("procshare Channel", Processes, span, lap, move || channel::<P>(bytes)),
    ]);
    rows
}

pub(super) fn crowds<const W: usize>(span: Duration) -> Vec<Row>
where
    [u64; W]: Message,
{
    let slots = slots(W);
    vec![
        crowd::row::<Small<W>, _>("procshare Queue", Processes, span, move || queue::<Small<W>>(slots)),
        crowd::row::<Small<W>, _>("procshare Channel", Processes, span, move || {
            channel::<Small<W>>(slots * W * 8)
        }),
    ]
}

pub(super) fn text_flows(span: Duration, lap: u64) -> Vec<Row> {
    vec![
        flows::row::<Text, _>("procshare Channel of String", Processes, span, lap, || {
            channel::<Text>(TEXT_BYTES)
        }),
        flows::row::<Text, _>("procshare Channel, bytes", Processes, span, lap, || byte_channel(TEXT_BYTES)),
    ]
}
