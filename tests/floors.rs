//! Dependencies point down: each module uses those of its own floor's list that come before it, and
//! nothing above. Read from the sources, names that are exported at the root followed to where they
//! are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The host, from the ground.
const HOST: &[&str] = &[
    "directory_kind",
    "seconds",
    "limits",
    "error",
    "sys",
    "store",
    "sandbox",
    "payload",
    "state",
    "ranks",
    "file",
    "checkpoint",
    "validate",
];
/// What understands bytes.
const GUEST: &[&str] = &[
    "show",
    "error",
    "dtype",
    "limits",
    "step",
    "model",
    "extras",
    "listing",
    "path",
    "pickle",
    "foreign",
    "zip",
    "safetensors",
    "torch",
    "dcp",
    "reader",
    "writer",
    "validate",
    "component",
];

#[test]
fn the_host_has_floors() {
    assert_eq!(upward("host/src", HOST), Vec::<String>::new());
}

#[test]
fn the_guest_has_floors() {
    assert_eq!(upward("guest/src", GUEST), Vec::<String>::new());
}

/// A test of the test: what points up is found.
#[test]
fn what_points_up_is_found() {
    let mut floors = HOST.to_vec();
    floors.reverse();
    assert!(upward("host/src", &floors).len() > 10);
}

/// The uses that point up.
fn upward(sources: &str, floors: &[&str]) -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(sources);
    let exported = exported(&fs::read_to_string(sources.join("lib.rs")).unwrap(), floors);
    let mut found = Vec::new();
    for file in files(&sources) {
        let place = file.strip_prefix(&sources).unwrap();
        let module = place.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let floor = floors.iter().position(|floor| *floor == module);
        let floor = floor.unwrap_or_else(|| panic!("{module} is on no floor: give it one"));
        let is_folder = place.ends_with("mod.rs");
        let depth = place.iter().count() - usize::from(is_folder);
        for path in uses(&code(&fs::read_to_string(&file).unwrap()), depth) {
            let head = path.split("::").next().unwrap();
            let target = floors.iter().position(|floor| *floor == head).or(exported.get(head).copied());
            if target.is_some_and(|target| target > floor) {
                found.push(format!("{} uses {path}", place.display()));
            }
        }
    }
    found
}

/// Where the names are from that are exported at the root.
fn exported(root: &str, floors: &[&str]) -> BTreeMap<String, usize> {
    let mut exported = BTreeMap::new();
    for statement in root.split(';') {
        let Some((_, path)) = statement.split_once("pub use ") else { continue };
        for path in expanded(path) {
            let (head, _) = path.split_once("::").unwrap_or((&path, ""));
            let (_, name) = path.rsplit_once("::").unwrap_or(("", &path));
            if let Some(floor) = floors.iter().position(|floor| *floor == head) {
                exported.insert(name.into(), floor);
            }
        }
    }
    exported
}

/// The paths from the root on: those behind `crate::`, or behind as many `super::` as the module is deep.
fn uses(code: &str, depth: usize) -> Vec<String> {
    let mut paths = Vec::new();
    for root in ["crate::".into(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&root) {
            paths.extend(expanded(&code[at + root.len()..]));
        }
    }
    paths
}

/// The paths that a path with braces stands for.
fn expanded(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if !(head.is_empty() || head.ends_with("::")) || !rest.starts_with('{') {
        return vec![head.trim_end_matches(':').into()];
    }
    let (mut depth, mut start, mut paths) = (0, 1, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            let inner = rest[start..at].trim();
            if !inner.is_empty() {
                paths.extend(expanded(inner).into_iter().map(|path| format!("{head}{path}")));
            }
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    paths
}

/// A source without comments, and without its tests, which may look anywhere.
fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = source.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" && name != "testdata" {
            files.extend(self::files(&path));
        } else if name.ends_with(".rs") && !matches!(name, "tests.rs" | "whole.rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
