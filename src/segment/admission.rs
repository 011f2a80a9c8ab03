//! Whether a request for memory may go ahead: held against what the machine has left, before a page is touched.
//!
//! Asking the kernel costs tens of microseconds, so small requests draw on a credit that one answer grants. What is
//! admitted or granted but not yet resident is announced in the participant's seat, so that two processes do not both get
//! the last gigabyte, nor many small credits add up to more than there is.

use super::arena::Arena;
use super::error::AllocError;
use super::heap;
use super::layout::PAGE;
use crate::algo::{Occupant, Seat};
use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::sys::available_memory;

/// Bytes that may be allocated before the kernel is asked again; announced.
static CREDIT: AtomicU64 = AtomicU64::new(0);
/// Most credit that one answer grants, in bytes, and which part of what is available.
const MOST_CREDIT: u64 = 1 << 20;
const PART: u64 = 64;

/// An announced request; ends when the memory is resident or the request failed.
pub(super) struct Admission<'a> {
    seat: &'a Seat,
    bytes: u64,
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.seat.pending.fetch_sub(self.bytes, Relaxed);
    }
}

/// Admits a request of `bytes`, or says what is available.
pub(super) fn admit(arena: &Arena, seat: u16, bytes: u64) -> Result<Admission<'_>, AllocError> {
    let seat = arena.seats().seat(seat).ok_or(AllocError::Excluded)?;
    if take_credit(bytes) {
        return Ok(Admission { seat, bytes }); // announced when it was granted
    }
    seat.pending.fetch_add(bytes, Relaxed);
    let admission = Admission { seat, bytes };
    let mut available = available(arena, bytes);
    if available < bytes {
        heap::trim(arena);
        available = self::available(arena, bytes);
    }
    if available < bytes {
        return Err(AllocError::OutOfMemory { requested: bytes, available });
    }
    let credit = ((available - bytes) / PART).min(MOST_CREDIT);
    seat.pending.fetch_add(credit, Relaxed);
    let unused = CREDIT.swap(credit, Relaxed);
    seat.pending.fetch_sub(unused, Relaxed);
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
