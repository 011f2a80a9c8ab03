//! Messages made of messages: vectors, boxes, options, results, arrays, tuples.

use super::{DecodeError, Measure, Message, Reader, Writer};

/// Decodes `count` items, one after the other.
///
/// The count may be a lie, and an item of few bytes may be large in memory: room is made as items are met.
pub(super) fn decode_one_by_one<M: Message>(
    count: usize,
    from: &mut Reader<'_>,
) -> Result<Vec<M>, DecodeError> {
    let mut items = Vec::new();
    let backed = from.remaining() / size_of::<M>().max(1);
    reserve(&mut items, count.min(backed))?;
    for _ in 0..count {
        if items.len() == items.capacity() {
            reserve(&mut items, 1)?;
        }
        items.push(M::decode(from)?);
    }
    Ok(items)
}

fn reserve<M>(items: &mut Vec<M>, more: usize) -> Result<(), DecodeError> {
    let requested = more.saturating_mul(size_of::<M>());
    items.try_reserve(more).map_err(|_| DecodeError::OutOfMemory { requested })
}

impl<M: Message> Message for Vec<M> {
    fn measure(&self, measure: &mut Measure) {
        measure.sequence(self.len(), |measure| M::measure_all(self, measure));
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.sequence(self.len(), |to| M::encode_all(self, to));
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.sequence(M::decode_all)
    }
}

impl<M: Message> Message for Box<[M]> {
    fn measure(&self, measure: &mut Measure) {
        measure.sequence(self.len(), |measure| M::measure_all(self, measure));
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.into_vec().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Vec::decode(from).map(Vec::into_boxed_slice)
    }
}

impl<M: Message, const N: usize> Message for [M; N] {
    fn measure(&self, measure: &mut Measure) {
        M::measure_all(self, measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        M::encode_all(self, to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = M::decode_all(N, from)?;
        items.try_into().map_err(|_| DecodeError::Foreign("an array of another length"))
    }
}

impl<M: Message> Message for Box<M> {
    fn measure(&self, measure: &mut Measure) {
        M::measure(self, measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        M::encode(*self, to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.nested(M::decode).map(Box::new)
    }
}

impl<M: Message> Message for Option<M> {
    fn measure(&self, measure: &mut Measure) {
        measure.bytes(1);
        if let Some(value) = self {
            value.measure(measure);
        }
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.plain(&u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(to);
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.plain::<u8>()? {
            0 => Ok(None),
            1 => M::decode(from).map(Some),
            found => Err(DecodeError::tag::<Self>(found)),
        }
    }
}

impl<M: Message, E: Message> Message for Result<M, E> {
    fn measure(&self, measure: &mut Measure) {
        measure.bytes(1);
        match self {
            Ok(value) => value.measure(measure),
            Err(error) => error.measure(measure),
        }
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.plain(&u8::from(self.is_err()));
        match self {
            Ok(value) => value.encode(to),
            Err(error) => error.encode(to),
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.plain::<u8>()? {
            0 => M::decode(from).map(Ok),
            1 => E::decode(from).map(Err),
            found => Err(DecodeError::tag::<Self>(found)),
        }
    }
}

macro_rules! tuple_message {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Message),+> Message for ($($name,)+) {
            fn measure(&self, measure: &mut Measure) {
                $(self.$index.measure(measure);)+
            }

            fn encode(self, to: &mut Writer<'_>) {
                $(self.$index.encode(to);)+
            }

            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($($name::decode(from)?,)+))
            }
        }
    };
}

tuple_message!(A 0);
tuple_message!(A 0, B 1);
tuple_message!(A 0, B 1, C 2);
tuple_message!(A 0, B 1, C 2, D 3);
tuple_message!(A 0, B 1, C 2, D 3, E 4);
tuple_message!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_message!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_message!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
