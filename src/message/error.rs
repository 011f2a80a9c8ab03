//! Why a message could not be rebuilt.

/// What kept a message from being rebuilt on the receiving side.
///
/// The message is gone: what was rebuilt of it was dropped, and the shared memory that it carried was
/// released. Between processes of one program only [`StillInUse`](DecodeError::StillInUse),
/// [`TooDeep`](DecodeError::TooDeep), [`Mismeasured`](DecodeError::Mismeasured),
/// [`Unserializable`](DecodeError::Unserializable) and [`OutOfMemory`](DecodeError::OutOfMemory) can happen;
/// the others say that a foreign process wrote over the bytes, or that a hand-written
/// [`Message`](crate::Message) decodes otherwise than it encodes.
///
/// # Examples
/// ```
/// use procshare::DecodeError;
///
/// let error = DecodeError::Truncated { needed: 8, remaining: 3 };
/// assert_eq!(error.to_string(), "the message ends early: 8 bytes needed, 3 left");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the value does.
    #[error("the message ends early: {needed} bytes needed, {remaining} left")]
    Truncated {
        /// How many bytes the next part of the value takes.
        needed: usize,
        /// How many are left.
        remaining: usize,
    },
    /// A length speaks of more than the message holds. Nothing was allocated for it.
    #[error("a length of {length} in a message that has {remaining} bytes left")]
    Length {
        /// The length as it stood in the message.
        length: u64,
        /// How many bytes are left.
        remaining: usize,
    },
    /// A tag names no variant of the type.
    #[error("{found} is no tag of {type_name}")]
    Tag {
        /// The type that was to be rebuilt.
        type_name: &'static str,
        /// The tag as it stood in the message.
        found: u8,
    },
    /// The bits are no value of the type, such as a `bool` of 2.
    #[error("the bits are no value of {type_name}")]
    InvalidBits {
        /// The type that was to be rebuilt.
        type_name: &'static str,
    },
    /// The bytes of a string are not UTF-8.
    #[error("the bytes of a string are not UTF-8")]
    Utf8,
    /// Boxes and vectors are nested more deeply than the limit.
    #[error("the message is nested more deeply than {limit} levels")]
    TooDeep {
        /// How many levels are decoded.
        limit: u32,
    },
    /// This process had no memory of its own for the value.
    #[error("no private memory for a message: {requested} bytes requested")]
    OutOfMemory {
        /// How many bytes were asked for, at least.
        requested: usize,
    },
    /// An array came back that this process still holds: it was moved by the sender, who had it by
    /// inheritance only.
    #[error("the message moves shared memory that this process still holds")]
    StillInUse,
    /// The sender's `measure` promised less than its `encode` wrote, so the message was not sent.
    #[error(
        "the message is longer than it was measured: {measured} bytes and {handles} handles were promised"
    )]
    Mismeasured {
        /// How many bytes `measure` promised.
        measured: usize,
        /// How many handles `measure` promised.
        handles: usize,
    },
    /// The sender's serde implementation refused the value; its words.
    #[error("the sender could not serialize the message: {0}")]
    Unserializable(String),
    /// The receiver's serde implementation refused the bytes; its words.
    #[error("the message could not be deserialized: {0}")]
    Serde(String),
    /// The shared memory that the message carries is not what the message says.
    #[error("not a message of this program: {0}")]
    Foreign(&'static str),
}

impl DecodeError {
    pub(crate) fn invalid_bits<T>() -> Self {
        Self::InvalidBits { type_name: std::any::type_name::<T>() }
    }

    pub(crate) fn tag<T>(found: u8) -> Self {
        Self::Tag { type_name: std::any::type_name::<T>(), found }
    }
}
