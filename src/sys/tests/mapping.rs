use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use super::{asserted_in_child, in_child, set_limit};
use crate::sys::mapping::{Mapping, capacity_for, default_capacity, page_size, takes_advice};
use crate::sys::pidfd::ExitStatus;

const NAME: &CStr = c"mapping test";
const MIB: usize = 1 << 20;

fn mapping(pages: usize) -> Mapping {
    Mapping::anonymous(NAME, pages * page_size()).expect("mapping")
}

fn number(mapping: &Mapping) -> RawFd {
    mapping.descriptor().expect("descriptor").as_raw_fd()
}

/// How many pages of the file have memory.
fn resident(mapping: &Mapping) -> usize {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is writable and of the right size.
    assert_eq!(unsafe { libc::fstat(number(mapping), stat.as_mut_ptr()) }, 0);
    // SAFETY: the call has filled in `stat`.
    let stat = unsafe { stat.assume_init() };
    stat.st_blocks as usize * 512 / page_size()
}

fn set(mapping: &Mapping, at: usize, byte: u8) {
    assert!(at < mapping.len());
    // SAFETY: `at` is inside the mapping, and no reference to it exists.
    unsafe { mapping.base().as_ptr().wrapping_add(at).write_volatile(byte) };
}

fn get(mapping: &Mapping, at: usize) -> u8 {
    assert!(at < mapping.len());
    // SAFETY: `at` is inside the mapping, and no reference to it exists.
    unsafe { mapping.base().as_ptr().wrapping_add(at).read_volatile() }
}

#[test]
fn fresh_mapping_costs_no_memory_and_reads_as_zeroes() {
    let mapping = Mapping::anonymous(NAME, 1 << 36).expect("mapping");
    assert_eq!(mapping.len(), 1 << 36);
    assert_eq!(resident(&mapping), 0);
    mapping.commit((1 << 36) - page_size(), page_size()).expect("commit");
    assert_eq!(get(&mapping, (1 << 36) - 1), 0);
    assert_eq!(resident(&mapping), 1);
}

#[test]
fn capacity_is_rounded_up_to_whole_pages() {
    let mapping = Mapping::anonymous(NAME, page_size() + 1).expect("mapping");
    assert_eq!(mapping.len(), 2 * page_size());
}

#[test]
fn no_bytes_at_all_are_an_error() {
    assert_eq!(Mapping::anonymous(NAME, 0).expect_err("mapped").errno(), libc::EINVAL);
}

#[test]
fn more_than_there_are_addresses_is_an_error() {
    for capacity in [usize::MAX, usize::MAX / 2, 1 << 60] {
        assert!(Mapping::anonymous(NAME, capacity).is_err());
    }
}

#[test]
fn parent_sees_what_its_child_wrote() {
    let mapping = mapping(1);
    mapping.commit(0, 1).expect("commit");
    asserted_in_child(|| set(&mapping, 17, 99));
    assert_eq!(get(&mapping, 17), 99);
}

#[test]
fn committing_gives_every_touched_page_its_memory_and_no_other() {
    let mapping = mapping(8);
    mapping.commit(page_size() - 1, page_size() + 2).expect("commit");
    assert_eq!(resident(&mapping), 3);
    mapping.commit(5 * page_size(), 0).expect("commit");
    assert_eq!(resident(&mapping), 3);
}

#[test]
fn committing_keeps_what_is_there() {
    let mapping = mapping(2);
    mapping.commit(0, 1).expect("commit");
    set(&mapping, 3, 7);
    mapping.commit(0, 2 * page_size()).expect("commit");
    assert_eq!(get(&mapping, 3), 7);
}

#[test]
fn committing_goes_on_beyond_one_piece() {
    let pages = 65 * MIB / page_size();
    let mapping = mapping(pages + 1);
    mapping.commit(page_size() / 2, pages * page_size()).expect("commit");
    assert_eq!(resident(&mapping), pages + 1);
    mapping.punch(0, mapping.len()).expect("punch");
}

