//! The arena: one sparse anonymous file, mapped whole, that a family of processes shares by inheritance.
//!
//! Made on first use by one process; every process forked afterwards finds it at the same address. Address space is
//! reserved once, so handles are offsets that mean the same everywhere and growth needs no remapping; pages are
//! committed where something lives.

#![allow(unsafe_code)] // views of the mapping: every cast to a reference of atomics stands here

use std::ffi::CStr;
use std::ptr::NonNull;

use super::builder::{BuildError, Config};
use super::error::AllocError;
use super::header::{Header, MAGIC, VERSION};
use super::layout::{Layout, PAGE, UNITS};
use super::record::Record;
use super::shares::RECORD;
use crate::algo::slab::{Claims, UNIT};
use crate::algo::{Participants, Runs, Seat};
use crate::shim::{
    AtomicPtr, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sys::{Mapping, page_size};

/// How many heads are committed at a time: 64 KiB of them, for 32 MiB of data.
const HEADS_AT_ONCE: usize = 64 * 1024 / 8;

/// The mapped arena and its geometry.
pub(crate) struct Arena {
    mapping: Mapping,
    layout: Layout,
    /// Pages of freed runs that keep their memory.
    pub(crate) warm_limit: u64,
    /// Whether memory is made resident when it is allocated.
    pub(crate) prepopulate: bool,
}

/// The name under which the mapping appears in `/proc/PID/maps`.
pub(super) const MAPPING_NAME: &CStr = c"procshare";

static ARENA: AtomicPtr<Arena> = AtomicPtr::new(std::ptr::null_mut());

/// The arena, if this family has one already.
#[inline]
pub(crate) fn existing() -> Option<&'static Arena> {
    // A1 acquire: the arena that the pointer leads to is whole.
    let arena = ARENA.load(Acquire);
    // SAFETY: null, or leaked by `build` and never freed; shared references only.
    unsafe { arena.as_ref() }
}

/// The arena; made with the default configuration on first use. The caller may not take part in it yet, and lets nobody else
/// come here meanwhile.
pub(super) fn arena() -> Result<&'static Arena, AllocError> {
    match existing() {
        Some(arena) => Ok(arena),
        None => Ok(publish(Arena::make(Config::from_environment())?)),
    }
}

/// Makes the arena as `config` says. The caller lets nobody else come here meanwhile.
pub(super) fn build(config: Config) -> Result<&'static Arena, BuildError> {
    match existing() {
        Some(_) => Err(BuildError::AlreadyBuilt),
        None => Ok(publish(Arena::make(config)?)),
    }
}

fn publish(arena: Arena) -> &'static Arena {
    let arena: &'static Arena = Box::leak(Box::new(arena));
    ARENA.store(std::ptr::from_ref(arena).cast_mut(), Release); // A1
    arena
}

/// Whether the kernel refuses memory that it could not keep (`vm.overcommit_memory` is 2).
fn commits_strictly() -> bool {
    std::fs::read("/proc/sys/vm/overcommit_memory").is_ok_and(|mode| mode.starts_with(b"2"))
}

