//! The machine's own file system.
//!
//! A file or directory has a hidden name until it is complete, and is locked as long as
//! a process works on it: what has a hidden name and no lock was left by the dead.

mod access;
mod attributes;
mod destination;
mod file_system;
mod held;
mod hidden;
mod leftovers;
mod links;
mod lock;
mod parents;
mod place;
mod remove;
mod sink;
mod source;
mod stage;
mod stream;
mod sync;
mod under_way;

use std::ffi::OsStr;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustix::fs::statvfs;

use self::destination::Destination;
use self::hidden::Kind;
use self::place::Place;
use self::sink::LocalSink;
use self::source::LocalSource;
use self::stage::LocalStage;
use self::stream::StreamSink;
use self::sync::parent;
use super::{Entry, Files, Found, Link, Removal, Sink, Source, Stage, Store, Tidied, Which};
use crate::{Error, Result};

/// The machine's own file system.
///
/// A file or directory that is replaced hands its mode, its extended attributes and, where that
/// is permitted, its owner and group on; new ones follow the umask. Links are written through: what they
/// lead to is replaced. Into a pipe or a device a file is written from beginning to end,
/// once it is whole. Directories that are missing above what is written are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Local {
    /// Removes all that this process has under way, for a program that is told to end:
    /// files that are not finished, and directories that are not committed unless other
    /// processes work on them, too. A commit that has begun is waited for.
    ///
    /// Nothing can be created afterwards, and who tries waits for ever: end the process. Answers
    /// whether this is as if it had written nothing: no file or checkpoint of its own has come to
    /// its place, and no byte into a pipe or a device.
    pub fn abandon() -> bool {
        under_way::abandon()
    }

    /// The number of the open file of this process that `path` is a name of, as
    /// `/dev/stdout` is one of 1.
    pub fn descriptor(path: &Path) -> Option<i32> {
        Place::of(path).ok()?.descriptor()
    }
}

impl Store for Local {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(LocalSource::open(path, path)?.held()))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        // Not following links: a dangling one is in the way of a rename too.
        match fs::symlink_metadata(trimmed(path)) {
            Ok(_) => Ok(true),
            Err(source) if matches!(source.kind(), NotFound | NotADirectory) => Ok(false),
            Err(source) => Err(Error::io(path, "look at", source)),
        }
    }

    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>> {
        let Destination::File(place) = Destination::of(path)? else {
            return Ok(Box::new(StreamSink::open(path, length)?));
        };
        let name = own_name(&place, "create")?;
        // It takes the space. What cannot be removed is only a leftover.
        let _ = leftovers::remove(parent(&place));
        Ok(Box::new(LocalSink::create(path, &place, name, length)?))
    }

    fn look(&self, path: &Path) -> Result<Option<Found>> {
        match fs::metadata(trimmed(path)) {
            Ok(there) => Ok(Some(Found {
                directory: there.is_dir(),
                length: there.len(),
                identity: Some((there.dev(), there.ino())),
            })),
            Err(source) if matches!(source.kind(), NotFound | NotADirectory) => Ok(None),
            Err(source) => Err(Error::io(path, "look at", source)),
        }
    }

    fn real(&self, path: &Path) -> Result<PathBuf> {
        Place::of(path)?.absolute()
    }

    fn is_stream(&self, path: &Path) -> Result<bool> {
        Ok(matches!(Destination::of(path)?, Destination::Stream))
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let failed = |source| Error::io(path, "list", source);
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
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
            let link = if kind.is_symlink() { fs::read_link(entry.path()).ok() } else { None };
            entries.push(Entry { name, directory, length, link });
        }
        Ok(entries)
    }

    fn links(&self, root: &Path, found: &mut dyn FnMut(Link)) -> Result<Option<Error>> {
        links::under(root, found)
    }

    fn available(&self, path: &Path) -> Result<Option<u64>> {
        // The directory may be one that is yet to be made.
        let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
        let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
        let status =
            statvfs(existing).map_err(|errno| Error::io(existing, "ask for space on", errno.into()))?;
        // What has no blocks at all, as /proc has none, does not count its space.
        let available = status.f_bavail.saturating_mul(status.f_frsize);
        Ok((status.f_blocks > 0).then_some(available))
    }

    fn remove(&self, root: &Path, which: &Which<'_>, contents: &Files<'_>) -> Result<Vec<Removal>> {
        remove::remove(root, which, contents)
    }

    fn undeletable(&self, path: &Path) -> Result<Option<String>> {
        access::undeletable(&Place::of(path)?.named()?).map_err(|source| Error::io(path, "look at", source))
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        let place = Place::of(path)?;
        place.stays(path)?;
        let place = place.named()?;
        Ok(Box::new(LocalStage::join(path, &place, own_name(&place, "create")?, token)?))
    }

    fn leftovers(&self, root: &Path) -> Result<Vec<PathBuf>> {
        leftovers::find(root)
    }

    fn tidy(&self, root: &Path) -> Result<Tidied> {
        let tidied = leftovers::remove(root)?;
        if !tidied.removed.is_empty() {
            // It may have been all that was in what this process has made.
            parents::unmake(&Place::of(root)?.path.join("removed"));
        }
        Ok(tidied)
    }
}

/// Whether a name says that a save works on what has it, or has left it.
pub(crate) fn is_unfinished(name: &str) -> bool {
    matches!(Kind::of(OsStr::new(name)), Some(Kind::Partial | Kind::Stage))
}

/// The path without a slash at the end: to the kernel it would say that a file is not there,
/// and of a link that it is none.
fn trimmed(path: &Path) -> PathBuf {
    path.components().collect()
}

/// The name of a file or directory in the one above: `a/b/` and `a/b` are one, and
/// `/` has none.
fn own_name<'p>(path: &'p Path, action: &str) -> Result<&'p OsStr> {
    path.file_name().ok_or_else(|| {
        let reason = io::Error::new(io::ErrorKind::InvalidInput, "it has no name of its own");
        Error::io(path, action, reason)
    })
}
