//! Where that is written which is to have a name.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::place::Place;
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
        let place = Place::of(path)?;
        place.stays(path)?;
        let Ok(there) = fs::metadata(&place.path).map(|there| there.file_type()) else {
            return Ok(if place.is_open_file { Self::Stream } else { Self::File(place.path) });
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
        Ok(if place.is_open_file { Self::Stream } else { Self::File(place.path) })
    }
}
