//! The tables of round trips.

use super::payload::{Handed, Small, Text};
use super::python::{self, Item, Task};
use super::roles::{Both, Polled};
use super::trips::{Pace, row};
use super::workers::By::{Processes, Threads};
use super::{Plan, ours};
#[cfg(feature = "iceoryx2")]
use crate::peers::iceoryx2;
use crate::peers::one_slot::{Bounced, OneSlot, Signalled};
use crate::peers::ring::Ring;
use crate::peers::streams::{Measured, Stream};
use crate::peers::thread_queues::{Array, Crossbeam, Kanal};
use crate::peers::{ipc_channel, rtrb, shmem_ipc};
use crate::report::Unit::{Microseconds, Nanoseconds};
use crate::report::{Row, Table};

/// Slots of whatever is bounded.
pub(super) const SLOTS: usize = 4;

pub(super) fn tables(plan: Plan) -> Vec<Table> {
    let mut one_word = awake::<1>(plan);
    one_word.insert(
        1,
        row::<Small<1>, _>("one cache line, to and fro", Processes, Pace::Awake(plan.span), Bounced::new),
    );
    vec![
        Table::new("round trip of 8 B, both awake", Nanoseconds, None, one_word),
        Table::new("round trip of 64 B, both awake", Nanoseconds, None, awake::<8>(plan)),
        Table::new("round trip of 1 KiB, both awake", Nanoseconds, None, awake::<128>(plan)),
        Table::new("hand-over of 64 KiB in place, there and back", Nanoseconds, None, handed::<8192>(plan)),
        Table::new("hand-over of 1 MiB in place, there and back", Nanoseconds, None, handed::<131_072>(plan)),
        Table::new("round trip of 8 B, both asleep", Microseconds, None, asleep(plan)),
        Table::new("round trip of strings, both asleep", Microseconds, None, texts(plan)),
    ]
}

