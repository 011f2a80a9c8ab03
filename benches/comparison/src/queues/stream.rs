//! The tables of what passes in a second.

use procshare::Message;

use super::payload::{Large, Parcels, Small, Text, Words};
use super::python::{self, Item, Task};
use super::roles::{Polled, Yielding};
use super::workers::By::{Processes, Threads};
use super::{Plan, crowd, flows, ours};
#[cfg(feature = "iceoryx2")]
use crate::peers::iceoryx2;
use crate::peers::ring::Ring;
use crate::peers::streams::{Measured, Stream};
use crate::peers::thread_queues::{Array, Crossbeam, Kanal};
use crate::peers::{ipc_channel, rtrb, shmem_ipc};
use crate::report::Unit::MillionsPerSecond;
use crate::report::{Row, Table};

/// Slots of whatever is bounded: 4 MiB, as more than a core's own cache and less than what the cores share.
pub(super) const fn slots(words: usize) -> usize {
    let slots = (4 << 20) / (words * 8);
    if slots > 4096 { 4096 } else { slots }
}

/// Slots of bounded queues of strings.
const TEXT_SLOTS: usize = 1024;

/// What that takes, roughly.
pub(super) const TEXT_BYTES: usize = 1 << 20;

pub(super) fn tables(plan: Plan) -> Vec<Table> {
    let table = |title, rows| Table::new(title, MillionsPerSecond, None, rows);
    vec![
        table("one way, 8 B, polled", polled_small::<1>(plan)),
        table("one way, 64 B, polled", polled_small::<8>(plan)),
        table("one way, 1 KiB, polled", polled_small::<128>(plan)),
        table("one way, 64 KiB, polled", polled_large::<8192>(plan)),
        table("one way, 8 B, able to sleep", sleeping::<Small<1>, 1>(plan)),
        table("one way, 64 KiB, able to sleep", sleeping::<Large<8192>, 8192>(plan)),
        table("two to two, 8 B", many::<1>(plan)),
        table("two to two, 64 B", many::<8>(plan)),
        table("one way, strings, able to sleep", texts(plan)),
    ]
}

/// What polls between processes, whatever the size.
fn polled<P: Words<Item = [u64; W]>, const W: usize>(plan: Plan) -> Vec<Row> {
    let (span, slots) = (plan.span, slots(W));
    let lap = slots as u64;
    let mut rows = vec![
        flows::row::<P, _>("ring by hand, polled", Processes, span, lap, move || {
            Polled(Ring::<[u64; W], false>::new(slots))
        }),
        flows::row::<P, _>("shmem-ipc, polled", Processes, span, lap, move || {
            Polled(shmem_ipc::ring::<[u64; W]>(slots))
        }),
    ];
    #[cfg(feature = "iceoryx2")]
    rows.push(flows::row::<P, _>("iceoryx2, polled", Processes, span, lap, move || {
        Polled(iceoryx2::words(W, slots))
    }));
    rows.extend(ours::polled_flows::<P, W>(span));
    rows
}

/// What polls between threads, whatever the size.
fn polled_threads<P: Parcels, const W: usize>(plan: Plan) -> Vec<Row> {
    let (span, slots) = (plan.span, slots(W));
    let lap = slots as u64;
    vec![
        flows::row::<P, _>("crossbeam-channel, polled (threads)", Threads, span, lap, move || {
            Polled(Crossbeam::<P>::new(slots))
        }),
        flows::row::<P, _>("crossbeam ArrayQueue, polled (threads)", Threads, span, lap, move || {
            Polled(Array::<P>::new(slots))
        }),
        flows::row::<P, _>("kanal (threads)", Threads, span, lap, move || Kanal::<P>::new(slots)),
    ]
}

fn polled_small<const W: usize>(plan: Plan) -> Vec<Row> {
    let (span, slots) = (plan.span, slots(W));
    let mut rows = polled::<Small<W>, W>(plan);
    rows.push(flows::row::<Small<W>, _>("rtrb, polled (threads)", Threads, span, slots as u64, move || {
        Polled(rtrb::items::<[u64; W]>(slots))
    }));
    rows.extend(polled_threads::<Small<W>, W>(plan));
    rows
}

fn polled_large<const W: usize>(plan: Plan) -> Vec<Row> {
    let (span, slots) = (plan.span, slots(W));
    let mut rows = polled::<Large<W>, W>(plan);
    rows.push(flows::row::<Large<W>, _>(
        "rtrb in place, polled (threads)",
        Threads,
        span,
        slots as u64,
        move || Polled(rtrb::in_place::<W>(slots)),
    ));
    rows.extend(polled_threads::<Large<W>, W>(plan));
    rows
}

