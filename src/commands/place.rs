//! Whether a path is what a command works on, told before any work is done.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, bail};
use strongroom::store::Local;
use strongroom::{DirectoryKind, Error};

use crate::failure::Usage;

/// Refuses a directory where a file is meant, with the command that takes one.
pub fn expect_file(path: &Path) -> Result<()> {
    if path.is_dir() {
        let kind = DirectoryKind::of(&Local, path)?;
        if kind != DirectoryKind::Committed {
            bail!(Error::NotCommitted { path: path.into(), kind });
        }
        bail!(Usage(format!(
            "{}: is a directory; `strongroom load DIR OUT` makes a file of a checkpoint directory",
            path.display()
        )));
    }
    Ok(())
}

/// Refuses a file where a directory is meant, with the command that takes one.
pub fn expect_directory(path: &Path) -> Result<()> {
    // Without this a directory that is missing would pass for one without record.
    let metadata = fs::metadata(path);
    let metadata =
        metadata.map_err(|source| Error::Io { path: path.into(), action: "open".into(), source })?;
    if !metadata.is_dir() {
        bail!(Usage(format!(
            "{}: is a file, not a directory; `strongroom convert IN OUT` writes a file in another format",
            path.display()
        )));
    }
    Ok(())
}

/// Whether there is a directory of checkpoints, of which a run has none before its first.
/// Refuses anything else.
pub fn is_there(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => bail!(Error::Io { path: path.into(), action: "open".into(), source }),
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(_) => bail!(Usage(format!("{}: is a file, not a directory of checkpoints", path.display()))),
    }
}
