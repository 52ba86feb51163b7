//! The machine's own file system.
//!
//! A file or directory has a hidden name until it is complete, and is locked as long as
//! a process works on it: what has a hidden name and no lock was left by the dead.

mod hidden;
mod leftovers;
mod lock;
mod sink;
mod source;
mod stage;
mod sync;

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rustix::fs::statvfs;

use self::hidden::Kind;
use self::lock::{Names, is_at};
use self::sink::LocalSink;
use self::source::LocalSource;
use self::stage::LocalStage;
use self::sync::parent;
use super::{Entry, Sink, Source, Stage, Store};
use crate::{Error, Result};

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Store for Local {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(LocalSource::open(path)?))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        // Not following links: a dangling one is in the way of a rename too.
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(source) if matches!(source.kind(), NotFound | NotADirectory) => Ok(false),
            Err(source) => Err(Error::io(path, "look at", source)),
        }
    }

    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>> {
        let name = own_name(path, "create")?;
        leftovers::remove_of_file(path, name);
        Ok(Box::new(LocalSink::create(path, name, length, false)?))
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let failed = |source| Error::io(path, "list", source);
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Of a directory that goes now it is still said that it was one.
            let kind = entry.file_type().map_err(failed)?;
            let directory = kind.is_dir();
            let length = match kind {
                kind if kind.is_dir() => 0,
                kind if kind.is_symlink() => fs::metadata(entry.path()).map_or(0, |metadata| metadata.len()),
                _ => match entry.metadata() {
                    // It went while it was looked at.
                    Err(source) if source.kind() == NotFound => continue,
                    metadata => metadata.map_err(failed)?.len(),
                },
            };
            entries.push(Entry { name, directory, length });
        }
        Ok(entries)
    }

    fn available(&self, path: &Path) -> Result<Option<u64>> {
        // The directory may be one that is yet to be made.
        let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
        let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
        let status =
            statvfs(existing).map_err(|errno| Error::io(existing, "ask for space on", errno.into()))?;
        Ok(Some(status.f_bavail.saturating_mul(status.f_frsize)))
    }

    fn remove(&self, path: &Path, wanted: &dyn Fn() -> Result<bool>) -> Result<bool> {
        let doomed = Kind::Removed.unique(path, own_name(path, "remove")?);
        let failed = |source| Error::io(path, "remove", source);
        let names = Names::of(parent(path))?;
        let directory = match File::open(path) {
            // Somebody else removes too.
            Err(source) if source.kind() == NotFound => return Ok(false),
            opened => opened.map_err(failed)?,
        };
        if !wanted()? {
            return Ok(false);
        }
        match fs::rename(path, &doomed) {
            Err(source) if source.kind() == NotFound => return Ok(false),
            renamed => renamed.map_err(failed)?,
        }
        // Where locks do not reach, it may be another by now than was looked at.
        let is_it = is_at(&directory, &doomed).map_err(failed);
        if !matches!(is_it, Ok(true)) {
            fs::rename(&doomed, path).map_err(failed)?;
            return is_it;
        }
        if let Err(error) = names.sync() {
            // What an error is said of is still there.
            let _ = fs::rename(&doomed, path);
            return Err(error);
        }
        drop(names);
        // It is no checkpoint any more: what cannot be removed now is a leftover.
        let _ = fs::remove_dir_all(&doomed);
        Ok(true)
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        Ok(Box::new(LocalStage::join(path, own_name(path, "create")?, token)?))
    }

    fn tidy(&self, root: &Path) -> Result<()> {
        leftovers::remove_directories(root)
    }
}

/// Whether a name says that a save works on what has it, or has left it.
pub(crate) fn is_unfinished(name: &str) -> bool {
    matches!(Kind::of(name), Some(Kind::Partial | Kind::Stage))
}

/// The name of a file or directory in the one above: `a/b/` and `a/b` are one, and
/// `..` and `/` have none.
fn own_name<'p>(path: &'p Path, action: &str) -> Result<&'p OsStr> {
    path.file_name().ok_or_else(|| {
        let reason = io::Error::new(io::ErrorKind::InvalidInput, "it has no name of its own");
        Error::io(path, action, reason)
    })
}