impl Arena {
    fn make(config: Config) -> Result<Self, AllocError> {
        let found = page_size();
        if found != PAGE {
            return Err(AllocError::PageSize { found });
        }
        let mut capacity = config.capacity;
        let (mapping, layout) = loop {
            let layout = Layout::within(capacity, config.participants)
                .ok_or(AllocError::ArenaFull { requested: capacity as u64, capacity: capacity as u64 })?;
            match Mapping::anonymous(MAPPING_NAME, layout.capacity) {
                Ok(mapping) => break (mapping, layout),
                // The kernel refuses so much address space: ask for less, down to what is useless.
                Err(error) if config.capacity_is_a_wish && capacity > 16 << 20 => {
                    let _ = error;
                    capacity /= 2;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let warm_limit = (config.warm / PAGE) as u64;
        // Where the kernel commits strictly, a page that was not committed in time would be a SIGBUS when it is touched.
        let prepopulate = config.prepopulate || commits_strictly();
        let arena = Self { mapping, layout, warm_limit, prepopulate };
        arena.mapping.commit(0, layout.records_at)?;
        arena.commit_heads(0)?;
        arena.runs().format();
        let header = arena.header();
        header.version.store(VERSION, Relaxed);
        header.capacity.store(layout.capacity as u64, Relaxed);
        header.seats.store(layout.seats as u64, Relaxed);
        header.magic.store(MAGIC, Release); // the last store: whoever sees it sees the whole header
        Ok(arena)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The address `offset` bytes into the arena.
    fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.layout.capacity);
        // SAFETY: every offset is computed by `Layout` from a checked index, so it lies within the mapping, which is
        // `capacity` bytes long and never unmapped.
        unsafe { self.mapping.base().add(offset) }
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the header is the first page of the mapping, committed by `make` before anyone could ask; it is made
        // of atomics only, for which every bit pattern is valid and which others may change at any time.
        unsafe { self.at(0).cast::<Header>().as_ref() }
    }

    pub(crate) fn seats(&self) -> Participants<'_> {
        let first = self.at(self.layout.seats_at).cast::<Seat>().as_ptr();
        // SAFETY: `Layout::within` put `seats` entries there, page-aligned and inside the mapping; `make` committed
        // them; a `Seat` is made of atomics only.
        let seats = unsafe { std::slice::from_raw_parts(first, self.layout.seats) };
        Participants::new(seats, &self.header().high)
    }

    /// The record beside `seat`. Its page must have been committed by [`Self::ready_record`].
    pub(crate) fn record(&self, seat: u16) -> &Record {
        let seat = usize::from(seat).min(self.layout.seats - 1);
        // SAFETY: `Layout::within` put `seats` records there and the index is below that; a `Record` is made of atomics
        // only.
        unsafe { self.at(self.layout.records_at + seat * size_of::<Record>()).cast::<Record>().as_ref() }
    }

    /// Makes sure that the record beside `number`, a seat that this process reserved, has memory, and says nothing.
    pub(crate) fn ready_record(&self, number: u16) -> Result<(), AllocError> {
        let Some(seat) = self.seats().seat(number) else { return Err(AllocError::Excluded) };
        if !seat.has_record() {
            let offset = self.layout.records_at + usize::from(number) * size_of::<Record>();
            self.mapping.commit(offset, size_of::<Record>())?;
            seat.set_has_record();
        }
        self.record(number).panic.store(0, Relaxed); // the fork hands it over
        Ok(())
    }

    pub(crate) fn runs(&self) -> Runs<'_> {
        let first = self.at(self.layout.heads_at).cast::<AtomicU64>().as_ptr();
        // SAFETY: `Layout::within` put `pages` heads there, inside the mapping; they are atomics. That their memory is
        // there when they are touched is `Runs`' invariant I3.
        Runs::new(unsafe { std::slice::from_raw_parts(first, self.layout.pages) })
    }