#[test]
fn hole_punching_gives_pages_back() {
    let mapping = mapping(4);
    mapping.commit(0, mapping.len()).expect("commit");
    for page in 0..4 {
        set(&mapping, page * page_size(), 1);
    }
    mapping.punch(page_size(), 2 * page_size()).expect("punch");
    assert_eq!(resident(&mapping), 2);
    let left: Vec<u8> = (0..4).map(|page| get(&mapping, page * page_size())).collect();
    assert_eq!(left, [1, 0, 0, 1]);
}

#[test]
fn punching_less_than_a_page_is_refused_and_changes_nothing() {
    let mapping = mapping(2);
    mapping.commit(0, mapping.len()).expect("commit");
    set(&mapping, page_size() - 1, 5);
    for (offset, len) in [(0, page_size() - 1), (1, page_size()), (page_size() / 2, page_size() / 2)] {
        assert_eq!(mapping.punch(offset, len).expect_err("punched").errno(), libc::EINVAL);
    }
    assert_eq!((resident(&mapping), get(&mapping, page_size() - 1)), (2, 5));
}

#[test]
fn ranges_outside_are_refused() {
    let mapping = mapping(2);
    for (offset, len) in [(0, 3 * page_size()), (2 * page_size(), page_size()), (page_size(), usize::MAX)] {
        assert_eq!(mapping.commit(offset, len).expect_err("committed").errno(), libc::EINVAL);
        assert_eq!(mapping.punch(offset, len).expect_err("punched").errno(), libc::EINVAL);
    }
    assert_eq!(resident(&mapping), 0);
}

#[test]
fn file_can_be_made_neither_shorter_nor_longer() {
    let mapping = mapping(2);
    for size in [0, page_size(), 3 * page_size()] {
        // SAFETY: ftruncate takes two numbers. If it succeeded, nothing here would access the pages lost.
        assert_eq!(unsafe { libc::ftruncate(number(&mapping), size as libc::off_t) }, -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EPERM));
    }
}

#[test]
fn nobody_can_seal_the_file_further() {
    let mapping = mapping(1);
    // SAFETY: F_ADD_SEALS takes a number.
    let result = unsafe { libc::fcntl(number(&mapping), libc::F_ADD_SEALS, libc::F_SEAL_FUTURE_WRITE) };
    assert_eq!((result, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EPERM)));
}

#[test]
fn capacity_beyond_the_file_size_limit_is_an_error_and_no_deadly_signal() {
    asserted_in_child(|| {
        set_limit(libc::RLIMIT_FSIZE, MIB as u64);
        assert_eq!(Mapping::anonymous(NAME, 2 * MIB).expect_err("mapped").errno(), libc::EFBIG);
        assert!(Mapping::anonymous(NAME, MIB).is_ok());
        assert!(default_capacity() <= MIB);
    });
}

#[test]
fn capacity_beyond_the_address_space_limit_is_an_error_and_leaves_nothing_behind() {
    asserted_in_child(|| {
        let in_use = std::fs::read_to_string("/proc/self/statm").expect("statm");
        let in_use: usize = in_use.split(' ').next().and_then(|pages| pages.parse().ok()).expect("pages");
        set_limit(libc::RLIMIT_AS, (in_use * page_size() + 1024 * MIB) as u64);
        for _ in 0..100 {
            assert_eq!(Mapping::anonymous(NAME, 2048 * MIB).expect_err("mapped").errno(), libc::ENOMEM);
        }
        assert!(Mapping::anonymous(NAME, 512 * MIB).is_ok());
    });
}

