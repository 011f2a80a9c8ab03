//! A `measure` that says too little makes the message be refused, and nothing else.

use std::alloc::Layout;
use std::sync::Arc;

use super::{encode, lay};
use crate::message::{DecodeError, Measure, Message, Reader, Writer};
use crate::segment::block::{Bears, Block, Fill};
use crate::segment::container::Use;

/// Promises `promised` bytes and `handles` handles, and writes whatever it likes.
struct Liar<W: FnOnce(&mut Writer<'_>)> {
    promised: usize,
    handles: usize,
    write: W,
}

impl<W: FnOnce(&mut Writer<'_>)> Message for Liar<W> {
    fn measure(&self, measure: &mut Measure) {
        measure.bytes(self.promised);
        for _ in 0..self.handles {
            measure.handle();
        }
    }
    fn encode(self, to: &mut Writer<'_>) {
        (self.write)(to);
    }
    fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Err(DecodeError::Foreign("a liar"))
    }
}

fn refused(promised: usize, handles: usize, write: impl FnOnce(&mut Writer<'_>)) {
    // `encode` also asserts that no byte beyond the region was touched.
    let refused = encode(Liar { promised, handles, write }).map(|(bytes, _)| bytes);
    assert_eq!(refused, Err(DecodeError::Mismeasured { measured: promised, handles }));
}

#[test]
fn more_bytes_than_measured_are_refused() {
    refused(7, 0, |to| to.plain(&1_u64));
    refused(0, 0, |to| to.bytes(&[1]));
    refused(100, 0, |to| to.bytes(&[1; 101]));
    refused(8 + 79, 0, |to| vec![1.5_f64; 10].encode(to));
    refused(8, 0, |to| String::from("long").encode(to));
    refused(20, 0, |to| {
        to.bytes(&[1; 19]);
        to.bytes(&[2; 2]);
    });
}

#[test]
fn what_is_written_after_an_overflow_is_not_written() {
    let write = |to: &mut Writer<'_>| {
        to.plain(&1_u64);
        to.plain(&1_u32); // would fit, but the message is broken already
    };
    let (bytes, finished) = lay(Liar { promised: 4, handles: 0, write });
    assert!(finished.is_err());
    assert_eq!(bytes, [0xA5; 4], "untouched");
}

#[test]
fn filling_beyond_the_measure_ends() {
    refused(100, 0, |to| to.sequence(usize::MAX, |_| ()));
}

#[test]
fn more_handles_than_measured_are_refused() {
    let block = || Block::allocate(Layout::new::<u64>(), Fill::Zeroed, Bears::Nothing).unwrap();
    refused(8, 0, |to| to.moved(block()));
    refused(0, 1, |to| {
        let block = Arc::new(block());
        to.shared(block.clone(), Use::Value);
        to.shared(block, Use::Value);
    });
}

#[test]
fn fewer_bytes_than_measured_are_fine() {
    let (bytes, manifest) = encode(Liar { promised: 10, handles: 0, write: |to| to.plain(&7_u16) }).unwrap();
    assert_eq!((bytes.len(), manifest.len()), (10, 0));
}

#[test]
fn fewer_handles_than_measured_are_refused() {
    refused(0, 1, |_| ());
}

#[test]
fn a_measure_beyond_the_address_space_stays_at_its_end() {
    let mut measure = Measure::new();
    measure.bytes(usize::MAX - 1);
    measure.bytes(5);
    measure.sequence(3, |measure| measure.bytes(usize::MAX));
    assert_eq!(measure.total_bytes(), usize::MAX);
}
