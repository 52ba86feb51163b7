//! `strongroom validate` over checkpoints of torch.distributed.checkpoint: those that torch wrote
//! are safe, and of the hostile ones the worst file gets a verdict that `truth.json` accepts. What is
//! printed is in `expected.txt`.
//!
//! `BLESS=1` writes the texts anew; the verdicts stay what the truth says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// The repository, which the paths in reports count from.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn what_torch_wrote_is_safe() {
    let folders = folders("good");
    assert!(folders.len() >= 10, "{}", folders.len());
    let mut wrong = Vec::new();
    for folder in folders {
        let name = folder.rsplit('/').next().unwrap().to_string();
        let report = json(&folder);
        for file in report["files"].as_array().unwrap() {
            let path = file["path"].as_str().unwrap();
            let (verdict, level) = (file["verdict"].as_str().unwrap(), file["level"].as_str());
            // Nobody decompresses what was compressed.
            let expected = match name.ends_with("_zstd") {
                true => ["unverified"].as_slice(),
                false => &["safe", "inert"],
            };
            let is_metadata = path.ends_with(".metadata");
            if !expected.contains(&verdict) || is_metadata && verdict == "safe" && level != Some("no-code") {
                wrong.push(format!("{path}: {verdict} {level:?}"));
            }
        }
        compare(&folder, &Path::new(ROOT).join(format!("tests/data/dcp/expected/{name}.txt")), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_hostile_checkpoint_is_judged_as_it_should_be() {
    let folders = folders("hostile");
    assert!(folders.len() >= 50, "{}", folders.len());
    let mut wrong = Vec::new();
    for folder in folders {
        let own = Path::new(ROOT).join(&folder);
        let truth: Json = serde_json::from_slice(&fs::read(own.join("truth.json")).unwrap()).unwrap();
        let checkpoint = format!("{folder}/checkpoint");
        let report = json(&checkpoint);
        let files = report["files"].as_array().unwrap();
        let worst = files.iter().map(|file| file["verdict"].as_str().unwrap()).max_by_key(|verdict| {
            ["safe", "inert", "trusting", "unverified", "malformed", "unsafe"]
                .iter()
                .position(|one| one == verdict)
        });
        let (worst, expect) = (worst.unwrap(), truth["expect"].as_array().unwrap());
        if !expect.iter().any(|expect| expect == worst) {
            wrong.push(format!("{folder}: {worst}, where {expect:?} is right"));
        }
        compare(&checkpoint, &own.join("expected.txt"), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The folders of checkpoints, from the repository's root.
fn folders(group: &str) -> Vec<String> {
    let root = Path::new(ROOT).join("tests/data/dcp").join(group);
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_string();
    let mut folders: Vec<String> = fs::read_dir(root)
        .unwrap()
        .map(|entry| format!("tests/data/dcp/{group}/{}", name(entry.unwrap().path())))
        .collect();
    folders.sort();
    folders
}

fn json(folder: &str) -> Json {
    serde_json::from_str(&validate(&["--format", "json", folder])).unwrap()
}

/// Holds what is printed against a text.
fn compare(folder: &str, golden: &Path, wrong: &mut Vec<String>) {
    let text = validate(&[folder]);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(golden, text).unwrap();
    } else if fs::read_to_string(golden).unwrap_or_default() != text {
        wrong.push(format!("{folder}: not as in {}:\n{text}", golden.display()));
    }
}

fn validate(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.current_dir(Path::new(ROOT)).args(["validate", "--no-config"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 3), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
