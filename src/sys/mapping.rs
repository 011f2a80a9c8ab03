//! A sealed, sparse piece of shared memory that lasts as long as the process.
//!
//! ```text
//!   memfd ── ftruncate, sparse ── seal SHRINK|GROW|SEAL ── mmap PROT_NONE ── munlock ── mprotect RW
//!
//!   [ committed | hole                | committed | hole                                        ]
//!     commit(): pages or an error       punch(): back to a hole, reads as zeroes afterwards
//! ```
//!
//! M1. The file is as long as the mapping and cannot be made shorter: an access in range never raises SIGBUS
//!     for want of file.
//! M2. What was committed has its pages: an access there never raises SIGBUS for want of memory.
//! M3. It is never unmapped, so that its addresses stay good for the life of the process and of its forks.
//! M4. Only raw pointers are handed out. Who makes references from them answers for who else may write, punch
//!     or forbid.
//!
//! First mapped without access, because under `mlockall(MCL_FUTURE)` a writable mapping would be populated
//! whole. A later `mlockall(MCL_CURRENT)` still does that; programs that lock memory want `MCL_ONFAULT` with
//! it.
//!
//! # Source
//! memfd_create(2), fcntl(2) on seals, madvise(2): MADV_POPULATE_WRITE, MADV_REMOVE.
#![allow(unsafe_code)]
// Unsafe for one reason: mapping memory and advising about it.

use std::ffi::CStr;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::thread;
use std::time::Duration;

use crate::error::OsError;
use crate::sys::descriptor::{self, FileId};
use crate::sys::errno;
use crate::sys::limit::{self, Limit};

/// How much one call populates, so that a killed or failing process stops soon.
const PIECE: usize = 64 << 20;

/// How often a kernel that is short of something is asked again, a millisecond apart.
const PATIENCE: u32 = 1000;

/// A piece of memory that is shared with every process forked from here on.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
    descriptor: OwnedFd,
    /// What the descriptor meant, since a program may close descriptors that it does not know.
    file: FileId,
    name: &'static str,
}

