//! What makes names survive a power cut: a name is on disk once its directory is.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat, syncfs};

use crate::{Error, Result};

/// Syncs the names of all directories above the one that `path` is in: they may be
/// as new as `path`, and another process may have made them. Each is asked for what is above
/// it, as a path may lead to a place that has none here: in what another process has mounted.
pub(super) fn sync_ancestors(path: &Path) -> Result<()> {
    let failed = |source| Error::io(path, "sync the directories above", source);
    let open = |below: BorrowedFd<'_>, name: &Path, flags| {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | flags;
        io::Result::Ok(File::from(openat(below, name, flags, Mode::empty())?))
    };
    let mut below = open(CWD, parent(path), OFlags::PATH).map_err(failed)?;
    loop {
        let directory = match open(below.as_fd(), Path::new(".."), OFlags::RDONLY) {
            // One that cannot be listed has a name that was not made by who saves.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        let [here, there] = [below.metadata().map_err(failed)?, directory.metadata().map_err(failed)?];
        // The name of a mount point is not this file system's, and above the root it is again.
        if there.dev() != here.dev() || there.ino() == here.ino() {
            return Ok(());
        }
        sync_open(&directory).map_err(failed)?;
        below = directory;
    }
}

pub(super) fn sync_directory(path: &Path) -> Result<()> {
    sync(path).map_err(|source| Error::io(path, "sync", source))
}

/// A directory whose names are to be brought to disk.
pub(super) struct Listing(Option<File>);

impl Listing {
    /// Of a directory that need not be readable for who writes into it.
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        match File::open(directory) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Self(None)),
            opened => Ok(Self(Some(opened?))),
        }
    }

    /// Brings them to disk, with all of the file system that `file` in it is on where the
    /// directory itself cannot be opened.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        match &self.0 {
            Some(directory) => sync_open(directory),
            None => Ok(syncfs(file)?),
        }
    }
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
