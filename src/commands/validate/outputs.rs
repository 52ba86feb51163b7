//! What was found, in every form that was asked for.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Result;
use clap::ValueEnum;
use strongroom::store::Store;
use strongroom::validate::Rule;

use super::gate::Judged;
use super::summary::Summary;
use super::{in_toto, json, sarif, text};
use crate::failure::Usage;

/// How to print what was found.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, as GitHub's code scanning takes it
    Sarif,
    /// A statement of in-toto with each file's SHA-256, to be signed
    InToto,
}

/// A file to write what was found to.
#[derive(Clone)]
pub struct Output {
    /// How.
    pub format: Format,
    /// Where.
    pub file: PathBuf,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').ok_or("expected FORMAT=FILE, as in sarif=found.sarif")?;
        let format = Format::from_str(format, false)
            .map_err(|_| format!("{format:?} is none of text, json, sarif and in-toto"))?;
        match file {
            "" => Err("there is no file after the `=`".into()),
            file => Ok(Self { format, file: file.into() }),
        }
    }
}

/// All that a run found.
pub struct Findings<'f> {
    /// What was found in each file.
    pub files: &'f [Judged],
    /// What all together say.
    pub summary: &'f Summary,
    /// What was looked for.
    pub rules: &'f [Rule],
    /// What the text shows.
    pub view: text::View,
}

impl Findings<'_> {
    /// Writes them all.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        let Self { files, summary, rules, view } = *self;
        match format {
            Format::Text => text::write(out, files, summary, rules, view),
            Format::Json => json::write(out, files, summary),
            Format::Sarif => sarif::write(out, files, summary, rules),
            Format::InToto => in_toto::write(out, files, summary),
        }
    }

    /// Writes them to a file.
    pub fn save(&self, output: &Output, store: &dyn Store) -> Result<()> {
        let mut bytes = Vec::new();
        self.write(output.format, &mut bytes)?;
        save(store, &output.file, &bytes)
    }
}

/// Refuses to write two things into one file.
pub fn are_apart<'p>(written: impl Iterator<Item = &'p Path>) -> Result<(), Usage> {
    let mut seen = BTreeSet::new();
    for path in written {
        if !seen.insert(resolved(path)) {
            let path = path.display();
            return Err(Usage(format!("{path}: two outputs would be in this file, and the first one lost")));
        }
    }
    Ok(())
}

/// Refuses to write through a link that is inside what is judged: who made that would say what is replaced.
pub fn lead_out_of_none<'p>(
    written: impl Iterator<Item = &'p Path>,
    judged: &[PathBuf],
) -> Result<(), Usage> {
    let real =
        |path: &Path| fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok();
    let judged: Vec<PathBuf> = judged.iter().filter_map(|path| real(path)).collect();
    let is_judged = |link: &&Path| {
        link.is_symlink()
            && link
                .parent()
                .and_then(real)
                .is_some_and(|parent| judged.iter().any(|path| parent.starts_with(path)))
    };
    for path in written {
        if let Some(link) = path.ancestors().find(is_judged) {
            let (path, link) = (path.display(), link.display());
            return Err(Usage(format!(
                "{path}: {link} is a link inside what is judged, and no output goes through one"
            )));
        }
    }
    Ok(())
}

/// Refuses to write in place of a model that was judged. What an earlier run wrote is none.
pub fn replace_no_model<'p>(written: impl Iterator<Item = &'p Path>, files: &[Judged]) -> Result<(), Usage> {
    let is_model = |judged: &&Judged| !["text", "json", "empty"].contains(&judged.report.kind.name());
    let models = || files.iter().filter(is_model).map(|judged| judged.report.path.as_path());
    for path in written {
        let Some(there) = identity(path) else { continue };
        if let Some(model) = models().find(|model| identity(model) == Some(there)) {
            let (path, model) = (path.display(), model.display());
            return Err(Usage(format!(
                "{path}: an output would replace {model}, which was judged: nothing was written"
            )));
        }
    }
    Ok(())
}

/// The device and inode of a file, if it is there.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Where a file is or will be, by the directories that are there.
fn resolved(path: &Path) -> PathBuf {
    let parent = || {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()?;
        Some(parent.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(parent).unwrap_or_else(|| path.into())
}

/// Writes a file that is there whole or not at all.
pub fn save(store: &dyn Store, path: &Path, bytes: &[u8]) -> Result<()> {
    let sink = store.create(path, bytes.len() as u64)?;
    sink.write_at(0, bytes)?;
    Ok(sink.finish(false)?)
}
