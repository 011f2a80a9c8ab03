//! The word that says what a block of the arena is and whose it is.
//!
//! One word stands for every run of pages (its *head*) and one for every object of a slab (its *claim*). The words
//! lie in tables of their own, away from the bytes they speak of, and the tables are never put to another use:
//! a stale hint can at worst read a word that says "not yours".
//!
//! ```text
//!   63   61 60    59            44 43           28 27                0
//!  ┌───────┬─────┬────────────────┬───────────────┬───────────────────┐
//!  │ kind  │bears│ owner slot: 16 │    tag: 16    │    extent: 28     │  Free Warm Private Slab
//!  │       │     ├────────────────┴───────────────┤                   │
//!  │       │     │        share record: 32        │                   │  Shared
//!  └───────┴─────┴────────────────────────────────┴───────────────────┘
//! ```
//!
//! The extent of a head is a number of pages; that of a claim is the number of its size class.
//!
//! I1. A word changes by one store or one compare-exchange, so a process killed at any instruction leaves it old or new.
//! I2. The zero word is `Closed`: memory that was never set up, or was given back, can not be claimed.

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not a block: never set up, closed, or the inside of a run.
    Closed,
    /// Free. A run of it holds no pages: the next owner finds zeroes.
    Free,
    /// Free, its pages kept: the next owner finds old bytes.
    Warm,
    /// Owned by the participant in the owner slot, alone.
    Private,
    /// Held by everyone that the share record lists.
    Shared,
    /// A run cut into objects; their claims say who owns them. The owner field is the size class.
    Slab,
    /// A page of a slab that is not its first; the extent counts the pages before it.
    Inside,
}

/// A head or a claim, taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

const EXTENT_BITS: u32 = 28;
const KIND_SHIFT: u32 = 61;
const BEARS: u64 = 1 << 60;
const TAG_SHIFT: u32 = EXTENT_BITS;
const OWNER_SHIFT: u32 = TAG_SHIFT + 16;

/// The longest run, in pages.
pub(crate) const MAX_EXTENT: u64 = (1 << EXTENT_BITS) - 1;

impl Word {
    pub(crate) const CLOSED: Self = Self(0);

    /// The owner of what belongs to a queue: no participant has this number.
    pub(crate) const QUEUE: u16 = 0xfffe;

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    fn new(kind: u64, middle: u64, extent: u64) -> Self {
        Self(kind << KIND_SHIFT | middle << TAG_SHIFT | extent & MAX_EXTENT)
    }

    /// A free block that keeps the tag of its last owner.
    pub(crate) fn free(extent: u64, tag: u16) -> Self {
        Self::new(1, u64::from(tag), extent)
    }

    pub(crate) fn warm(extent: u64, tag: u16) -> Self {
        Self::new(2, u64::from(tag), extent)
    }

    pub(crate) fn private(extent: u64, owner: u16, tag: u16, bears: bool) -> Self {
        let word = Self::new(3, u64::from(owner) << 16 | u64::from(tag), extent);
        Self(word.0 | if bears { BEARS } else { 0 })
    }

    pub(crate) fn shared(extent: u64, record: u32, bears: bool) -> Self {
        let word = Self::new(4, u64::from(record), extent);
        Self(word.0 | if bears { BEARS } else { 0 })
    }

    pub(crate) fn slab(pages: u64, class: u16) -> Self {
        Self::new(5, u64::from(class) << 16, pages)
    }

    /// A page of a slab, `back` pages behind its head.
    pub(crate) fn inside(back: u64, freed: bool) -> Self {
        Self::new(6, u64::from(freed), back)
    }

    /// Whether an object was freed since somebody last looked (in the second page of a slab).
    pub(crate) fn freed(self) -> bool {
        self.tag() != 0
    }

    /// Decodes; a kind that no version of this crate writes reads as `Closed`, which nobody touches.
    pub(crate) fn kind(self) -> Kind {
        match self.0 >> KIND_SHIFT {
            1 => Kind::Free,
            2 => Kind::Warm,
            3 => Kind::Private,
            4 => Kind::Shared,
            5 => Kind::Slab,
            6 => Kind::Inside,
            _ => Kind::Closed,
        }
    }

    pub(crate) fn is_free(self) -> bool {
        matches!(self.kind(), Kind::Free | Kind::Warm)
    }

    /// Pages of a run, or the size class of an object.
    pub(crate) fn extent(self) -> u64 {
        self.0 & MAX_EXTENT
    }

    /// The owner of a `Private` block, the size class of a `Slab`.
    pub(crate) fn owner(self) -> u16 {
        (self.0 >> OWNER_SHIFT) as u16
    }

    /// Counts the owners that a block has had.
    pub(crate) fn tag(self) -> u16 {
        (self.0 >> TAG_SHIFT) as u16
    }

    /// The share record of a `Shared` block.
    pub(crate) fn record(self) -> u32 {
        (self.0 >> TAG_SHIFT) as u32
    }

    /// Whether an owner lock stands at the start of the block.
    pub(crate) fn bears_lock(self) -> bool {
        self.0 & BEARS != 0
    }

    /// The same block, bearing a lock or not.
    pub(crate) fn bearing(self, bears: bool) -> Self {
        Self(self.0 & !BEARS | if bears { BEARS } else { 0 })
    }

    /// The same kind of free block with another extent.
    pub(crate) fn resized(self, extent: u64) -> Self {
        Self(self.0 & !MAX_EXTENT | extent & MAX_EXTENT)
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind())?;
        match self.kind() {
            Kind::Shared => write!(f, "(extent {}, record {})", self.extent(), self.record()),
            _ => write!(f, "(extent {}, owner {}, tag {})", self.extent(), self.owner(), self.tag()),
        }
    }
}
