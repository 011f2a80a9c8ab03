//! Numbers, `bool`, `char`, `()`, and the type that has no values.

use std::convert::Infallible;
use std::num::NonZero;

use super::{DecodeError, Measure, Message, Reader, Writer};

// A `usize` is written as it is: both sides are the same program.
crate::plain_message!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
crate::plain_message!(f32, f64, bool, char, ());
crate::plain_message!(NonZero<u8>, NonZero<u16>, NonZero<u32>, NonZero<u64>, NonZero<u128>, NonZero<usize>);
crate::plain_message!(NonZero<i8>, NonZero<i16>, NonZero<i32>, NonZero<i64>, NonZero<i128>, NonZero<isize>);

/// No message at all: a child whose result this is never returns.
impl Message for Infallible {
    fn measure(&self, _: &mut Measure) {
        match *self {}
    }

    fn encode(self, _: &mut Writer<'_>) {
        match self {}
    }

    fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Err(DecodeError::Foreign("a value of a type that has none"))
    }
}
