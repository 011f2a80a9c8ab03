//! Where everything lies in the arena: pure arithmetic on offsets.
//!
//! ```text
//!  0         512           heads             claims              data                          capacity
//!  ┌────────┬──────────────┬─────────────────┬───────────────────┬─────────────────────────────┐
//!  │ header │ seats │ records │ 8 B a page   │ 8 B a unit (64 B) │ pages of 4096 B             │
//!  └────────┴──────────────┴─────────────────┴───────────────────┴─────────────────────────────┘
//! ```
//!
//! All of it is address space; memory is committed where something lives. `docs/memory-layout.md` has the byte offsets.

use crate::algo::{MAX_EXTENT, Seat, slab::UNIT};
use crate::segment::header::Header;
use crate::segment::record::Record;

/// Bytes of a page: the smallest unit that is committed and given back.
pub(crate) const PAGE: usize = 4096;
/// Units (smallest objects) of a page.
pub(crate) const UNITS: usize = PAGE / UNIT;

/// The geometry of an arena: private to each process, never read back from shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Participants at once.
    pub(crate) seats: usize,
    /// Pages of data.
    pub(crate) pages: usize,
    pub(crate) seats_at: usize,
    pub(crate) records_at: usize,
    pub(crate) heads_at: usize,
    pub(crate) claims_at: usize,
    pub(crate) data_at: usize,
    /// All bytes, from the header to the end of the data.
    pub(crate) capacity: usize,
}

fn pages_for(bytes: usize) -> usize {
    bytes.div_ceil(PAGE)
}

impl Layout {
    /// Fits as many data pages as possible into `capacity` bytes, with `seats` participants. `None`: not even one.
    pub(crate) fn within(capacity: usize, seats: usize) -> Option<Self> {
        let seats_at = size_of::<Header>().next_multiple_of(align_of::<Seat>());
        let records_at = pages_for(seats_at + seats * size_of::<Seat>()) * PAGE;
        let heads_at = records_at + pages_for(seats * size_of::<Record>()) * PAGE;
        let per_page = PAGE + 8 + 8 * UNITS;
        // Two pages of slack for rounding both tables up.
        let room = capacity.checked_sub(heads_at + 2 * PAGE)?;
        let pages = (room / per_page).min(MAX_EXTENT as usize);
        if pages == 0 {
            return None;
        }
        let claims_at = heads_at + pages_for(pages * 8) * PAGE;
        let data_at = claims_at + pages_for(pages * 8 * UNITS) * PAGE;
        Some(Self {
            seats,
            pages,
            seats_at,
            records_at,
            heads_at,
            claims_at,
            data_at,
            capacity: data_at + pages * PAGE,
        })
    }

    /// Offset of the first byte of a unit.
    pub(crate) fn unit_at(&self, unit: u64) -> usize {
        self.data_at + unit as usize * UNIT
    }
}