// SAFETY: the memory belongs to the process, not to a thread, and stays mapped (M3); the mapping itself reads
// and writes none of it.
unsafe impl Send for Mapping {}
// SAFETY: as above; every method takes `&self` and makes system calls that the kernel serialises.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Makes a piece of shared memory of `capacity` bytes, rounded up to whole pages, all of it a hole that
    /// costs no memory. Error messages and `/proc` call it `name`. Does not block.
    ///
    /// # Errors
    /// `EFBIG` when `capacity` is beyond `RLIMIT_FSIZE`; `ENOMEM`, or `EAGAIN` under `mlockall`, when there
    /// is no such room in the address space: less may do. `EMFILE`, `ENFILE`; `EINVAL` for no bytes at all.
    pub(crate) fn anonymous(name: &'static CStr, capacity: usize) -> Result<Self, OsError> {
        let object = name.to_str().unwrap_or("memfd");
        let too_big = OsError::new("ftruncate", object, libc::EFBIG);
        let len = capacity.checked_next_multiple_of(page_size()).ok_or(too_big)?;
        let size = libc::off_t::try_from(len).map_err(|_| too_big)?;
        // Asked before, because going beyond the limit raises SIGXFSZ, which kills.
        if len as u64 > limit::soft(Limit::FileSize) {
            return Err(too_big);
        }
        let fd = create(name, object)?;
        // SAFETY: ftruncate takes two numbers and touches no memory; the file is new and mapped nowhere.
        let result = unsafe { libc::ftruncate(fd.as_raw_fd(), size) };
        errno::check(result == 0, "ftruncate", object)?;
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: F_ADD_SEALS takes a number and touches no memory.
        let result = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) };
        errno::check(result == 0, "fcntl(F_ADD_SEALS)", object)?;
        let file = FileId::of(fd.as_raw_fd(), object)?;
        let base = map(fd.as_fd(), len, object)?;
        let mapping = Self { base, len, descriptor: fd, file, name: object };
        if let Err(error) = mapping.open_up() {
            // SAFETY: `base` and `len` are those of the mapping just made, into which no pointer was handed
            // out.
            unsafe { libc::munmap(base.as_ptr().cast(), len) };
            return Err(error);
        }
        Ok(mapping)
    }

    /// Returns the first address. All of `len()` bytes from there are mapped for reading and writing (M1,
    /// M3), and good to access where they were committed (M2).
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Returns the length in bytes: whole pages.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the descriptor; `None` if the program has closed it behind our back.
    #[cfg(test)]
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.file.is_at(self.descriptor.as_raw_fd()).then(|| self.descriptor.as_fd())
    }

    /// Returns how many bytes have memory; `None` if the program has closed the descriptor behind our back. Stale at once.
    pub(crate) fn resident(&self) -> Option<u64> {
        self.file.resident(self.descriptor.as_raw_fd())
    }

    /// Gives every page that touches `len` bytes from `offset` its memory, keeping what is in those that have
    /// it.
    ///
    /// Takes about 0.3 ms a MiB for new pages. More than the machine has is *not* an error but wakes the OOM
    /// killer: look at [`available_memory`](crate::sys::available::available_memory) first.
    ///
    /// # Errors
    /// `ENOMEM` or `EFAULT`: some of the pages may have their memory, others not. `EINVAL` when the range is
    /// not inside, or the kernel is older than 5.14.
    pub(crate) fn commit(&self, offset: usize, len: usize) -> Result<(), OsError> {
        let end = self.end_of(offset, len)?;
        let mut at = offset - offset % page_size();
        while at < end {
            let piece = PIECE.min(end - at);
            self.populate(at, piece)?;
            at += piece;
        }
        Ok(())
    }

    /// Gives the memory of the pages in a range back. They read as zeroes until they are committed anew.
    ///
    /// # Errors
    /// `EINVAL` when the range is not inside or not of whole pages; nothing has happened then. Any other:
    /// some of the pages may be gone.
    pub(crate) fn punch(&self, offset: usize, len: usize) -> Result<(), OsError> {
        self.end_of(offset, len)?;
        if !offset.is_multiple_of(page_size()) || !len.is_multiple_of(page_size()) {
            return Err(OsError::new("madvise(MADV_REMOVE)", self.name, libc::EINVAL));
        }
        loop {
            // SAFETY: `offset + len` is inside the mapping by `end_of`. The bytes turn zero, as a write of
            // zeroes would make them, and that the caller may write them is the caller's to know (M4).
            let result = unsafe { libc::madvise(self.address(offset), len, libc::MADV_REMOVE) };
            match errno::check(result == 0, "madvise(MADV_REMOVE)", self.name) {
                Err(error) if [libc::EINTR, libc::EAGAIN].contains(&error.errno()) => thread::yield_now(),
                done => return done,
            }
        }
    }

    /// Makes every later access of this process to the memory a fault, for a process that may not take part.
    /// Its forks inherit that; others do not notice.
    ///
    /// # Errors
    /// `ENOMEM`: the memory is accessible as before.
    pub(crate) fn forbid(&self) -> Result<(), OsError> {
        self.protect(libc::PROT_NONE)
    }

    /// Makes the mapping accessible, and tells the kernel what it is for.
    fn open_up(&self) -> Result<(), OsError> {
        // SAFETY: the range is the mapping made by the caller; unlocking changes no memory. That it fails
        // where nothing is locked, or is forbidden to try, does not matter.
        unsafe { libc::munlock(self.address(0), self.len) };
        self.protect(libc::PROT_READ | libc::PROT_WRITE)?;
        // A core dump of it would delay the death of a crashing process, and nobody would want to read it.
        self.advise(libc::MADV_DONTDUMP);
        if fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
            .is_ok_and(|text| takes_advice(&text))
        {
            self.advise(libc::MADV_HUGEPAGE);
        }
        Ok(())
    }

    /// Gives pages `at..at + len` their memory; `at` begins a page, and the range is inside.
    fn populate(&self, at: usize, len: usize) -> Result<(), OsError> {
        let mut patience = PATIENCE;
        loop {
            // SAFETY: the caller's range is inside the mapping. Populating writes nothing: it is as if every
            // page were written with what it holds.
            let result = unsafe { libc::madvise(self.address(at), len, libc::MADV_POPULATE_WRITE) };
            match errno::check(result == 0, "madvise(MADV_POPULATE_WRITE)", self.name) {
                Err(error) if error.errno() == libc::EINTR => {}
                Err(error) if error.errno() == libc::EAGAIN && patience > 0 => {
                    patience -= 1;
                    thread::sleep(Duration::from_millis(1));
                }
                done => return done,
            }
        }
    }

    /// Sets the access rights of the whole mapping.
    fn protect(&self, rights: libc::c_int) -> Result<(), OsError> {
        // SAFETY: the range is the whole mapping (M3). Fewer rights make accesses fault, which ends the
        // process but is no undefined behaviour; more rights were never relied upon to be missing.
        let result = unsafe { libc::mprotect(self.address(0), self.len, rights) };
        errno::check(result == 0, "mprotect", self.name)
    }

    /// Gives the kernel a hint about the whole mapping, which it may not know: `MADV_DONTDUMP` or
    /// `MADV_HUGEPAGE`.
    fn advise(&self, advice: libc::c_int) {
        // SAFETY: the range is the whole mapping (M3), and neither hint changes what it holds.
        unsafe { libc::madvise(self.address(0), self.len, advice) };
    }

    /// Returns the end of a range, if it lies inside.
    fn end_of(&self, offset: usize, len: usize) -> Result<usize, OsError> {
        offset.checked_add(len).filter(|&end| end <= self.len).ok_or(OsError::new(
            "madvise",
            self.name,
            libc::EINVAL,
        ))
    }

    /// Returns an address for the kernel.
    fn address(&self, offset: usize) -> *mut libc::c_void {
        self.base.as_ptr().wrapping_add(offset).cast()
    }
}

