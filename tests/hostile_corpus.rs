//! `strongroom validate` over the hostile corpus: each file gets a verdict that its
//! `truth.json` accepts, and exactly the report of its `expected.json`.
//!
//! Where `truth.json` has names to allow, both are with `--allow`: without it, the file is
//! unsafe.
//!
//! `BLESS=1` writes the reports anew; the verdicts stay what the truth says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

#[test]
fn every_hostile_file_is_judged_as_it_should_be() {
    let cases = cases();
    assert!(cases.len() >= 1200, "only {} cases", cases.len());
    let plain = reports(&cases.iter().collect::<Vec<_>>(), &[]);
    let allowing = allowing(&cases);
    let mut wrong = Vec::new();
    for case in &cases {
        let report = allowing.get(&case.file).unwrap_or(&plain[&case.file]);
        if !case.allow.is_empty() && plain[&case.file]["verdict"] != "unsafe" {
            wrong.push(format!("{}: not unsafe though nothing is allowed", case.name));
        }
        let verdict = report["verdict"].as_str().unwrap();
        if !case.expect.iter().any(|expected| expected == verdict) {
            wrong.push(format!("{}: {verdict}, where {:?} is right", case.name, case.expect));
        }
        let text = serde_json::to_string_pretty(report).unwrap() + "\n";
        let golden = case.folder.join("expected.json");
        if std::env::var_os("BLESS").is_some() {
            fs::write(golden, text).unwrap();
        } else if fs::read_to_string(golden).unwrap_or_default() != text {
            wrong.push(format!("{}: not as in expected.json:\n{text}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The repository, which the paths in reports count from.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A file and what it may be judged.
struct Case {
    name: String,
    folder: PathBuf,
    /// From the repository's root.
    file: String,
    expect: Vec<String>,
    /// Names with which it may be judged so.
    allow: Vec<String>,
}

fn cases() -> Vec<Case> {
    let root = Path::new(ROOT).join("tests/data/hostile");
    let mut cases: Vec<_> =
        fs::read_dir(&root).unwrap().filter_map(|entry| case(&entry.unwrap().path())).collect();
    cases.sort_by(|a, b| a.file.cmp(&b.file));
    cases
}

fn case(folder: &Path) -> Option<Case> {
    let truth: Json = serde_json::from_slice(&fs::read(folder.join("truth.json")).ok()?).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap().to_string();
    let file = format!("tests/data/hostile/{name}/{}", truth["file"].as_str().unwrap());
    let (expect, allow) = (texts(&truth["expect"]), texts(&truth["allow"]));
    Some(Case { expect, allow, folder: folder.into(), name, file })
}

/// The texts of a list, none if there is no list.
fn texts(list: &Json) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().into()).collect()
}

/// The reports of the files for which something is allowed.
fn allowing(cases: &[Case]) -> BTreeMap<String, Json> {
    let mut groups: BTreeMap<&[String], Vec<&Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.allow.is_empty()) {
        groups.entry(&case.allow).or_default().push(case);
    }
    groups.iter().flat_map(|(allow, cases)| reports(cases, allow)).collect()
}

/// All reports, made by one run of the command, by file.
fn reports(cases: &[&Case], allow: &[String]) -> BTreeMap<String, Json> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.current_dir(Path::new(ROOT)).args(["validate", "--format", "json", "--timeout", "5m"]);
    command.args(allow.iter().flat_map(|name| ["--allow", name]));
    let output = command.args(cases.iter().map(|case| &case.file)).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all: Json = serde_json::from_slice(&output.stdout).unwrap();
    let files = all["files"].as_array_mut().unwrap();
    let named = |report: &mut Json| {
        // What a run makes of a file is no part of the report.
        report.as_object_mut().unwrap().remove("passes").unwrap();
        (report["path"].as_str().unwrap().to_string(), report.take())
    };
    files.iter_mut().map(named).collect()
}
