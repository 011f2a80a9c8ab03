//! Message types that lie cost their user a result, and nobody the memory.

use procshare::message::{Measure, Reader, Writer};
use procshare::{Array, DecodeError, Failure, Frozen, Message, Process, SpawnError, Value, arena};

use crate::support::{failure, isolated, watchdog};

/// Sent as a frozen array, read as a value.
enum Twisted {
    Sent(Frozen<u64>),
    Read(Value<u64>),
}

impl Message for Twisted {
    fn measure(&self, measure: &mut Measure) {
        if let Twisted::Sent(frozen) = self {
            frozen.measure(measure);
        }
    }

    fn encode(self, to: &mut Writer<'_>) {
        if let Twisted::Sent(frozen) = self {
            frozen.encode(to);
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let _length = usize::decode(from)?;
        Value::decode(from).map(Twisted::Read)
    }
}

#[test]
fn frozen_array_can_not_be_read_as_a_value() {
    watchdog!(60);
    let frozen = Array::from_slice(&[1_u64; 1000]).expect("8000 bytes").freeze();
    let sent = frozen.clone();
    let result = Process::spawn(move || Twisted::Sent(sent)).expect("spawn").join();
    if let Ok(Twisted::Read(value)) = &result {
        value.set(77);
        panic!("a frozen word that was 1 is {}", frozen[0]);
    }
    let refused = failure(result);
    assert!(matches!(refused, Failure::Undecodable { error: DecodeError::Foreign(_), .. }), "{refused:?}");
    assert_eq!(*frozen, [1; 1000]);
}

/// Measures a block that it never writes.
#[derive(Debug)]
struct Promises;

impl Message for Promises {
    fn measure(&self, measure: &mut Measure) {
        measure.handle();
        measure.bytes(8);
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.plain(&0_u64);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.plain::<u64>().map(|_| Promises)
    }
}

#[test]
fn block_that_was_promised_and_not_written_frees_nobody_elses() {
    isolated(60, || {
        Process::spawn(|| ()).expect("spawn").join().expect("join");
        let before = arena::check().expect("a sound heap");
        let first = Array::from_slice(&[1_u64; 4096]).expect("32 KiB");
        // There and back: the bytes of its message stay behind in freed memory, where the liar's message will lie.
        let first = Process::spawn_with(first, |array| array).expect("spawn").join().expect("join");
        let refused = match Process::spawn_with(Promises, |_| ()) {
            Ok(child) => {
                child.join().expect("join");
                None
            }
            Err(refused) => Some(refused.error),
        };
        let second = Array::from_slice(&[9_u64; 4096]).expect("32 KiB");
        assert_ne!(first.as_ptr(), second.as_ptr(), "one block, two owners");
        assert_eq!(*first, [1; 4096]);
        assert!(matches!(refused, Some(SpawnError::Mismeasured)), "{refused:?}");
        drop((first, second));
        let after = arena::check().expect("a sound heap");
        assert_eq!((after.used, after.blocks), (before.used, before.blocks));
    });
}

#[test]
fn result_that_promises_a_block_and_writes_none_is_a_failure() {
    watchdog!(60);
    let refused = failure(Process::spawn(|| Promises).expect("spawn").join());
    let Failure::Panicked { panic, .. } = &refused else { panic!("{refused:?}") };
    assert!(panic.message.contains("not sent"), "{panic}");
}
