//! Rules of the source tree that no compiler checks: the layers and their arrows, who may name `libc`, how long a file
//! may be and how it may be called, and that every happens-before edge is named at both of its ends.
//!
//! A folder of `src/` may name only what stands left of it:
//!
//! ```text
//! shim → error → algo → sys → segment → message → sync → value → queue → process → pool
//! ```
//!
//! Comments may name anything, and so may unit tests (the folders called `tests` and `properties`) and the files directly under `src/`
//! that only put the crate together.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const LAYERS: [&str; 11] =
    ["shim", "error", "algo", "sys", "segment", "message", "sync", "value", "queue", "process", "pool"];

/// Names that say nothing about what a file is for.
const EMPTY_NAMES: [&str; 8] = ["raw", "inner", "util", "utils", "helper", "helpers", "common", "misc"];

const LONGEST_FILE: usize = 600;

struct Source {
    /// Relative to the repository.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The layer that the file belongs to, unless it is one that puts the crate together.
    fn layer(&self) -> Option<usize> {
        let inside = self.path.strip_prefix("src").ok()?;
        let first = Path::new(inside.iter().next()?).with_extension("");
        LAYERS.iter().position(|layer| first == Path::new(layer))
    }

    fn is_unit_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "properties")
    }

    /// The text without the lines that are comments.
    fn code(&self) -> String {
        self.text.lines().filter(|line| !line.trim_start().starts_with("//")).fold(
            String::new(),
            |mut code, line| {
                code.push_str(line);
                code.push('\n');
                code
            },
        )
    }
}

/// Reads every Rust file under `folder` of the repository.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { path: path.strip_prefix(root).unwrap().to_owned(), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Every Rust file of the repository.
fn all_sources() -> Vec<Source> {
    ["src", "tests", "examples", "benches", "fuzz"].iter().flat_map(|folder| sources(folder)).collect()
}

/// The source of the crate itself; a test that found none would pass for no reason.
fn crate_sources() -> Vec<Source> {
    let sources = sources("src");
    assert!(sources.len() > 40, "only {} files found", sources.len());
    sources
}

fn is_part_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The name that `text` begins with.
fn name(text: &str) -> &str {
    &text[..text.find(|letter| !is_part_of_name(letter)).unwrap_or(text.len())]
}

/// What follows `crate::` in `code`: one name, or each first name of a group in braces. Macros are left out: those that
/// the crate exports all stand at its root.
fn named_in_crate(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        if code[..at].ends_with(is_part_of_name) {
            continue;
        }
        let rest = &code[at + path.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            let name = name(rest);
            if !rest[name.len()..].starts_with('!') {
                names.push(name);
            }
            continue;
        };
        let mut depth = 1;
        let mut at_start = true;
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => at_start = depth == 1,
                _ if at_start && is_part_of_name(letter) => {
                    names.push(name(&group[at..]));
                    at_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

fn assert_none(complaints: &[String], rule: &str) {
    let list = complaints.iter().fold(String::new(), |mut list, complaint| {
        writeln!(list, "  {complaint}").unwrap();
        list
    });
    assert!(complaints.is_empty(), "{rule}:\n{list}");
}

#[test]
fn no_layer_names_one_to_its_right() {
    let mut complaints = Vec::new();
    for source in crate_sources().iter().filter(|source| !source.is_unit_test()) {
        let Some(own) = source.layer() else { continue };
        for named in named_in_crate(&source.code()) {
            let path = source.path.display();
            match LAYERS.iter().position(|layer| *layer == named) {
                Some(layer) if layer <= own => {}
                Some(_) => complaints.push(format!("{path} ({}) names {named}", LAYERS[own])),
                None => {
                    complaints.push(format!("{path} names crate::{named}, which hides the layer it is in"))
                }
            }
        }
    }
    assert_none(&complaints, "a folder may name only what stands left of it, and by its folder");
}

#[test]
fn groups_and_paths_are_read() {
    let code = "use crate::{\n    shim::{AtomicU64, fence},\n    sys::futex,\n};\nlet x = crate::error::f(mycrate::no, crate::no!());";
    assert_eq!(named_in_crate(code), ["shim", "sys", "error"]);
}

#[test]
fn only_sys_names_libc() {
    let complaints: Vec<_> = crate_sources()
        .iter()
        .filter(|source| !source.path.starts_with("src/sys") && source.code().contains("libc"))
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&complaints, "these name libc");
}

#[test]
fn only_shim_names_atomics() {
    let complaints: Vec<_> = crate_sources()
        .iter()
        .filter(|source| !source.path.starts_with("src/shim") && !source.is_unit_test())
        .filter(|source| {
            ["core::sync::atomic", "std::sync::atomic", "loom::"]
                .iter()
                .any(|path| source.code().contains(path))
        })
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&complaints, "these go past the shim");
}

#[test]
fn state_machines_know_no_operating_system_clock_or_heap() {
    const FOREIGN: [&str; 8] =
        ["UnsafeCell", "Instant", "Duration", "std::thread", "std::fs", "Box<", "Vec<", "Mutex"];
    let complaints: Vec<_> = crate_sources()
        .iter()
        .filter(|source| source.path.starts_with("src/algo") && !source.is_unit_test())
        .filter_map(|source| {
            let code = source.code();
            let named = FOREIGN.iter().find(|name| code.contains(**name))?;
            Some(format!("{} names {named}", source.path.display()))
        })
        .collect();
    assert_none(&complaints, "what needs these is no state machine");
}

#[test]
fn files_are_short() {
    let complaints: Vec<_> = all_sources()
        .iter()
        .map(|source| (source.path.display(), source.text.lines().count()))
        .filter(|(_, lines)| *lines >= LONGEST_FILE)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(&complaints, "these are too long to be about one thing");
}

#[test]
fn file_names_say_what_is_in_them() {
    let complaints: Vec<_> = all_sources()
        .iter()
        .filter(|source| {
            source.path.iter().any(|part| {
                EMPTY_NAMES.iter().any(|name| Path::new(part).with_extension("") == Path::new(name))
            })
        })
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&complaints, "these names say nothing");
}

/// The label of a row of an edge table in a header: `//! | E1   | ...`.
fn label_of_row(line: &str) -> Option<&str> {
    let label = line.strip_prefix("//! |")?.split('|').next()?.trim();
    let digits = label.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    let is_label = digits.len() < label.len()
        && !digits.is_empty()
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_label.then_some(label)
}

fn names_label(line: &str, label: &str) -> bool {
    line.match_indices(label).any(|(at, _)| {
        !line[..at].ends_with(is_part_of_name) && !line[at + label.len()..].starts_with(is_part_of_name)
    })
}

#[test]
fn every_edge_is_named_at_both_ends() {
    let sources = crate_sources();
    let mut tables: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in &sources {
        for label in source.text.lines().filter_map(label_of_row) {
            tables.entry(label).or_default().push(source);
        }
    }
    assert!(tables.len() > 5, "only {} edges found", tables.len());
    let mut complaints = Vec::new();
    for (label, defined) in &tables {
        if let [one, other, ..] = defined[..] {
            complaints.push(format!(
                "{label} is in two tables, {} and {}",
                one.path.display(),
                other.path.display()
            ));
        }
        let ends = sources
            .iter()
            .flat_map(|source| source.text.lines())
            .filter(|line| label_of_row(line).is_none() && names_label(line, label))
            .count();
        if ends < 2 {
            complaints.push(format!("{label} of {} is named {ends} times", defined[0].path.display()));
        }
    }
    assert_none(&complaints, "an edge has one table, and is named where it is made at either end");
}