#[test]
fn mapping_is_neither_populated_nor_kept_although_all_memory_is_locked() {
    asserted_in_child(|| {
        // SAFETY: mlockall takes a number.
        if unsafe { libc::mlockall(libc::MCL_FUTURE) } != 0 {
            return; // not allowed to lock anything
        }
        if let Ok(mapping) = Mapping::anonymous(NAME, 64 * MIB) {
            assert_eq!(resident(&mapping), 0);
            mapping.commit(0, page_size()).expect("commit");
            assert_eq!(resident(&mapping), 1);
            mapping.punch(0, page_size()).expect("punch");
            assert_eq!(resident(&mapping), 0);
        }
    });
}

#[test]
fn mapping_is_left_out_of_core_dumps() {
    let mapping = mapping(3);
    let start = format!("{:x}-", mapping.base().as_ptr() as usize);
    let maps = std::fs::read_to_string("/proc/self/smaps").expect("smaps");
    let ours = maps.lines().skip_while(|line| !line.starts_with(&start));
    let flags = ours.into_iter().find(|line| line.starts_with("VmFlags:")).expect("flags");
    assert!(flags.split(' ').any(|flag| flag == "dd"), "{flags}");
}

#[test]
fn forbidden_mapping_kills_who_touches_it_and_nobody_else() {
    let mapping = mapping(1);
    mapping.commit(0, 1).expect("commit");
    set(&mapping, 0, 1);
    let status = in_child(|| {
        mapping.forbid().expect("mprotect");
        // SAFETY: a default SIGSEGV is what the kernel would do; std's handler would print.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
        set_limit(libc::RLIMIT_CORE, 0);
        i32::from(get(&mapping, 0))
    });
    assert_eq!(status, ExitStatus::Signaled { signal: libc::SIGSEGV, core_dumped: false });
    assert_eq!(get(&mapping, 0), 1);
}

#[test]
fn descriptor_that_the_program_closed_is_not_handed_out() {
    asserted_in_child(|| {
        let mapping = mapping(1);
        mapping.commit(0, 1).expect("commit");
        let number = number(&mapping);
        // SAFETY: this is what a program does that closes what it does not know; the mapping is forgotten
        // below.
        unsafe { libc::close(number) };
        assert!(mapping.descriptor().is_none());
        let stranger = std::fs::File::open("/dev/null").expect("open");
        // SAFETY: as above, and the number is free.
        assert_eq!(unsafe { libc::dup2(stranger.as_raw_fd(), number) }, number);
        assert!(mapping.descriptor().is_none());
        // The memory does not need it.
        set(&mapping, 0, 1);
        mapping.punch(0, page_size()).expect("punch");
        mapping.commit(0, 1).expect("commit");
        assert_eq!(get(&mapping, 0), 0);
        std::mem::forget(mapping);
    });
}

#[test]
fn descriptor_is_close_on_exec() {
    let mapping = mapping(1);
    // SAFETY: F_GETFD takes no memory.
    assert_eq!(unsafe { libc::fcntl(number(&mapping), libc::F_GETFD) }, libc::FD_CLOEXEC);
}

#[test]
fn default_capacity_is_the_least_of_all_bounds() {
    const GIB: u64 = 1 << 30;
    let unlimited = u64::MAX;
    assert_eq!(capacity_for(4 * GIB, unlimited, unlimited) as u64, 64 * GIB);
    assert_eq!(capacity_for(1024 * GIB, unlimited, unlimited) as u64, 1024 * GIB);
    assert_eq!(capacity_for(4 * GIB, 8 * GIB, unlimited) as u64, 2 * GIB);
    assert_eq!(capacity_for(4 * GIB, unlimited, GIB + 5) as u64, GIB);
    assert_eq!(capacity_for(0, unlimited, unlimited), 0);
    assert!(default_capacity() >= page_size());
}

#[test]
fn huge_pages_are_asked_for_where_asking_helps() {
    assert!(takes_advice("always within_size [advise] never deny force\n"));
    assert!(takes_advice("always [within_size] advise never deny force\n"));
    assert!(!takes_advice("always within_size advise [never] deny force\n"));
    assert!(!takes_advice("[always] within_size advise never deny force\n"));
    assert!(!takes_advice(""));
}
