//! Which code is loaded: the program's, and that of the libraries beside it.
//!
//! A function's address means the same in a forked child as in its parent if the code lay there when the child was forked. So who is about to
//! forget which functions its children know takes a snapshot; whether a function was there then is asked of that.
//!
//! ```text
//!   home    the code of this crate, and of whatever was linked together with it: always there, since it runs
//!   others  known as long as nothing was unloaded since; what is loaded later may lie where that was
//! ```
//!
//! The loader counts what it loads and unloads. Its counts cover all that `dlopen` and `dlclose` did, also a loading that failed half way.
//! Code that no loader knows of, such as that of a just-in-time compiler, counts as not loaded.
//!
//! The loader's lock is taken for each question that goes beyond home. So a child asks none before it is set up, and while the loader calls
//! back, nothing here allocates: the allocator may be one that asks the loader itself.
//!
//! # Source
//! dl_iterate_phdr(3); elf(5), `PT_LOAD` and `PF_X`.
#![allow(unsafe_code)]
// Unsafe for one reason: the loader hands out what it knows by raw pointers.
use std::ffi::c_void;
use std::mem::offset_of;
use std::ops::{ControlFlow, Range};
use std::slice;

/// How often the loader loaded something, and unloaded something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    loads: u64,
    unloads: u64,
}

/// The executable addresses of a process at one moment. Stays right in the children that are forked before anything is loaded or unloaded.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    home: Range<usize>,
    /// In order; none overlaps another.
    ranges: Vec<Range<usize>>,
    /// `None`: this loader does not count.
    counts: Option<Counts>,
}

impl Loaded {
    /// Looks what is loaded now. Takes the loader's lock, and allocates; the first time some 3 us, measured with a
    /// handful of libraries, then 0.2 us.
    pub(crate) fn now() -> Self {
        let mut ranges = Vec::new();
        let counts = loop {
            let expected = ranges.capacity();
            let (found, counts) = look(&mut ranges);
            // Something may be loaded between two looks. Where one look is no single step, it shows in the counts.
            match counts {
                Ok(counts) if found <= expected => break counts,
                _ => ranges = Vec::with_capacity(found + SPARE),
            }
        };
        ranges.sort_unstable_by_key(|range| range.start);
        // A function of this crate's own that is not generic: generic ones are compiled where they are used.
        let own = visit as *const () as usize;
        let home = find(&ranges, own).unwrap_or(0..0);
        Self { home, ranges, counts }
    }

    /// Returns where the code lies that was linked together with this crate: one range. Empty if the loader knows nothing of it.
    #[cfg(test)]
    pub(crate) fn home(&self) -> Range<usize> {
        self.home.clone()
    }

    /// Tells whether there was code at `address` when the snapshot was taken.
    #[cfg(test)]
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.home.contains(&address) || find(&self.ranges, address).is_some()
    }

    /// Tells whether the code at `address` is certainly what was there when the snapshot was taken. Not knowing means no: so after
    /// anything was unloaded, only home is known, and a new snapshot says more.
    ///
    /// Two comparisons for what is at home. Else takes the loader's lock, for some 20 ns. The answer stays true as long as the caller sees
    /// to it that the code at `address` is not unloaded.
    #[inline]
    pub(crate) fn still(&self, address: usize) -> bool {
        self.home.contains(&address) || self.still_elsewhere(address)
    }

    #[cold]
    fn still_elsewhere(&self, address: usize) -> bool {
        let Some(then) = self.counts else { return false };
        find(&self.ranges, address).is_some() && counts_now().is_some_and(|now| now.unloads == then.unloads)
    }
}

/// Room for what is loaded between two looks.
const SPARE: usize = 8;

/// The loader's counts were not the same from the beginning of a look to its end.
struct Changed;

