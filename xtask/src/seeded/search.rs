//! A run of the readers with one component.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::tree::Tree;
use crate::run::{command, root};

/// What a run found first.
pub struct Found {
    /// How many files it took.
    pub file: u64,
    /// The reader that does what it must not.
    pub reader: String,
    /// What that is.
    pub what: String,
}

impl Found {
    /// In one line.
    pub fn sentence(&self) -> String {
        format!("file {}: {}: {}", self.file, self.reader, self.what)
    }

    /// From the line that the scripts print: `file 7: tarfile: opens what is judged as npy`.
    fn parse(line: &str) -> Option<Self> {
        let (_, line) = line.split_once(": FIRST: file ")?;
        let (file, rest) = line.split_once(": ")?;
        let (reader, what) = rest.split_once(": ")?;
        // A bar would end the table's column.
        let what = what.replace('|', "/");
        Some(Self { file: file.parse().ok()?, reader: reader.into(), what })
    }
}

/// Takes files through the readers until there is a finding, or all are through. `args` are a
/// script and its options.
pub fn search(python: &Path, tree: &Tree, component: &Path, args: &[&str]) -> Result<Option<Found>> {
    let (script, options) = args.split_first().context("a run without a script")?;
    let mut command = command(python);
    command
        .arg(root().join("tests/interop").join(script).with_extension("py"))
        .arg("--strongroom")
        .arg(tree.program(component)?)
        .arg("--work")
        .arg(tree.work())
        .args(["--first", "--seed", "0"])
        .args(options)
        .stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().find_map(Found::parse);
    match (output.status.code(), &found) {
        (Some(0), None) | (Some(1), Some(_)) => Ok(found),
        _ => bail!("{command:?} failed: {}, after:\n{text}", output.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_found_first() {
        let found = Found::parse("readers: FIRST: file 37: torch.meta: fails: ends with -11").unwrap();
        assert_eq!(found.sentence(), "file 37: torch.meta: fails: ends with -11");
        assert_eq!((found.reader.as_str(), found.what.as_str()), ("torch.meta", "fails: ends with -11"));
        assert!(Found::parse("readers: 0 kinds of findings").is_none());
    }
}