/// The plain blocking verbs.
fn sleeping<P, const W: usize>(plan: Plan) -> Vec<Row>
where
    P: Words<Item = [u64; W]> + Parcels<Parcel: Message>,
{
    let (span, slots) = (plan.span, slots(W));
    let lap = slots as u64;
    let mut rows = vec![
        flows::row::<P, _>("ring by hand, polled", Processes, span, lap, move || {
            Polled(Ring::<[u64; W], false>::new(slots))
        }),
        flows::row::<P, _>("ring by hand, with a way to sleep", Processes, span, lap, move || {
            Ring::<[u64; W], true>::new(slots)
        }),
        flows::row::<P, _>("shmem-ipc", Processes, span, lap, move || shmem_ipc::ring::<[u64; W]>(slots)),
    ];
    #[cfg(feature = "iceoryx2")]
    rows.push(flows::row::<P, _>("iceoryx2, with its events", Processes, span, lap, move || {
        iceoryx2::signalled_words(W, slots)
    }));
    rows.extend([
        flows::row::<P, _>("ipc-channel, bytes", Processes, span, 16, ipc_channel::fixed::<[u64; W]>),
        flows::row::<P, _>("pipe(2) of 1 MiB", Processes, span, 16, Stream::<P>::large_pipe),
        flows::row::<P, _>("Unix socket", Processes, span, 16, Stream::<P>::socket),
        flows::row::<P, _>("crossbeam-channel (threads)", Threads, span, lap, move || {
            Crossbeam::<P>::new(slots)
        }),
        flows::row::<P, _>("kanal (threads)", Threads, span, lap, move || Kanal::<P>::new(slots)),
    ]);
    if plan.python {
        rows.extend(python::rows(Task::Flow, Item::Bytes(W * 8), span));
    }
    rows.extend(ours::sleeping_flows::<P, W>(span));
    rows
}

/// Many to many: only what may be used so.
fn many<const W: usize>(plan: Plan) -> Vec<Row> {
    let (span, slots) = (plan.span, slots(W));
    let mut rows = vec![
        crowd::row::<Small<W>, _>("crossbeam-channel (threads)", Threads, span, move || {
            Crossbeam::<Small<W>>::new(slots)
        }),
        crowd::row::<Small<W>, _>("crossbeam ArrayQueue, yielding (threads)", Threads, span, move || {
            Yielding(Array::<Small<W>>::new(slots))
        }),
        crowd::row::<Small<W>, _>("kanal (threads)", Threads, span, move || Kanal::<Small<W>>::new(slots)),
        crowd::row::<Small<W>, _>("pipe(2)", Processes, span, Stream::<Small<W>>::pipe),
        crowd::row::<Small<W>, _>("Unix socket", Processes, span, Stream::<Small<W>>::socket),
    ];
    if plan.python {
        rows.extend(python::rows(Task::Crowd, Item::Bytes(W * 8), span));
    }
    rows.extend(ours::crowds::<W>(span));
    rows
}

/// 16 bytes to 4 KiB.
fn texts(plan: Plan) -> Vec<Row> {
    let (span, lap) = (plan.span, TEXT_SLOTS as u64);
    let mut rows = vec![
        flows::row::<Text, _>("pipe(2) of 1 MiB, length first", Processes, span, 16, || {
            Measured(Stream::<Text>::large_pipe())
        }),
        flows::row::<Text, _>("Unix socket, length first", Processes, span, 16, || {
            Measured(Stream::<Text>::socket())
        }),
        flows::row::<Text, _>("ipc-channel, bytes", Processes, span, 16, ipc_channel::bytes),
        flows::row::<Text, _>("ipc-channel of String", Processes, span, 16, ipc_channel::strings),
    ];
    #[cfg(feature = "iceoryx2")]
    rows.push(flows::row::<Text, _>("iceoryx2, bytes, with its events", Processes, span, lap, || {
        iceoryx2::signalled_bytes(TEXT_SLOTS)
    }));
    rows.extend([
        flows::row::<Text, _>("crossbeam-channel of String (threads)", Threads, span, lap, || {
            Crossbeam::<Text>::new(TEXT_SLOTS)
        }),
        flows::row::<Text, _>("kanal of String (threads)", Threads, span, lap, || {
            Kanal::<Text>::new(TEXT_SLOTS)
        }),
    ]);
    if plan.python {
        rows.extend(python::rows(Task::Flow, Item::Texts, span));
    }
    rows.extend(ours::text_flows(span, lap));
    rows
}
