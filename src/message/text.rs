//! Strings, paths and durations.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use super::{DecodeError, Measure, Message, Reader, Writer};

fn measure_bytes(bytes: &[u8], measure: &mut Measure) {
    measure.sequence(bytes.len(), |measure| measure.bytes(bytes.len()));
}

impl Message for String {
    fn measure(&self, measure: &mut Measure) {
        measure_bytes(self.as_bytes(), measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.into_bytes().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        String::from_utf8(Vec::decode(from)?).map_err(|_| DecodeError::Utf8)
    }
}

impl Message for Box<str> {
    fn measure(&self, measure: &mut Measure) {
        measure_bytes(self.as_bytes(), measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.into_string().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        String::decode(from).map(String::into_boxed_str)
    }
}

impl Message for OsString {
    fn measure(&self, measure: &mut Measure) {
        measure_bytes(self.as_encoded_bytes(), measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.into_vec().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Vec::decode(from).map(OsString::from_vec)
    }
}

impl Message for PathBuf {
    fn measure(&self, measure: &mut Measure) {
        measure_bytes(self.as_os_str().as_encoded_bytes(), measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        self.into_os_string().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        OsString::decode(from).map(PathBuf::from)
    }
}

impl Message for Duration {
    fn measure(&self, measure: &mut Measure) {
        (self.as_secs(), self.subsec_nanos()).measure(measure);
    }

    fn encode(self, to: &mut Writer<'_>) {
        (self.as_secs(), self.subsec_nanos()).encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (seconds, nanoseconds) = <(u64, u32)>::decode(from)?;
        if nanoseconds >= 1_000_000_000 {
            return Err(DecodeError::invalid_bits::<Self>());
        }
        Ok(Duration::new(seconds, nanoseconds))
    }
}
