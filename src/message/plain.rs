//! Types that are their own bytes.

use bytemuck::{CheckedBitPattern, NoUninit};

use super::{DecodeError, Measure, Message, Reader, Writer};

/// A type whose values are nothing but their bytes: of fixed size, without pointers, without padding.
///
/// It needs no implementation of its own: whatever is bytemuck's [`NoUninit`] and [`CheckedBitPattern`],
/// [`Send`] and `'static`, is plain. All numbers are, `bool`, `char`, `()`, arrays of numbers, and structs
/// and enums that derive the two traits. `String`, `Vec`, references and pointers are not: they point into
/// the memory of one process.
///
/// # Examples
/// ```
/// use bytemuck::{CheckedBitPattern, NoUninit};
/// use procshare::Value;
///
/// #[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
/// #[repr(u8)]
/// enum Phase {
///     Rising,
///     Falling,
/// }
///
/// #[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
/// #[repr(C)]
/// struct Progress {
///     done: u32,
///     phase: Phase,
///     reserved: [u8; 3], // without it there would be padding, and an error
/// }
///
/// let progress = Value::new(Progress { done: 0, phase: Phase::Rising, reserved: [0; 3] })?;
/// progress.update(|now| Progress { done: now.done + 1, phase: Phase::Falling, ..now });
/// assert_eq!(progress.get().phase, Phase::Falling);
/// # Ok::<(), procshare::AllocError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot lie in shared memory: it is not `Plain`",
    label = "not plain data",
    note = "plain means: of fixed size, `Copy`, no padding between fields, no pointer or reference inside, `Send`",
    note = "for a struct of your own: `#[derive(Clone, Copy, bytemuck::NoUninit, bytemuck::CheckedBitPattern)]` and \
            `#[repr(C)]`; padding is filled by a field such as `reserved: [u8; 3]`",
    note = "text and vectors travel as messages (a child's result), numbers in quantity as `procshare::Array`"
)]
pub trait Plain: NoUninit + CheckedBitPattern + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: NoUninit + CheckedBitPattern + Send + 'static> Plain for T {}

/// The value that has these bits, by value: what is checked is what is used. `None`: none has.
#[inline(always)]
#[allow(unsafe_code)] // what bytemuck has for bytes, for bits
pub(crate) fn checked<T: Plain>(bits: T::Bits) -> Option<T> {
    // SAFETY: `T` has the layout of its `Bits`, and these are valid for it: `CheckedBitPattern`.
    T::is_valid_bit_pattern(&bits).then(|| unsafe { std::mem::transmute_copy::<T::Bits, T>(&bits) })
}

/// Makes a plain type of your own a [`Message`](crate::Message), in one line.
///
/// Vectors and arrays of it are one copy each way. Several types may stand in one line, separated by commas.
///
/// # Examples
/// ```
/// use bytemuck::{Pod, Zeroable};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
/// #[repr(C)]
/// struct Interval {
///     low: f64,
///     high: f64,
/// }
///
/// procshare::plain_message!(Interval);
///
/// let child = procshare::Process::spawn(|| Interval { low: 10.5, high: 11.2 })?;
/// assert_eq!(child.join()?, Interval { low: 10.5, high: 11.2 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! plain_message {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::message::Message for $type {
            fn measure(&self, measure: &mut $crate::message::Measure) {
                measure.bytes(::core::mem::size_of::<Self>());
            }

            fn encode(self, to: &mut $crate::message::Writer<'_>) {
                to.plain(&self);
            }

            fn decode(
                from: &mut $crate::message::Reader<'_>,
            ) -> ::core::result::Result<Self, $crate::message::DecodeError> {
                from.plain()
            }

            fn measure_all(items: &[Self], measure: &mut $crate::message::Measure) {
                measure.bytes(::core::mem::size_of_val(items));
            }

            fn encode_all<I>(items: I, to: &mut $crate::message::Writer<'_>)
            where
                I: ::core::iter::IntoIterator<Item = Self> + ::core::convert::AsRef<[Self]>,
            {
                to.plain_slice(items.as_ref());
            }

            fn decode_all(
                count: usize,
                from: &mut $crate::message::Reader<'_>,
            ) -> ::core::result::Result<::std::vec::Vec<Self>, $crate::message::DecodeError> {
                from.plain_vec(count)
            }
        }
    )+};
}

/// A plain value as a message, for types that [`plain_message!`](crate::plain_message) cannot name: foreign
/// ones and generic ones.
///
/// # Examples
/// ```
/// use bytemuck::{Pod, Zeroable};
/// use procshare::{Flat, Process};
///
/// // Imagine this type in a crate that is not yours.
/// #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
/// #[repr(transparent)]
/// struct Celsius(f32);
///
/// let child = Process::spawn(|| vec![Flat(Celsius(21.5)); 3])?;
/// assert_eq!(child.join()?, vec![Flat(Celsius(21.5)); 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Flat<T: Plain>(pub T);

impl<T: Plain> Message for Flat<T> {
    fn measure(&self, measure: &mut Measure) {
        measure.bytes(size_of::<T>());
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.plain(&self.0);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.plain().map(Self)
    }

    fn measure_all(items: &[Self], measure: &mut Measure) {
        measure.bytes(size_of_val(items));
    }
}