/// All words are written and read.
fn awake<const W: usize>(plan: Plan) -> Vec<Row> {
    let pace = Pace::Awake(plan.span);
    let mut rows = vec![
        row::<Small<W>, _>("one slot by hand, polled", Processes, pace, || {
            let lane = || Polled(OneSlot::<[u64; W]>::new());
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("ring by hand, polled", Processes, pace, || {
            let lane = || Polled(Ring::<[u64; W], false>::new(SLOTS));
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("shmem-ipc, polled", Processes, pace, || {
            let lane = || Polled(shmem_ipc::ring::<[u64; W]>(SLOTS));
            Both(lane(), lane())
        }),
    ];
    #[cfg(feature = "iceoryx2")]
    rows.push(row::<Small<W>, _>("iceoryx2, polled", Processes, pace, || {
        let lane = || Polled(iceoryx2::words(W, SLOTS));
        Both(lane(), lane())
    }));
    rows.extend([
        row::<Small<W>, _>("pipe(2)", Processes, pace, || Both(Stream::<Small<W>>::pipe(), Stream::pipe())),
        row::<Small<W>, _>("rtrb, polled (threads)", Threads, pace, || {
            let lane = || Polled(rtrb::items::<[u64; W]>(SLOTS));
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("crossbeam-channel, polled (threads)", Threads, pace, || {
            let lane = || Polled(Crossbeam::<Small<W>>::new(SLOTS));
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("crossbeam ArrayQueue, polled (threads)", Threads, pace, || {
            let lane = || Polled(Array::<Small<W>>::new(SLOTS));
            Both(lane(), lane())
        }),
        row::<Small<W>, _>("kanal (threads)", Threads, pace, || {
            Both(Kanal::<Small<W>>::new(SLOTS), Kanal::new(SLOTS))
        }),
    ]);
    rows.extend(ours::awake::<W>(pace));
    rows
}

/// Only the first word is touched: what an item costs that is not copied.
fn handed<const W: usize>(plan: Plan) -> Vec<Row> {
    let pace = Pace::Awake(plan.span);
    let mut rows = vec![
        row::<Handed<W>, _>("one slot by hand, polled", Processes, pace, || {
            let lane = || Polled(OneSlot::<[u64; W]>::new());
            Both(lane(), lane())
        }),
        row::<Handed<W>, _>("ring by hand, polled", Processes, pace, || {
            let lane = || Polled(Ring::<[u64; W], false>::new(SLOTS));
            Both(lane(), lane())
        }),
        row::<Handed<W>, _>("shmem-ipc, polled", Processes, pace, || {
            let lane = || Polled(shmem_ipc::ring::<[u64; W]>(SLOTS));
            Both(lane(), lane())
        }),
    ];
    #[cfg(feature = "iceoryx2")]
    rows.push(row::<Handed<W>, _>("iceoryx2, polled", Processes, pace, || {
        let lane = || Polled(iceoryx2::words(W, SLOTS));
        Both(lane(), lane())
    }));
    rows.extend([
        row::<Handed<W>, _>("ipc-channel, bytes", Processes, pace, || {
            Both(ipc_channel::fixed::<[u64; W]>(), ipc_channel::fixed())
        }),
        row::<Handed<W>, _>("pipe(2) of 1 MiB", Processes, pace, || {
            Both(Stream::<Handed<W>>::large_pipe(), Stream::large_pipe())
        }),
        row::<Handed<W>, _>("rtrb, polled (threads)", Threads, pace, || {
            let lane = || Polled(rtrb::in_place::<W>(SLOTS));
            Both(lane(), lane())
        }),
        row::<Handed<W>, _>("crossbeam-channel of vectors, polled (threads)", Threads, pace, || {
            let lane = || Polled(Crossbeam::<Handed<W>>::new(SLOTS));
            Both(lane(), lane())
        }),
        row::<Handed<W>, _>("crossbeam ArrayQueue of vectors, polled (threads)", Threads, pace, || {
            let lane = || Polled(Array::<Handed<W>>::new(SLOTS));
            Both(lane(), lane())
        }),
        row::<Handed<W>, _>("kanal of vectors (threads)", Threads, pace, || {
            Both(Kanal::<Handed<W>>::new(SLOTS), Kanal::new(SLOTS))
        }),
    ]);
    rows.extend(ours::handed::<W>(pace));
    rows
}

/// The plain blocking verbs.
fn asleep(plan: Plan) -> Vec<Row> {
    type Word = Small<1>;
    let pace = Pace::Asleep(plan.slow_span);
    let mut rows = vec![
        row::<Word, _>("futex by hand", Processes, pace, || Both(Signalled::new(), Signalled::new())),
        row::<Word, _>("ring by hand, with a way to sleep", Processes, pace, || {
            let lane = || Ring::<[u64; 1], true>::new(SLOTS);
            Both(lane(), lane())
        }),
        row::<Word, _>("shmem-ipc", Processes, pace, || {
            let lane = || shmem_ipc::ring::<[u64; 1]>(SLOTS);
            Both(lane(), lane())
        }),
    ];
    #[cfg(feature = "iceoryx2")]
    rows.push(row::<Word, _>("iceoryx2, with its events", Processes, pace, || {
        let lane = || iceoryx2::signalled_words(1, SLOTS);
        Both(lane(), lane())
    }));
    rows.extend([
        row::<Word, _>("ipc-channel, bytes", Processes, pace, || {
            Both(ipc_channel::fixed::<[u64; 1]>(), ipc_channel::fixed())
        }),
        row::<Word, _>("pipe(2)", Processes, pace, || Both(Stream::<Word>::pipe(), Stream::pipe())),
        row::<Word, _>("Unix socket", Processes, pace, || Both(Stream::<Word>::socket(), Stream::socket())),
        row::<Word, _>("crossbeam-channel (threads)", Threads, pace, || {
            Both(Crossbeam::<Word>::new(SLOTS), Crossbeam::new(SLOTS))
        }),
        row::<Word, _>("kanal (threads)", Threads, pace, || {
            Both(Kanal::<Word>::new(SLOTS), Kanal::new(SLOTS))
        }),
    ]);
    if plan.python {
        rows.extend(python::rows(Task::Trip, Item::Bytes(8), plan.slow_span));
    }
    rows.extend(ours::asleep(pace));
    rows
}

/// 16 bytes to 4 KiB.
fn texts(plan: Plan) -> Vec<Row> {
    let pace = Pace::Asleep(plan.slow_span);
    let mut rows = vec![
        row::<Text, _>("pipe(2), length first", Processes, pace, || {
            Both(Measured(Stream::<Text>::pipe()), Measured(Stream::pipe()))
        }),
        row::<Text, _>("Unix socket, length first", Processes, pace, || {
            Both(Measured(Stream::<Text>::socket()), Measured(Stream::socket()))
        }),
        row::<Text, _>("ipc-channel, bytes", Processes, pace, || {
            Both(ipc_channel::bytes(), ipc_channel::bytes())
        }),
        row::<Text, _>("ipc-channel of String", Processes, pace, || {
            Both(ipc_channel::strings(), ipc_channel::strings())
        }),
    ];
    #[cfg(feature = "iceoryx2")]
    rows.push(row::<Text, _>("iceoryx2, bytes, with its events", Processes, pace, || {
        Both(iceoryx2::signalled_bytes(SLOTS), iceoryx2::signalled_bytes(SLOTS))
    }));
    rows.extend([
        row::<Text, _>("crossbeam-channel of String (threads)", Threads, pace, || {
            Both(Crossbeam::<Text>::new(SLOTS), Crossbeam::new(SLOTS))
        }),
        row::<Text, _>("kanal of String (threads)", Threads, pace, || {
            Both(Kanal::<Text>::new(SLOTS), Kanal::new(SLOTS))
        }),
    ]);
    if plan.python {
        rows.extend(python::rows(Task::Trip, Item::Texts, plan.slow_span));
    }
    rows.extend(ours::text_trips(pace));
    rows
}