/// Fills `ranges`, as far as there is room without allocating, and returns how many there are.
fn look(ranges: &mut Vec<Range<usize>>) -> (usize, Result<Option<Counts>, Changed>) {
    let (mut found, mut counts) = (0, None);
    let outcome = visit(&mut |object| {
        if *counts.get_or_insert(object.counts) != object.counts {
            return ControlFlow::Break(());
        }
        for range in object.code() {
            if ranges.len() < ranges.capacity() {
                ranges.push(range);
            }
            found += 1;
        }
        ControlFlow::Continue(())
    });
    (found, if outcome.is_break() { Err(Changed) } else { Ok(counts.flatten()) })
}

/// The range of `ranges`, which are in order, that contains `address`.
fn find(ranges: &[Range<usize>], address: usize) -> Option<Range<usize>> {
    let behind = ranges.partition_point(|range| range.start <= address);
    ranges[..behind].last().filter(|range| range.contains(&address)).cloned()
}

/// What the loader counted so far.
fn counts_now() -> Option<Counts> {
    let mut counts = None;
    let _ = visit(&mut |object| {
        counts = object.counts;
        ControlFlow::Break(())
    });
    counts
}

/// What the loader says of a program or library, while it is loaded.
struct Object<'a> {
    /// What its addresses are to be added to.
    base: usize,
    headers: &'a [libc::Elf64_Phdr],
    counts: Option<Counts>,
}

impl Object<'_> {
    /// Where its code lies.
    fn code(&self) -> impl Iterator<Item = Range<usize>> {
        let is_code = |header: &&libc::Elf64_Phdr| {
            header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0 && header.p_memsz != 0
        };
        self.headers.iter().filter(is_code).map(|header| {
            // Wraps for objects that were meant for an address above the one at which they lie.
            let start = self.base.wrapping_add(header.p_vaddr as usize);
            start..start.saturating_add(header.p_memsz as usize)
        })
    }
}

/// Who is shown one object after the other, until it has seen enough. It must neither panic nor call the loader.
type Visitor<'a> = &'a mut dyn FnMut(&Object<'_>) -> ControlFlow<()>;

/// Shows `visitor` all that is loaded.
fn visit(mut visitor: Visitor<'_>) -> ControlFlow<()> {
    // SAFETY: `show` takes what the loader gives it, and as its last argument a pointer to a `Visitor` that nobody else has for the time of
    // the call, which is over before `visitor` is gone.
    let last = unsafe { libc::dl_iterate_phdr(Some(show), (&raw mut visitor).cast()) };
    if last == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// What the loader calls for each object. Returns 0 for the next one.
///
/// # Safety
/// `info` points to `size` bytes of a `dl_phdr_info` that hold while this runs, the first four fields at least. `visitor` points to a
/// [`Visitor`] that nobody else uses meanwhile.
unsafe extern "C" fn show(
    info: *mut libc::dl_phdr_info,
    size: libc::size_t,
    visitor: *mut c_void,
) -> libc::c_int {
    // SAFETY: the caller says that it is one, and that nobody else uses it.
    let visitor = unsafe { &mut *visitor.cast::<Visitor<'_>>() };
    // SAFETY: the first field, there in every loader's.
    let base = unsafe { (*info).dlpi_addr } as usize;
    // SAFETY: the third field, as above.
    let headers = unsafe { (*info).dlpi_phdr };
    // SAFETY: the fourth field, as above.
    let count = usize::from(unsafe { (*info).dlpi_phnum });
    let headers = if headers.is_null() || count == 0 {
        &[]
    } else {
        // SAFETY: the loader says that so many headers lie there. They belong to the object, which is not unloaded while the loader's lock
        // is held, and nobody writes them.
        unsafe { slice::from_raw_parts(headers, count) }
    };
    let counts = (size >= COUNTED).then(|| {
        // SAFETY: `size` says that the field is there.
        let loads = unsafe { (*info).dlpi_adds };
        // SAFETY: as above.
        let unloads = unsafe { (*info).dlpi_subs };
        Counts { loads, unloads }
    });
    visitor(&Object { base, headers, counts }).is_break().into()
}

/// The size of a `dl_phdr_info` that has the counts.
const COUNTED: usize = offset_of!(libc::dl_phdr_info, dlpi_subs) + size_of::<libc::c_ulonglong>();
