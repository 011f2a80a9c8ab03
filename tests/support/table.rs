//! The system's process table as `/proc` shows it.

use std::fs;

/// What `/proc/<pid>/stat` tells.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The process.
    pub(crate) pid: u32,
    /// Its name.
    pub(crate) name: String,
    /// Its state: `R`, `S`, `Z`, ..
    pub(crate) state: char,
    /// Its parent.
    pub(crate) parent: u32,
    /// Its process group.
    pub(crate) group: u32,
}

impl Entry {
    /// Whether it can still run: neither a zombie nor dead.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
}

/// The entry of one process; `None` once it is gone for good.
pub(crate) fn entry(pid: u32) -> Option<Entry> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may contain anything.
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_string();
    let mut fields = tail.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(Entry { pid, name, state, parent, group })
}

/// All entries.
fn entries() -> Vec<Entry> {
    let listing = fs::read_dir("/proc").expect("list /proc");
    let names = listing.filter_map(|item| item.ok()?.file_name().into_string().ok());
    names.filter_map(|name| entry(name.parse().ok()?)).collect()
}

/// Whether the process exists and is no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    entry(pid).is_some_and(|entry| entry.is_alive())
}

/// The members of a process group that can still run.
pub(crate) fn alive_in_group(group: u32) -> Vec<u32> {
    entries()
        .into_iter()
        .filter(|entry| entry.group == group && entry.is_alive())
        .map(|entry| entry.pid)
        .collect()
}

/// This process's children that are dead and not reaped.
pub(crate) fn own_zombies() -> Vec<Entry> {
    let me = std::process::id();
    entries().into_iter().filter(|entry| entry.parent == me && entry.state == 'Z').collect()
}

/// This process's children in whatever state.
pub(crate) fn own_children() -> Vec<Entry> {
    let me = std::process::id();
    entries().into_iter().filter(|entry| entry.parent == me).collect()
}

/// Children, their children and so on.
pub(crate) fn descendants_of(pid: u32) -> Vec<u32> {
    let all = entries();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(all.iter().filter(|entry| entry.parent == parent).map(|entry| entry.pid));
        next += 1;
    }
    found.split_off(1)
}

/// A process in one line, with what it waits for in the kernel.
pub(crate) fn describe(pid: u32) -> String {
    let Some(entry) = entry(pid) else { return format!("pid {pid}, gone") };
    let wait = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    format!("pid {pid} '{}' state {} parent {} in {wait}", entry.name, entry.state, entry.parent)
}
