//! The memory that control groups leave this process.
//!
//! ```text
//!   /proc/self/cgroup       where this process stands:      "0::/user.slice/app"   "4:memory:/docker/3f"
//!   /proc/self/mountinfo    where to look at that:          cgroup2, or cgroup with memory; maybe only a subtree
//!   group, parent, .. root  limit - (usage - file cache) at each; the least counts
//! ```
//!
//! The file cache of a group (active and inactive) is counted as room: it is given up before anything is
//! killed. A file that is missing or unreadable sets no limit: the root group, for one, has none.
//!
//! # Source
//! cgroups(7), Documentation/admin-guide/cgroup-v2.rst, proc_pid_mountinfo(5).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// How a hierarchy calls its files, and the lines of `memory.stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    limit: &'static str,
    usage: &'static str,
    file_cache: [&'static str; 2],
}

/// The unified hierarchy.
pub(super) const V2: Hierarchy =
    Hierarchy { limit: "memory.max", usage: "memory.current", file_cache: ["inactive_file", "active_file"] };

/// The memory controller's own hierarchy, where version 1 is in use.
pub(super) const V1: Hierarchy = Hierarchy {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    file_cache: ["total_inactive_file", "total_active_file"],
};

/// Where a hierarchy can be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) hierarchy: Hierarchy,
    /// The group that stands at `point`: the root, or in a container often the container's own.
    pub(super) root: String,
    /// The directory.
    pub(super) point: String,
}

/// Returns how many bytes all control groups of this process leave it; `u64::MAX` without any limit.
pub(super) fn head_room() -> u64 {
    let Ok(groups) = fs::read_to_string("/proc/self/cgroup") else { return u64::MAX };
    let Ok(mounts) = fs::File::open("/proc/self/mountinfo") else { return u64::MAX };
    // Line by line: where many containers run, the whole is long.
    let lines = BufReader::new(mounts).lines().map_while(Result::ok);
    let mounts = lines.filter_map(|line| mount(&line));
    mounts
        .filter_map(|mount| {
            let group = group_in(&groups, mount.hierarchy)?;
            Some(least_room(mount.hierarchy, Path::new(&mount.point), &directory(&mount, group)))
        })
        .min()
        .unwrap_or(u64::MAX)
}

/// Returns the group of a process in `hierarchy`, from the text of `/proc/pid/cgroup`.
pub(super) fn group_in(text: &str, hierarchy: Hierarchy) -> Option<&str> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        let found = if hierarchy == V2 {
            controllers.is_empty()
        } else {
            controllers.split(',').any(|controller| controller == "memory")
        };
        found.then_some(group)
    })
}

/// Returns the mount that a line of `/proc/pid/mountinfo` describes, if it is of a hierarchy that limits
/// memory.
pub(super) fn mount(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, point) = (mount.next()?, mount.next()?);
    let mut file_system = file_system.split(' ');
    let hierarchy = match file_system.next()? {
        "cgroup2" => V2,
        "cgroup" if file_system.nth(1)?.split(',').any(|option| option == "memory") => V1,
        _ => return None,
    };
    Some(Mount { hierarchy, root: unescaped(root), point: unescaped(point) })
}

/// Returns the directory in which `group` can be looked at. A group outside the mount is looked at from its
/// root.
pub(super) fn directory(mount: &Mount, group: &str) -> PathBuf {
    let below = Path::new(group).strip_prefix(&mount.root).unwrap_or(Path::new(""));
    let inside = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let point = PathBuf::from(&mount.point);
    if inside { point.join(below) } else { point }
}

/// Returns the least room that the group in `directory` and those above it leave, up to the mount at `point`.
pub(super) fn least_room(hierarchy: Hierarchy, point: &Path, directory: &Path) -> u64 {
    directory
        .ancestors()
        .take_while(|group| group.starts_with(point))
        .filter_map(|group| room(hierarchy, group))
        .min()
        .unwrap_or(u64::MAX)
}

/// Returns the room that one group leaves; `None` if it sets no limit.
fn room(hierarchy: Hierarchy, group: &Path) -> Option<u64> {
    let read = |file| fs::read_to_string(group.join(file)).ok();
    let number = |file| read(file)?.trim().parse::<u64>().ok();
    // "max" is no number, and so no limit.
    let limit = number(hierarchy.limit)?;
    let usage = number(hierarchy.usage).unwrap_or(0);
    let file_cache = read("memory.stat").map_or(0, |text| file_cache(&text, hierarchy));
    Some(limit.saturating_sub(usage.saturating_sub(file_cache)))
}

/// Returns the bytes of file cache, from the text of `memory.stat`.
pub(super) fn file_cache(stat: &str, hierarchy: Hierarchy) -> u64 {
    let lines = stat.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter(|(name, _)| hierarchy.file_cache.contains(name))
        .filter_map(|(_, bytes)| bytes.trim().parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

/// Undoes the escapes of mountinfo: a backslash and three octal digits for a blank and the like.
fn unescaped(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut plain = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            None => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}