/// Makes the file, without a name in any directory, and moves its descriptor out of the way.
fn create(name: &CStr, object: &'static str) -> Result<OwnedFd, OsError> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let attempt = |flags| {
        // SAFETY: `name` is a live string that ends with a zero.
        let fd = unsafe { libc::memfd_create(name.as_ptr(), flags) };
        errno::check(fd >= 0, "memfd_create", object)?;
        // SAFETY: the kernel has just made this descriptor, so it is open and nobody else knows of it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    let fd = match attempt(flags | libc::MFD_NOEXEC_SEAL) {
        // Kernels before 6.3 do not know the flag.
        Err(error) if OsError::errno(&error) == libc::EINVAL => attempt(flags),
        other => other,
    };
    fd.map(descriptor::raise)
}

/// Maps all `len` bytes of the file, without access.
fn map(fd: BorrowedFd<'_>, len: usize, object: &'static str) -> Result<NonNull<u8>, OsError> {
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE;
    // SAFETY: the kernel chooses the address, so nothing that exists is replaced; the descriptor is open.
    let base = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, fd.as_raw_fd(), 0) };
    errno::check(base != libc::MAP_FAILED, "mmap", object)?;
    NonNull::new(base.cast()).ok_or(OsError::new("mmap", object, libc::ENOMEM))
}

/// Returns the size of a page in bytes: the grain of [`Mapping::punch`].
pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf takes a number and touches no memory of ours.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // Every Linux answers this; 4096 is the smallest there is.
    usize::try_from(size).unwrap_or(4096)
}

/// Returns how much to reserve where nobody has said: the smaller of 1 TiB and 16 times the machine's memory,
/// at most a quarter of `RLIMIT_AS` and not beyond `RLIMIT_FSIZE`. In bytes, whole pages. It costs no memory,
/// only addresses.
///
/// [`Mapping::anonymous`] may still refuse it: then half of it may do.
pub(crate) fn default_capacity() -> usize {
    // SAFETY: sysconf takes a number and touches no memory of ours.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    let memory = u64::try_from(pages).unwrap_or(0).saturating_mul(page_size() as u64);
    capacity_for(memory, limit::soft(Limit::AddressSpace), limit::soft(Limit::FileSize))
}

/// [`default_capacity`] of a machine with `memory` bytes and these limits.
pub(super) fn capacity_for(memory: u64, address_space: u64, file_size: u64) -> usize {
    let capacity = memory.saturating_mul(16).min(1 << 40).min(address_space / 4).min(file_size);
    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX / 4);
    capacity - capacity % page_size()
}

/// Tells whether the setting `shmem_enabled`, with the chosen word in brackets, gives huge pages to who asks.
pub(super) fn takes_advice(shmem_enabled: &str) -> bool {
    shmem_enabled.contains("[advise]") || shmem_enabled.contains("[within_size]")
}
