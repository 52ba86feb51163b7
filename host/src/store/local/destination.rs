//! Where that is written which is to have a name.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process;

use super::file_system::is_in_proc;
use super::sync::parent;
use crate::{Error, Result};

/// What becomes of a file of some name.
pub(super) enum Destination {
    /// It replaces what is at this path, which is no link.
    File(PathBuf),
    /// Its bytes go where those who read from there wait: into a pipe, a terminal, or
    /// nowhere.
    Stream,
}

impl Destination {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let refused = |kind, reason: &str| Err(Error::io(path, "create", io::Error::new(kind, reason)));
        let Ok(there) = fs::metadata(path).map(|there| there.file_type()) else {
            return Ok(followed(path)?.map_or(Self::Stream, Self::File));
        };
        if there.is_dir() {
            return refused(ErrorKind::IsADirectory, "it is a directory");
        }
        if there.is_fifo() || there.is_char_device() {
            return Ok(Self::Stream);
        }
        if !there.is_file() {
            return refused(ErrorKind::InvalidInput, "it is neither a file nor a pipe");
        }
        Ok(followed(path)?.map_or(Self::Stream, Self::File))
    }
}

/// The path at the end of all links that `path` is, which need not be there. None if one
/// of them is the kernel's own for an open file, as `/dev/stdout` is: others write to
/// that, too, and want their bytes to stay.
pub(super) fn followed(path: &Path) -> Result<Option<PathBuf>> {
    let mut place = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&place) {
            Ok(_) if is_in_proc(parent(&place)) => return Ok(None),
            Ok(target) => place = parent(&place).join(target),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::NotFound | ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Some(place));
            }
            Err(error) => return Err(Error::io(path, "look at", error)),
        }
    }
    Err(Error::io(path, "follow", io::Error::other("its links lead to links again and again")))
}

/// The number of the open file of this process that `path` is a name of.
pub(super) fn descriptor(path: &Path) -> Option<RawFd> {
    let mut place = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let target = fs::read_link(&place).ok()?;
        if !is_in_proc(parent(&place)) {
            place = parent(&place).join(target);
            continue;
        }
        // `/proc/self/fd` and `/proc/thread-self/fd` are one for these.
        let directory = fs::canonicalize(parent(&place)).ok()?;
        let own = Path::new("/proc").join(process::id().to_string());
        if directory.starts_with(own) && directory.ends_with("fd") {
            return place.file_name()?.to_str()?.parse().ok();
        }
        // As `/proc/self` is on the way to another.
        place = parent(&place).join(target);
    }
    None
}

/// The file that an open one has as its name, if it is that still.
fn named(path: &Path) -> Option<PathBuf> {
    let name = fs::read_link(Path::new("/proc/self/fd").join(descriptor(path)?.to_string())).ok()?;
    let identity = |path: &Path| fs::metadata(path).map(|there| (there.dev(), there.ino())).ok();
    identity(&name).filter(|_| identity(&name) == identity(path)).map(|_| name)
}

/// `path` without any link, of directories above it either, as far as they are there.
pub(super) fn real(path: &Path) -> Result<PathBuf> {
    let Some(place) = followed(path)? else { return Ok(named(path).unwrap_or_else(|| path.into())) };
    let mut missing = Vec::new();
    let mut above = parent(&place);
    missing.extend(place.file_name());
    let above = loop {
        match above.canonicalize() {
            Ok(above) => break above,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let Some(name) = above.file_name() else { return Ok(place) };
                missing.push(name);
                above = parent(above);
            }
            Err(error) => return Err(Error::io(path, "look at", error)),
        }
    };
    // `..` is no name of its own, nor is `/`.
    if place.file_name().is_none() {
        return place.canonicalize().map_err(|error| Error::io(path, "look at", error));
    }
    Ok(missing.into_iter().rev().fold(above, |path, name| path.join(name)))
}

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;
