//! Handles go where threads go.

use std::panic::{RefUnwindSafe, UnwindSafe};

use super::{Phase, Report};
use crate::message::{DecodeError, Flat, Measure};
use crate::segment::AllocError;
use crate::value::{Array, Cells, Frozen, Value};

const fn is_handle<H: ?Sized + Send + Sync + Unpin>() {}
const fn survives_unwinding<H: ?Sized + UnwindSafe + RefUnwindSafe>() {}
const fn is_error<E: std::error::Error + Clone + Send + Sync + 'static>() {}

const _: () = {
    is_handle::<Value<u64>>();
    is_handle::<Value<Report>>();
    is_handle::<Value<Phase>>();
    is_handle::<Array<f64>>();
    is_handle::<Frozen<[u8; 3]>>();
    is_handle::<&Cells<u32>>();
    is_handle::<Flat<bool>>();
    is_handle::<Measure>();
    survives_unwinding::<Value<Report>>();
    survives_unwinding::<Array<f64>>();
    survives_unwinding::<Frozen<f64>>();
    is_error::<DecodeError>();
    is_error::<AllocError>();
};

#[test]
fn a_handle_is_small() {
    assert!(size_of::<Value<[u64; 100]>>() <= 24);
    assert!(size_of::<Frozen<u8>>() <= 16);
    assert_eq!(size_of::<Option<Value<u8>>>(), size_of::<Value<u8>>());
}
