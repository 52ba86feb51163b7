//! What makes names survive a power cut: a name is on disk once its directory is.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::{Error, Result};

/// Syncs the names of all directories above the one that `path` is in: they may be
/// as new as `path`, and another process may have made them.
pub(super) fn sync_ancestors(path: &Path) -> Result<()> {
    let failed = |source| Error::io(path, "find the directories above", source);
    let parent = fs::canonicalize(parent(path)).map_err(failed)?;
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    let own = device(&parent).map_err(failed)?;
    for directory in parent.ancestors().skip(1) {
        // The name of a mount point is not this file system's, and a directory that
        // cannot be listed has a name that was not made by who saves.
        if device(directory).ok() != Some(own) {
            break;
        }
        match sync(directory) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            synced => synced.map_err(|source| Error::io(directory, "sync", source))?,
        }
    }
    Ok(())
}

pub(super) fn sync_directory(path: &Path) -> Result<()> {
    sync(path).map_err(|source| Error::io(path, "sync", source))
}

fn sync(path: &Path) -> io::Result<()> {
    sync_open(&File::open(path)?)
}

/// Syncs an open directory.
pub(super) fn sync_open(directory: &File) -> io::Result<()> {
    match directory.sync_all() {
        // Some file systems have no such call for directories, and say so.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// The directory that `path` is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
