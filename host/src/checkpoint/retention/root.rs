//! A directory of checkpoints, by the name that it was given and where that leads.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::store::Store;
use crate::{Error, Result};

/// A directory of checkpoints. Links to it are followed once, so that what is looked at and what is
/// removed is in the same one, whatever becomes of the links meanwhile.
pub(super) struct Root {
    /// Where it is: all that is done is done there.
    pub(super) place: PathBuf,
    /// Its name, for whoever gave it.
    given: PathBuf,
}

impl Root {
    /// The one that `given` leads to.
    pub(super) fn at(store: &dyn Store, given: &Path) -> Result<Self> {
        Ok(Self { place: store.real(given)?, given: given.into() })
    }

    /// The one that a checkpoint is in, another than its path says if that is a link; and its name
    /// there.
    pub(super) fn of_checkpoint(store: &dyn Store, path: &Path) -> Result<(Self, OsString)> {
        let checkpoint = store.real(path)?;
        let name = checkpoint.file_name().unwrap_or_default().to_os_string();
        Ok((Self { place: above(&checkpoint), given: root_of(store, path) }, name))
    }

    pub(super) fn is_missing(&self, store: &dyn Store) -> Result<bool> {
        Ok(store.look(&self.place)?.is_none())
    }

    /// What has a name in it.
    pub(super) fn join(&self, name: &OsStr) -> PathBuf {
        self.place.join(name)
    }

    /// The same as whoever gave the root would name it.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.place) {
            Ok(rest) if rest.as_os_str().is_empty() => self.given.clone(),
            Ok(rest) => self.given.join(rest),
            Err(_) => path.into(),
        }
    }

    /// An error that names what is there so.
    pub(super) fn told(&self, error: Error) -> Error {
        error.renamed(|path| self.shown(path))
    }
}

/// The directory of checkpoints that one is in: another if its path is a link.
pub(crate) fn root_of(store: &dyn Store, path: &Path) -> PathBuf {
    let root = above(path);
    match (store.real(path), store.real(&root)) {
        (Ok(place), Ok(real)) if above(&place) != real => above(&place),
        _ => root,
    }
}

fn above(path: &Path) -> PathBuf {
    match path.parent() {
        Some(root) if !root.as_os_str().is_empty() => root.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
