//! The first page of the arena: what it is, its locks, and what can be derived but is kept for speed.
//!
//! | offset | field        | written by                                                        |
//! |--------|--------------|-------------------------------------------------------------------|
//! | 0      | `magic`      | the creator, last, before anybody else can see the arena          |
//! | 8      | `version`    | the creator                                                       |
//! | 16     | `capacity`   | the creator; bytes                                                |
//! | 24     | `seats`      | the creator                                                       |
//! | 64     | `heap`       | lock of the runs, the slabs' opening and closing, `lowest`, `warm`|
//! | 128    | `shares`     | lock of the share records                                         |
//! | 192    | `sweep`      | lock of the sweep: one sweeper at a time                          |
//! | 256    | `lowest`     | derived: no free run begins before this page                      |
//! | 264    | `warm`       | derived: pages of all warm runs                                   |
//! | 272    | `ready`      | how many heads have memory; only grows                            |
//! | 320    | `generation` | counts participants that ever were                                |
//! | 384    | `high`       | no seat from this number on was ever taken; only grows            |
//! | 392    | `patrol`     | when somebody last looked for dead whom nobody awaits             |
//! | 400    | `patience`   | pauses worth one wake, plus one; 0: nobody measured yet           |
//! | 408    | `cores`      | the one processor that all may use, plus one; or that there are more |
//! | 512    |              | the first seats: what a child touches at birth is one page        |
//!
//! I1. The geometry is copied to private memory when the arena is made and never read back.
//! I2. Derived words are rebuilt from the heads by whoever takes the heap lock from a dead owner.

use crate::algo::OwnerLock;
use crate::shim::AtomicU64;

/// `procshr` and the version of the layout.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"procshr\x01");
/// Version of the layout.
pub(crate) const VERSION: u64 = 1;

/// A field on a cache line of its own.
#[repr(C, align(64))]
pub(crate) struct Line<T>(pub(crate) T);

/// The header. See the module for the offsets.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU64,
    pub(crate) capacity: AtomicU64,
    pub(crate) seats: AtomicU64,
    pub(crate) heap: Line<OwnerLock>,
    pub(crate) shares: Line<OwnerLock>,
    pub(crate) sweep: Line<OwnerLock>,
    pub(crate) derived: Line<Derived>,
    pub(crate) generation: Line<AtomicU64>,
    pub(crate) high: AtomicU64,
    pub(crate) patrol: AtomicU64,
    pub(crate) patience: AtomicU64,
    pub(crate) cores: AtomicU64,
}

/// Words that the heap lock protects and the heads determine.
#[repr(C)]
pub(crate) struct Derived {
    pub(crate) lowest: AtomicU64,
    pub(crate) warm: AtomicU64,
    pub(crate) ready: AtomicU64,
}

const _: () = assert!(std::mem::offset_of!(Header, heap) == 64);
const _: () = assert!(std::mem::offset_of!(Header, shares) == 128);
const _: () = assert!(std::mem::offset_of!(Header, sweep) == 192);
const _: () = assert!(std::mem::offset_of!(Header, derived) == 256);
const _: () = assert!(std::mem::offset_of!(Header, generation) == 320);
const _: () = assert!(std::mem::offset_of!(Header, high) == 384);
const _: () = assert!(std::mem::offset_of!(Header, patrol) == 392);
const _: () = assert!(std::mem::offset_of!(Header, patience) == 400);
const _: () = assert!(std::mem::offset_of!(Header, cores) == 408);
const _: () = assert!(std::mem::offset_of!(Derived, warm) == 8 && std::mem::offset_of!(Derived, ready) == 16);
const _: () = assert!(size_of::<Header>() == 448);
