//! The files under tests/data, made by tests/fixtures.

use std::fs;
use std::path::{Path, PathBuf};

/// One folder of tests/data.
pub struct Case {
    /// The folder's name.
    pub name: String,
    pub directory: PathBuf,
    /// The checkpoint file in it.
    pub file: PathBuf,
}

impl Case {
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap()
    }

    /// What torch or safetensors says of a good file.
    pub fn expected(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.directory.join("expected.json")).unwrap()).unwrap()
    }
}

/// Files that are what torch or safetensors wrote, or once did.
pub fn good() -> Vec<Case> {
    cases("good")
}

/// Files that are damaged, or were made to do damage.
pub fn bad() -> Vec<Case> {
    cases("bad")
}

/// The good case of this name.
pub fn good_named(name: &str) -> Case {
    good().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

/// Failures of many cases, shown together: one run tells all.
#[derive(Default)]
pub struct Failures(Vec<String>);

impl Failures {
    pub fn add(&mut self, case: &str, what: impl std::fmt::Display) {
        self.0.push(format!("{case}: {what}"));
    }

    pub fn check(self) {
        assert!(self.0.is_empty(), "{} failures:\n{}", self.0.len(), self.0.join("\n"));
    }
}

fn cases(kind: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(kind);
    let mut cases: Vec<Case> =
        fs::read_dir(&root).unwrap().map(|entry| case(entry.unwrap().path())).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.len() > 100, "tests/data/{kind} has lost most of its cases");
    cases
}

fn case(directory: PathBuf) -> Case {
    let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
    let torch = directory.join("model.pt");
    let file = if torch.exists() { torch } else { directory.join("model.safetensors") };
    Case { name, directory, file }
}
