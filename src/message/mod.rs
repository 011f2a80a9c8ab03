//! Values that travel from one process to another: results, arguments, and the handles inside them.
//!
//! A message is laid flat into one region of shared memory, and rebuilt from it on the other side:
//!
//! ```text
//!   sender                         shared memory                      receiver
//!   measure ──▶ Measure            ┌──────────────────────────┐
//!               bytes, handles ──▶ │ region: a stream of bytes│
//!   encode  ──▶ Writer ──────────▶ │ manifest: blocks, in     │ ──▶ Reader ──▶ decode ──▶ value
//!                                  │ the order they were met  │
//!                                  └──────────────────────────┘
//! ```
//!
//! Handles ([`Array`](crate::Array), [`Value`](crate::Value), [`Frozen`](crate::Frozen)) leave no bytes of
//! their memory in the region: the block that they own is listed in the manifest and changes hands.
//!
//! | file         | what                                                                       |
//! |--------------|----------------------------------------------------------------------------|
//! | `measure`    | how many bytes and handles a message needs                                 |
//! | `writer`     | the region while a message is laid into it                                 |
//! | `reader`     | the region while a message is rebuilt from it; trusts no byte of it        |
//! | `error`      | why a message could not be rebuilt                                         |
//! | `parcel`     | packing a message into shared memory, and unpacking it                     |
//! | `posted`     | packing a message for a queue, and unpacking what came out of one          |
//! | `plain`      | types that are their own bytes: [`Plain`], [`Flat`], `plain_message!`      |
//! | `element`    | [`Element`]: plain types to whose values references may be handed out      |
//! | `primitives` | numbers, `bool`, `char`, `()`, `Infallible`                                 |
//! | `containers` | `Vec`, `Option`, `Result`, arrays, tuples, boxes                           |
//! | `text`       | strings, paths, durations                                                  |
//! | `serialized` | anything that serde knows, behind the feature `serde`                      |
//!
//! Invariants:
//! - M1. The region is a stream of bytes without alignment: values are copied in and out, never referenced.
//! - M2. Whatever bytes stand in the region, decoding ends in a value or an error. It allocates no more than
//!   what the bytes present can fill, and an allocation that fails is an error, too.
//! - M3. Each element of a sequence takes at least one byte, so a count is no larger than what remains.
//! - M4. Numbers are in native byte order: sender and receiver run on one machine.

mod containers;
mod element;
mod error;
mod measure;
pub(crate) mod parcel;
pub(crate) mod plain;
pub(crate) mod posted;
mod primitives;
mod reader;
#[cfg(feature = "serde")]
mod serialized;
mod text;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use element::Element;
pub use error::DecodeError;
pub use measure::Measure;
pub use plain::{Flat, Plain};
pub use reader::Reader;
#[cfg(feature = "serde")]
pub use serialized::Serde;
pub use writer::Writer;

/// A value that can travel to another process, whatever its size.
///
/// What a child returns, and what [`Process::spawn_with`](crate::Process::spawn_with) hands to it, is a
/// message. Numbers, `bool`, `char`, `()`, strings, paths, `Duration`, `Vec`, `Option`, `Result`, boxes,
/// arrays and tuples of messages are messages, and so are the handles of shared memory. A vector of numbers
/// is one bulk copy each way; an [`Array`](crate::Array) is not copied at all.
///
/// # Your own types
/// - A plain struct: one line, [`plain_message!`](crate::plain_message).
/// - A plain type that is foreign or generic: wrap it in [`Flat`].
/// - Anything that derives serde's traits: wrap it in `Serde` (feature `serde`).
/// - Everything else: implement the three methods, each by handing the fields on in the same order.
///
/// A closure that never returns needs to be told a type, as in `|| -> () { loop { .. } }`: Rust takes it for `!`, for
/// which no trait of a crate can be implemented yet.
///
/// # Examples
/// ```
/// use procshare::message::{DecodeError, Measure, Message, Reader, Writer};
///
/// #[derive(Debug, PartialEq)]
/// struct Report {
///     station: String,
///     readings: Vec<f64>,
/// }
///
/// impl Message for Report {
///     fn measure(&self, measure: &mut Measure) {
///         self.station.measure(measure);
///         self.readings.measure(measure);
///     }
///     fn encode(self, to: &mut Writer<'_>) {
///         self.station.encode(to);
///         self.readings.encode(to);
///     }
///     fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
///         Ok(Self { station: Message::decode(from)?, readings: Message::decode(from)? })
///     }
/// }
///
/// let child = procshare::Process::spawn(|| Report { station: "Uccle".into(), readings: vec![0.5; 3] })?;
/// assert_eq!(child.join()?, Report { station: "Uccle".into(), readings: vec![0.5; 3] });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel to another process: it is not a `Message`",
    label = "not a `Message`",
    note = "a plain struct becomes one by the line `procshare::plain_message!(MyStruct);`",
    note = "a plain type that is foreign or generic travels as `procshare::Flat(value)`, one with serde's derives as \
            `procshare::Serde(value)` (feature `serde`)",
    note = "references, pointers, files and sockets mean nothing in another process; of an error, send the text: \
            `Result<T, String>`"
)]
pub trait Message: Sized {
    /// Adds to `measure` what [`encode`](Message::encode) will write.
    ///
    /// Never blocks. If it says too little, the message is refused as [`DecodeError::Mismeasured`] and
    /// nothing else is harmed.
    fn measure(&self, measure: &mut Measure);

    /// Writes the value, as much as [`measure`](Message::measure) said.
    ///
    /// Never blocks. Shared memory that the value owns changes hands.
    fn encode(self, to: &mut Writer<'_>);

    /// Rebuilds a value from what [`encode`](Message::encode) wrote.
    ///
    /// Never blocks. The bytes may be anything if a foreign process wrote over them.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are no such value.
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// `measure` for all `items`; plain types override it by a multiplication.
    #[doc(hidden)]
    fn measure_all(items: &[Self], measure: &mut Measure) {
        for item in items {
            item.measure(measure);
        }
    }

    /// `encode` for all `items`; plain types override it by one copy.
    #[doc(hidden)]
    fn encode_all<I: IntoIterator<Item = Self> + AsRef<[Self]>>(items: I, to: &mut Writer<'_>) {
        for item in items {
            item.encode(to);
        }
    }

    /// `decode` for `count` items; plain types override it by one copy.
    #[doc(hidden)]
    fn decode_all(count: usize, from: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        containers::decode_one_by_one(count, from)
    }
}
