//! What a test left behind: open descriptors, zombies, mappings, entries of `/dev/shm`.
//!
//! Meaningful only alone in a process ([`super::isolated`]), after a warm-up that has made what the crate makes once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{eventually, table};

/// How many mappings more than before are no leak. The crate starts threads when several children end at once, and the
/// C library keeps the stacks (40 MiB of them) and heaps (8 per processor) of threads that ended, two mappings each. What
/// is leaked per child or per block shows in the hundreds.
const MAPPINGS_THAT_COME_AND_GO: usize = 100;

/// A picture of what the process has open.
#[derive(Clone, Debug)]
pub(crate) struct Leftovers {
    descriptors: BTreeMap<i32, String>,
    mappings: usize,
    shm: BTreeSet<String>,
}

impl Leftovers {
    /// The picture now.
    pub(crate) fn now() -> Leftovers {
        Leftovers { descriptors: descriptors(), mappings: mappings(), shm: shm() }
    }

    /// Waits until nothing is left that was not there in this picture, and no zombie either (a detached child is
    /// reaped by another thread, which takes its time).
    pub(crate) fn assert_nothing_new(&self) {
        eventually(|| {
            let zombies = table::own_zombies();
            if !zombies.is_empty() {
                return Err(format!("zombies: {zombies:?}"));
            }
            let now = Leftovers::now();
            let extra: Vec<_> =
                now.descriptors.iter().filter(|(fd, _)| !self.descriptors.contains_key(fd)).collect();
            if now.descriptors.len() > self.descriptors.len() {
                return Err(format!(
                    "{} descriptors more: {extra:?}",
                    now.descriptors.len() - self.descriptors.len()
                ));
            }
            if now.mappings > self.mappings + MAPPINGS_THAT_COME_AND_GO {
                return Err(format!("{} mappings, {} before", now.mappings, self.mappings));
            }
            let names: Vec<_> = now.shm.difference(&self.shm).collect();
            if !names.is_empty() {
                return Err(format!("new in /dev/shm: {names:?}"));
            }
            Ok(())
        });
    }
}

/// This process's open descriptors and what they refer to.
pub(crate) fn descriptors() -> BTreeMap<i32, String> {
    let listing = fs::read_dir("/proc/self/fd").expect("list /proc/self/fd");
    let mut found = BTreeMap::new();
    for item in listing.flatten() {
        let Ok(fd) = item.file_name().to_string_lossy().parse() else { continue };
        // The listing's own descriptor is in it, and is closed before anybody can ask.
        let Ok(target) = fs::read_link(item.path()) else { continue };
        let target = target.to_string_lossy().into_owned();
        if !target.ends_with("/fd") {
            found.insert(fd, target);
        }
    }
    found
}

/// The number of this process's mappings.
pub(crate) fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").expect("read /proc/self/maps").lines().count()
}

/// This process's resident memory, shared pages included, in bytes.
pub(crate) fn resident_bytes() -> u64 {
    status_kib("VmRSS:") << 10
}

/// This process's address space in bytes.
pub(crate) fn address_space_bytes() -> u64 {
    status_kib("VmSize:") << 10
}

fn status_kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("read /proc/self/status");
    let line =
        status.lines().find_map(|line| line.strip_prefix(field)).expect("the field in /proc/self/status");
    line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
}

/// The entries of `/dev/shm`; empty where there is none.
pub(crate) fn shm() -> BTreeSet<String> {
    let Ok(listing) = fs::read_dir("/dev/shm") else { return BTreeSet::new() };
    listing.flatten().map(|item| item.file_name().to_string_lossy().into_owned()).collect()
}
