//! The crate `iceoryx2`: samples in shared memory, published and subscribed to. Whoever is to sleep does so on an event
//! beside them, as its authors recommend. It has no queue for several receivers that share the work.
#![allow(unsafe_code)] // lent samples are taken to be written

use std::fmt::Debug;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::{env, fs, hint};

use iceoryx2::node::Node;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::event;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use crate::queues::payload::{Bytes, LONGEST, Payload, Seen, Words};
use crate::queues::roles::{Lane, Rx, TryRx, TryTx, Tx};

type Ipc = ipc::Service;

/// What a slice may be of.
pub(crate) trait Item: ZeroCopySend + Debug + 'static {}

impl Item for u64 {}
impl Item for u8 {}

/// A directory for its files, which goes with the last lane in it.
struct Home {
    path: PathBuf,
    config: Config,
}

impl Home {
    fn new() -> Arc<Self> {
        static HOMES: AtomicU64 = AtomicU64::new(0);
        set_log_level(LogLevel::Error);
        let name = format!("comparison-{}-{}", process::id(), HOMES.fetch_add(1, Relaxed));
        let path = env::temp_dir().join(name);
        let mut config = Config::default();
        let root = path.to_str().expect("plain letters");
        config.global.set_root_path(&Path::new(root.as_bytes()).expect("a short path"));
        // Nobody dies here; looking for the dead while the other process begins only disturbs it.
        config.global.node.cleanup_dead_nodes_on_creation = false;
        config.global.node.cleanup_dead_nodes_on_destruction = false;
        config.global.service.cleanup_dead_nodes_on_open = false;
        Arc::new(Self { path, config })
    }

    fn node(&self) -> Node<Ipc> {
        NodeBuilder::new()
            .config(&self.config)
            .signal_handling_mode(SignalHandlingMode::Disabled)
            .create()
            .expect("a node")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A way for slices of `T`: polled, or with an event.
pub(crate) struct Service<T> {
    home: Arc<Home>,
    longest: usize,
    slots: usize,
    items: PhantomData<fn() -> T>,
}

/// Items of so many words, polled.
pub(crate) fn words(words: usize, slots: usize) -> Service<u64> {
    Service { home: Home::new(), longest: words, slots, items: PhantomData }
}

/// The same with an event for each.
pub(crate) fn signalled_words(count: usize, slots: usize) -> Signalled<u64> {
    Signalled(words(count, slots))
}

/// Bytes, up to the longest text, with an event for each.
pub(crate) fn signalled_bytes(slots: usize) -> Signalled<u8> {
    Signalled(Service { home: Home::new(), longest: LONGEST, slots, items: PhantomData })
}

impl<T: Item> Service<T> {
    fn ports(&self, node: &Node<Ipc>) -> PortFactory<Ipc, [T], ()> {
        node.service_builder(&"items".try_into().expect("a name"))
            .publish_subscribe::<[T]>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(self.slots)
            .max_publishers(1)
            .max_subscribers(1)
            .open_or_create()
            .expect("a service")
    }
}

pub(crate) struct PollTx<T: Item> {
    to: Publisher<Ipc, [T], ()>,
    length: usize,
    buffer: Vec<u8>,
    node: Node<Ipc>,
}

pub(crate) struct PollRx<T: Item> {
    from: Subscriber<Ipc, [T], ()>,
    node: Node<Ipc>,
}

impl<T: Item> Lane for Service<T> {
    type Tx = PollTx<T>;
    type Rx = PollRx<T>;

    fn tx(&self) -> PollTx<T> {
        let node = self.home.node();
        let to = self
            .ports(&node)
            .publisher_builder()
            .initial_max_slice_len(self.longest)
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()
            .expect("a publisher");
        PollTx { to, length: self.longest, buffer: Vec::new(), node }
    }

    fn rx(&self) -> PollRx<T> {
        let node = self.home.node();
        let from = self.ports(&node).subscriber_builder().create().expect("a subscriber");
        PollRx { from, node }
    }
}

/// Waits for room by itself. Says how many got the sample: none as long as the subscriber is not known.
impl<const W: usize, P: Words<Item = [u64; W]>> TryTx<P> for PollTx<u64> {
    fn try_send(&mut self, seed: u64) -> bool {
        let sample = self.to.loan_slice_uninit(self.length).expect("a sample");
        // SAFETY: integers in shared memory, which the kernel zeroed; whatever is in them is a value.
        let mut sample = unsafe { sample.assume_init() };
        P::write(sample.payload_mut().try_into().expect("so many words"), seed);
        sample.send().expect("a sound service") == 1
    }
}

impl<const W: usize, P: Words<Item = [u64; W]>> TryRx<P> for PollRx<u64> {
    fn try_recv(&mut self) -> Option<Seen> {
        let sample = self.from.receive().expect("somebody sends")?;
        Some(P::read(sample.payload().try_into().expect("so many words")))
    }
}

/// The bytes are put together first: how many they are is not known before.
impl<P: Bytes> TryTx<P> for PollTx<u8> {
    fn try_send(&mut self, seed: u64) -> bool {
        self.buffer.clear();
        P::append(&mut self.buffer, seed);
        let sample = self.to.loan_slice_uninit(self.buffer.len()).expect("a sample");
        sample.write_from_slice(&self.buffer).send().expect("a sound service") == 1
    }
}

impl<P: Bytes> TryRx<P> for PollRx<u8> {
    fn try_recv(&mut self) -> Option<Seen> {
        let sample = self.from.receive().expect("somebody sends")?;
        Some(P::parse(sample.payload()))
    }
}

/// A service with an event that says that there is something.
pub(crate) struct Signalled<T>(Service<T>);

/// A publisher with its bell.
pub(crate) struct SignalTx<T: Item> {
    items: PollTx<T>,
    bell: Notifier<Ipc>,
}

pub(crate) struct SignalRx<T: Item> {
    items: PollRx<T>,
    bell: Listener<Ipc>,
}

impl<T: Item> Signalled<T> {
    fn bell(node: &Node<Ipc>) -> event::PortFactory<Ipc> {
        node.service_builder(&"bell".try_into().expect("a name")).event().open_or_create().expect("an event")
    }
}

impl<T: Item> Lane for Signalled<T> {
    type Tx = SignalTx<T>;
    type Rx = SignalRx<T>;

    fn tx(&self) -> SignalTx<T> {
        let items = self.0.tx();
        let bell = Self::bell(&items.node).notifier_builder().create().expect("a notifier");
        SignalTx { items, bell }
    }

    fn rx(&self) -> SignalRx<T> {
        let items = self.0.rx();
        let bell = Self::bell(&items.node).listener_builder().create().expect("a listener");
        SignalRx { items, bell }
    }
}

impl<T: Item, P: Payload> Tx<P> for SignalTx<T>
where
    PollTx<T>: TryTx<P>,
{
    fn send(&mut self, seed: u64) {
        while !self.items.try_send(seed) {
            hint::spin_loop();
        }
        self.bell.notify().expect("somebody listens");
    }
}

impl<T: Item, P: Payload> Rx<P> for SignalRx<T>
where
    PollRx<T>: TryRx<P>,
{
    fn recv(&mut self) -> Seen {
        loop {
            if let Some(seen) = self.items.try_recv() {
                return seen;
            }
            self.bell.blocking_wait(|_| ()).expect("somebody notifies");
        }
    }
}
