//! What the tables need of a queue, whoever made it.

use std::hint;
use std::sync::Mutex;
use std::thread;

use super::payload::{Payload, Seen};

/// A way from senders to receivers, made before the workers; each of them then asks for its own end.
pub(crate) trait Lane: Sync {
    type Tx;
    type Rx;
    fn tx(&self) -> Self::Tx;
    fn rx(&self) -> Self::Rx;
}

/// The end that sends. It waits for room as its maker meant it.
pub(crate) trait Tx<P: Payload> {
    fn send(&mut self, seed: u64);
    /// Gets what was kept of a received item.
    fn reuse(&mut self, _: P::Spare) {}
}

/// The end that receives. It waits for an item as its maker meant it.
pub(crate) trait Rx<P: Payload> {
    fn recv(&mut self) -> Seen;
    /// What was kept of the last item.
    fn spare(&mut self) -> P::Spare {
        P::Spare::default()
    }
}

/// The same without waiting.
pub(crate) trait TryTx<P: Payload> {
    fn try_send(&mut self, seed: u64) -> bool;
    fn reuse(&mut self, _: P::Spare) {}
}

/// The same without waiting.
pub(crate) trait TryRx<P: Payload> {
    fn try_recv(&mut self) -> Option<Seen>;
    fn spare(&mut self) -> P::Spare {
        P::Spare::default()
    }
}

/// Tries again and again, and never gives the CPU away.
#[derive(Debug)]
pub(crate) struct Polled<T>(pub(crate) T);

/// Tries again and again, and lets others run when that takes long: for several on one CPU.
#[derive(Debug)]
pub(crate) struct Yielding<T>(pub(crate) T);

/// Tries before a `Yielding` end lets others run.
const TRIES: u32 = 64;

impl<L: Lane> Lane for Polled<L> {
    type Tx = Polled<L::Tx>;
    type Rx = Polled<L::Rx>;

    fn tx(&self) -> Self::Tx {
        Polled(self.0.tx())
    }

    fn rx(&self) -> Self::Rx {
        Polled(self.0.rx())
    }
}

impl<P: Payload, T: TryTx<P>> Tx<P> for Polled<T> {
    fn send(&mut self, seed: u64) {
        while !self.0.try_send(seed) {
            hint::spin_loop();
        }
    }

    fn reuse(&mut self, spare: P::Spare) {
        self.0.reuse(spare);
    }
}

impl<P: Payload, T: TryRx<P>> Rx<P> for Polled<T> {
    fn recv(&mut self) -> Seen {
        loop {
            if let Some(seen) = self.0.try_recv() {
                return seen;
            }
            hint::spin_loop();
        }
    }

    fn spare(&mut self) -> P::Spare {
        self.0.spare()
    }
}

impl<L: Lane> Lane for Yielding<L> {
    type Tx = Yielding<L::Tx>;
    type Rx = Yielding<L::Rx>;

    fn tx(&self) -> Self::Tx {
        Yielding(self.0.tx())
    }

    fn rx(&self) -> Self::Rx {
        Yielding(self.0.rx())
    }
}

/// Waits between two tries, the `tried`th of which failed.
fn pass(tried: u32) {
    if tried.is_multiple_of(TRIES) {
        thread::yield_now();
    } else {
        hint::spin_loop();
    }
}

impl<P: Payload, T: TryTx<P>> Tx<P> for Yielding<T> {
    fn send(&mut self, seed: u64) {
        let mut tried = 0_u32;
        while !self.0.try_send(seed) {
            tried = tried.wrapping_add(1);
            pass(tried);
        }
    }
}

impl<P: Payload, T: TryRx<P>> Rx<P> for Yielding<T> {
    fn recv(&mut self) -> Seen {
        let mut tried = 0_u32;
        loop {
            if let Some(seen) = self.0.try_recv() {
                return seen;
            }
            tried = tried.wrapping_add(1);
            pass(tried);
        }
    }
}

/// Two workers that talk to each other: one asks, the other answers. Each side both sends and receives.
pub(crate) trait Link: Sync {
    type Asker;
    type Answerer;
    fn asker(&self) -> Self::Asker;
    fn answerer(&self) -> Self::Answerer;
}

/// A link of two lanes: there and back.
#[derive(Debug)]
pub(crate) struct Both<L>(pub(crate) L, pub(crate) L);

/// An end of each.
#[derive(Debug)]
pub(crate) struct Side<T, R>(T, R);

impl<L: Lane> Link for Both<L> {
    type Asker = Side<L::Tx, L::Rx>;
    type Answerer = Side<L::Tx, L::Rx>;

    fn asker(&self) -> Self::Asker {
        Side(self.0.tx(), self.1.rx())
    }

    fn answerer(&self) -> Self::Answerer {
        let rx = self.0.rx();
        Side(self.1.tx(), rx)
    }
}

impl<P: Payload, T: Tx<P>, R> Tx<P> for Side<T, R> {
    fn send(&mut self, seed: u64) {
        self.0.send(seed);
    }

    fn reuse(&mut self, spare: P::Spare) {
        self.0.reuse(spare);
    }
}

impl<P: Payload, T, R: Rx<P>> Rx<P> for Side<T, R> {
    fn recv(&mut self) -> Seen {
        self.1.recv()
    }

    fn spare(&mut self) -> P::Spare {
        self.1.spare()
    }
}

/// A lane whose two ends are made at once: each worker takes its own.
#[derive(Debug)]
pub(crate) struct Ends<T, R> {
    tx: Mutex<Option<T>>,
    rx: Mutex<Option<R>>,
}

impl<T, R> Ends<T, R> {
    pub(crate) fn new((tx, rx): (T, R)) -> Self {
        Self { tx: Mutex::new(Some(tx)), rx: Mutex::new(Some(rx)) }
    }
}

/// Of two processes that each take an end, each has both: the other's stays where it is, and is not used.
impl<T: Send, R: Send> Lane for Ends<T, R> {
    type Tx = T;
    type Rx = R;

    fn tx(&self) -> T {
        self.tx.lock().expect("nobody panicked").take().expect("one sender")
    }

    fn rx(&self) -> R {
        self.rx.lock().expect("nobody panicked").take().expect("one receiver")
    }
}
