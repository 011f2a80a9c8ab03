//! Whether a request for memory may go ahead: held against what the machine has left, before a page is touched.
//!
//! Asking the kernel costs tens of microseconds, so small requests draw on a credit that one answer grants. What is
//! admitted but not yet resident is announced in the participant's seat, so that two processes do not both get the last
//! gigabyte.

use super::arena::Arena;
use super::error::AllocError;
use super::heap;
use super::layout::PAGE;
use crate::algo::{Occupant, Seat};
use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::sys::available_memory;

/// Bytes that may be allocated before the kernel is asked again.
static CREDIT: AtomicU64 = AtomicU64::new(0);
/// Most credit that one answer grants, in bytes.
const MOST_CREDIT: u64 = 16 << 20;

/// An announced request; ends when the memory is resident or the request failed.
pub(super) struct Admission<'a> {
    seat: Option<&'a Seat>,
    bytes: u64,
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat {
            seat.pending.fetch_sub(self.bytes, Relaxed);
        }
    }
}

/// Admits a request of `bytes`, or says what is available.
pub(super) fn admit<'a>(arena: &'a Arena, seat: u16, bytes: u64) -> Result<Admission<'a>, AllocError> {
    if take_credit(bytes) {
        return Ok(Admission { seat: None, bytes: 0 });
    }
    let seat = arena.seats().seat(seat);
    if let Some(seat) = seat {
        seat.pending.fetch_add(bytes, Relaxed);
    }
    let admission = Admission { seat, bytes };
    let mut available = available(arena, bytes);
    if available < bytes {
        heap::trim(arena);
        available = self::available(arena, bytes);
    }
    if available < bytes {
        return Err(AllocError::OutOfMemory { requested: bytes, available });
    }
    // A relaxed store: a lost race grants a credit twice, which the next answer corrects.
    CREDIT.store((available - bytes).min(MOST_CREDIT * 16) / 16, Relaxed);
    Ok(admission)
}

/// In a fresh child: what its parent was granted is not its.
pub(super) fn forget() {
    CREDIT.store(0, Relaxed);
}

fn take_credit(bytes: u64) -> bool {
    CREDIT.fetch_update(Relaxed, Relaxed, |credit| credit.checked_sub(bytes)).is_ok()
}

/// What the machine has left for us, warm pages included, less what others announced.
fn available(arena: &Arena, own: u64) -> u64 {
    let warm = arena.header().derived.0.warm.load(Relaxed) * PAGE as u64;
    let announced: u64 = arena
        .seats()
        .iter()
        .filter(|(_, seat)| matches!(seat.occupant(), Occupant::Process(_)))
        .map(|(_, seat)| seat.pending.load(Relaxed))
        .fold(0, u64::saturating_add);
    available_memory().saturating_add(warm).saturating_sub(announced.saturating_sub(own))
}
