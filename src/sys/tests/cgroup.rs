use std::fs;
use std::path::Path;

use crate::sys::cgroup::{
    Hierarchy, Mount, V1, V2, directory, file_cache, group_in, head_room, least_room, mount,
};

const MEMBERSHIP_V1: &str = "\
9:name=systemd:/user.slice
5:memory:/docker/3f:odd
4:cpu,cpuacct:/docker/cpu
";
const MEMBERSHIP_V2: &str = "0::/user.slice/user-1000.slice/app\\x2dx.scope\n";
const MEMBERSHIP_HYBRID: &str = "4:hugetlb,memory:/batch\n1:name=systemd:/init\n0::/init\n";

const LINE_V1: &str =
    "36 25 0:31 /docker/3f /sys/fs/cgroup/memory ro,nosuid shared:15 master:2 - cgroup cgroup rw,memory";
const LINE_V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate";

/// Writes a group's files below `at`.
fn write(at: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(at).expect("mkdir");
    for (file, text) in files {
        fs::write(at.join(file), text).expect("write");
    }
}

fn mounted(hierarchy: Hierarchy, root: &str, point: &str) -> Mount {
    Mount { hierarchy, root: root.into(), point: point.into() }
}

#[test]
fn membership_of_version_1_is_that_of_the_memory_controller() {
    assert_eq!(group_in(MEMBERSHIP_V1, V1), Some("/docker/3f:odd"));
    assert_eq!(group_in(MEMBERSHIP_V1, V2), None);
}

#[test]
fn membership_of_version_2_is_that_of_the_unified_hierarchy() {
    assert_eq!(group_in(MEMBERSHIP_V2, V2), Some("/user.slice/user-1000.slice/app\\x2dx.scope"));
    assert_eq!(group_in(MEMBERSHIP_V2, V1), None);
}

#[test]
fn both_memberships_are_found_in_a_hybrid_system() {
    assert_eq!(group_in(MEMBERSHIP_HYBRID, V1), Some("/batch"));
    assert_eq!(group_in(MEMBERSHIP_HYBRID, V2), Some("/init"));
}

#[test]
fn malformed_membership_is_none() {
    for text in ["", "\n", "0", "0:", "memory", "x:memoryx:/a"] {
        assert_eq!(group_in(text, V1), None, "{text:?}");
        assert_eq!(group_in(text, V2), None, "{text:?}");
    }
}

#[test]
fn mounts_of_both_versions_are_recognised() {
    assert_eq!(mount(LINE_V1), Some(mounted(V1, "/docker/3f", "/sys/fs/cgroup/memory")));
    assert_eq!(mount(LINE_V2), Some(mounted(V2, "/", "/sys/fs/cgroup")));
}

#[test]
fn other_mounts_are_not() {
    let others = [
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        "37 25 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct",
        "37 25 0:32 / /sys/fs/cgroup/memory rw - cgroup",
        "37 25 0:32 /",
        "",
    ];
    for line in others {
        assert_eq!(mount(line), None, "{line}");
    }
}

#[test]
fn escapes_in_mounts_are_undone() {
    let line = r"30 23 0:26 /a\040b /mnt/c\134x2d\011 rw - cgroup2 cgroup2 rw";
    assert_eq!(mount(line), Some(mounted(V2, "/a b", "/mnt/c\\x2d\t")));
    let strange = r"30 23 0:26 /\ /\9 rw - cgroup2 cgroup2 rw";
    assert_eq!(mount(strange), Some(mounted(V2, r"/\", r"/\9")));
}

#[test]
fn group_is_looked_for_below_its_mount() {
    let whole = mounted(V2, "/", "/cg");
    assert_eq!(directory(&whole, "/a/b"), Path::new("/cg/a/b"));
    assert_eq!(directory(&whole, "/"), Path::new("/cg"));
    let container = mounted(V1, "/docker/3f", "/cg/memory");
    assert_eq!(directory(&container, "/docker/3f"), Path::new("/cg/memory"));
    assert_eq!(directory(&container, "/docker/3f/sub"), Path::new("/cg/memory/sub"));
}

#[test]
fn group_outside_its_mount_is_looked_at_from_the_root() {
    assert_eq!(directory(&mounted(V1, "/docker/3f", "/cg"), "/docker/3fx"), Path::new("/cg"));
    assert_eq!(directory(&mounted(V2, "/", "/cg"), "/../../etc"), Path::new("/cg"));
}

#[test]
fn cache_of_files_is_counted_once_and_by_its_full_name() {
    let v1 = "cache 9\ninactive_file 1\nactive_file 2\ntotal_inactive_file 30\ntotal_active_file 400\n";
    let v2 = "anon 7\nfile 9\ninactive_anon 5\ninactive_file 10\nactive_file 200\nslab 3\n";
    assert_eq!(file_cache(v1, V1), 430);
    assert_eq!(file_cache(v2, V2), 210);
    assert_eq!(file_cache("inactive_file x\nactive_file\n", V2), 0);
}

#[test]
fn limit_of_version_1_leaves_what_is_not_used_but_for_file_cache() {
    let top = tempfile::tempdir().expect("tempdir");
    let files = [
        ("memory.limit_in_bytes", "1000\n"),
        ("memory.usage_in_bytes", "900\n"),
        ("memory.stat", "total_inactive_file 200\ntotal_active_file 100\n"),
    ];
    write(top.path(), &files);
    assert_eq!(least_room(V1, top.path(), top.path()), 400);
}

#[test]
fn tightest_group_above_decides() {
    let top = tempfile::tempdir().expect("tempdir");
    let (outer, inner) = (top.path().join("outer"), top.path().join("outer/inner"));
    write(&inner, &[("memory.max", "max\n"), ("memory.current", "10\n")]);
    write(&outer, &[("memory.max", "500\n"), ("memory.current", "100\n"), ("memory.stat", "")]);
    assert_eq!(least_room(V2, top.path(), &inner), 400, "the parent's limit holds for the child");
    write(&inner, &[("memory.max", "50\n")]);
    assert_eq!(least_room(V2, top.path(), &inner), 40);
    write(top.path(), &[("memory.max", "7\n")]);
    assert_eq!(least_room(V2, top.path(), &inner), 7, "the mount's own group counts");
    assert_eq!(least_room(V2, &outer, &inner), 40, "what lies above the mount does not");
}

#[test]
fn group_beyond_its_limit_has_no_room() {
    let top = tempfile::tempdir().expect("tempdir");
    let files = [("memory.max", "100\n"), ("memory.current", "300\n"), ("memory.stat", "inactive_file 50\n")];
    write(top.path(), &files);
    assert_eq!(least_room(V2, top.path(), top.path()), 0);
    write(top.path(), &[("memory.stat", "inactive_file 900\n")]);
    assert_eq!(least_room(V2, top.path(), top.path()), 100, "never more than the limit");
}

#[test]
fn missing_or_malformed_files_set_no_limit() {
    let top = tempfile::tempdir().expect("tempdir");
    assert_eq!(least_room(V2, top.path(), &top.path().join("gone/deleted")), u64::MAX);
    write(top.path(), &[("memory.max", "many\n"), ("memory.current", "1\n")]);
    assert_eq!(least_room(V2, top.path(), top.path()), u64::MAX);
    write(top.path(), &[("memory.max", "9\n"), ("memory.current", "?\n")]);
    assert_eq!(least_room(V2, top.path(), top.path()), 9, "a limit holds even if the usage is unknown");
}

#[test]
fn own_groups_leave_some_room() {
    assert!(head_room() > 0);
}
