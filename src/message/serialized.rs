//! Anything that serde knows, as a message in postcard's format.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, Measure, Message, Reader, Writer};

/// A value with serde's derives as a message.
///
/// The bytes are [postcard](https://docs.rs/postcard)'s. It costs more than the messages of this crate do,
/// and is for what they do not cover, such as maps. A value that cannot be serialized (postcard needs to know
/// lengths beforehand, which `#[serde(flatten)]` does not) arrives as [`DecodeError::Unserializable`].
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use procshare::{Process, Serde};
///
/// let child = Process::spawn(|| Serde(BTreeMap::from([("Schwabe".to_string(), 11.0)])))?;
/// let Serde(cycles) = child.join()?;
/// assert_eq!(cycles["Schwabe"], 11.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serde<T>(pub T);

/// What is sent: postcard's bytes, or why there are none.
type Serialized = Result<Vec<u8>, String>;

impl<T: Serialize + DeserializeOwned> Message for Serde<T> {
    fn measure(&self, measure: &mut Measure) {
        let length = match postcard::experimental::serialized_size(&self.0) {
            Ok(length) => length,
            Err(error) => error.to_string().len(),
        };
        measure.bytes(1);
        measure.sequence(length, |measure| measure.bytes(length));
    }

    fn encode(self, to: &mut Writer<'_>) {
        let serialized: Serialized = postcard::to_allocvec(&self.0).map_err(|error| error.to_string());
        serialized.encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = Serialized::decode(from)?.map_err(DecodeError::Unserializable)?;
        postcard::from_bytes(&bytes).map(Self).map_err(|error| DecodeError::Serde(error.to_string()))
    }
}
