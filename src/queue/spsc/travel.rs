//! How lanes travel: the handle as one more holder of the block, an end with the word by which its receiver claims it.
//!
//! On its way an end is still the sender's. The receiver takes it over when the message is unpacked. If the sender dies before that, the other
//! end may find itself alone until then.

use super::grip::Grip;
use super::slots::Slots;
use super::{Consumer, Producer, Ring};
use crate::message::{DecodeError, Measure, Message, Plain, Reader, Writer};
use crate::segment::container::Use;

fn measure_lane(measure: &mut Measure) {
    measure.handle();
    measure.bytes(size_of::<u64>());
}

fn encode_lane<T: Plain>(slots: Slots<T>, to: &mut Writer<'_>) {
    to.plain(&(slots.capacity() as u64));
    to.shared(slots.into_block(), Use::Ring);
}

fn decode_lane<T: Plain>(from: &mut Reader<'_>) -> Result<Slots<T>, DecodeError> {
    let capacity: u64 = from.plain()?;
    let block = from.shared(Use::Ring)?;
    Slots::adopt(block, capacity as usize).ok_or(DecodeError::Foreign("the block of a lane is not one"))
}

/// The handle travels, not the lane: sender and receiver speak of the same one.
impl<T: Plain> Message for Ring<T> {
    fn measure(&self, measure: &mut Measure) {
        measure_lane(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        encode_lane(self.slots, to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        decode_lane(from).map(|slots| Self { slots })
    }
}

macro_rules! end_travels {
    ($end:ident) => {
        /// The end changes hands: the sender has it no more.
        impl<T: Plain> Message for $end<T> {
            fn measure(&self, measure: &mut Measure) {
                measure_lane(measure);
                measure.bytes(size_of::<u64>());
            }

            fn encode(self, to: &mut Writer<'_>) {
                let (word, slots) = self.grip.depart();
                to.plain(&word);
                encode_lane(slots, to);
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let word = from.plain()?;
                decode_lane(from).map(|slots| Self { grip: Grip::arrive(slots, word) })
            }
        }
    };
}

end_travels!(Producer);
end_travels!(Consumer);