    pub(crate) fn claims(&self) -> Claims<'_> {
        let first = self.at(self.layout.claims_at).cast::<AtomicU64>().as_ptr();
        // SAFETY: `Layout::within` put `pages * UNITS` claims there, inside the mapping; they are atomics.
        Claims::new(unsafe { std::slice::from_raw_parts(first, self.layout.pages * UNITS) })
    }

    /// The first byte of a unit. The unit must be below `pages * UNITS`.
    pub(crate) fn unit(&self, unit: u64) -> NonNull<u8> {
        self.at(self.layout.unit_at(unit))
    }

    /// The words of the share record that begins at `unit`. `None`: no unit has that number, or it never had memory.
    pub(super) fn share_words(&self, unit: u64) -> Option<&[AtomicU64; RECORD / 8]> {
        let record = self.unit_range(unit, RECORD)?;
        // SAFETY: the check above keeps the record inside the data pages, where `unit` addresses 64-byte-aligned memory; it
        // is read as atomics only, for which every bit pattern is valid.
        Some(unsafe { record.cast::<[AtomicU64; RECORD / 8]>().as_ref() })
    }

    /// The first words of what begins at `unit`. `None`: no unit has that number, or it never had memory.
    pub(super) fn words_at(&self, unit: u64) -> Option<&[AtomicU64; UNIT / 8]> {
        let first = self.unit_range(unit, UNIT)?;
        // SAFETY: the check above keeps the unit inside the data pages, 64-byte aligned; it is read as atomics only, for which every
        // bit pattern is valid.
        Some(unsafe { first.cast::<[AtomicU64; UNIT / 8]>().as_ref() })
    }

    /// How far into the arena `bytes` bytes at `at` lie. `None`: they are not in its data pages.
    pub(super) fn offset_of(&self, at: *const u8, bytes: usize) -> Option<u64> {
        let offset = at.addr().checked_sub(self.mapping.base().addr().get())? as u64;
        self.data_at(offset, bytes as u64).map(|_| offset)
    }

    /// The `bytes` bytes at that offset. `None`: they are not all in data pages that may have memory.
    pub(super) fn data_at(&self, offset: u64, bytes: u64) -> Option<NonNull<u8>> {
        let end = offset.checked_add(bytes)?;
        let pages = self.committed();
        let inside =
            offset >= self.layout.data_at as u64 && end <= (self.layout.data_at + pages * PAGE) as u64;
        inside.then(|| self.at((offset as usize).min(self.layout.capacity - 1)))
    }

    /// The `bytes` bytes from `unit` on. `None`: they are not all in data pages that may have memory.
    #[inline]
    pub(super) fn unit_range(&self, unit: u64, bytes: usize) -> Option<NonNull<u8>> {
        let end = unit.checked_add(bytes.div_ceil(UNIT) as u64)?;
        (end <= (self.committed() * UNITS) as u64).then(|| self.unit(unit))
    }

    /// How many pages may have memory, from the first one on.
    fn committed(&self) -> usize {
        let ready = self.header().derived.0.ready.load(Relaxed) as usize; // only grows
        ready.min(self.layout.pages) // others may have damaged it
    }

    /// Commits the heads up to and including `index`, and some more.
    pub(crate) fn commit_heads(&self, index: usize) -> Result<(), AllocError> {
        let ready = &self.header().derived.0.ready;
        // Relaxed: a count that only grows; whoever read too little commits what is committed already.
        let from = ready.load(Relaxed) as usize;
        let to = (index + 1).next_multiple_of(HEADS_AT_ONCE).min(self.layout.pages);
        if from < to {
            let bytes = (to * 8).next_multiple_of(PAGE) - from * 8 / PAGE * PAGE;
            self.mapping.commit(self.layout.heads_at + from * 8 / PAGE * PAGE, bytes)?;
            ready.fetch_max(to as u64, Relaxed);
        }
        Ok(())
    }

    /// Commits the claims of `pages` pages from `page` on.
    pub(crate) fn commit_claims(&self, page: usize, pages: usize) -> Result<(), AllocError> {
        let from = page * UNITS * 8 / PAGE * PAGE;
        let to = ((page + pages) * UNITS * 8).next_multiple_of(PAGE);
        Ok(self.mapping.commit(self.layout.claims_at + from, to - from)?)
    }

    /// Makes `pages` pages of data from `page` on resident.
    pub(crate) fn commit_pages(&self, page: usize, pages: usize) -> Result<(), AllocError> {
        Ok(self.mapping.commit(self.layout.data_at + page * PAGE, pages * PAGE)?)
    }

    /// Gives the memory of `pages` pages of data from `page` on back; they read as zeroes then. `false`: it could not,
    /// and the old bytes are still there.
    pub(crate) fn punch_pages(&self, page: usize, pages: usize) -> bool {
        self.mapping.punch(self.layout.data_at + page * PAGE, pages * PAGE).is_ok()
    }
}
